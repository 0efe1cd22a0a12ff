"""Values that travel between tools: what one returns and another takes, or what a caller writes down.

Records that only ever come back as an answer are in `replies`.
"""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sixgym.domain.base import Name, NonNegative, Positive, Ratio, Record
from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.mission import MissionLog, TaskSpec
from sixgym.domain.slices import NetworkState, SliceType

UavId = Name
GnbId = Name

BatteryPercent = Annotated[float, Field(ge=0, le=100)]
SpeedMps = Annotated[float, Field(ge=0.1, le=40)]
MassKg = Annotated[float, Field(ge=0.1, le=50)]
Velocity = tuple[
    Annotated[float, Field(ge=-60, le=60)],
    Annotated[float, Field(ge=-60, le=60)],
    Annotated[float, Field(ge=-60, le=60)],
]


class SensorType(StrEnum):
    """Payload sensors a UAV may carry; their power is `domain.flight.SENSOR_POWER_W`."""

    CAMERA = "camera"
    THERMAL = "thermal"
    LIDAR = "lidar"
    GAS = "gas"
    MICROPHONE = "microphone"


class AlertType(StrEnum):
    """What a UAV can be warned of."""

    LOW_BATTERY = "low_battery"
    LINK_DEGRADED = "link_degraded"
    SLA_VIOLATION = "sla_violation"
    GEOFENCE_BREACH = "geofence_breach"
    COLLISION_RISK = "collision_risk"
    RETURN_TO_BASE = "return_to_base"
    MISSION_ABORT = "mission_abort"


# ---------------------------------------------------------------------- telemetry and risk
Severity = Literal["CRITICAL", "MAJOR", "MINOR", "WARNING"]
"""perceivedSeverity of TS 28.532 clause 11.2."""

AlarmKind = Literal[
    "sla_latency",
    "sla_jitter",
    "sla_loss",
    "sla_throughput",
    "sla_edge_load",
    "slice_congested",
    "cell_outage",
    "cell_power_low",
    "backhaul_degraded",
    "node_saturated",
    "handover_failed",
    "better_cell",
    "weak_link",
    "low_battery",
    "heartbeat_lost",
    "geofence_breach",
    "proximity",
]


class Alarm(Record):
    """A threshold that a measurement has crossed."""

    kind: AlarmKind
    severity: Severity
    subject: str = Field(description="slice, group, cell, node or UAV it is about", max_length=64)
    related: str | None = Field(
        default=None, description="another name that matters, such as the better cell", max_length=64
    )
    measured: float
    limit: float = Field(description="the bound that was crossed, in the same unit")


class UavTelemetry(Record):
    """A UAV as last reported."""

    uav: UavId
    position: Position
    velocity_mps: Velocity = Field(default=(0.0, 0.0, 0.0), description="east, north, up")
    battery_percent: BatteryPercent
    gnb: GnbId = Field(description="serving cell")
    sinr_db: float
    handover: str = Field(default="IDLE", description="state of its last handover")
    waypoints_left: Annotated[int, Field(ge=0)] = 0
    tasks: tuple[Name, ...] = ()
    inbox: tuple[str, ...] = Field(default=(), description="messages to it, oldest first")


class TelemetryState(Record):
    """The fleet and its network at one moment."""

    network: NetworkState
    uavs: tuple[UavTelemetry, ...] = Field(default=(), max_length=256)
    alarms: tuple[Alarm, ...] = Field(default=(), max_length=512, description="worst first")
    geofences: tuple[GeofenceSpec, ...] = Field(default=(), max_length=64)
    mission: MissionLog = Field(default=MissionLog(), description="what the mission has achieved so far")
    mission_version: Annotated[int, Field(ge=0)] = 0


class RiskDriver(Record):
    """An alarm's share in a risk."""

    kind: AlarmKind
    subject: str = Field(max_length=64)
    related: str | None = Field(default=None, max_length=64)
    weight: Ratio = Field(description="risk if it were the only alarm")


class RiskScore(Record):
    """How likely the service is to fail, and why."""

    score: Ratio
    level: Literal["LOW", "MEDIUM", "HIGH"]
    drivers: tuple[RiskDriver, ...] = Field(default=(), max_length=512, description="heaviest first")


# ---------------------------------------------------------------------- intent
class IntentTarget(Record):
    """What the operator expects of one dimension of the network state (TS 28.312 expectationTarget)."""

    metric: Literal["latency_ms", "jitter_ms", "loss_ratio", "throughput_mbps", "edge_load"]
    condition: Literal["IS_LESS_THAN", "IS_GREATER_THAN"]
    value: NonNegative


class Intent(Record):
    """An operator's intent: words, targets, and whom it is for."""

    text: Annotated[str, Field(max_length=2_000)] = ""
    targets: Annotated[tuple[IntentTarget, ...], Field(max_length=16)] = ()
    beneficiaries: Annotated[tuple[Name, ...], Field(max_length=64)] = Field(
        default=(), description="UAVs or groups that the intent is meant to serve"
    )


