"""The upper bound: an agent that knows the reference solution of its task."""

from dataclasses import dataclass

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tasks.record import BenchTask

REFERENCE = "reference"
"""Name of the agent, as a user types it."""


@dataclass(frozen=True, slots=True)
class ReferenceAgent:
    """An agent that makes the calls of a reference solution in order, then gives the solution's answer.

    A task that this agent misses has no known solution on that network.
    """

    calls: tuple[ToolCall, ...]
    answer: str
    name: str = REFERENCE

    def act(self, observation: Observation) -> Turn:
        """The next call of the solution."""
        step, length = len(observation.history), len(self.calls)
        if step < length:
            return Turn(thought=f"call {step + 1} of {length}", call=self.calls[step])
        return Turn(thought="the solution is at its end", answer=self.answer)


def reference_agent(task: BenchTask) -> ReferenceAgent:
    """The agent with the reference solution of a task."""
    return ReferenceAgent(task.reference, task.reference_answer)
