"""A floor: an agent that calls every tool."""

import random
from dataclasses import dataclass

from sixgym.agents.rules.arguments import draw_arguments
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tools.base import CATALOG


@dataclass(frozen=True, slots=True)
class SpamAgent:
    """Calls all tools in the order of the catalog with plausible arguments, then starts again."""

    seed: int
    name: str = "spam"

    def act(self, observation: Observation) -> Turn:
        """A call of the next tool."""
        step = len(observation.history)
        tools = list(CATALOG.values())
        tool = tools[step % len(tools)]
        rng = random.Random(f"{self.seed}/{step}")
        arguments = draw_arguments(tool, observation, rng)
        thought = f"tool {step % len(tools) + 1} of {len(tools)}"
        return Turn(thought=thought, call=ToolCall(tool=tool.name, arguments=arguments))
