"""`sixgym traces`: episodes that show how a network answers, and a row for every call in them."""

import os
import re
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sixgym._version import __version__
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, interrupt_on_sigterm, wrong_use_on
from sixgym.cli.network import choose_simulator
from sixgym.cli.options import Network
from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.storing import writable
from sixgym.data.traces.collection import Collector
from sixgym.data.traces.exploration import exploration, tool_probabilities
from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError, read_manifest
from sixgym.data.traces.packing import pack as pack_traces
from sixgym.data.traces.packing import unpack as unpack_traces
from sixgym.data.traces.telemetry import TelemetryError, read_telemetry
from sixgym.data.traces.transitions import write_transitions
from sixgym.domain.splits import SPLITS
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError
from sixgym.run.executor import Broken, WorkError, executor_for
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import SIMULATORS


def traces(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the traces.")],
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="Topology seeds of one split, such as 1-50 or 51,60-65.")
    ] = "1-50",
    episodes: Annotated[
        int,
        typer.Option(
            min=1, metavar="N", help="Episodes of 20 calls; an episode of one number is always the same."
        ),
    ] = 1500,
    replicates: Annotated[
        int,
        typer.Option(
            min=1, max=100, metavar="K", help="Runs of every episode, each with other traffic and fading."
        ),
    ] = 1,
    network: Network = "ns3",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, metavar="W", help="Processes; results do not depend on it  (one a core)."
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the traces in DIR, possibly with a larger --episodes."),
    ] = False,
    csv: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Import telemetry of your own network, which --network names; explore nothing. Repeatable.",
        ),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the traces of DIR into one small file; explore nothing."),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Restore DIR from such a file; explore nothing."),
    ] = None,
) -> None:
    """Explore networks with calls of all tools and many faults; write a row for every call, in Parquet.

    Faults, and calls to which the network reacts, are far more frequent than in operation; the column
    probability holds the weights that correct for this. Every finished episode is in DIR at once. An episode
    of 20 calls takes 4 to 7 s on ns3.

    - `sixgym traces --out traces/training --workers 2`
    - `sixgym traces --out traces/held-out --seeds 51-80 --episodes 180 --replicates 2`
    - `sixgym traces --out traces/held-out --unpack results/data/traces-held-out.jsonl.xz`
    - `sixgym traces --out traces/mine --csv site-7.csv --network site-7`
    """
    if sum(one is not None for one in (csv or None, pack, unpack)) > 1:
        raise CommandError("--csv, --pack and --unpack exclude one another: give one of them", WRONG_USE)
    if csv:
        _import_csv(csv, out, network)
    elif pack is not None:
        _pack(pack, out)
    elif unpack is not None:
        _unpack(unpack, out)
    else:
        options = (
            ("--out", out),
            ("--seeds", seeds),
            ("--episodes", episodes),
            ("--replicates", replicates if replicates > 1 else None),
            ("--network", network),
        )
        topology_seeds = _topology_seeds(seeds)
        wanted = Traces(
            network=_started(network, topology_seeds),
            topology_seeds=topology_seeds,
            episodes=episodes,
            replicates=replicates,
            probabilities=dict(tool_probabilities()),
            sixgym_version=__version__,
            command=words.command_line(["sixgym", "traces"], options),
        )
        _collect(wanted, writable(out), network, workers=workers or os.cpu_count() or 1, resume=resume)


def _started(network: str, topology_seeds: tuple[int, ...]) -> BackendInfo:
    """Name and version of a network, which is started once: a network that cannot start says so now.

    Raises:
        CommandError: there is no such network, or the network does not start.
    """
    simulator = choose_simulator(network)
    try:
        with saying_why_it_takes_long(simulator.name):
            first = exploration(0, topology_seeds)
            simulator.reset(first.scenario, seed=first.seed)
    except SimulatorError as error:
        raise CommandError(str(error), WORK_FAILED) from None
    finally:
        simulator.close()
    return BackendInfo(name=simulator.name, version=simulator.version)


def _collect(traces: Traces, out: Path, network: str, *, workers: int, resume: bool) -> None:
    """Explore what is missing, then write all rows."""
    interrupt_on_sigterm()
    folder = TracesFolder(out)
    with wrong_use_on(TracesError, RecordFileError):
        folder.open(traces, resume=resume)
        _explore(folder, traces, network, workers)
        path, written = folder.write_rows(traces)
    typer.echo(f"{written} transitions of {len(traces.jobs)} episodes on {traces.network.name}: {path}")


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
    return f"what is finished is kept in {folder.path}; the same command with --resume continues"


def _import_csv(files: list[Path], out: Path, network: str) -> None:
    """Write a network's telemetry as transitions.

    Args:
        files: CSV, see `data.telemetry`.
        out: Folder for `transitions.parquet`.
        network: Name for the record.

    Raises:
        CommandError: a file cannot be imported, or the folder holds transitions already.
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


def _pack(path: Path, out: Path) -> None:
    """Write a folder of traces into one file.

    Raises:
        CommandError: the folder holds no traces or not all of them, or the file cannot be written.
    """
    folder = TracesFolder(out)
    try:
        traces = read_manifest(out)
        count = pack_traces(folder, traces, path)
    except (TracesError, RecordFileError) as error:
        raise CommandError(str(error), WRONG_USE) from None
    except OSError as error:
        raise CommandError(f"--pack {path}: cannot be written: {error.strerror}", WRONG_USE) from None
    typer.echo(f"{count} episodes on {traces.network.name}: {path}, {path.stat().st_size / 1e6:.1f} MB")


def _unpack(path: Path, out: Path) -> None:
    """Make a folder of traces out of a packed file.

    Raises:
        CommandError: the file holds no packed traces, or the folder is not empty.
    """
    folder = TracesFolder(out)
    with wrong_use_on(TracesError):
        traces, episodes = unpack_traces(path)
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


def _topology_seeds(text: str) -> tuple[int, ...]:
    """The topology seeds of `--seeds`, in order, each once.

    Raises:
        CommandError: the text holds no seeds, or seeds of both splits, which must stay apart.
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
