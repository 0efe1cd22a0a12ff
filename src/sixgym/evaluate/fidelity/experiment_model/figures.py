"""The figures of `sixgym fidelity experiment-model`."""

from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial

from sixgym.data.traces.manifest import Traces
from sixgym.domain.base import Record
from sixgym.episodes.episode import BackendInfo
from sixgym.evaluate.fidelity.effects.figures import EffectFigures
from sixgym.evaluate.fidelity.experiment_model.calibration import Calibration, calibration, draw_transitions
from sixgym.evaluate.fidelity.experiment_model.held_out import ReplicatePair, weights
from sixgym.evaluate.fidelity.experiment_model.one_step import (
    DriftErrors,
    PredictionErrors,
    StepErrors,
    drift_errors,
    one_step_errors,
)
from sixgym.evaluate.fidelity.experiment_model.prediction import (
    EPISODES_PER_BATCH,
    EpisodePredictions,
    PredictionBatch,
    PredictionCase,
    PredictionRunner,
)
from sixgym.run.executor import Broken, WorkError, executor_for
from sixgym.simulators.experiment_model.simulator import Answers


class ExperimentSetting(Record):
    """The model and the networks of a measurement.

    Attributes:
        command: The command that made the figures.
        model: The experiment model; its version is the hash of its checkpoint.
        learned_from: Name and version of the network that the model has learned from.
        beside: The baseline simulator.
        reference: The recorded network.
        topology_seeds: First and last topology seed of the explorations.
    """

    command: str
    model: BackendInfo
    learned_from: str
    beside: BackendInfo
    reference: BackendInfo
    topology_seeds: tuple[int, int]


class ExperimentFigures(Record):
    """The whole measurement.

    Attributes:
        checked: The model and the networks.
        episodes: Number of explorations with a replicate.
        steps: Number of their steps.
        compared: Number of compared steps: those before the first different change in the replicate.
        resting: Number of compared steps at which the network was at rest, so that the model was not asked.
        one_step: Errors one step ahead, with the recorded history.
        drift: Errors in open loop, by step.
        differing: Number of calls in open loop that were carried out and had been refused on the reference,
            or the other way round.
        open_loop_calls: Number of calls in open loop.
        calibration: Calibration of the sampled model; None where no transition was drawn.
        effects: Effects of tools and faults; None where they were left out.
    """

    checked: ExperimentSetting
    episodes: int
    steps: int
    compared: int
    resting: int
    one_step: tuple[StepErrors, ...]
    drift: tuple[DriftErrors, ...]
    differing: int
    open_loop_calls: int
    calibration: Calibration | None
    effects: EffectFigures | None


def prediction_batches(pairs: Sequence[ReplicatePair], cases: int) -> list[PredictionBatch]:
    """Batches of episodes. The batches do not depend on the number of workers."""
    drawn = draw_transitions([pair.aligned_steps for pair in pairs], cases)
    all_cases = [PredictionCase(pair.episode, steps) for pair, steps in zip(pairs, drawn, strict=True)]
    starts = range(0, len(all_cases), EPISODES_PER_BATCH)
    return [PredictionBatch(tuple(all_cases[at : at + EPISODES_PER_BATCH])) for at in starts]


def predict(
    batches: Sequence[PredictionBatch],
    load: Callable[[], Answers],
    baseline: str,
    *,
    workers: int,
    progress: Callable[[int], None],
) -> list[EpisodePredictions]:
    """The predictions of every episode, in the order of the batches.

    Args:
        batches: From `prediction_batches`.
        load: Makes a function that answers questions; with several workers `load` is pickled.
        baseline: Name of the baseline simulator.
        workers: Number of processes.
        progress: Called with the number of episodes predicted since the last call.

    Raises:
        WorkError: the model cannot be used, or a worker died.
    """
    workers = min(workers, len(batches))
    done: dict[int, list[EpisodePredictions]] = {}
    make_worker = partial(PredictionRunner, load, baseline, shared_by=workers)
    with closing(executor_for(workers).execute(make_worker, batches)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Broken):
                raise WorkError(f"{outcome.job}: {outcome.reason}")
            # a job from another process is a copy, so its first episode identifies it
            done[_position(batches, outcome.job)] = outcome.value
            progress(len(outcome.value))
    return [one for position in range(len(batches)) for one in done[position]]


def experiment_figures(
    checked: ExperimentSetting,
    traces: Traces,
    pairs: Sequence[ReplicatePair],
    predictions: Sequence[EpisodePredictions],
    effects: EffectFigures | None,
) -> ExperimentFigures:
    """The figures of a measurement."""
    tool_weights = [list(weights(traces, pair.episode)) for pair in pairs]
    errors = PredictionErrors(pairs, predictions, tool_weights)
    return ExperimentFigures(
        checked=checked,
        episodes=len(pairs),
        steps=sum(len(pair.episode.steps) for pair in pairs),
        compared=int(errors.compared.sum()),
        resting=sum(
            int(one.resting[: pair.aligned_steps].sum()) for one, pair in zip(predictions, pairs, strict=True)
        ),
        one_step=tuple(one_step_errors(errors)),
        drift=tuple(drift_errors(errors)),
        differing=sum(one.differing for one in predictions),
        open_loop_calls=sum(len(one.open_loop) for one in predictions),
        calibration=calibration(errors),
        effects=effects,
    )


def _position(batches: Sequence[PredictionBatch], job: PredictionBatch) -> int:
    first = job.cases[0].episode.task.id
    return next(at for at, batch in enumerate(batches) if batch.cases[0].episode.task.id == first)
