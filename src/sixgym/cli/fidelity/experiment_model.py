"""`sixgym fidelity experiment-model`: how far the experiment model is from what it has learned from."""

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.fidelity.app import DEFAULT_CASES, DEFAULT_EFFECTS, EXPERIMENT_MODEL
from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.run import choose_simulator, writable
from sixgym.data.traces.collection import Traces
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.fidelity.effects.cases import EffectCase
from sixgym.evaluate.fidelity.effects.figures import EffectFigures, effect_figures
from sixgym.evaluate.fidelity.effects.runs import EffectRun, effect_jobs, run_effects
from sixgym.evaluate.fidelity.experiment_model.effects import (
    held_out_effects,
    missing_effects,
    play_in_lockstep,
)
from sixgym.evaluate.fidelity.experiment_model.figures import (
    Checked,
    ExperimentFigures,
    experiment_figures,
    groups,
    predict,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
    UnfitTracesError,
    read_manifest,
    read_pairs,
)
from sixgym.evaluate.fidelity.experiment_model.plot import plot_drift, plot_pit
from sixgym.evaluate.fidelity.experiment_model.prediction import BESIDE, load_answers
from sixgym.evaluate.fidelity.experiment_model.report import experiment_page, plot_names, summary_lines
from sixgym.evaluate.fidelity.slicing.plot import PlotError, require_matplotlib
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.models.chat import ModelUnusableError
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.loading import SHIPPED, Card, read_card


@dataclass(frozen=True, slots=True)
class ExperimentRequest:
    """What the command line asked for, unchecked.

    Attributes:
        traces: Folder of held-out traces with replicates.
        model: `experiment-model`, or that with a colon and the folder of a checkpoint.
        episodes: Explorations, from the first; None is all.
        cases: Transitions at which the sampled model is asked.
        effects: Cases of every tool and fault; 0 is no such comparison.
        out: The page, its plots and figures are written here, stored runs under `data`.
        workers: Processes.
        as_json: The figures on standard output.
    """

    traces: Path
    model: str
    episodes: int | None
    cases: int
    effects: int
    out: Path
    workers: int
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Model:
    """The model in question, as far as it is known without its weights."""

    info: BackendInfo
    folder: Path
    card: Card


