"""The experiment model at work on recorded episodes: step by step, in open loop, and drawn many times."""

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
from sixgym.evaluate.fidelity.statistics import Floats
from sixgym.models.chat import ModelUnusableError
from sixgym.run.build import make_network
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.decode.compose import foreseen
from sixgym.simulators.experiment_model.encode.answers import MIDDLE, Question
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.loading import load_engine
from sixgym.simulators.experiment_model.simulator import Answers
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

DRAWS = 16
"""Times that the sampled model is asked about a transition."""

OPEN_LOOP_STEPS = 15
BESIDE = "tti"
EPISODES_PER_BATCH = 16
"""Episodes in lockstep."""


@dataclass(frozen=True, slots=True)
class PredictionCase:
    """An episode, and the steps at which the sampled model is asked as well."""

    episode: Episode
    drawn: frozenset[int]


@dataclass(frozen=True, slots=True, repr=False)
class PredictionBatch:
    """Episodes that are gone through together."""

    cases: tuple[PredictionCase, ...]

    def __repr__(self) -> str:
        return f"{self.cases[0].episode.task.id} to {self.cases[-1].episode.task.id}"


@dataclass(frozen=True, slots=True)
class EpisodePredictions:
    """States after the steps of an episode, as others say.

    Attributes:
        resting: Steps at which the model was not asked: the network was at rest.
        one_step: By the model that knows all that was recorded before, shape (steps, 6).
        draws: By the sampled model that knows the same, shape (DRAWS, 6), at the steps that were asked for.
        open_loop: By the model that knows only the beginning and the calls, shape (OPEN_LOOP_STEPS, 6) or
            fewer if the episode is shorter.
        differing: Calls in `open_loop` that were carried out and had been refused, or the other way round.
        beside: By the other simulator from the start, shape (steps, 6).
    """

    resting: npt.NDArray[np.bool_]
    one_step: Floats
    draws: Mapping[int, Floats]
    open_loop: Floats
    differing: int
    beside: Floats


class PredictionRunner:
    """Has the model predict groups of episodes."""

    def __init__(self, load: Callable[[], Answers], beside: str = BESIDE, *, shared_by: int = 1) -> None:
        """Load the model with the first group.

        Args:
            load: What makes something that answers.
            beside: The simulator that goes through the same episodes.
            shared_by: Processes on this machine that do the same.
        """
        if shared_by > 1:  # torch looks at it when it is imported
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // shared_by)))
        self._load = load
        self._answers: Answers | None = None
        self._backend = make_network(beside)

    def do(self, job: PredictionBatch) -> list[EpisodePredictions]:
        """Every episode of a group, in order."""
        try:
            if self._answers is None:
                self._answers = self._load()
            recorded = [partial(_with_history, case) for case in job.cases]
            free = [partial(_without, case) for case in job.cases]
            done = in_lockstep(self._answers, [*recorded, *free])
            known, open_loop = done[: len(recorded)], done[len(recorded) :]
            return [
                EpisodePredictions(
                    resting=np.array(first.resting, dtype=np.bool_),
                    one_step=vectors(first.states),
                    draws={step: vectors(states) for step, states in first.draws.items()},
                    open_loop=vectors(second.states),
                    differing=second.differing,
                    beside=self._beside(case.episode),
                )
                for case, first, second in zip(job.cases, known, open_loop, strict=True)
            ]
        except (SimulatorError, ModelUnusableError) as error:
            raise WorkError(str(error)) from error

    def close(self) -> None:
        """Stop the other simulator."""
        self._backend.close()

    def _beside(self, episode: Episode) -> Floats:
        self._backend.reset(episode.task.scenario, seed=episode.task.seed)
        return vectors([self._backend.execute(call_of(step)).after for step in episode.steps])


def load_answers(folder: Path) -> Answers:
    """The language model in a folder as something that answers.

    Raises:
        SimulatorError: it cannot be used.
    """
    engine = load_engine(folder)

    # imports torch, which the line above needs as well
    from sixgym.simulators.experiment_model.engine.inference import Asked

    def answers(asked: Sequence[Question], levels: Sequence[Sequence[float]]) -> list[dict[str, str]]:
        return engine.answer([Asked(*pair) for pair in zip(asked, map(tuple, levels), strict=True)])

    return answers


