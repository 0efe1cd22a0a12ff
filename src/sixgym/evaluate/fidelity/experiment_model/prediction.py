"""Predictions of recorded episodes by the experiment model: one step ahead, in open loop, and sampled."""

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState
from sixgym.episodes.episode import Episode
from sixgym.evaluate.fidelity.experiment_model.dimensions import vectors
from sixgym.evaluate.fidelity.experiment_model.held_out import call_of
from sixgym.evaluate.fidelity.experiment_model.lockstep import in_lockstep
from sixgym.evaluate.statistics import Floats
from sixgym.models.chat import ModelUnusableError
from sixgym.run.build import make_network
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.decode.compose import next_interval
from sixgym.simulators.experiment_model.encode.answers import MEDIAN, Question
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.loading import load_engine
from sixgym.simulators.experiment_model.simulator import Answers
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

DRAWS = 16
"""Samples of a transition."""

OPEN_LOOP_STEPS = 15
"""Steps of a prediction in open loop."""

BASELINE_SIMULATOR = "tti"
"""The simulator that the experiment model is compared with."""

EPISODES_PER_BATCH = 16
"""Episodes in lockstep."""


@dataclass(frozen=True, slots=True)
class PredictionCase:
    """An episode to predict.

    Attributes:
        episode: The recorded episode.
        drawn: Indices of the steps that are sampled as well.
    """

    episode: Episode
    drawn: frozenset[int]


@dataclass(frozen=True, slots=True, repr=False)
class PredictionBatch:
    """Episodes that are predicted together."""

    cases: tuple[PredictionCase, ...]

    def __repr__(self) -> str:
        return f"{self.cases[0].episode.task.id} to {self.cases[-1].episode.task.id}"


@dataclass(frozen=True, slots=True)
class EpisodePredictions:
    """Predicted states after the steps of an episode.

    Attributes:
        resting: Whether the network was at rest at a step, so that the model was not asked; shape (steps,).
        one_step: Predictions with the recorded history, shape (steps, 6).
        draws: Samples with the recorded history by step, shape (DRAWS, 6) each.
        open_loop: Predictions with the recorded beginning and the recorded calls only, shape
            (OPEN_LOOP_STEPS, 6), or fewer rows if the episode is shorter.
        differing: Number of calls in `open_loop` that were carried out and had been refused on the recorded
            network, or the other way round.
        baseline: States of the baseline simulator from the start, shape (steps, 6).
    """

    resting: npt.NDArray[np.bool_]
    one_step: Floats
    draws: Mapping[int, Floats]
    open_loop: Floats
    differing: int
    baseline: Floats


class PredictionRunner:
    """Predicts batches of episodes with one model."""

    def __init__(
        self, load: Callable[[], Answers], baseline: str = BASELINE_SIMULATOR, *, shared_by: int = 1
    ) -> None:
        """Remember how to load the model; the first batch loads it.

        Args:
            load: Makes a function that answers questions.
            baseline: Name of the baseline simulator.
            shared_by: Number of processes on this machine that predict.
        """
        if shared_by > 1:  # torch reads the variable when torch is imported
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // shared_by)))
        self._load = load
        self._answers: Answers | None = None
        self._backend = make_network(baseline)

    def do(self, job: PredictionBatch) -> list[EpisodePredictions]:
        """The predictions of every episode of a batch, in order."""
        try:
            if self._answers is None:
                self._answers = self._load()
            with_history = [partial(_with_history, case) for case in job.cases]
            open_loop = [partial(_in_open_loop, case) for case in job.cases]
            done = in_lockstep(self._answers, [*with_history, *open_loop])
            firsts, seconds = done[: len(job.cases)], done[len(job.cases) :]
            return [
                EpisodePredictions(
                    resting=np.array(first.resting, dtype=np.bool_),
                    one_step=vectors(first.states),
                    draws={step: vectors(states) for step, states in first.draws.items()},
                    open_loop=vectors(second.states),
                    differing=second.differing,
                    baseline=self._baseline(case.episode),
                )
                for case, first, second in zip(job.cases, firsts, seconds, strict=True)
            ]
        except (SimulatorError, ModelUnusableError) as error:
            raise WorkError(str(error)) from error

    def close(self) -> None:
        """Stop the baseline simulator."""
        self._backend.close()

    def _baseline(self, episode: Episode) -> Floats:
        self._backend.reset(episode.task.scenario, seed=episode.task.seed)
        return vectors([self._backend.execute(call_of(step)).after for step in episode.steps])


