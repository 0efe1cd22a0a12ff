"""The report of a run: progress while it runs, figures in its folder, tables on the terminal."""

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TextIO

import typer
from rich.console import Console

from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.output.tables import print_figures
from sixgym.cli.output.view import open_console
from sixgym.evaluate.bench.report import (
    RATES,
    BenchReport,
    bench_report,
    figures,
    headings,
    notes,
    rows,
    write_report,
)
from sixgym.evaluate.bench.store import RunFolder, RunManifest
from sixgym.scoring.metrics import MetricError
from sixgym.scoring.result import Result

ALL_BROKE = "every episode broke on our side: nothing is known about the agent"


@contextmanager
def progress_on(stream: TextIO, what: str, episodes: int) -> Generator[Callable[[Result], None]]:
    """Show progress on a stream. Yields a function that takes every new result."""
    met = broken = 0
    with metering(stream, what, episodes, "episodes") as meter:

        def note(result: Result) -> None:
            nonlocal met, broken
            met += result.success
            broken += result.infrastructure_failure is not None
            meter.advance(counts=f"{met} met" + (f", {broken} broken" if broken else ""))

        yield note


def write_figures(
    folder: RunFolder, manifest: RunManifest, results: list[Result], *, exclude_infrastructure: bool
) -> BenchReport:
    """Compute the figures of a run and write them into its folder.

    Raises:
        CommandError: without the broken episodes there is no episode left.
    """
    if exclude_infrastructure and all(row.infrastructure_failure is not None for row in results):
        raise CommandError(ALL_BROKE, WORK_FAILED)
    with wrong_use_on(MetricError):
        report = bench_report(folder, manifest, results, exclude_infrastructure=exclude_infrastructure)
    write_report(folder, report)
    return report


def print_report(report: BenchReport, *, as_json: bool) -> None:
    """Print the tables of a run, with `as_json` on standard error and the JSON object on standard output.

    Raises:
        CommandError: every episode broke on our side.
    """
    _show(open_console(sys.stderr if as_json else sys.stdout), report)
    if as_json:
        typer.echo(report.model_dump_json())
    if not report.exclude_infrastructure and report.overall.infrastructure_failures == report.overall.n:
        raise CommandError(ALL_BROKE, WORK_FAILED)


def _show(console: Console, report: BenchReport) -> None:
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
