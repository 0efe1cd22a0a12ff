"""`sixgym fidelity`: how far one simulator is from another."""

import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Generic

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.options import FIDELITY_SECONDS
from sixgym.cli.run import choose_simulator
from sixgym.domain.base import Record
from sixgym.domain.splits import HELD_OUT_SEEDS, SPLITS, Split
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.fidelity.management.experiment import management_experiment, management_figures
from sixgym.evaluate.fidelity.management.report import management_page
from sixgym.evaluate.fidelity.management.uncontrolled import UncontrolledRun, run_uncontrolled
from sixgym.evaluate.fidelity.record import RunKey, SimulationRun
from sixgym.evaluate.fidelity.slicing.collect import collect, run_schedules
from sixgym.evaluate.fidelity.slicing.comparison import RunGrids
from sixgym.evaluate.fidelity.slicing.control_schedules import QUOTA_STEP
from sixgym.evaluate.fidelity.slicing.experiment import grid, slicing_experiment, slicing_figures
from sixgym.evaluate.fidelity.slicing.plot import PlotError, plot_delays, plot_responses, require_matplotlib
from sixgym.evaluate.fidelity.slicing.report import page, summary_lines
from sixgym.evaluate.fidelity.store import RunStore, RunT
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError

SHORTEST_S, LONGEST_S = 1.0, 600.0


@dataclass(frozen=True, slots=True)
class FidelityRequest:
    """What the command line asked for, unchecked.

    Attributes:
        candidate, reference: Names of simulators.
        split: Whose seeds to take where `seeds` is None: `held-out` or `training`.
        seeds: Such as `51-80` or `51,53,60-65`.
        seconds: Of every run, after the warm-up.
        processes: How many simulators run at the same time.
        refresh: Run the reference again, even if stored runs could be used.
        out: The page, its plots and figures are written here, stored runs under `data`.
        as_json: The figures on standard output.
    """

    candidate: str
    reference: str
    split: str
    seeds: str | None
    seconds: float
    processes: int
    refresh: bool
    out: Path
    as_json: bool


def fidelity_slicing(request: FidelityRequest) -> None:
    """Control schedules on the slicing scenario: run what is missing, compare, write page and plots.

    Raises:
        CommandError: wrong use; or a simulator failed, after keeping the runs that were finished.
    """
    experiment = slicing_experiment(chosen_seeds(request), _checked_seconds(request.seconds))
    with wrong_use_on(PlotError):
        require_matplotlib()
    work = _Work("slicing", SimulationRun, partial(run_schedules, experiment), experiment.keys)
    runs = _collected(request, work)
    comparison = RunGrids(*(grid(experiment, found) for found in runs))
    figures = slicing_figures(experiment, comparison, _command(request, work.name))
    stem = page_stem(work.name, request, experiment.topology_seeds)
    with _writable(request.out):
        plot_delays(comparison, request.out / f"{stem}.svg")
        plot_responses(comparison, QUOTA_STEP, request.out / f"{stem}-response.svg")
        _write(request.out / f"{stem}.md", page(figures, stem), figures)
    for line in summary_lines(figures):
        typer.echo(line, err=request.as_json)
    _say_done(request, stem, figures)


def fidelity_management(request: FidelityRequest) -> None:
    """The management scenarios and their faults without control: the same, without goals and plots.

    Raises:
        CommandError: as `fidelity_slicing`.
    """
    experiment = management_experiment(chosen_seeds(request), _checked_seconds(request.seconds))
    work = _Work("management", UncontrolledRun, partial(run_uncontrolled, experiment), experiment.keys)
    runs = _collected(request, work)
    figures = management_figures(experiment, runs, _command(request, work.name))
    stem = page_stem(work.name, request, experiment.topology_seeds)
    with _writable(request.out):
        _write(request.out / f"{stem}.md", management_page(figures, stem), figures)
    _say_done(request, stem, figures)


def chosen_seeds(request: FidelityRequest) -> tuple[int, ...]:
    """The topology seeds that were asked for, in order, each once."""
    if request.seeds is None:
        splits: dict[str, Split] = {"held-out": "held_out", "training": "training"}
        if request.split not in splits:
            raise CommandError(f"--split is held-out or training, not {request.split!r:.40}", WRONG_USE)
        return tuple(SPLITS[splits[request.split]])
    seeds: set[int] = set()
    for part in request.seeds.split(","):
        match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
        if match is None:
            raise CommandError(f"--seeds: {part!r:.40} is no seed and no range such as 51-80", WRONG_USE)
        first, last = int(match[1]), int(match[2] or match[1])
        if not first <= last < first + 1_000:
            raise CommandError(f"--seeds: {part!r:.40} holds no seed, or too many", WRONG_USE)
        seeds.update(range(first, last + 1))
    return tuple(sorted(seeds))


