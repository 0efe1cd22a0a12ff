"""Intents of the operator: words, and a goal as targets on measured state (TS 28.312)."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sixgym.domain.base import Name, Record
from sixgym.domain.geometry import Position
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
    "distance_m",
    "altitude_m",
    "battery_percent",
    "separation_m",
    "breaches",
]
"""Metrics of targets.

`traffic_share` is the share of a group's normal load that the group may offer: a service that
has been switched off has no latency to violate. `distance_m` is the distance of a UAV from a place,
`separation_m` the smallest distance between two UAVs of a group, `breaches` the number of UAVs that break a
geofence.
"""

Condition = Literal["IS_LESS_THAN", "IS_GREATER_THAN"]

_FLOW_METRICS = ("latency_ms", "latency_p95_ms", "jitter_ms", "loss_ratio", "throughput_mbps")
_OBJECTS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(_FLOW_METRICS, ("group", "slice", "device")),
    "task_latency_ms": ("group",),
    "traffic_share": ("group",),
    "separation_m": ("group",),
    "distance_m": ("device",),
    "altitude_m": ("device",),
    "battery_percent": ("device",),
    "edge_load": (),
    "breaches": (),
}


class Measurand(Record):
    """A metric of one object, measured in every interval."""

    metric: Metric
    group: Name | None = Field(default=None, description="measured on this group's own packets or tasks")
    slice: SliceType | None = Field(default=None, description="or on all packets of this slice")
    device: Name | None = Field(default=None, description="or on this UAV's")
    place: Position | None = Field(default=None, description="from where distance_m is measured")

    @model_validator(mode="after")
    def _has_its_object(self) -> Self:
        allowed = _OBJECTS[self.metric]
        named = [key for key in ("group", "slice", "device") if vars(self)[key] is not None]
        if not allowed and named:
            raise ValueError(f"{self.metric} is about the whole network; leave {named[0]} out")
        if allowed and (len(named) != 1 or named[0] not in allowed):
            raise ValueError(f"{self.metric} is measured per {' or '.join(allowed)}; name exactly one")
        if (self.place is not None) != (self.metric == "distance_m"):
            raise ValueError("distance_m needs a place, and nothing else has one")
        return self


class Target(Measurand):
    """One expectation target (TS 28.312 clause 6.2.1.3)."""

    condition: Condition
    value: float

    def met_by(self, measured: float) -> bool:
        """Whether a measured value satisfies the target."""
        if self.condition == "IS_LESS_THAN":
            return measured < self.value
        return measured > self.value


class Duty(Record):
    """A record that one UAV has to have when the task ends, and that no UAV without such a duty may have.

    So a warning to all UAVs does not count as a warning to the right one.
    """

    kind: Literal["task", "alert", "sensor"]
    uav: Name
    item: Name = Field(description="id of the task, type of the alert or of the sensor")


class Answer(Record):
    """The required content of the agent's final answer: a name, a number, or both.

    The number is either a fact of the network, `number`, or a recent measurement, `measured`: then any value
    between the lowest and the highest of the last `window` intervals before the answer is right.
    """

    name: Name | None = None
    candidates: tuple[Name, ...] = Field(default=(), description="names it could have been, `name` included")
    number: float | None = None
    measured: Measurand | None = None
    window: Annotated[int, Field(ge=1)] = 8
    tolerance: Annotated[float, Field(ge=0)] = Field(default=0.0, description="in the number's own unit")

    @model_validator(mode="after")
    def _asks_for_something(self) -> Self:
        if self.number is not None and self.measured is not None:
            raise ValueError("the number is either a fact or a measurement; give number or measured")
        if self.name is None and self.number is None and self.measured is None:
            raise ValueError("the answer needs a name, a number or something measured")
        if self.name is not None and self.name not in self.candidates:
            raise ValueError(f"candidates has to hold {self.name}")
        return self


class Goal(Record):
    """The conditions under which an intent counts as fulfilled, decided from recorded measurements alone.

    Each target has to hold in at least `share` of the last `window` intervals of the task. The network runs
    on to the end of the task after the agent has stopped, so an agent cannot meet a goal by stopping early.
    Constraints are about safety: they have to hold in every interval.
    """

    targets: tuple[Target, ...] = ()
    window: Annotated[int, Field(ge=1)] = 10
    share: Annotated[float, Field(gt=0, le=1)] = 0.9
    constraints: tuple[Target, ...] = ()
    duties: tuple[Duty, ...] = ()
    answer: Answer | None = None

    @model_validator(mode="after")
    def _wants_something(self) -> Self:
        if not self.targets and not self.duties and self.answer is None:
            raise ValueError("a goal needs targets, duties or an answer: without one anything fulfils it")
        return self


class TaskTemplate(Record):
    """A task that an operator may give in a scenario."""

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
