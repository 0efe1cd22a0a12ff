"""A task of 6GAgentBench: an operator's intent, how to judge it, and one solution that works."""

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
"""Most calls of a tier's reference solutions (6GAgentGym section III-D: L2 is 4 to 7)."""


class BenchTask(Record):
    """A task with its place in the benchmark.

    Attributes:
        task: What an agent works on; `task.id` is unique in a set.
        tier: By the length of the reference solution.
        domain: What it is mainly about.
        parts: The kinds of trouble it is made of.
        split: Which topology seeds it is from.
        reference: Calls that fulfil the intent, in order.
        reference_answer: The final answer that goes with them; needed where the goal asks for one.
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
        """What a listing shows."""
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
