"""The chance level: an agent that draws its calls."""

import random
from dataclasses import dataclass

from sixgym.agents.rules.arguments import draw_arguments
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tools.base import CATALOG


@dataclass(frozen=True, slots=True)
class RandomAgent:
    """Draws a tool and schema-valid arguments each step; never answers.

    The draw depends on the seed and the number of steps made, so the agent keeps no state.
    """

    seed: int
    name: str = "random"

    def act(self, observation: Observation) -> Turn:
        """A call of a tool chosen with equal probability."""
        rng = random.Random(f"{self.seed}/{len(observation.history)}")
        tool = CATALOG[rng.choice(list(CATALOG))]
        arguments = draw_arguments(tool, observation, rng)
        return Turn(thought="drawn at random", call=ToolCall(tool=tool.name, arguments=arguments))
