"""The interface of agents."""

from typing import Protocol, runtime_checkable

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Turn


@runtime_checkable
class Agent(Protocol):
    """A policy without state: all its memory is the history in the observation."""

    @property
    def name(self) -> str:
        """Name for the record."""
        ...

    def act(self, observation: Observation) -> Turn:
        """The next turn: a call, or a final answer."""
        ...


@runtime_checkable
class TriesAgain(Protocol):
    """An agent that learns that an attempt failed, and makes another attempt."""

    def look_back(self, episode: Episode, *, success: bool) -> "tuple[Turn, Agent] | None":
        """A reflection on an attempt and the agent of the next attempt; None for no further attempt.

        Args:
            episode: The attempt, after the network has run out.
            success: Whether the intent was fulfilled.
        """
        ...
