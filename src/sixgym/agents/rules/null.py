"""The floor: an agent that does nothing."""

from dataclasses import dataclass

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn


@dataclass(frozen=True, slots=True)
class NullAgent:
    """Answers at once. Its score is the score of a task without any action."""

    name: str = "null"

    def act(self, observation: Observation) -> Turn:
        """An answer, whatever the observation."""
        return Turn(thought="nothing to do", answer="No action taken.")
