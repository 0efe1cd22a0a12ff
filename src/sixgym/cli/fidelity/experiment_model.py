"""`sixgym fidelity experiment-model`: how far the experiment model is from the network it learned from."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, interrupt_on_sigterm, wrong_use_on
from sixgym.cli.fidelity.options import OUT, OutFolder, Processes
from sixgym.cli.fidelity.pages import announce, write_page, writing_to
from sixgym.cli.network import network_info
from sixgym.cli.options import AsJson
from sixgym.cli.output import text as words
from sixgym.cli.output.progress import metering
from sixgym.cli.storing import writable
from sixgym.data.traces.manifest import Traces, TracesError
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
    ExperimentSetting,
    experiment_figures,
    predict,
    prediction_batches,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
    read_held_out,
    read_pairs,
)
from sixgym.evaluate.fidelity.experiment_model.plot import plot_drift, plot_pit
from sixgym.evaluate.fidelity.experiment_model.prediction import BASELINE_SIMULATOR, load_answers
from sixgym.evaluate.fidelity.experiment_model.report import experiment_page, plot_names, summary_lines
from sixgym.evaluate.fidelity.slicing.plot import PlotError, require_matplotlib
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.models.chat import ModelUnusableError
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.loading import SHIPPED, Card, read_card

EXPERIMENT_MODEL = "experiment-model"

DEFAULT_CASES = 400
"""Default number of transitions at which the sampled model answers."""

DEFAULT_EFFECTS = 16
"""Default number of cases of every tool and fault."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """What is measured. It decides the page's name and its command.

    Attributes:
        traces: Folder of held-out traces with replicates.
        model: `experiment-model`, or `experiment-model:FOLDER` for a checkpoint.
        episodes: Number of explorations, from the first; None is all.
        cases: Number of transitions at which the sampled model answers.
        effects: Number of cases of every tool and fault; 0 leaves effects out.
    """

    traces: Path
    model: str
    episodes: int | None
    cases: int
    effects: int

    @property
    def page_stem(self) -> str:
        """Name of the page's files. Only the default measurement has the plain name."""
        _, _, folder = self.model.partition(":")
        parts = ["fidelity", EXPERIMENT_MODEL, *([Path(folder).name] if folder else [])]
        if self.episodes is not None:
            parts.append(f"{self.episodes}-episodes")
        if self.cases != DEFAULT_CASES:
            parts.append(f"{self.cases}-cases")
        if self.effects != DEFAULT_EFFECTS:
            parts.append(f"{self.effects}-effects")
        return words.file_name("-".join(parts))

    @property
    def command(self) -> str:
        """The command that makes the same page."""
        options: list[tuple[str, object]] = [
            ("--traces", self.traces),
            ("--model", self.model if self.model != EXPERIMENT_MODEL else None),
            ("--episodes", self.episodes),
            ("--cases", self.cases if self.cases != DEFAULT_CASES else None),
            ("--effects", self.effects if self.effects != DEFAULT_EFFECTS else None),
        ]
        return words.command_line(["sixgym", "fidelity", EXPERIMENT_MODEL], options)


@dataclass(frozen=True, slots=True)
class _Checkpoint:
    """A checkpoint of the experiment model, without its weights.

    Attributes:
        info: Name and version of the network that the checkpoint is.
        folder: Folder of the checkpoint.
        card: What the checkpoint was trained on.
    """

    info: BackendInfo
    folder: Path
    card: Card


