"""Tables of figures that lose no digit, however narrow the terminal is."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

UNLIMITED = 10_000
"""Characters of a line in which every table fits."""


def print_figures(
    console: Console, title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], *, split: int
) -> None:
    """Print named rows of figures; where they do not fit side by side, as two tables.

    Args:
        console: Where to.
        title: What the figures are of.
        headings: Of the columns; the first, over the names, is empty.
        rows: Figures under the headings, the name first. A row without any is an empty line.
        split: The column that begins the second table, in which the names are repeated.
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
        # folded, a figure is ugly; cut, it is another figure
        table.add_column(heading, justify="right" if heading else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row), style="bold" if row[:1] == ["overall"] else None)
    return table
