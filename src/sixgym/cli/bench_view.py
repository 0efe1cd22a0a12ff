"""What a person sees of the benchmark: progress while it runs, tables afterwards."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from sixgym.cli import text as words
from sixgym.evaluate.bench.report import NOTES, BenchReport, figures, headings, rows
from sixgym.scoring.result import Result

SECONDS_BETWEEN_LINES = 10.0


@contextmanager
def progress_on(stream: TextIO, what: str, episodes: int) -> Generator[Callable[[Result], None]]:
    """Shows progress on a stream; yields what to call with every new result.

    On a terminal there is a bar, elsewhere a line every ten seconds and one at the end.
    """
    console = Console(file=stream)
    met = done = broken = 0
    said_at = time.monotonic()

    def counts() -> str:
        return f"{met} met" + (f", {broken} broken" if broken else "")

    with Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        "{task.fields[counts]}",
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal or not episodes,
    ) as bar:
        line = bar.add_task(what, total=episodes, counts="")

        def note(result: Result) -> None:
            nonlocal met, done, broken, said_at
            done += 1
            met += result.success
            broken += result.infrastructure_failure is not None
            bar.update(line, advance=1, counts=counts())
            last = done == episodes
            if not console.is_terminal and (last or time.monotonic() - said_at >= SECONDS_BETWEEN_LINES):
                said_at = time.monotonic()
                stream.write(f"{what}: {done} of {episodes} episodes, {counts()}\n")
                stream.flush()

        yield note


def show_report(console: Console, report: BenchReport) -> None:
    """The table of a run and what broke in it."""
    table = Table(
        box=None,
        pad_edge=False,
        header_style="dim",
        title=f"{report.agent} on {report.network}",
        title_justify="left",
    )
    for heading in headings(report.trials):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=not heading)
    for name, summary in rows(report):
        if name in (next(iter(report.tiers)), next(iter(report.domains))):
            table.add_section()
        table.add_row(*figures(name, summary, report.trials), style="bold" if name == "overall" else None)
    console.print(table)
    console.print(NOTES, style="dim", highlight=False)
    for key, reason in list(report.failures.items())[:5]:
        console.print(
            f"broken: {key}: {words.clean(reason, 120)}", style="red", highlight=False, markup=False
        )
    if len(report.failures) > 5:
        console.print(f"broken: {len(report.failures) - 5} more, see report.md", style="red", highlight=False)
    console.print(f"run {report.run}", soft_wrap=True, highlight=False, markup=False)