def experiment_model(
    *,
    traces: Annotated[
        Path,
        typer.Option(metavar="DIR", help="Folder of `sixgym traces` on held-out seeds, with replicates."),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="experiment-model, or experiment-model:DIR for a checkpoint of your own."
        ),
    ] = EXPERIMENT_MODEL,
    episodes: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Number of explorations, from the first  (all)."),
    ] = None,
    cases: Annotated[
        int,
        typer.Option(
            min=0, metavar="N", help="Transitions at which the sampled model answers, 16 times each."
        ),
    ] = DEFAULT_CASES,
    effects: Annotated[
        int,
        typer.Option(min=0, metavar="N", help="Cases of every tool and fault whose effects are compared."),
    ] = DEFAULT_EFFECTS,
    out: OutFolder = OUT,
    workers: Processes = 1,
    as_json: AsJson = False,
) -> None:
    """Measure the experiment model on held-out traces: one step ahead, drift, spread, effects.

    One step: errors in the six figures of the network state, where the model knows everything that was
    recorded before. Drift: 15 steps in which the model continues from its own predictions. Spread: whether
    samples of the model spread as widely as what happens. The page compares with no change, with tti, and
    with the replicates of the traces, whose difference is due to chance alone. Effects: sign and size of what
    single calls and faults do; the recorded network runs only where DIR/data holds no valid run of it, and
    `--effects 0` leaves effects out.

    Writes DIR/fidelity-experiment-model.md with its plots and figures. Needs `sixgym[hf,plot]`.

    - `sixgym traces --out held-out --seeds 51-80 --replicates 2 --network ns3`
    - `sixgym fidelity experiment-model --traces held-out`
    - `sixgym fidelity experiment-model --traces held-out --model experiment-model:runs/mine --episodes 40`
    """
    measured = Measurement(traces=traces, model=model, episodes=episodes, cases=cases, effects=effects)
    with wrong_use_on(PlotError):
        require_matplotlib()
    checkpoint = _checkpoint(model)
    with wrong_use_on(TracesError, RecordFileError):
        manifest = read_held_out(traces)
        _check_seeds(checkpoint, manifest)
        pairs = read_pairs(traces, manifest, episodes)
    _check_intervals(checkpoint, pairs)
    writable(out)
    interrupt_on_sigterm()
    work = prediction_batches(pairs, cases)
    load = partial(load_answers, checkpoint.folder)
    try:
        # effects first: they need the recorded network, which may be missing on this machine
        compared = _effects(effects, manifest, checkpoint, out, workers) if effects else None
        with metering(sys.stderr, "prediction", len(pairs), "episodes") as meter:
            predictions = predict(work, load, BASELINE_SIMULATOR, workers=workers, progress=meter.advance)
    except (WorkError, SimulatorError, ModelUnusableError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    checked = ExperimentSetting(
        command=measured.command,
        model=checkpoint.info,
        learned_from=checkpoint.card.network,
        beside=network_info(BASELINE_SIMULATOR),
        reference=manifest.network,
        topology_seeds=_topology_seeds(pairs),
    )
    figures = experiment_figures(checked, manifest, pairs, predictions, compared)
    stem = measured.page_stem
    path = out / f"{stem}.md"
    drift, pit = (out / name for name in plot_names(stem))
    with writing_to(out):
        plot_drift(figures, drift)
        if figures.calibration is not None:
            plot_pit(figures.calibration, pit)
        write_page(path, experiment_page(figures, stem), figures)
    announce(path, figures, summary=summary_lines(figures), as_json=as_json)


# ---------------------------------------------------------------------- what is compared
def _checkpoint(name: str) -> _Checkpoint:
    kind, _, folder = name.partition(":")
    if kind != EXPERIMENT_MODEL:
        raise CommandError(
            f"--model is {EXPERIMENT_MODEL}, or {EXPERIMENT_MODEL}:FOLDER for a checkpoint, not {name!r:.60}",
            WRONG_USE,
        )
    info = network_info(name)
    path = Path(folder) if folder else SHIPPED
    return _Checkpoint(info, path, read_card(path))


def _check_seeds(model: _Checkpoint, traces: Traces) -> None:
    both = sorted(set(model.card.topology_seeds) & set(traces.topology_seeds))
    if both:
        raise TracesError(f"the model has learned on topology seed {both[0]}, which these traces hold too")


def _check_intervals(model: _Checkpoint, pairs: Sequence[ReplicatePair]) -> None:
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
def _effects(number: int, traces: Traces, model: _Checkpoint, out: Path, workers: int) -> EffectFigures:
    """What tools and faults do on the recorded network, on the other simulator and on the model.

    Args:
        number: Number of cases of every tool and fault.
        traces: Manifest of the traces.
        model: The checkpoint.
        out: Folder of the page.
        workers: Processes.
    """
    cases = held_out_effects(number)
    reference = _effect_runs(out, traces.network.name, cases, workers)
    beside = _effect_runs(out, BASELINE_SIMULATOR, cases, workers)
    with wrong_use_on(RecordFileError):
        store = RunStore(_effects_file(out, model.info.name), EffectRun, model.info.version)
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


def _effect_runs(out: Path, network: str, cases: Sequence[EffectCase], workers: int) -> list[EffectRun]:
    """Runs on a simulator: stored runs where they are valid, new runs where they are not."""
    info = network_info(network)
    with wrong_use_on(RecordFileError):
        store = RunStore(_effects_file(out, network), EffectRun, info.version)
    missing = len(missing_effects(cases, info, store))
    total = len(effect_jobs(cases))
    typer.echo(f"{network}: {total - missing} of {total} runs are stored in {store.path}", err=True)
    if missing:
        with metering(sys.stderr, f"effects on {network}", missing, "runs") as meter:
            run_effects(cases, network, store, processes=workers, progress=meter.advance)
        store.pack()
    return _stored(cases, info, store)


def _stored(cases: Sequence[EffectCase], info: BackendInfo, store: RunStore[EffectRun]) -> list[EffectRun]:
    return list(store.usable(job.key(info.name) for job in effect_jobs(cases)).values())


def _effects_file(out: Path, network: str) -> Path:
    return out / "data" / f"effects-{words.file_name(network)}.jsonl.gz"
