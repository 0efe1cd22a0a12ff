"""The row of a graded episode, with all that tables, intervals and comparisons need."""

from typing import Annotated

from pydantic import Field

from sixgym.domain.base import NonNegative, Record

Count = Annotated[int, Field(ge=0)]

GRADER = 1
"""Version of the grading rules. A change that may change a verdict raises the version."""


class Result(Record):
    """An episode of the benchmark, graded.

    Attributes:
        task, tier, domain: Id of the task, and the tier and domain of the task.
        trial: Number of the trial, 0 for the first attempt of the agent at the task.
        agent: Name of the agent.
        network: Name and version of the network.
        success: Whether the goal was met; False with an infrastructure failure.
        infrastructure_failure: Reason why the episode broke off on our side; None if it did not.
        calls: Number of tool calls.
        refused: Number of tool calls that returned an error.
        reference_calls: Number of calls in the task's reference solution.
        violations: Number of intervals in which a safety constraint did not hold, summed over constraints.
        tokens: Prompt and completion tokens; None without a language model.
        cost_usd: Cost of the tokens in US dollars; None if no price is known.
        agent_s, world_s: Wall-clock seconds in the agent and in the network. They are not reproducible.
        grader: Version of the grading rules.
    """

    task: str
    tier: str
    domain: str
    trial: Count = 0
    agent: str
    network: str
    success: bool
    infrastructure_failure: str | None = None
    calls: Count
    refused: Count
    reference_calls: Annotated[int, Field(ge=1)]
    violations: Count = 0
    tokens: Count | None = None
    cost_usd: NonNegative | None = None
    agent_s: NonNegative = 0.0
    world_s: NonNegative = 0.0
    grader: int = GRADER

    @property
    def key(self) -> tuple[str, int]:
        """The task and the trial. A run holds one result for each key."""
        return self.task, self.trial