def page_stem(experiment: str, request: FidelityRequest, topology_seeds: Sequence[int]) -> str:
    """What the files of a page are called; what is not the experiment as it stands in docs says so."""
    parts = [f"fidelity-{experiment}"]
    if (request.candidate, request.reference) != ("tti", "ns3"):
        parts.append(f"{request.candidate}-{request.reference}")
    if tuple(topology_seeds) != tuple(HELD_OUT_SEEDS):
        parts.append(f"seeds-{topology_seeds[0]}-{topology_seeds[-1]}")
    if request.seconds != FIDELITY_SECONDS[experiment]:
        parts.append(f"{request.seconds:g}s")
    return "-".join(parts)


def run_file(folder: Path, experiment: str, network: str) -> Path:
    """Where the runs of a simulator are stored."""
    return folder / "data" / f"fidelity-{experiment}-{network}.jsonl.gz"


@dataclass(frozen=True, slots=True)
class _Work(Generic[RunT]):
    """An experiment: its name, what its runs are, how they are made, and which there are."""

    name: str
    kind: type[RunT]
    make: Callable[[Sequence[RunKey]], list[RunT]]
    keys: Callable[[str, int], tuple[RunKey, ...]]


def _collected(request: FidelityRequest, work: _Work[RunT]) -> tuple[list[RunT], ...]:
    """Runs of the candidate, of the reference, and of the reference with another network seed.

    A simulator against itself is asked with another network seed: with the same one it is equal.
    """
    choose_simulator(request.candidate).close()  # a wrong name should not wait for the reference's runs
    keys, repeated_keys = work.keys(request.reference, 0), work.keys(request.reference, 1)
    found = _runs(request, work, request.reference, (*keys, *repeated_keys), refresh=request.refresh)
    reference, repeated = [found[key] for key in keys], [found[key] for key in repeated_keys]
    if request.candidate == request.reference:
        return repeated, reference, repeated
    keys = work.keys(request.candidate, 0)
    found = _runs(request, work, request.candidate, keys, refresh=False)
    return [found[key] for key in keys], reference, repeated


def _runs(
    request: FidelityRequest, work: _Work[RunT], network: str, keys: Sequence[RunKey], *, refresh: bool
) -> dict[RunKey, RunT]:
    """Runs of a simulator: stored ones where they are valid, new ones where not. Says which."""
    simulator = choose_simulator(network)
    version = simulator.version
    simulator.close()
    with wrong_use_on(RecordFileError):
        store = RunStore(run_file(request.out, work.name, network), work.kind, version)
    usable = {} if refresh else store.usable(keys)
    missing = [key for key in keys if key not in usable]
    typer.echo(_said(store, network, len(usable), len(missing), refresh=refresh), err=True)
    if missing:
        try:
            with _progress(network, len(missing)) as progress:
                collect(work.make, missing, store, processes=request.processes, progress=progress)
            store.pack()
        except (SimulatorError, WorkError) as error:
            raise CommandError(f"{error}\nfinished runs are kept in {store.growing}", WORK_FAILED) from None
        except OSError as error:
            raise CommandError(f"{store.path}: cannot be written: {error.strerror}", WRONG_USE) from None
    runs = store.usable(keys)
    if len(runs) < len(keys):
        raise CommandError(
            f"{network} is another version than when this command began: run it again", WORK_FAILED
        )
    return runs


def _said(store: RunStore[RunT], network: str, usable: int, missing: int, *, refresh: bool) -> str:
    """Where the runs of a simulator come from."""
    if not missing:
        return f"{network}: all {usable} runs are stored in {store.path}"
    if refresh:
        return f"{network}: {missing} runs again, as asked"
    if store.rejected and not usable:
        reasons = "; ".join(store.rejected)
        return f"{network}: the runs in {store.path} were {reasons}: {missing} runs again"
    return f"{network}: {usable} runs are stored in {store.path}, {missing} are missing and run now"


@contextmanager
def _writable(folder: Path) -> Generator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise CommandError(f"--out {folder}: cannot write there: {error.strerror}", WRONG_USE) from None


def _write(path: Path, text: str, figures: Record) -> None:
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".json").write_text(figures.model_dump_json(indent=1) + "\n", encoding="utf-8")


def _say_done(request: FidelityRequest, stem: str, figures: Record) -> None:
    typer.echo(f"written: {request.out / stem}.md, and its figures as .json", err=request.as_json)
    if request.as_json:
        typer.echo(figures.model_dump_json())


def _command(request: FidelityRequest, experiment: str) -> str:
    """The command that makes the same page."""
    chosen = f"--seeds {request.seeds}" if request.seeds else f"--split {request.split}"
    return (
        f"sixgym fidelity {experiment} --candidate {request.candidate} --reference {request.reference} "
        f"{chosen} --seconds {request.seconds:g}"
    )


def _checked_seconds(seconds: float) -> float:
    if not SHORTEST_S <= seconds <= LONGEST_S:
        raise CommandError(f"--seconds has to be {SHORTEST_S:g} to {LONGEST_S:g}, not {seconds:g}", WRONG_USE)
    return seconds


@contextmanager
def _progress(network: str, runs: int) -> Generator[Callable[[int], None]]:
    """Shows progress on standard error; yields what to call with the number of runs that are done."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda done: typer.echo(f"{network}: {done} more of {runs} runs", err=True)
        return
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        task = progress.add_task(network, total=runs)
        yield lambda done: progress.advance(task, done)
