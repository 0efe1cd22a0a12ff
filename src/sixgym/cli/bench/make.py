"""`sixgym bench make`: drawing, checking and freezing a set of tasks."""

import shlex
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.output.progress import metering
from sixgym.cli.output.view import open_console
from sixgym.domain.splits import split_named
from sixgym.evaluate.bench.findings import CandidateFinding
from sixgym.evaluate.bench.making import Making, make_task_set
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.record import DOMAINS, TIERS


@dataclass(frozen=True, slots=True)
class MakeRequest:
    """What the command line asked for, unchecked."""

    out: Path
    per_cell: int
    split: str
    first: int
    prove: str | None
    workers: int


def make(request: MakeRequest) -> None:
    """Make a task set.

    Raises:
        CommandError: wrong use, or the work could not go on; findings are kept.
    """
    if request.out.suffix != ".json":
        raise CommandError(f"--out {request.out}: name a .json file; the tasks go beside it", WRONG_USE)
    if request.out.exists():
        raise CommandError(f"--out {request.out} exists; a frozen set is not made again", WRONG_USE)
    with wrong_use_on(ValueError):
        split = split_named(request.split)
    making = Making(
        per_cell=request.per_cell,
        split=split,
        first=request.first,
        prove=request.prove,
        workers=request.workers,
    )
    try:
        if request.prove is not None:
            make_simulator(request.prove)
    except ValueError as error:
        raise CommandError(str(error), WRONG_USE) from None
    except (SimulatorError, ImportError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    _work(making, request.out)


def _work(making: Making, out: Path) -> None:
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
            raise CommandError(f"{error}; what was found out is kept, run it again", WORK_FAILED) from None
    for reason, count in reasons.most_common():
        console.print(f"thrown out {count}: {reason}", highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"{manifest.tasks} tasks in {out}, sha256 {manifest.sha256}", highlight=False, soft_wrap=True
    )
