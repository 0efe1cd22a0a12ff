"""`sixgym bench compare`: two runs, paired by task."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.options import AsJson, RunArgument
from sixgym.cli.output.tables import print_figures
from sixgym.cli.output.view import open_console
from sixgym.evaluate.bench.store import RunFolder, RunFolderError, RunManifest
from sixgym.scoring.comparison import RunComparison
from sixgym.scoring.comparison import compare as compare_results
from sixgym.scoring.metrics import MetricError
from sixgym.scoring.result import Result
from sixgym.tasks.record import DOMAINS, TIERS

HEADINGS = ("", "tasks", "first", "second", "success", "SPL", "won", "lost", "tied", "p")
NOTES = (
    "first, second: tasks that were met. success, SPL: differences in points with 95 % intervals, paired by "
    "task. p: exact McNemar test of won against lost."
)


def compare(
    candidate: RunArgument,
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="Folder of the run to compare with.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare two runs over the tasks that both have: differences in success and SPL, paired by task.

    - `sixgym bench compare runs/bench-mape-k-tti runs/bench-threshold-tti`
    """
    with wrong_use_on(RunFolderError, MetricError):
        ours, theirs = RunFolder(candidate), RunFolder(baseline)
        what, against = ours.manifest(), theirs.manifest()
        if what.task_set_sha256 != against.task_set_sha256:
            raise CommandError("the runs are of different task sets and share no task", WRONG_USE)
        parts = _parts(ours.results(), theirs.results())
    console = open_console(sys.stderr if as_json else sys.stdout)
    title = f"first, {_name(what)}, less second, {_name(against)}"
    figures = [_figures(name, comparison) for name, comparison in parts.items()]
    print_figures(console, title, HEADINGS, figures, split=HEADINGS.index("SPL"))
    console.print(NOTES, style="dim", highlight=False)
    if as_json:
        found = {name: comparison.model_dump(mode="json") for name, comparison in parts.items()}
        typer.echo(
            json.dumps(
                {
                    "candidate": str(candidate),
                    "baseline": str(baseline),
                    "overall": found["overall"],
                    "tiers": {tier: found[tier] for tier in TIERS if tier in found},
                    "domains": {domain: found[domain] for domain in DOMAINS if domain in found},
                }
            )
        )


def _parts(ours: list[Result], theirs: list[Result]) -> dict[str, RunComparison]:
    """Comparisons by name: overall, and each tier and domain in which both runs have tasks."""
    parts = {"overall": compare_results(ours, theirs)}
    for name in (*TIERS, *DOMAINS):
        left, right = ([row for row in rows if name in (row.tier, row.domain)] for rows in (ours, theirs))
        if {row.task for row in left} & {row.task for row in right}:
            parts[name] = compare_results(left, right)
    return parts


def _name(manifest: RunManifest) -> str:
    return f"{manifest.agent} on {manifest.network.name}"


def _figures(name: str, comparison: RunComparison) -> list[str]:
    """A row of the table under its `HEADINGS`."""
    return [
        name,
        str(comparison.tasks),
        f"{100 * comparison.candidate_success_rate:.1f} %",
        f"{100 * comparison.baseline_success_rate:.1f} %",
        _points(comparison.success_difference, comparison.ci95),
        _points(comparison.spl_difference, comparison.spl_ci95),
        str(comparison.won),
        str(comparison.lost),
        str(comparison.tied),
        "–" if comparison.mcnemar_p is None else f"{comparison.mcnemar_p:.2g}",
    ]


def _points(difference: float, ends: tuple[float, float]) -> str:
    return f"{100 * difference:+.1f} [{100 * ends[0]:+.1f}, {100 * ends[1]:+.1f}]"
