"""Examples from open-loop rollouts: the model predicts recorded episodes from its own predictions.

A model that has learned from true histories alone trusts its history, so one wrong prediction makes the next
ones wrong. Here the model carries out the recorded calls and faults on top of its own predictions, and the
questions that arise are answered with the recorded measurements (data as demonstrator: Venkatraman, Hebert
and Bagnell, AAAI 2015).
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Episode
from sixgym.run.replay import measured_intervals, recorded_changes
from sixgym.simulators.experiment_model.decode.compose import next_interval
from sixgym.simulators.experiment_model.encode.answers import MEDIAN, Question, true_answer
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.engine.inference import Engine, Query
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

BATCHED_EPISODES = 48
"""Episodes that are predicted side by side, so that one batch of the engine holds the questions of all. The
number is chosen, not measured; it does not change the examples."""


class OpenLoopRun:
    """A recorded episode that the model predicts from its own predictions."""

    def __init__(self, episode: Episode) -> None:
        """Start at the first interval, with the network, faults and changes of the episode."""
        self.episode = episode
        self._left = deque(zip(recorded_changes(episode), measured_intervals(episode), strict=True))
        self._tracker = NetworkTracker(episode.task.scenario)

    @property
    def done(self) -> bool:
        """Whether all intervals of the episode were predicted."""
        return not self._left

    def ask(self) -> tuple[IntervalContext, list[Question]]:
        """The context of the next interval, and the questions about it."""
        for change in self._left[0][0]:
            self._tracker.apply(change)
        context = self._tracker.begin_interval(self.episode.task.scenario.decision_interval_ms)
        return context, questions(self._tracker, context)

    def advance(
        self, context: IntervalContext, asked: Sequence[Question], answers: Sequence[dict[str, str]]
    ) -> Interval:
        """Continue from the interval that the answers describe, and return the measured interval."""
        self._tracker.end_interval(context, next_interval(self._tracker, context, asked, answers))
        _, truth = self._left.popleft()
        return truth


Example = tuple[Question, dict[str, str]]


def open_loop_examples(
    episodes: Iterator[Episode], engine: Engine, on_episode: Callable[[], None] | None = None
) -> Iterator[tuple[Episode, list[Example]]]:
    """Episodes with the questions that arise in open loop and their true answers.

    Args:
        episodes: The recorded episodes.
        engine: The model.
        on_episode: Called after every episode, for live views.
    """
    while batch := [OpenLoopRun(episode) for episode in islice(episodes, BATCHED_EPISODES)]:
        examples: list[list[Example]] = [[] for _ in batch]
        while any(not run.done for run in batch):
            going = [index for index, run in enumerate(batch) if not run.done]
            asked = {index: batch[index].ask() for index in going}
            flat = [
                Query(question, (MEDIAN,) * len(question.blanks))
                for index in going
                for question in asked[index][1]
            ]
            answers = iter(engine.answer(flat))
            for index in going:
                context, own = asked[index]
                truth = batch[index].advance(context, own, [next(answers) for _ in own])
                scenario = batch[index].episode.task.scenario
                examples[index] += [(one, true_answer(one, scenario, context, truth)) for one in own]
        for run, learned in zip(batch, examples, strict=True):
            yield run.episode, learned
            if on_episode is not None:
                on_episode()
