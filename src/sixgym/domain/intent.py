"""What the operator wants: intent in words, goal as targets on measured state (TS 28.312)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sixgym.domain.base import Name, Record
from sixgym.domain.slices import SlaSpec, SliceType

Metric = Literal[
    "latency_ms",
    "latency_p95_ms",
    "jitter_ms",
    "loss_ratio",
    "throughput_mbps",
    "task_latency_ms",
    "edge_load",
    "traffic_share",
]
"""What a target may be about. `traffic_share` is the share of a group's normal load that it is allowed to
offer: a service that has been switched off has no latency to violate."""


class Target(Record):
    """One expectation target (TS 28.312 clause 6.2.1.3) on a group, a slice or an edge node's load."""

    metric: Metric
    condition: Literal["IS_LESS_THAN", "IS_GREATER_THAN"]
    value: float
    group: Name | None = Field(default=None, description="measured on this group's own packets or tasks")
    slice: SliceType | None = Field(default=None, description="or on all packets of this slice")

    @model_validator(mode="after")
    def _has_one_object(self) -> Self:
        objects = (self.group is not None) + (self.slice is not None)
        if self.metric == "edge_load":
            if objects:
                raise ValueError("edge_load belongs to the home edge node; name neither group nor slice")
        elif objects != 1:
            raise ValueError(f"{self.metric} needs either group or slice")
        if self.metric in ("task_latency_ms", "traffic_share") and self.group is None:
            raise ValueError(f"{self.metric} is measured per group")
        return self

    def met_by(self, measured: float) -> bool:
        """Whether a measured value satisfies the target."""
        if self.condition == "IS_LESS_THAN":
            return measured < self.value
        return measured > self.value


class Goal(Record):
    """When the intent counts as fulfilled, decided from recorded measurements alone.

    Over the last `window` intervals of the task, each target has to hold in at least `share` of the
    intervals. The network runs on to the end of the task after the agent has stopped, so a goal
    cannot be met by stopping early.
    """

    targets: Annotated[tuple[Target, ...], Field(min_length=1)]
    window: Annotated[int, Field(ge=1)] = 10
    share: Annotated[float, Field(gt=0, le=1)] = 0.9


class TaskTemplate(Record):
    """Something an operator may ask for in a scenario."""

    id: Name
    intent: Annotated[str, Field(min_length=1, max_length=2_000)] = Field(
        description="in the operator's words"
    )
    sla: SlaSpec = Field(description="the service level the intent refers to, as the agent is told it")
    goal: Goal
    max_steps: Annotated[int, Field(ge=1, le=1_000)] = Field(description="tool calls the agent may make")
    horizon: Annotated[int, Field(ge=1, le=10_000)] = Field(description="intervals the task lasts")

    @model_validator(mode="after")
    def _window_follows_the_agent(self) -> Self:
        if self.goal.window > self.horizon:
            raise ValueError(f"goal.window {self.goal.window} is longer than horizon {self.horizon}")
        if self.max_steps > self.horizon:
            raise ValueError(
                f"max_steps {self.max_steps} exceeds horizon {self.horizon}: a call takes an interval"
            )
        return self
