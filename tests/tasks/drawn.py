"""Generated tasks, and an agent with scripted calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.splits import Split
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.build.generate import TaskGenerator
from sixgym.tasks.record import BenchTask, Domain, Tier

LOOK = ToolCall(tool="check_network_state", arguments={})
MOST_NUMBERS = 40


@dataclass(frozen=True)
class ScriptedAgent:
    """An agent that makes its calls in order, then answers."""

    calls: tuple[ToolCall, ...]
    answer: str
    name: str = "scripted"

    def act(self, observation: Observation) -> Turn:
        step = len(observation.history)
        return Turn(call=self.calls[step]) if step < len(self.calls) else Turn(answer=self.answer)


@lru_cache(maxsize=1)
def network() -> SimulatedBackend:
    """The fast network, shared by all tests of a process."""
    return SimulatedBackend(make_simulator("tti"))


@lru_cache(maxsize=256)
def drawn(domain: Domain, tier: Tier, number: int, split: Split = "held_out") -> BenchTask:
    return TaskGenerator(network()).draw(domain, tier, number, split=split)


@lru_cache(maxsize=32)
def made_of(domain: Domain, tier: Tier, *parts: str) -> BenchTask:
    """The first task of a domain and tier with exactly these parts, in any order."""
    for number in range(MOST_NUMBERS):
        task = drawn(domain, tier, number)
        if sorted(task.parts) == sorted(parts):
            return task
    raise LookupError(f"no {tier} task of {domain} is made of {parts}")


@lru_cache(maxsize=32)
def containing(domain: Domain, tier: Tier, part: str) -> BenchTask:
    """The first task of a domain and tier with a part."""
    for number in range(MOST_NUMBERS):
        task = drawn(domain, tier, number)
        if part in task.parts:
            return task
    raise LookupError(f"no {tier} task of {domain} has the part {part}")


def call(tool: str, **arguments: object) -> ToolCall:
    return ToolCall.model_validate({"tool": tool, "arguments": arguments})


def attempt(task: BenchTask, calls: Sequence[ToolCall], answer: str = "Done.") -> Episode:
    return rollout(Environment(network()), ScriptedAgent(tuple(calls), answer), task.task)


def succeeds(task: BenchTask, calls: Sequence[ToolCall], answer: str = "Done.") -> bool:
    return judge(attempt(task, calls, answer)).success


def honestly_solved(task: BenchTask) -> bool:
    """Whether the reference solution succeeds: without it, a failed attack shows nothing."""
    return succeeds(task, task.reference, task.reference_answer)
