"""What an agent is."""

from typing import Protocol, runtime_checkable

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Turn


@runtime_checkable
class Agent(Protocol):
    """A policy. Stateless: what it remembers is in the observation's history."""

    @property
    def name(self) -> str:
        """Name for the record."""
        ...

    def act(self, observation: Observation) -> Turn:
        """The next turn: a call, or a final answer."""
        ...


@runtime_checkable
class TriesAgain(Protocol):
    """An agent that learns of a failed attempt and makes another."""

    def look_back(self, episode: Episode, *, success: bool) -> "tuple[Turn, Agent] | None":
        """What it says about an attempt, and the agent of the next one; None if it leaves it at that.

        Args:
            episode: The attempt, to its end.
            success: Whether the intent was fulfilled.
        """
        ...
