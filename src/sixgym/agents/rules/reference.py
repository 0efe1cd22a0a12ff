"""The ceiling: an agent that knows the reference solution of its task."""

from dataclasses import dataclass

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tasks.record import BenchTask


@dataclass(frozen=True, slots=True)
class ReferenceAgent:
    """Makes the calls of a reference solution in order, then gives its answer. What it misses is unsolved."""

    calls: tuple[ToolCall, ...]
    answer: str
    name: str = "reference"

    def act(self, observation: Observation) -> Turn:
        """The next call of the solution."""
        step, length = len(observation.history), len(self.calls)
        if step < length:
            return Turn(thought=f"call {step + 1} of {length}", call=self.calls[step])
        return Turn(thought="the solution is at its end", answer=self.answer)


def reference_agent(task: BenchTask) -> ReferenceAgent:
    """The agent that solves this task."""
    return ReferenceAgent(task.reference, task.reference_answer)
