"""What an agent is."""

from typing import Protocol, runtime_checkable

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn


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
