"""`sixgym simulate`: the network alone, as a trace."""

import json
import math
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.network import choose_simulator
from sixgym.cli.options import DEFAULT_NETWORK, DEFAULT_SEED, AsJson, Network, Seed
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.trace import Tracer, Write, check_name, partial_path, trace_file
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import ScenarioError, load_scenario
from sixgym.simulators.base import Simulator, SimulatorError

PLAIN_REPORTS = 10
"""Number of progress lines where there is no terminal."""


def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario or a YAML file.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Trace to write, .csv or .parquet.")],
    seconds: Annotated[
        float, typer.Option(metavar="S", help="Network time after the warm-up, in seconds.")
    ] = 10.0,
    network: Network = DEFAULT_NETWORK,
    seed: Seed = DEFAULT_SEED,
    flows: Annotated[
        bool, typer.Option("--flows", help="Rows for every device instead of UAVs only.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the network alone, without an agent, and write what it measured.

    The trace is a tidy table with a row per interval and object. Column `kind` says what the object
    is: slice, group, node, cell or device. Rows of slices hold delay, jitter, loss, throughput,
    PRBs, queue and drops; rows of UAVs hold their positions. `faults` and `edge_load` are on every row.

    - `sixgym simulate uav-inspection --seconds 20 --out trace.csv`
    - `sixgym simulate my.yaml --seed 3 --seconds 60 --flows --out trace.parquet`
    - in pandas: `df[df.kind == "slice"].pivot(index="end_ms", columns="object", values="latency_ms")`
    """
    with wrong_use_on(ScenarioError):
        loaded = load_scenario(scenario)
    if not math.isfinite(seconds) or seconds <= 0:
        raise CommandError(f"--seconds has to be above 0, not {seconds:g}", WRONG_USE)
    with wrong_use_on(ValueError):
        check_name(out)
    placed = loaded if loaded.is_placed else loaded.placed(seed)
    intervals = math.ceil(round(seconds * 1e3 / placed.decision_interval_ms, 6))
    simulator = choose_simulator(network)
    started = time.perf_counter()
    try:
        _start(simulator, placed, seed)
        tracer = Tracer(placed, simulator.name, seed, flows)
        with _kept_when_cut_short(out), trace_file(out) as write:
            rows = _run(simulator, tracer, intervals, write)
    finally:
        simulator.close()
    wall_s = time.perf_counter() - started
    simulated_s = intervals * placed.decision_interval_ms / 1e3
    if as_json:
        done = {
            "scenario": placed.name,
            "network": network,
            "seed": seed,
            "seconds": simulated_s,
            "intervals": intervals,
            "rows": rows,
            "out": str(out),
        }
        typer.echo(json.dumps(done))
    typer.echo(
        f"{simulated_s:g} s of {placed.name} on {network}, seed {seed}: "
        f"{rows} rows in {out} ({wall_s:.1f} s)",
        err=as_json,
    )


def _start(simulator: Simulator, scenario: Scenario, seed: int) -> None:
    typer.echo(f"starting {simulator.name} on {scenario.name}, seed {seed}", err=True)
    try:
        with saying_why_it_takes_long(simulator.name):
            simulator.reset(scenario, seed=seed)
    except SimulatorError as error:
        raise CommandError(str(error), WORK_FAILED) from None


def _run(simulator: Simulator, tracer: Tracer, intervals: int, write: Write) -> int:
    """Run the network and write its rows; the number of rows."""
    step_ms = tracer.scenario.decision_interval_ms
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
    """Report what stopped the trace, and the file with the part that was written."""
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


class _Rate(ProgressColumn):
    """Seconds of network time per second of wall-clock time."""

    def render(self, task: Task) -> Text:
        """The rate so far."""
        return Text(f"{task.speed:.1f}× real time" if task.speed else "starting")


@contextmanager
def _progress(total_s: float) -> Generator[Callable[[float], None]]:
    """Show progress on standard error. Yields a function that takes the passed network seconds."""
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