# ---------------------------------------------------------------------- compute
class NodeLoad(Record):
    """A place where compute tasks can run."""

    node: Name
    kind: Literal["edge", "cloud", "onboard"]
    load: Ratio = Field(description="busy share of the last interval")
    queue: Annotated[int, Field(ge=0, le=1_000_000)] = Field(default=0, description="tasks waiting")
    refused: Annotated[int, Field(ge=0)] = Field(default=0, description="tasks turned away for a full queue")
    megacycles_per_s: Annotated[float, Field(ge=1e-3, le=1e9)]
    round_trip_ms: NonNegative = Field(default=0.0, description="cell to node and back, without the radio")


class WorkloadStatus(Record):
    """The compute tasks of a group: what one costs, where they run, how long they take."""

    task: TaskSpec
    runs_on: Name
    task_latency_ms: NonNegative = Field(description="measured from creation to answer")
    completed: Annotated[int, Field(ge=0)]


class EdgeLoad(Record):
    """Load of all compute nodes."""

    nodes: Annotated[tuple[NodeLoad, ...], Field(max_length=64)]
    home: Name | None = Field(default=None, description="the node whose load is the state's edge_load")
    workloads: Annotated[tuple[WorkloadStatus, ...], Field(max_length=64)] = ()


class OffloadTarget(Record):
    """Where to run tasks. The name alone is enough; `onboard` means the devices themselves."""

    node: Name
    expected_latency_ms: NonNegative | None = None
    meets_deadline: bool | None = None


# ---------------------------------------------------------------------- flight
class Waypoints(Record):
    """A route of straight legs. `path_planning` puts the start first and fills in the figures."""

    points: Annotated[tuple[Position, ...], Field(min_length=1, max_length=64)]
    length_m: NonNegative | None = None
    worst_sinr_db: float | None = Field(default=None, description="weakest predicted SINR on the way")


class BatteryLevel(Record):
    """Energy of a UAV's battery."""

    uav: UavId | None = None
    energy_j: Annotated[float, Field(ge=0, le=1e9)]
    capacity_j: Annotated[float, Field(ge=1, le=1e9)]
    percent: BatteryPercent | None = None
    power_w: NonNegative | None = Field(default=None, description="drawn over the last interval")
    endurance_s: NonNegative | None = Field(default=None, description="until empty at that power")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.energy_j > self.capacity_j:
            raise ValueError(f"energy_j {self.energy_j:g} exceeds capacity_j {self.capacity_j:g}")
        return self


class SwarmMember(Record):
    """An aircraft nearby."""

    uav: UavId
    position: Position
    velocity_mps: Velocity = Field(default=(0.0, 0.0, 0.0), description="east, north, up")


class SwarmState(Record):
    """Where the aircraft around are."""

    members: Annotated[tuple[SwarmMember, ...], Field(max_length=64)]


class SwarmSpec(Record):
    """A formation."""

    uavs: Annotated[tuple[UavId, ...], Field(min_length=1, max_length=32)]
    shape: Literal["line", "ring", "grid", "wedge"]
    spacing_m: Annotated[float, Field(ge=1, le=500)] = Field(description="between neighbours")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.uavs)) < len(self.uavs):
            raise ValueError("uavs names a UAV twice; name each member once")
        return self


# ---------------------------------------------------------------------- messages and mitigation
class DecisionRecord(Record):
    """A line for the mission log."""

    kind: Literal["diagnosis", "decision", "task_completed", "note"] = "decision"
    text: Annotated[str, Field(min_length=1, max_length=500)] = Field(
        description="for task_completed the id of the task"
    )
    uav: UavId | None = Field(default=None, description="the UAV it concerns")


class StatusMessage(Record):
    """A status that a UAV tells those around it."""

    text: Annotated[str, Field(min_length=1, max_length=200)]


FULL_FPS = 30.0
"""Frame rate of an undegraded video flow."""


class DegradationSpec(Record):
    """Whose demand to lower, how, and for how long."""

    group: Name | None = Field(default=None, description="a group of devices")
    slice: SliceType | None = Field(
        default=None, description="or a slice: its group of lowest ARP priority gives way"
    )
    action: Literal["cap_bitrate", "drop_fps", "reduce_rate", "shed_flow"]
    value: Positive | None = Field(
        default=None,
        description="cap_bitrate: Mbit/s per device; drop_fps: frames per second kept, of 30; "
        "reduce_rate: share taken away, below 1; shed_flow: none",
    )
    duration_s: Annotated[float, Field(ge=0.1, le=3_600)]

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if (self.group is None) == (self.slice is None):
            raise ValueError("name either group or slice")
        if (self.action == "shed_flow") != (self.value is None):
            raise ValueError("shed_flow takes no value; the other actions need one")
        if self.action == "reduce_rate" and self.value is not None and self.value >= 1:
            raise ValueError("reduce_rate takes a share below 1; shed_flow stops the traffic")
        if self.action == "drop_fps" and self.value is not None and self.value >= FULL_FPS:
            raise ValueError(f"drop_fps keeps fewer than {FULL_FPS:g} frames per second")
        return self
