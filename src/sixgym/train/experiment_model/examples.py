"""Recorded episodes as questions to the experiment model, with the answers that the network gave.

The network tracker follows the recorded changes and measurements as it follows a simulation, so a question
here is word for word the question that a simulation asks later.
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
        step: The call that the interval belongs to; None for the interval before the first call.
        questions: The questions to the model about the interval.
        answers: The measurements as answers, in the model's words.
        context: What the network tracker knew at the start of the interval.
        facts: The changes of conditions in the interval, by the network tracker.
        before: The measured interval before; None for the first one.
        interval: The measured interval.
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
        ReplayError: a tool of this version gives another result than the recorded one.
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
