"""UAVs and their mission: fleet state, plan, tasks, mailboxes, log."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import Field

from sixgym.domain.base import Name, NonNegative, Positive, Record
from sixgym.domain.geometry import Position
from sixgym.domain.slices import SliceType


class TaskSpec(Record):
    """A compute task class: what it costs and by when an answer is needed."""

    id: Name
    megacycles: Positive = Field(description="work of one task")
    input_bytes: Annotated[int, Field(ge=0, le=100_000_000)] = 1_000
    deadline_ms: Positive = 1_000.0
    slice: SliceType | None = None


class MissionSpec(Record):
    """What a mission has to achieve."""

    waypoints: tuple[Position, ...] = Field(
        default=(), max_length=64, description="points to visit, in order"
    )
    tasks: tuple[TaskSpec, ...] = Field(default=(), max_length=64)
    deadline_s: Positive = Field(default=600.0, description="network time by which it has to be done")
    min_battery_percent: Annotated[float, Field(ge=0, le=100)] = 20.0


class LogEntry(Record):
    """A line of the mission log."""

    t_ms: Annotated[int, Field(ge=0)]
    kind: Annotated[str, Field(max_length=40)]
    text: Annotated[str, Field(max_length=500)]
    device: Name | None = None


class MissionLog(Record):
    """What has been recorded about a mission."""

    visited: tuple[Position, ...] = Field(default=(), max_length=256)
    completed_tasks: tuple[Name, ...] = Field(default=(), max_length=256)
    elapsed_s: NonNegative = 0.0
    min_battery_percent: Annotated[float, Field(ge=0, le=100)] = 100.0


class Uav(NamedTuple):
    """The state of a UAV.

    It is a named tuple, because every interval makes all UAVs anew, and a frozen dataclass of this size takes
    four times as long to make.

    Attributes:
        id: Name of the UAV.
        position, velocity_mps: Place and velocity (x, y, z).
        waypoints: Waypoints still to be visited, in order; empty when hovering.
        speed_mps: Speed of flight along the route.
        battery_j, capacity_j: Energy left, and energy of a full battery, in joules.
        power_w: Mean power drawn over the last interval: propulsion, sensors, on-board compute.
        sensors: Active sensors as pairs of kind and handle.
        tasks: Ids of the assigned tasks.
        inbox: Messages received.
        last_heartbeat_ms, heartbeats: Time of the last heartbeat, and number of heartbeats.
    """

    id: str
    position: Position
    velocity_mps: tuple[float, float, float]
    waypoints: tuple[Position, ...]
    speed_mps: float
    battery_j: float
    capacity_j: float
    power_w: float
    sensors: tuple[tuple[str, str], ...] = ()
    tasks: tuple[str, ...] = ()
    inbox: tuple[str, ...] = ()
    last_heartbeat_ms: int = 0
    heartbeats: int = 0

    @property
    def battery_percent(self) -> float:
        """Energy left as a percentage of capacity."""
        # in this order a full battery is exactly 100, not a rounding error more
        return 100.0 * (self.battery_j / self.capacity_j)


class UavLedger(Record):
    """Recorded duties of one UAV: its tasks, its active sensors, its mailbox."""

    tasks: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    inbox: tuple[str, ...] = ()


class Ledger(Record):
    """Recorded duties of the fleet, by UAV."""

    uavs: dict[str, UavLedger] = Field(default_factory=dict[str, UavLedger])


@dataclass(frozen=True, slots=True)
class Mission:
    """The mission: its plan, its log, and the places visited."""

    version: int = 0
    plan: MissionSpec | None = None
    log: tuple[LogEntry, ...] = ()
    visited: tuple[Position, ...] = ()
