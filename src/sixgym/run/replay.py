"""A recorded episode played again: on another network, or on its own intervals for the changes it made.

`replay` makes the calls and the answer of an episode on another network. A replay reacts to nothing: what
comes back from its calls may differ from what the agent saw, and a call that was carried out may be refused.
The calls are made all the same, and the outcome is graded.

`recorded_changes` makes the calls on the recorded intervals, to learn what they changed in the network.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.base import Record
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.run.rollout import rollout

Changes = tuple[Change, ...]
"""Changes before an interval, in order."""


class ReplayError(RuntimeError):
    """An episode cannot be played again, for instance because another version of the tools recorded it."""


# ---------------------------------------------------------------------- on another network
class Script(Record):
    """The turns of an agent in an episode, without what came back.

    Attributes:
        calls: Tool calls of the agent, in order.
        answer: Final answer of the agent; None where the budget ran out first.
    """

    calls: tuple[ToolCall, ...]
    answer: str | None

    @classmethod
    def of(cls, episode: Episode) -> Self:
        """The turns of the agent in a finished episode.

        Raises:
            ValueError: the episode broke off on our side, so the rest of the turns is unknown.
        """
        if episode.infrastructure_failure is not None:
            raise ValueError(f"episode {episode.id} broke off: {episode.infrastructure_failure}")
        return cls(
            calls=tuple(step.turn.call for step in episode.steps if step.turn.call is not None),
            answer=episode.answer,
        )

    @property
    def sha256(self) -> str:
        """Checksum of calls and answer."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ReplayAgent:
    """An agent that makes the calls of a script, whatever comes back.

    Attributes:
        name: Name of the agent that made the calls first.
        script: The script.
    """

    name: str
    script: Script

    def act(self, observation: Observation) -> Turn:
        """The next turn of the script. A script without an answer ends with a call beyond the budget.

        Raises:
            ValueError: the script has neither another call nor an answer, and the budget is not spent.
        """
        step, calls = len(observation.history), self.script.calls
        if step < len(calls):
            return Turn(thought=f"call {step + 1} of {len(calls)}, replayed", call=calls[step])
        if self.script.answer is not None:
            return Turn(thought="the answer, replayed", answer=self.script.answer)
        if observation.steps_left > 0 or not calls:
            raise ValueError(f"the script of {self.name} ends after {len(calls)} calls without an answer")
        return Turn(thought="no answer was given", call=calls[-1])


def replay(environment: Environment, original: Episode) -> Episode:
    """The calls and the answer of a stored episode on the environment's network.

    Returns:
        An episode of the same task and agent. Its id names the original and the network.

    Raises:
        ValueError: the original broke off.
    """
    episode = rollout(environment, ReplayAgent(original.agent, Script.of(original)), original.task)
    return episode.model_copy(update={"id": replay_id(original.id, episode.backend.name)})


def replay_id(original: str, network: str) -> str:
    """Id of the replay of an episode on a network."""
    return f"{original}-on-{network}"


# ---------------------------------------------------------------------- on the recorded intervals
def measured_intervals(episode: Episode) -> list[Interval]:
    """The measured intervals of an episode: the interval before the first call, then one for every call."""
    assert episode.initial_interval is not None  # an episode with steps has begun
    return [episode.initial_interval, *(step.interval for step in episode.steps)]


def recorded_changes(episode: Episode) -> list[Changes]:
    """The changes of the network before each recorded interval of an episode.

    Raises:
        ReplayError: a tool of this version refuses a call that was carried out, or the other way round.
    """
    network = _RecordedIntervals(measured_intervals(episode))
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


class _RecordedIntervals:
    """A simulator that returns the intervals of an episode and keeps the changes.

    Attributes:
        changes: Changes before each interval.
    """

    name = "recorded"
    version = "0"

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self.changes: list[Changes] = []
        self._intervals = iter(intervals)
        self._next: list[Change] = []

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The first interval."""
        return self.advance(scenario.decision_interval_ms)

    def apply(self, change: Change) -> None:
        """Keep the change."""
        self._next.append(change)

    def advance(self, duration_ms: int) -> Interval:
        """The next interval."""
        self.changes.append(tuple(self._next))
        self._next.clear()
        return next(self._intervals)

    def close(self) -> None:
        """Nothing runs."""