def fidelity_experiment(request: ExperimentRequest) -> None:
    """Have the model predict what was recorded, compare, write page, plots and figures.

    Raises:
        CommandError: wrong use, before anything has run; or the work failed.
    """
    with wrong_use_on(PlotError):
        require_matplotlib()
    model = _model(request.model)
    with wrong_use_on(UnfitTracesError, RecordFileError):
        traces = read_manifest(request.traces)
        _check_seeds(model, traces)
        pairs = read_pairs(request.traces, traces, request.episodes)
    _check_intervals(model, pairs)
    writable(request.out)
    # whoever manages processes sends SIGTERM where a person presses Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    work = groups(pairs, request.cases)
    load = partial(load_answers, model.folder)
    try:
        # first what may be missing here: the network that was recorded
        effects = _effects(request, traces, model) if request.effects else None
        with metering(sys.stderr, "prediction", len(pairs), "episodes") as meter:
            predictions = predict(work, load, BESIDE, workers=request.workers, progress=meter.advance)
    except (WorkError, SimulatorError, ModelUnusableError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    checked = Checked(
        command=_command(request),
        model=model.info,
        learned_from=model.card.network,
        beside=_info(BESIDE),
        reference=traces.network,
        topology_seeds=_topology_seeds(pairs),
    )
    _write(request, experiment_figures(checked, traces, pairs, predictions, effects))


def page_stem(request: ExperimentRequest) -> str:
    """What the page is called; what is not the measurement as it stands in docs says so."""
    _, _, folder = request.model.partition(":")
    parts = ["fidelity", EXPERIMENT_MODEL, *([Path(folder).name] if folder else [])]
    if request.episodes is not None:
        parts.append(f"{request.episodes}-episodes")
    if request.cases != DEFAULT_CASES:
        parts.append(f"{request.cases}-cases")
    if request.effects != DEFAULT_EFFECTS:
        parts.append(f"{request.effects}-effects")
    return words.file_name("-".join(parts))


# ---------------------------------------------------------------------- what is compared
def _model(name: str) -> _Model:
    kind, _, folder = name.partition(":")
    if kind != EXPERIMENT_MODEL:
        raise CommandError(
            f"--model is {EXPERIMENT_MODEL}, or {EXPERIMENT_MODEL}:FOLDER for a checkpoint, not {name!r:.60}",
            WRONG_USE,
        )
    info = _info(name)
    path = Path(folder) if folder else SHIPPED
    return _Model(info, path, read_card(path))


def _info(network: str) -> BackendInfo:
    simulator = choose_simulator(network)
    found = BackendInfo(name=simulator.name, version=simulator.version)
    simulator.close()
    return found


def _check_seeds(model: _Model, traces: Traces) -> None:
    both = sorted(set(model.card.topology_seeds) & set(traces.topology_seeds))
    if both:
        raise UnfitTracesError(
            f"the model has learned on topology seed {both[0]}, which these traces hold too"
        )


def _check_intervals(model: _Model, pairs: Sequence[ReplicatePair]) -> None:
    for pair in pairs:
        interval_ms = pair.episode.task.scenario.decision_interval_ms
        if interval_ms != model.card.interval_ms:
            raise CommandError(
                f"the model has learned intervals of {model.card.interval_ms} ms, and {pair.episode.id} has "
                f"{interval_ms} ms",
                WRONG_USE,
            )


def _topology_seeds(pairs: Sequence[ReplicatePair]) -> tuple[int, int]:
    seeds = [pair.episode.task.scenario.topology_seed or 0 for pair in pairs]
    return min(seeds), max(seeds)


# ---------------------------------------------------------------------- effects
def _effects(request: ExperimentRequest, traces: Traces, model: _Model) -> EffectFigures:
    """What tools and faults do on the reference, the other simulator and the model."""
    cases = held_out_effects(request.effects)
    reference = _effect_runs(request, traces.network.name, cases)
    beside = _effect_runs(request, BESIDE, cases)
    with wrong_use_on(RecordFileError):
        store = RunStore(_effects_file(request, model.info.name), EffectRun, model.info.version)
    missing = missing_effects(cases, model.info, store)
    if missing:
        with metering(sys.stderr, f"effects on {model.info.name}", len(missing), "runs") as meter:
            store.add(
                play_in_lockstep(
                    missing,
                    model.info,
                    model.card.interval_ms,
                    load_answers(model.folder),
                    progress=meter.advance,
                )
            )
        store.pack()
    return effect_figures(cases, reference, [beside, _stored(cases, model.info, store)])


def _effect_runs(request: ExperimentRequest, network: str, cases: Sequence[EffectCase]) -> list[EffectRun]:
    """Runs on a simulator: stored ones where they are valid, new ones where not. Says which."""
    info = _info(network)
    with wrong_use_on(RecordFileError):
        store = RunStore(_effects_file(request, network), EffectRun, info.version)
    missing = len(missing_effects(cases, info, store))
    total = len(effect_jobs(cases))
    typer.echo(f"{network}: {total - missing} of {total} runs are stored in {store.path}", err=True)
    if missing:
        with metering(sys.stderr, f"effects on {network}", missing, "runs") as meter:
            run_effects(cases, network, store, processes=request.workers, progress=meter.advance)
        store.pack()
    return _stored(cases, info, store)


def _stored(cases: Sequence[EffectCase], info: BackendInfo, store: RunStore[EffectRun]) -> list[EffectRun]:
    return list(store.usable(job.key(info.name) for job in effect_jobs(cases)).values())


def _effects_file(request: ExperimentRequest, network: str) -> Path:
    return request.out / "data" / f"effects-{words.file_name(network)}.jsonl.gz"


# ---------------------------------------------------------------------- the page
def _write(request: ExperimentRequest, figures: ExperimentFigures) -> None:
    stem = page_stem(request)
    path = request.out / f"{stem}.md"
    drift, pit = (request.out / name for name in plot_names(stem))
    try:
        plot_drift(figures, drift)
        if figures.calibration is not None:
            plot_pit(figures.calibration, pit)
        path.write_text(experiment_page(figures, stem), encoding="utf-8")
        path.with_suffix(".json").write_text(figures.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--out {request.out}: cannot write there: {error.strerror}", WRONG_USE) from None
    for line in summary_lines(figures):
        typer.echo(line, err=request.as_json)
    typer.echo(f"written: {path}, its plots, and its figures as .json", err=request.as_json)
    if request.as_json:
        typer.echo(figures.model_dump_json())


def _command(request: ExperimentRequest) -> str:
    """The command that makes the same page."""
    options: list[tuple[str, object]] = [
        ("--traces", request.traces),
        ("--model", request.model if request.model != EXPERIMENT_MODEL else None),
        ("--episodes", request.episodes),
        ("--cases", request.cases if request.cases != DEFAULT_CASES else None),
        ("--effects", request.effects if request.effects != DEFAULT_EFFECTS else None),
    ]
    return words.command_line(["sixgym", "fidelity", "experiment-model"], options)