def load_answers(folder: Path) -> Answers:
    """A function that answers questions with the language model in a folder.

    Raises:
        SimulatorError: the model cannot be used.
    """
    engine = load_engine(folder)

    # this module imports torch, as the line above does
    from sixgym.simulators.experiment_model.engine.inference import Query

    def answers(asked: Sequence[Question], levels: Sequence[Sequence[float]]) -> list[dict[str, str]]:
        return engine.answer([Query(*pair) for pair in zip(asked, map(tuple, levels), strict=True)])

    return answers


# ---------------------------------------------------------------------- predicting an episode
@dataclass(slots=True)
class _Predicted:
    """The predictions of one way through an episode; see `EpisodePredictions`."""

    states: list[NetworkState] = field(default_factory=list[NetworkState])
    resting: list[bool] = field(default_factory=list[bool])
    draws: dict[int, list[NetworkState]] = field(default_factory=dict[int, list[NetworkState]])
    differing: int = 0


def _with_history(case: PredictionCase, answers: Answers) -> _Predicted:
    """One step ahead: after each step, the state of the network is set to the recorded interval."""
    episode, predicted = case.episode, _Predicted()
    network = _RecordedNetwork(case, answers)
    backend = SimulatedBackend(network)
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps:
        backend.execute(call_of(step))
        now = backend.snapshot
        states = [replace(now, interval=interval).state for interval in network.predicted]
        predicted.states.append(states[0])
        if step.index in case.drawn:
            predicted.draws[step.index] = states[1:]
        predicted.resting.append(network.rested)
    return predicted


def _in_open_loop(case: PredictionCase, answers: Answers) -> _Predicted:
    """In open loop: after each step, the state of the network is set to the predicted interval."""
    episode, predicted = case.episode, _Predicted()
    backend = SimulatedBackend(_PredictedNetwork(episode, answers))
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps[:OPEN_LOOP_STEPS]:
        transition = backend.execute(call_of(step))
        predicted.states.append(transition.after)
        predicted.differing += transition.outcome.ok != step.outcome.ok
    return predicted


class _Network:
    """A network with a recorded beginning."""

    name = "predictions"
    version = "0"

    def __init__(self, episode: Episode, answers: Answers) -> None:
        self._episode = episode
        self._answers = answers
        self._tracker = NetworkTracker(episode.task.scenario)

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """Start with the recorded first interval."""
        interval = self._episode.initial_interval
        assert interval is not None  # an episode with steps has a first interval
        self._tracker.end_interval(self._tracker.begin_interval(scenario.decision_interval_ms), interval)
        return interval

    def apply(self, change: Change) -> None:
        """Track the change."""
        self._tracker.apply(change)

    def close(self) -> None:
        """Do nothing: no process runs."""

    def _predict(self, context: IntervalContext, draws: Sequence[random.Random] = ()) -> list[Interval]:
        """The median prediction, then the samples, as in `ExperimentModelSimulator`."""
        tracker = self._tracker
        asked = [] if context.at_rest else questions(tracker, context)
        levels = [[MEDIAN] * len(one.blanks) for one in asked]
        for rng in draws:
            levels += [[rng.random() for _ in one.blanks] for one in asked]
        answers = self._answers(asked * (1 + len(draws)), levels) if asked else ()
        parts = (len(asked) * draw for draw in range(1 + len(draws)))
        return [next_interval(tracker, context, asked, answers[at : at + len(asked)]) for at in parts]


class _RecordedNetwork(_Network):
    """Continues as recorded, and keeps the predictions of each step."""

    def __init__(self, case: PredictionCase, answers: Answers) -> None:
        super().__init__(case.episode, answers)
        self._drawn = case.drawn
        self._next = 0
        self.predicted: list[Interval] = []
        self.rested = False

    def advance(self, duration_ms: int) -> Interval:
        """Return the next recorded interval."""
        step = self._episode.steps[self._next]
        self._next += 1
        context = self._tracker.begin_interval(duration_ms)
        draws = DRAWS if step.index in self._drawn else 0
        name = f"{self._episode.task.id}/{step.index}"
        self.predicted = self._predict(context, [random.Random(f"{name}/{draw}") for draw in range(draws)])
        self.rested = context.at_rest
        self._tracker.end_interval(context, step.interval)
        return step.interval


class _PredictedNetwork(_Network):
    """Continues as the model predicts."""

    def advance(self, duration_ms: int) -> Interval:
        """Return the next predicted interval."""
        context = self._tracker.begin_interval(duration_ms)
        interval = self._predict(context)[0]
        self._tracker.end_interval(context, interval)
        return interval
