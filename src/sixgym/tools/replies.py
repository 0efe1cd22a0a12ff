"""Replies: records that tools return and that are no arguments."""

from typing import Annotated, Literal

from pydantic import Field

from sixgym.domain.base import Name, NonNegative, Ratio, Record
from sixgym.domain.geometry import Position
from sixgym.domain.mission import MissionSpec
from sixgym.domain.slices import NetworkState, RrmPolicyRatio, SlaSpec, SliceType
from sixgym.tools.types import BatteryPercent, GnbId, SensorType, UavId

Count = Annotated[int, Field(ge=0)]
Cqi = Annotated[int, Field(ge=0, le=15)]


# ---------------------------------------------------------------------- radio
class SignalStrength(Record):
    """The strongest cell at a point."""

    gnb: GnbId
    rsrp_dbm: float
    sinr_db: float
    cqi: Cqi


class Gnb(Record):
    """A cell that can be received."""

    gnb: GnbId
    rsrp_dbm: float
    sinr_db: float
    load: Ratio = Field(description="share of PRBs it transmits on")
    devices: Count


class GnbList(Record):
    """Receivable cells, strongest first."""

    gnbs: tuple[Gnb, ...]


class InterferenceLevel(Record):
    """Interference at a point, seen by a receiver of the strongest cell."""

    inr_db: float = Field(description="interference over noise; -50 when there is none")
    sinr_db: float
    serving: GnbId = Field(description="the strongest cell, which does not interfere")
    dominant: str = Field(
        description="the cell that interferes most, `external` for a foreign transmitter, or `none`"
    )
    external_share: Ratio = Field(description="share of the interference that no cell of ours causes")


class LinkQuality(Record):
    """The link between a UAV and a cell."""

    uav: UavId
    gnb: GnbId
    serving: bool
    rsrp_dbm: float
    sinr_db: float
    cqi: Cqi
    rate_mbps: NonNegative = Field(description="what it would carry with all PRBs its slice may use")
    source: Literal["measured", "rsrp measured", "predicted"]


class HandoverStatus(Record):
    """Where the last handover of a UAV stands."""

    uav: UavId
    state: str = Field(description="IDLE, PREPARATION, EXECUTION, COMPLETE or FAILED")
    serving: GnbId
    target: GnbId | None
    elapsed_ms: NonNegative


class FeasibilityScore(Record):
    """How feasible something is, and what stands in the way."""

    score: Ratio
    feasible: bool
    blockers: tuple[str, ...]


class MigrationFeasibility(FeasibilityScore):
    """How feasible a handover is."""

    sinr_gain_db: float
    target_load: Ratio
    interruption_ms: NonNegative = Field(description="expected break of the data flow")


# ---------------------------------------------------------------------- slices and traffic
class SliceStatus(Record):
    """A slice as configured and as measured."""

    slice: SliceType
    label: str
    status: Literal["IDLE", "NORMAL", "CONGESTED"]
    admits: bool = Field(description="whether another service may move into it")
    reason: str | None = Field(description="why it does not admit one")
    policy: RrmPolicyRatio
    sla: SlaSpec
    groups: tuple[Name, ...]
    devices: Count
    prbs_granted: NonNegative = Field(description="per TTI, sum over cells")
    prbs_used: NonNegative
    prb_used_percent: NonNegative = Field(description="used PRBs as a percentage of all PRBs of all cells")
    queue_bytes: Count
    latency_ms: NonNegative
    jitter_ms: NonNegative
    loss_ratio: Ratio
    throughput_mbps: NonNegative


class SliceOffer(Record):
    """A slice that could, or could not, serve a device at a point."""

    slice: SliceType
    available: bool
    reason: str | None


class SliceList(Record):
    """What the best cell at a point offers."""

    gnb: GnbId
    slices: tuple[SliceOffer, ...]


class TrafficPattern(Record):
    """Offered downlink load of a slice over the last intervals."""

    slice: SliceType
    window_s: NonNegative
    mean_mbps: NonNegative
    peak_mbps: NonNegative
    peak_to_mean: NonNegative
    trend_mbps_per_s: float = Field(description="least-squares slope")
    period_s: NonNegative | None = Field(description="None when no period repeats in the window")


