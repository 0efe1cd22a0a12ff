"""`sixgym traces`: episodes that show how a network answers, and a row for every call of them."""

import os
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

import sixgym
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.run import choose_simulator, writable
from sixgym.data.traces.collection import Collector, Traces, TracesError, TracesFolder
from sixgym.data.traces.exploration import exploration, tool_probabilities
from sixgym.data.traces.packing import pack, unpack
from sixgym.data.traces.telemetry import TelemetryError, read_telemetry
from sixgym.data.traces.transitions import write_transitions
from sixgym.domain.splits import SPLITS
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError
from sixgym.run.executor import Broken, WorkError, executor_for
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import SIMULATORS


@dataclass(frozen=True, slots=True)
class TracesRequest:
    """What the command line asked for, unchecked.

    Attributes:
        out: The folder.
        seeds: Topology seeds, such as `1-50` or `51,53,60-65`.
        episodes: How many explorations.
        replicates: How often each of them.
        network: What is explored.
        workers: Processes; None is one a core.
        resume: Whether the folder may hold these traces already.
    """

    out: Path
    seeds: str
    episodes: int
    replicates: int
    network: str
    workers: int | None
    resume: bool


def collect(request: TracesRequest) -> None:
    """Explore what is missing, then write all rows.

    Raises:
        CommandError: wrong use, before anything has run; or the work failed, and what was finished is kept.
    """
    seeds = topology_seeds(request.seeds)
    simulator = choose_simulator(request.network)
    network = BackendInfo(name=simulator.name, version=simulator.version)
    try:
        with saying_why_it_takes_long(network.name):
            first = exploration(0, seeds)
            simulator.reset(first.scenario, seed=first.seed)
    except SimulatorError as error:
        raise CommandError(str(error), WORK_FAILED) from None
    finally:
        simulator.close()
    traces = Traces(
        network=network,
        topology_seeds=seeds,
        episodes=request.episodes,
        replicates=request.replicates,
        probabilities=dict(tool_probabilities()),
        sixgym_version=sixgym.__version__,
        command=_command(request),
    )
    writable(request.out)
    # whoever manages processes sends SIGTERM where a person presses Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = TracesFolder(request.out)
    with wrong_use_on(TracesError, RecordFileError):
        folder.open(traces, resume=request.resume)
        _explore(folder, traces, request.network, request.workers or os.cpu_count() or 1)
        path, written = folder.write_rows(traces)
    typer.echo(f"{written} transitions of {len(traces.jobs)} episodes on {network.name}: {path}")


def import_csv(files: Sequence[Path], out: Path, network: str) -> None:
    """Write a network's telemetry as transitions.

    Args:
        files: CSV, see `data.telemetry`.
        out: Folder for `transitions.parquet`.
        network: Name for the record.

    Raises:
        CommandError: a file cannot be imported, or there is something in the folder.
    """
    if network in SIMULATORS:
        raise CommandError(f"--network {network} is a simulator: name the network of --csv", WRONG_USE)
    path = writable(out) / "transitions.parquet"
    if path.exists():
        raise CommandError(f"{path} exists; --out takes another folder", WRONG_USE)
    rows = (row for file in files for row in read_telemetry(file, network))
    with wrong_use_on(TelemetryError):
        written = write_transitions(path, rows, provenance={"sixgym.telemetry": ", ".join(map(str, files))})
    typer.echo(f"{written} transitions of {network}: {path}")


def pack_into(path: Path, out: Path) -> None:
    """Write a folder of traces into one file.

    Raises:
        CommandError: there are none or some are missing, or the file cannot be written.
    """
    folder = TracesFolder(out)
    try:
        traces = folder.manifest()
        count = pack(folder, traces, path)
    except (TracesError, RecordFileError) as error:
        raise CommandError(str(error), WRONG_USE) from None
    except OSError as error:
        raise CommandError(f"--pack {path}: cannot be written: {error.strerror}", WRONG_USE) from None
    typer.echo(f"{count} episodes on {traces.network.name}: {path}, {path.stat().st_size / 1e6:.1f} MB")


def unpack_from(path: Path, out: Path) -> None:
    """Make a folder of traces out of a packed file.

    Raises:
        CommandError: it is no such file, or there is something in the folder.
    """
    folder = TracesFolder(out)
    with wrong_use_on(TracesError):
        traces, episodes = unpack(path)
        writable(out)
        folder.open(traces, resume=False)
        with metering(sys.stderr, "unpacking", len(traces.jobs), "episodes") as meter:
            for episode in episodes:
                folder.add(episode)
                meter.advance(1)
        if missing := folder.missing(traces):
            raise TracesError(f"{path} lacks {len(missing)} of its episodes")
        rows, written = folder.write_rows(traces)
    typer.echo(f"{written} transitions of {len(traces.jobs)} episodes on {traces.network.name}: {rows}")


def topology_seeds(text: str) -> tuple[int, ...]:
    """The topology seeds that a person wrote, in order, each once.

    Raises:
        CommandError: they are no seeds, or of both splits: what is learned from must not be judged on.
    """
    found: set[int] = set()
    for part in text.split(","):
        span = re.fullmatch(r"\s*(\d{1,4})(?:-(\d{1,4}))?\s*", part)
        if span is None:
            raise CommandError(
                f"--seeds {text!r:.60}: write seeds and ranges, such as 1-50 or 51,60-65", WRONG_USE
            )
        low, high = int(span[1]), int(span[2] or span[1])
        found.update(range(low, high + 1))
    if not found or not any(found <= set(seeds) for seeds in SPLITS.values()):
        sides = " or ".join(f"{seeds.start}-{seeds.stop - 1} ({split})" for split, seeds in SPLITS.items())
        raise CommandError(f"--seeds {text:.60}: all have to be of one split, {sides}", WRONG_USE)
    return tuple(sorted(found))


def _explore(folder: TracesFolder, traces: Traces, network: str, workers: int) -> None:
    missing = folder.missing(traces)
    total = len(traces.jobs)
    if missing:
        typer.echo(f"{len(missing)} of {total} episodes on {traces.network.name} are to be made", err=True)
    make_worker = partial(Collector, network, traces.topology_seeds, folder.path)
    broken = 0
    try:
        with (
            metering(sys.stderr, "exploring", total, "episodes", total - len(missing)) as meter,
            closing(executor_for(workers).execute(make_worker, missing)) as outcomes,
        ):
            for outcome in outcomes:
                broken += isinstance(outcome, Broken) or outcome.value is not None
                meter.advance(1, f"{broken} broke" if broken else "")
    except WorkError as error:
        raise CommandError(f"{error}\n{_kept(folder)}", WORK_FAILED) from None
    except KeyboardInterrupt:
        typer.echo(f"sixgym: interrupted; {_kept(folder)}", err=True)
        raise
    if broken:
        raise CommandError(f"{broken} episodes broke on our side; {_kept(folder)}", WORK_FAILED)


def _kept(folder: TracesFolder) -> str:
    return f"what is finished is kept in {folder.path}; the same command with --resume goes on"


def _command(request: TracesRequest) -> str:
    options = (
        ("--out", request.out),
        ("--seeds", request.seeds),
        ("--episodes", request.episodes),
        ("--replicates", request.replicates if request.replicates > 1 else None),
        ("--network", request.network),
    )
    return words.command_line(["sixgym", "traces"], options)
