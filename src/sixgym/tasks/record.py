"""A task of 6GAgentBench: an operator's intent, the goal to judge it by, and a reference solution."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from sixgym.domain.base import Name, Record
from sixgym.domain.splits import Split
from sixgym.episodes.episode import Task, ToolCall

Tier = Literal["L1", "L2", "L3"]
TIERS: tuple[Tier, ...] = ("L1", "L2", "L3")

Domain = Literal[
    "network-slicing",
    "edge-offloading",
    "uav-control",
    "degradation-recovery",
    "multi-agent-coordination",
]
DOMAINS: tuple[Domain, ...] = (
    "network-slicing",
    "edge-offloading",
    "uav-control",
    "degradation-recovery",
    "multi-agent-coordination",
)
"""The five evaluation domains of 6GAgentGym, section IV-A2."""

LONGEST_L1, LONGEST_L2 = 3, 7
"""Largest number of calls in a reference solution of each tier (6GAgentGym section III-D: L2 is 4 to 7)."""


class BenchTask(Record):
    """A task with its place in the benchmark.

    Attributes:
        task: The task for an agent; `task.id` is unique in a set.
        tier: Tier by the length of the reference solution.
        domain: Main subject of the task.
        parts: Names of the parts that the task consists of, see `sixgym.tasks.parts.catalogue`.
        split: Split of the topology seed.
        reference: Reference solution: calls that fulfil the intent, in order.
        reference_answer: Final answer of the reference solution, for goals that ask a question.
    """

    task: Task
    tier: Tier
    domain: Domain
    parts: tuple[Name, ...]
    split: Split
    reference: Annotated[tuple[ToolCall, ...], Field(min_length=1)]
    reference_answer: str = "Done."

    @property
    def facts(self) -> dict[str, JsonValue]:
        """The columns of a listing."""
        return {
            "id": self.task.id,
            "tier": self.tier,
            "domain": self.domain,
            "scenario": self.task.scenario.name,
            "seed": self.task.scenario.topology_seed,
            "reference_calls": len(self.reference),
            "max_steps": self.task.max_steps,
            "intent": self.task.intent,
        }


def tier_of(calls: int) -> Tier:
    """The tier of a task whose reference solution makes that many calls."""
    if calls <= LONGEST_L1:
        return "L1"
    return "L2" if calls <= LONGEST_L2 else "L3"
