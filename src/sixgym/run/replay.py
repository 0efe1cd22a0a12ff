"""Doing again on another network what an agent did on one: the same task, the same calls, the same answer.

A replay reacts to nothing. What comes back from its calls may differ from what the agent saw, and a call
that was carried out may be refused; the calls are made all the same, and the outcome is graded.
"""

import hashlib
from dataclasses import dataclass
from typing import Self

from sixgym.domain.base import Record
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.run.rollout import rollout


class Script(Record):
    """What an agent did in an episode, without what came back.

    Attributes:
        calls: Its tool calls, in order.
        answer: Its final answer; None where the budget ran out first.
    """

    calls: tuple[ToolCall, ...]
    answer: str | None

    @classmethod
    def of(cls, episode: Episode) -> Self:
        """What the agent did in a finished episode.

        Raises:
            ValueError: our side broke, so nobody knows what the agent would have done.
        """
        if episode.infrastructure_failure is not None:
            raise ValueError(f"episode {episode.id} broke off: {episode.infrastructure_failure}")
        return cls(
            calls=tuple(step.turn.call for step in episode.steps if step.turn.call is not None),
            answer=episode.answer,
        )

    @property
    def sha256(self) -> str:
        """Equal for equal calls and answers."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ReplayAgent:
    """Makes the calls of a script whatever happens, under the name of whoever made them first."""

    name: str
    script: Script

    def act(self, observation: Observation) -> Turn:
        """The next turn of the script; one without an answer goes on with calls, which end the episode.

        Raises:
            ValueError: there is neither another call nor an answer, and the budget is not spent.
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
        An episode of the same task and agent; its id names the original and the network.

    Raises:
        ValueError: the original broke off.
    """
    episode = rollout(environment, ReplayAgent(original.agent, Script.of(original)), original.task)
    return episode.model_copy(update={"id": replay_id(original.id, episode.backend.name)})


def replay_id(original: str, network: str) -> str:
    """Name of a replay: whose, and where."""
    return f"{original}-on-{network}"
