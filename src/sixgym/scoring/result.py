"""One graded episode in one row: all that tables, intervals and comparisons need."""

from typing import Annotated

from pydantic import Field

from sixgym.domain.base import NonNegative, Record

Count = Annotated[int, Field(ge=0)]

GRADER = 1
"""Version of the grading rules; a change that may turn a verdict raises it."""


class Result(Record):
    """An episode of the benchmark, graded.

    Attributes:
        task, tier, domain: Which task, and where it belongs.
        trial: 0 for the first attempt of this agent at this task.
        agent, network: Who worked, on what (name and version).
        success: Whether the goal was met. False where `infrastructure_failure`.
        infrastructure_failure: What broke on our side, if something did.
        calls: Tool calls made.
        refused: Those of them that came back with an error.
        reference_calls: Length of the task's reference solution.
        violations: Intervals in which a safety constraint did not hold, over all constraints.
        tokens: Prompt and completion tokens; None where no language model was asked.
        cost_usd: What they cost in US dollars; None where nobody knows.
        agent_s, world_s: Wall-clock seconds of thinking and of executing. Not reproducible.
        grader: Version of the rules it was graded by.
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
        """What a run holds one result of: a task and a trial."""
        return self.task, self.trial
