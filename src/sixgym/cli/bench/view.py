"""What a person sees of the benchmark: progress while it runs, tables afterwards."""

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console

from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.output.tables import print_figures
from sixgym.evaluate.bench.report import RATES, BenchReport, figures, headings, notes, rows
from sixgym.scoring.result import Result


@contextmanager
def progress_on(stream: TextIO, what: str, episodes: int) -> Generator[Callable[[Result], None]]:
    """Shows progress on a stream; yields what to call with every new result."""
    met = broken = 0
    with metering(stream, what, episodes, "episodes") as meter:

        def note(result: Result) -> None:
            nonlocal met, broken
            met += result.success
            broken += result.infrastructure_failure is not None
            meter.advance(counts=f"{met} met" + (f", {broken} broken" if broken else ""))

        yield note


def show_report(console: Console, report: BenchReport) -> None:
    """The table of a run and what broke in it."""
    parts: list[list[str]] = []
    for name, summary in rows(report):
        if name in (next(iter(report.tiers)), next(iter(report.domains))):
            parts.append([])
        parts.append(figures(name, summary, report.trials, priced=report.priced))
    title = f"{report.agent} on {report.network}"
    print_figures(console, title, headings(report.trials, priced=report.priced), parts, split=1 + len(RATES))
    console.print(notes(report), style="dim", highlight=False)
    for key, reason in list(report.failures.items())[:5]:
        console.print(
            f"broken: {key}: {words.clean(reason, 120)}", style="red", highlight=False, markup=False
        )
    if len(report.failures) > 5:
        console.print(f"broken: {len(report.failures) - 5} more, see report.md", style="red", highlight=False)
    console.print(f"run {report.run}", soft_wrap=True, highlight=False, markup=False)
