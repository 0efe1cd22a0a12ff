"""Examples for the experiment model: recorded episodes as questions with the answers that ns-3 gave.

Its books are kept as in a simulation, and take what was measured, so that a question here is word for word
the question that is asked later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Episode, Step
from sixgym.run.replay import measured_intervals, recorded_changes
from sixgym.simulators.experiment_model.encode.answers import Question, true_answer
from sixgym.simulators.experiment_model.encode.explanations import facts
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker


@dataclass(frozen=True, slots=True)
class Moment:
    """An interval of a recorded episode.

    Attributes:
        step: The call it took; None for the one before the first call.
        questions: What the model would have been asked about it.
        answers: What was measured, in the model's words.
        context: What was known of it.
        facts: What was different in it, by the books.
        before: The interval before.
        interval: What was measured.
    """

    step: Step | None
    questions: tuple[Question, ...]
    answers: tuple[dict[str, str], ...]
    context: IntervalContext
    facts: tuple[str, ...]
    before: Interval | None
    interval: Interval


def moments(episode: Episode) -> Iterator[Moment]:
    """Every interval of an episode, with its questions and answers.

    Raises:
        ReplayError: the tools of this version do not do what they did when it was recorded.
    """
    scenario = episode.task.scenario
    tracker = NetworkTracker(scenario)
    before: Interval | None = None
    recorded = zip(
        (None, *episode.steps), recorded_changes(episode), measured_intervals(episode), strict=True
    )
    for step, changes, interval in recorded:
        for change in changes:
            tracker.apply(change)
        context = tracker.begin_interval(scenario.decision_interval_ms)
        asked = tuple(questions(tracker, context))
        answers = tuple(true_answer(question, scenario, context, interval) for question in asked)
        yield Moment(step, asked, answers, context, facts(tracker, context), before, interval)
        tracker.end_interval(context, interval)
        before = interval
