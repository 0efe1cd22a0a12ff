"""Commands of tools to UAVs, mission, mailboxes and log. Only the world executes them."""

from dataclasses import dataclass

from sixgym.domain.geometry import Position
from sixgym.domain.mission import LogEntry, MissionSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class SetRoute:
    """Replace a UAV's waypoints; it keeps its speed unless one is given."""

    uav: str
    waypoints: tuple[Position, ...]
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Fly the present route at another speed."""

    uav: str
    speed_mps: float


@dataclass(frozen=True, slots=True)
class RequestHandover:
    """Request a handover of a UAV. The network decides; later intervals show the outcome."""

    uav: str
    cell: str


@dataclass(frozen=True, slots=True)
class ActivateSensor:
    """Switch a sensor on; it draws power from then on."""

    uav: str
    sensor: str
    handle: str


@dataclass(frozen=True, slots=True)
class AssignTask:
    """Append a task to a UAV's list."""

    uav: str
    task: TaskSpec


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Put a message into the mailboxes of these UAVs."""

    recipients: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """Refresh a UAV's liveness timer."""

    uav: str


@dataclass(frozen=True, slots=True)
class AppendLog:
    """Append an entry to the mission log."""

    entry: LogEntry


@dataclass(frozen=True, slots=True)
class ReplacePlan:
    """Replace the mission plan."""

    plan: MissionSpec


Command = (
    SetRoute
    | SetSpeed
    | RequestHandover
    | ActivateSensor
    | AssignTask
    | SendMessage
    | Heartbeat
    | AppendLog
    | ReplacePlan
)
