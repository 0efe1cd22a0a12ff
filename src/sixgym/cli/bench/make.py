"""`sixgym bench make`: drawing, checking and freezing a set of tasks."""

import shlex
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.network import choose_network
from sixgym.cli.output.progress import metering
from sixgym.cli.output.view import open_console
from sixgym.domain.splits import split_named
from sixgym.evaluate.bench.findings import CandidateFinding
from sixgym.evaluate.bench.making import Making, make_task_set
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.tasks.record import DOMAINS, TIERS


def make(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Manifest of the new set, a .json file.")],
    per_cell: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Tasks of every tier in every domain.")
    ] = 40,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Split of the topology seeds: training or held-out.")
    ] = "held-out",
    first: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Number of the first candidate; other numbers are other tasks."
        ),
    ] = 0,
    prove: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="Another network on which the reference has to succeed and the null agent to fail.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="W", help="Processes.")] = 1,
) -> None:
    """Draw candidate tasks, drop those that prove nothing, and freeze the rest with a checksum.

    Every candidate is tried on tti: its reference solution has to succeed, and the null agent, twenty random
    agents and five spam agents have to fail. Equal numbers give equal tasks. The findings are kept beside
    FILE until the set is complete, so the same command continues after an interruption.

    - `sixgym bench make --per-cell 2 --split training --out tasks/training.json`
    - `sixgym bench make --prove ns3 --workers 2 --out tasks/mine.json`
    """
    if out.suffix != ".json":
        raise CommandError(f"--out {out}: name a .json file; the tasks go beside it", WRONG_USE)
    if out.exists():
        raise CommandError(f"--out {out} exists; a frozen set is not made again", WRONG_USE)
    with wrong_use_on(ValueError):
        seeds = split_named(split)
    if prove is not None:
        choose_network(prove).close()
    making = Making(per_cell=per_cell, split=seeds, first=first, prove=prove, workers=workers)
    _make(making, out)


def _make(making: Making, out: Path) -> None:
    console = open_console(sys.stderr)
    wanted = making.per_cell * len(DOMAINS) * len(TIERS)
    reasons: Counter[str] = Counter()
    with metering(sys.stderr, "taken", wanted, "tasks") as meter:

        def progress(finding: CandidateFinding) -> None:
            if finding.reason is not None:
                reasons[finding.reason] += 1
            thrown_out = f"{reasons.total()} candidates thrown out" if reasons else ""
            meter.advance(int(finding.task is not None), thrown_out)

        try:
            manifest = make_task_set(
                making,
                out,
                name=out.stem,
                version="1",
                command=f"sixgym {shlex.join(sys.argv[1:])}",
                progress=progress,
            )
        except ValueError as error:
            raise CommandError(str(error), WRONG_USE) from None
        except (WorkError, SimulatorError) as error:
            raise CommandError(
                f"{error}; the findings are kept, and the same command continues", WORK_FAILED
            ) from None
    for reason, count in reasons.most_common():
        console.print(f"thrown out {count}: {reason}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{manifest.tasks} tasks in {out}, sha256 {manifest.sha256}", highlight=False, soft_wrap=True
    )