# ---------------------------------------------------------------------- judgements
class SlaPrediction(Record):
    """Whether a service level is about to be violated."""

    p_violation: Ratio
    metric: str = Field(description="the metric nearest to its bound")
    margin: float = Field(description="its relative distance from the bound, negative when violated")


class TargetResult(Record):
    """One bound of a service level."""

    metric: str
    bound: float
    measured: float
    margin: float = Field(description="relative distance from the bound, negative when violated")
    met: bool


class ComplianceResult(Record):
    """Fulfilment of a service level (TS 28.312 FulfilmentInfo)."""

    status: Literal["FULFILLED", "NOT_FULFILLED"]
    fulfilled: bool
    version: Count = Field(description="of the state that was judged")
    targets: tuple[TargetResult, ...]


class RecoveryStrategy(Record):
    """The next call to make, and what to call after it."""

    tool: str
    arguments: dict[str, str]
    then: tuple[str, ...] = Field(description="tools that complete the repair")
    rationale: str


class GeofenceResult(Record):
    """A point against a fence."""

    allowed: bool
    inside: bool
    distance_m: NonNegative = Field(description="horizontal, to the nearest edge")


class EnergyPlan(Record):
    """What a route costs."""

    need_j: NonNegative
    flight_time_s: NonNegative
    distance_m: NonNegative
    remaining_percent: BatteryPercent = Field(description="of capacity, on arrival")
    feasible: bool = Field(description="whether the reserve is kept")


class PriorityResult(Record):
    """Who goes first."""

    winner: UavId
    loser: UavId
    score: Ratio = Field(description="0.5 for a tie, 1 for the clearest case")
    reason: str


class ValidationResult(Record):
    """Whether a mission is complete, and what is missing."""

    valid: bool
    missing_waypoints: tuple[Position, ...]
    missing_tasks: tuple[Name, ...]
    late_by_s: NonNegative
    battery_short_percent: NonNegative


# ---------------------------------------------------------------------- acknowledgements
class Ack(Record):
    """An order was accepted; it takes effect at that network time."""

    effective_t_ms: Count


class SensorHandle(Ack):
    """A sensor that is on."""

    uav: UavId
    sensor: SensorType
    handle: str
    power_w: NonNegative


class RouteAck(Ack):
    """A new route and what it costs."""

    uav: UavId
    waypoints: tuple[Position, ...]
    distance_m: NonNegative
    flight_time_s: NonNegative
    arrival_battery_percent: BatteryPercent


class SpeedAck(Ack):
    """A new speed and what it costs."""

    uav: UavId
    speed_mps: NonNegative
    power_w: NonNegative = Field(description="propulsion in level flight")
    endurance_s: NonNegative


class AvoidanceCmd(Ack):
    """An evasive move, or the word that none is needed."""

    uav: UavId
    applied: bool
    separation_m: NonNegative | None = Field(description="smallest expected; None without neighbours")
    push_m: tuple[float, float, float] = Field(description="east, north, up")
    waypoints: tuple[Position, ...]


class Slot(Record):
    """A member's place: its route in the formation."""

    uav: UavId
    waypoints: tuple[Position, ...]


class FormationCmd(Ack):
    """Routes of all members."""

    slots: tuple[Slot, ...]


class TaskAck(Ack):
    """An assigned task."""

    uav: UavId
    task: Name
    place: Annotated[int, Field(ge=1)] = Field(description="in the UAV's list")


class MessageAck(Ack):
    """A message on its way."""

    recipients: tuple[UavId, ...]
    text: str


class HandoverCmd(Ack):
    """A handover request that the network now carries out, or refuses."""

    uav: UavId
    source: GnbId
    target: GnbId


class LogAck(Ack):
    """A written log line."""

    entries: Count = Field(description="lines in the log, this one included")


class MissionPlan(Ack):
    """The plan in force."""

    version: Count
    plan: MissionSpec


class HeartbeatAck(Ack):
    """A refreshed liveness timer."""

    uav: UavId
    sequence: Count


class WorkloadResult(Record):
    """A group's compute tasks after the change."""

    task: Name
    node: Name
    ok: bool = Field(description="tasks come back and the node turns none away")
    task_latency_ms: NonNegative
    node_load: Ratio | None = Field(description="None for onboard")


class OffloadResult(Record):
    """All compute tasks, since those that share a node feel the move too, and the network state."""

    workloads: tuple[WorkloadResult, ...]
    state: NetworkState
