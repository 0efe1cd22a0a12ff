"""The experiment model as a `Simulator`."""

import copy
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Self

import numpy as np

from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.decode.compose import next_interval
from sixgym.simulators.experiment_model.encode.answers import MEDIAN, Question
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

Answers = Callable[[Sequence[Question], Sequence[Sequence[float]]], Sequence[dict[str, str]]]
"""Answers questions. The second argument holds the quantile of every word, by question."""

_LONGEST_MS = 60_000
"""Longest interval of a scenario: added to a start time before 0, it gives a seed that is not negative."""


class ExperimentModelSimulator:
    """A network whose measurements a language model predicts.

    `NetworkTracker` tracks settings, faults, flight and serving cells exactly. The language model predicts
    how traffic, queues, radio and compute nodes respond to them. A network at rest repeats its last interval.
    """

    def __init__(self, answers: Answers, *, name: str, version: str, interval_ms: int, sampled: bool) -> None:
        """Use a language model.

        Args:
            answers: The language model.
            name: Name as users type it.
            version: Hash of the checkpoint and of the code.
            interval_ms: Length of the intervals that the model has learned.
            sampled: Sample from the model's distributions instead of taking the median.
        """
        self._answers = answers
        self._name = name
        self._version = version
        self._interval_ms = interval_ms
        self._sampled = sampled
        self._tracker: NetworkTracker | None = None
        self._seed = 0

    @property
    def name(self) -> str:
        """Name as users type it."""
        return self._name

    @property
    def version(self) -> str:
        """Hash of the checkpoint and of the code."""
        return self._version

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """Start the network; `seed` matters only if answers are sampled."""
        if scenario.decision_interval_ms != self._interval_ms:
            raise SimulatorError(
                f"the experiment model has learned intervals of {self._interval_ms} ms, and "
                f"{scenario.name} has {scenario.decision_interval_ms} ms: train a model on traces of such "
                "networks, or take tti or ns3"
            )
        if scenario.handover.algorithm == "a3":
            raise SimulatorError(
                f"the experiment model knows no handovers by event a3, and {scenario.name} has them: "
                "take tti or ns3"
            )
        if seed < 0:
            raise ValueError(f"seed {seed} is negative")
        self._tracker = NetworkTracker(scenario)
        self._seed = seed
        return self.advance(self._interval_ms)

    def apply(self, change: Change) -> None:
        """Apply a change now."""
        tracker = self._running()
        with self._closing():
            tracker.apply(change)

    def advance(self, duration_ms: int) -> Interval:
        """Predict the next interval."""
        tracker = self._running()
        with self._closing():
            return self._next(tracker, duration_ms)

    def _next(self, tracker: NetworkTracker, duration_ms: int) -> Interval:
        if duration_ms != self._interval_ms:
            raise SimulatorError(
                f"the experiment model advances by {self._interval_ms} ms, not {duration_ms}"
            )
        context = tracker.begin_interval(duration_ms)
        asked = [] if context.at_rest else questions(tracker, context)
        answers = self._answers(asked, self._quantiles(asked, context.start_ms)) if asked else ()
        interval = next_interval(tracker, context, asked, answers)
        tracker.end_interval(context, interval)
        return interval

    def close(self) -> None:
        """Forget the network."""
        self._tracker = None

    def fork(self) -> Self:
        """An independent copy of the running network, which asks the same language model."""
        tracker = self._running()
        # the scenario and measured intervals never change, and are most of a tracker
        shared = {id(one): one for one in (tracker.scenario, *tracker.history)}
        other = copy.copy(self)
        other._tracker = copy.deepcopy(tracker, shared)
        return other

    # ------------------------------------------------------------------ inside
    @contextmanager
    def _closing(self) -> Generator[None, None, None]:
        """Close the network after a `SimulatorError`."""
        try:
            yield
        except SimulatorError:
            self.close()
            raise

    def _running(self) -> NetworkTracker:
        if self._tracker is None:
            raise SimulatorError("no network is running: call reset first")
        return self._tracker

    def _quantiles(self, asked: Sequence[Question], start_ms: int) -> list[list[float]]:
        """Quantiles of all words. They depend on seed, time and subject alone, so that forks sample alike."""
        if not self._sampled:
            return [[MEDIAN] * len(question.blanks) for question in asked]
        return [
            np.random.default_rng(
                [
                    self._seed,
                    start_ms + _LONGEST_MS,
                    zlib.crc32(f"{question.kind} {question.subject}".encode()),
                ]
            )
            .random(len(question.blanks))
            .tolist()
            for question in asked
        ]
