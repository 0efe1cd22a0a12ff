"""Lessons for the experiment model: recorded episodes as questions with the answers that ns-3 gave.

An episode is played again on a network that answers with what was recorded, through the same tools and books
as in a simulation, so that a question here is word for word the question that is asked later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode, Step
from sixgym.simulators.experiment_model.accounts import facts
from sixgym.simulators.experiment_model.answers import Question, true_answer
from sixgym.simulators.experiment_model.outlook import Outlook
from sixgym.simulators.experiment_model.questions import questions
from sixgym.simulators.experiment_model.situation import Situation


class LessonError(RuntimeError):
    """An episode cannot be played again, as one that another version of the tools has made."""


@dataclass(frozen=True, slots=True)
class Moment:
    """An interval of a recorded episode.

    Attributes:
        step: The call it took; None for the one before the first call.
        questions: What the model would have been asked about it.
        answers: What was measured, in the model's words.
        outlook: What was known of it.
        facts: What was different in it, by the books.
        before: The interval before.
        interval: What was measured.
    """

    step: Step | None
    questions: tuple[Question, ...]
    answers: tuple[dict[str, str], ...]
    outlook: Outlook
    facts: tuple[str, ...]
    before: Interval | None
    interval: Interval


class RecordedSimulator:
    """Answers with the intervals of an episode, and keeps what the model would have been asked."""

    name = "recorded"
    version = "0"

    def __init__(self, episode: Episode) -> None:
        assert episode.initial_interval is not None  # what has steps has begun
        self._intervals = [episode.initial_interval, *(step.interval for step in episode.steps)]
        self._situation = Situation(episode.task.scenario)
        self._next = 0
        self._changes: list[Change] = []
        self.changes: list[tuple[Change, ...]] = []
        """Before each interval."""
        self.moments: list[
            tuple[tuple[Question, ...], tuple[dict[str, str], ...], Outlook, tuple[str, ...]]
        ] = []

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The first interval."""
        return self.advance(scenario.decision_interval_ms)

    def apply(self, change: Change) -> None:
        """Keep the books."""
        self._situation.apply(change)
        self._changes.append(change)

    def advance(self, duration_ms: int) -> Interval:
        """The next interval."""
        interval = self._intervals[self._next]
        self._next += 1
        self.changes.append(tuple(self._changes))
        self._changes.clear()
        outlook = self._situation.look(duration_ms)
        asked = tuple(questions(self._situation, outlook))
        scenario = self._situation.scenario
        answers = tuple(true_answer(question, scenario, outlook, interval) for question in asked)
        self.moments.append((asked, answers, outlook, facts(self._situation, outlook)))
        self._situation.settle(outlook, interval)
        return interval

    def close(self) -> None:
        """Nothing runs."""


def play(episode: Episode) -> RecordedSimulator:
    """An episode played again to its last step.

    Raises:
        LessonError: the tools of this version do not do what they did when it was recorded.
    """
    simulator = RecordedSimulator(episode)
    backend = SimulatedBackend(simulator)
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps:
        call = step.turn.call
        assert call is not None  # a step is a turn that made a call
        outcome = backend.execute(call).outcome
        if outcome.ok != step.outcome.ok:
            raise LessonError(
                f"{episode.id}, step {step.index}: {call.tool} was "
                f"{'carried out' if step.outcome.ok else 'refused'} and is not now; these traces are of "
                "another version: make them again"
            )
    return simulator


def moments(episode: Episode) -> Iterator[Moment]:
    """Every interval of an episode, with its questions and answers.

    Raises:
        LessonError: as `play`.
    """
    simulator = play(episode)
    before: Interval | None = None
    steps = (None, *episode.steps)
    recorded = (episode.initial_interval, *(step.interval for step in episode.steps))
    for step, known, interval in zip(steps, simulator.moments, recorded, strict=True):
        assert interval is not None  # what has steps has begun
        yield Moment(step, *known, before, interval)
        before = interval