# ---------------------------------------------------------------------- going through an episode
@dataclass(slots=True)
class _Said:
    """What was said on the way through an episode; see `EpisodePredictions`."""

    states: list[NetworkState] = field(default_factory=list[NetworkState])
    resting: list[bool] = field(default_factory=list[bool])
    draws: dict[int, list[NetworkState]] = field(default_factory=dict[int, list[NetworkState]])
    differing: int = 0


def _with_history(case: PredictionCase, answers: Answers) -> _Said:
    """Step by step: after each one the books take what was recorded, not what was said."""
    episode, said = case.episode, _Said()
    network = _Recorded(case, answers)
    backend = SimulatedBackend(network)
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps:
        backend.execute(call_of(step))
        now = backend.snapshot
        states = [replace(now, interval=interval).state for interval in network.said]
        said.states.append(states[0])
        if step.index in case.drawn:
            said.draws[step.index] = states[1:]
        said.resting.append(network.rested)
    return said


def _without(case: PredictionCase, answers: Answers) -> _Said:
    """In open loop: from the recorded beginning on, the books take what was said."""
    episode, said = case.episode, _Said()
    backend = SimulatedBackend(_Free(episode, answers))
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps[:OPEN_LOOP_STEPS]:
        transition = backend.execute(call_of(step))
        said.states.append(transition.after)
        said.differing += transition.outcome.ok != step.outcome.ok
    return said


class _Network:
    """A network whose beginning is recorded."""

    name = "predictions"
    version = "0"

    def __init__(self, episode: Episode, answers: Answers) -> None:
        self._episode = episode
        self._answers = answers
        self._tracker = NetworkTracker(episode.task.scenario)

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The recorded beginning."""
        interval = self._episode.initial_interval
        assert interval is not None  # what has steps has begun
        self._tracker.settle(self._tracker.look(scenario.decision_interval_ms), interval)
        return interval

    def apply(self, change: Change) -> None:
        """Keep the books."""
        self._tracker.apply(change)

    def close(self) -> None:
        """Nothing runs."""

    def _predict(self, context: IntervalContext, draws: Sequence[random.Random] = ()) -> list[Interval]:
        """The middle, then what is drawn: as `ExperimentModelSimulator` does it."""
        tracker = self._tracker
        asked = [] if context.rests else questions(tracker, context)
        levels = [[MIDDLE] * len(one.blanks) for one in asked]
        for rng in draws:
            levels += [[rng.random() for _ in one.blanks] for one in asked]
        answers = self._answers(asked * (1 + len(draws)), levels) if asked else ()
        parts = (len(asked) * draw for draw in range(1 + len(draws)))
        return [foreseen(tracker, context, asked, answers[at : at + len(asked)]) for at in parts]


class _Recorded(_Network):
    """Goes on as recorded, and keeps what the model says before each step."""

    def __init__(self, case: PredictionCase, answers: Answers) -> None:
        super().__init__(case.episode, answers)
        self._drawn = case.drawn
        self._next = 0
        self.said: list[Interval] = []
        self.rested = False

    def advance(self, duration_ms: int) -> Interval:
        """The next recorded interval."""
        step = self._episode.steps[self._next]
        self._next += 1
        context = self._tracker.look(duration_ms)
        draws = DRAWS if step.index in self._drawn else 0
        name = f"{self._episode.task.id}/{step.index}"
        self.said = self._predict(context, [random.Random(f"{name}/{draw}") for draw in range(draws)])
        self.rested = context.rests
        self._tracker.settle(context, step.interval)
        return step.interval


class _Free(_Network):
    """Goes on as the model says."""

    def advance(self, duration_ms: int) -> Interval:
        """The next interval."""
        context = self._tracker.look(duration_ms)
        interval = self._predict(context)[0]
        self._tracker.settle(context, interval)
        return interval
