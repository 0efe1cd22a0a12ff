"""Everything that `sixgym fidelity experiment-model` measures."""

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
    """What was measured on what.

    Attributes:
        command: What was typed.
        model: The experiment model; its version is the hash of its checkpoint.
        learned_from: What made the model.
        beside: The simulator beside it.
        reference: The network that was recorded.
        topology_seeds: First and last of the explorations.
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
        checked: What was measured on what.
        episodes: Explorations with a replicate.
        steps: Of these, in all.
        compared: Steps before something else was changed in the replicate; only these count.
        resting: Of these, how many the model was not asked about: the network was at rest.
        one_step: Errors of the model that knows what was recorded before.
        drift: Errors in open loop, by step.
        differing: Calls in open loop that were carried out and had been refused on the reference, or the
            other way round.
        open_loop_calls: Calls in open loop.
        calibration: Of the sampled model.
        effects: What tools and faults do; None where it was left out.
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
    """The work: episodes that are gone through together, whoever does it."""
    drawn = draw_transitions([pair.same for pair in pairs], cases)
    all_cases = [PredictionCase(pair.episode, steps) for pair, steps in zip(pairs, drawn, strict=True)]
    starts = range(0, len(all_cases), EPISODES_PER_BATCH)
    return [PredictionBatch(tuple(all_cases[at : at + EPISODES_PER_BATCH])) for at in starts]


def predict(
    work: Sequence[PredictionBatch],
    load: Callable[[], Answers],
    beside: str,
    *,
    workers: int,
    progress: Callable[[int], None],
) -> list[EpisodePredictions]:
    """What is said of every episode, in the order of the work.

    Args:
        work: From `prediction_batches`.
        load: What makes something that answers; with several workers it has to be picklable.
        beside: Name of the other simulator.
        workers: Processes.
        progress: Called with the number of episodes done since the last call.

    Raises:
        WorkError: it cannot be done.
    """
    workers = min(workers, len(work))
    done: dict[int, list[EpisodePredictions]] = {}
    make_worker = partial(PredictionRunner, load, beside, shared_by=workers)
    with closing(executor_for(workers).execute(make_worker, work)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Broken):
                raise WorkError(f"{outcome.job}: {outcome.reason}")
            # a job that was in another process is an equal one, so it is known by its first episode
            done[_place(work, outcome.job)] = outcome.value
            progress(len(outcome.value))
    return [one for place in range(len(work)) for one in done[place]]


def experiment_figures(
    checked: ExperimentSetting,
    traces: Traces,
    pairs: Sequence[ReplicatePair],
    predictions: Sequence[EpisodePredictions],
    effects: EffectFigures | None,
) -> ExperimentFigures:
    """Everything the page says."""
    tool_weights = [list(weights(traces, pair.episode)) for pair in pairs]
    measured = PredictionErrors(pairs, predictions, tool_weights)
    return ExperimentFigures(
        checked=checked,
        episodes=len(pairs),
        steps=sum(len(pair.episode.steps) for pair in pairs),
        compared=int(measured.compared.sum()),
        resting=sum(
            int(one.resting[: pair.same].sum()) for one, pair in zip(predictions, pairs, strict=True)
        ),
        one_step=tuple(one_step_errors(measured)),
        drift=tuple(drift_errors(measured)),
        differing=sum(one.differing for one in predictions),
        open_loop_calls=sum(len(one.open_loop) for one in predictions),
        calibration=calibration(measured),
        effects=effects,
    )


def _place(work: Sequence[PredictionBatch], job: PredictionBatch) -> int:
    first = job.cases[0].episode.task.id
    return next(place for place, one in enumerate(work) if one.cases[0].episode.task.id == first)
