"""Tables of figures that show every digit, even on narrow terminals."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNLIMITED = 10_000
"""Width of a line in which every table fits, in characters."""


def print_figures(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, split: int
) -> None:
    """Print named rows of figures as one table, or as two tables where one is too wide for the console.

    Args:
        console: The console.
        title: Title of the figures.
        headings: Headings of the columns; the heading over the names is empty.
        rows: Figures under the headings, the name first. An empty row is an empty line.
        split: Index of the first column of the second table, which repeats the names.
    """
    console.print(Text(title, "italic"), soft_wrap=True)
    whole = _table(headings, rows)
    if console.measure(whole, options=console.options.update(max_width=UNLIMITED)).maximum <= console.width:
        console.print(whole)
        return
    console.print(_table(headings[:split], [row[:split] for row in rows]))
    console.print()
    console.print(_table([headings[0], *headings[split:]], [[*row[:1], *row[split:]] for row in rows]))


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in headings:
        # a folded figure is ugly, but a figure that is cut off is another figure
        table.add_column(heading, justify="right" if heading else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row), style="bold" if row[:1] == ["overall"] else None)
    return table
