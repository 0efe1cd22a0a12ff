"""`sixgym simulate`: the network alone, as a trace."""

import json
import math
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.trace import Tracer, Write, check_name, partial_path, trace_file
from sixgym.cli.run import choose_simulator
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import ScenarioError, load_scenario
from sixgym.simulators.base import Simulator, SimulatorError

PLAIN_REPORTS = 10
"""Lines of progress where there is no terminal."""


@dataclass(frozen=True, slots=True)
class SimulateRequest:
    """What the command line asked for, unchecked."""

    scenario: str
    network: str
    seed: int
    seconds: float
    out: Path
    flows: bool
    as_json: bool


def simulate(request: SimulateRequest) -> None:
    """Run the network without an agent and write what it measured.

    Raises:
        CommandError: wrong use; or the network broke, after keeping the part that was written.
    """
    with wrong_use_on(ScenarioError):
        scenario = load_scenario(request.scenario)
    if not math.isfinite(request.seconds) or request.seconds <= 0:
        raise CommandError(f"--seconds has to be above 0, not {request.seconds:g}", WRONG_USE)
    with wrong_use_on(ValueError):
        check_name(request.out)
    placed = scenario if scenario.is_placed else scenario.placed(request.seed)
    intervals = math.ceil(round(request.seconds * 1e3 / placed.decision_interval_ms, 6))
    simulator = choose_simulator(request.network)
    started = time.perf_counter()
    try:
        _start(simulator, placed, request.seed)
        with _kept_when_cut_short(request.out), trace_file(request.out) as write:
            rows = _run(simulator, placed, request, intervals, write)
    finally:
        simulator.close()
    _say_done(request, placed, intervals, rows, time.perf_counter() - started)


def _start(simulator: Simulator, scenario: Scenario, seed: int) -> None:
    typer.echo(f"starting {simulator.name} on {scenario.name}, seed {seed}", err=True)
    try:
        with saying_why_it_takes_long(simulator.name):
            simulator.reset(scenario, seed=seed)
    except SimulatorError as error:
        raise CommandError(str(error), WORK_FAILED) from None


def _run(
    simulator: Simulator, scenario: Scenario, request: SimulateRequest, intervals: int, write: Write
) -> int:
    """The rows written."""
    tracer = Tracer(scenario, simulator.name, request.seed, request.flows)
    step_ms = scenario.decision_interval_ms
    count = 0
    with _progress(intervals * step_ms / 1e3) as advance:
        for _ in range(intervals):
            rows = list(tracer.rows(simulator.advance(step_ms)))
            write(rows)
            count += len(rows)
            advance(step_ms / 1e3)
    return count


@contextmanager
def _kept_when_cut_short(out: Path) -> Generator[None]:
    """Say what went wrong with the trace, and where the part is that was written."""
    kept = f"what was written is kept in {partial_path(out)}"
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"sixgym: interrupted; {kept}", err=True)
        raise
    except SimulatorError as error:
        raise CommandError(f"{error}\n{kept}", WORK_FAILED) from None
    except OSError as error:
        raise CommandError(f"{out}: cannot be written: {error.strerror}", WRONG_USE) from None


def _say_done(request: SimulateRequest, scenario: Scenario, intervals: int, rows: int, wall_s: float) -> None:
    seconds = intervals * scenario.decision_interval_ms / 1e3
    if request.as_json:
        done = {
            "scenario": scenario.name,
            "network": request.network,
            "seed": request.seed,
            "seconds": seconds,
            "intervals": intervals,
            "rows": rows,
            "out": str(request.out),
        }
        typer.echo(json.dumps(done))
    typer.echo(
        f"{seconds:g} s of {scenario.name} on {request.network}, seed {request.seed}: "
        f"{rows} rows in {request.out} ({wall_s:.1f} s)",
        err=request.as_json,
    )


class _Rate(ProgressColumn):
    """Seconds of network time per second of waiting."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        return Text(f"{task.speed:.1f}× real time" if task.speed else "starting")


@contextmanager
def _progress(total_s: float) -> Generator[Callable[[float], None]]:
    """Shows progress on standard error; yields what to call with the network seconds that passed."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield _plain_progress(total_s)
        return
    shown = TextColumn("{task.completed:.1f} of {task.total:.1f} s")
    with Progress(BarColumn(), shown, _Rate(), TimeRemainingColumn(), console=console) as progress:
        task = progress.add_task("network", total=total_s)
        yield lambda seconds: progress.advance(task, seconds)


def _plain_progress(total_s: float) -> Callable[[float], None]:
    done = 0.0

    def advance(seconds: float) -> None:
        nonlocal done
        before, done = done, done + seconds
        if int(done / total_s * PLAIN_REPORTS + 1e-9) > int(before / total_s * PLAIN_REPORTS + 1e-9):
            typer.echo(f"network time {done:.1f} of {total_s:.1f} s", err=True)

    return advance
