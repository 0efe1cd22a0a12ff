"""A recorded episode played again through the tools, to learn what they changed in its network."""

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode

Changes = tuple[Change, ...]
"""What was changed before an interval, in order."""


class ReplayError(RuntimeError):
    """An episode cannot be played again, as one that another version of the tools has made."""


def measured_intervals(episode: Episode) -> list[Interval]:
    """What was measured: before the first call, then during each."""
    assert episode.initial_interval is not None  # what has steps has begun
    return [episode.initial_interval, *(step.interval for step in episode.steps)]


def recorded_changes(episode: Episode) -> list[Changes]:
    """What was changed in the network before each of its recorded intervals.

    Raises:
        ReplayError: the tools of this version do not do what they did when it was recorded.
    """
    network = _Recorded(measured_intervals(episode))
    backend = SimulatedBackend(network)
    backend.reset(episode.task.scenario, seed=episode.task.seed)
    for step in episode.steps:
        call = step.turn.call
        assert call is not None  # a step is a turn that made a call
        if backend.execute(call).outcome.ok != step.outcome.ok:
            raise ReplayError(
                f"{episode.id}, step {step.index}: {call.tool} was "
                f"{'carried out' if step.outcome.ok else 'refused'} and is not now; it is of another version "
                "of the tools: record it again"
            )
    return network.changes


class _Recorded:
    """Answers with the intervals of an episode, and keeps what it is told to change."""

    name = "recorded"
    version = "0"

    def __init__(self, intervals: list[Interval]) -> None:
        self._left = iter(intervals)
        self._changing: list[Change] = []
        self.changes: list[Changes] = []

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The first interval."""
        return self.advance(scenario.decision_interval_ms)

    def apply(self, change: Change) -> None:
        """Keep it."""
        self._changing.append(change)

    def advance(self, duration_ms: int) -> Interval:
        """The next interval."""
        self.changes.append(tuple(self._changing))
        self._changing.clear()
        return next(self._left)

    def close(self) -> None:
        """Nothing runs."""
