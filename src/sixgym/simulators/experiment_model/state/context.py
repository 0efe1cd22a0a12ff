"""What is known of an interval before it has happened: devices, links, what slices may have of the cells."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sixgym.domain.geometry import Position
from sixgym.domain.scenario import Group
from sixgym.domain.slices import SliceType

_LEAST_PRBS = 0.2


@dataclass(slots=True)
class Device:
    """A device: where it is, what serves it, where it flies.

    Attributes:
        id, group: Its name and group.
        cell: Serves it.
        position: At the end of the last interval.
        route, speed_mps: Where it flies, and how fast.
        gains_db, gains_at: Path gain of every cell, and the place where it is that.
        handover, handover_target, handover_ms: The last handover: its state, where to, how long it took.
        backlog_bytes: Waiting for it in the cell; of a device on the ground, what must be.
        accepted_bits_per_s: Of what was sent to it in the last interval, what its cell's buffer had room for;
            none where nothing is known.
    """

    id: str
    group: Group
    cell: str
    position: Position
    route: tuple[Position, ...] = ()
    speed_mps: float = 0.0
    gains_db: dict[str, float] = field(default_factory=dict[str, float])
    gains_at: Position | None = None
    handover: str = "IDLE"
    handover_target: str | None = None
    handover_ms: float = 0.0
    backlog_bytes: float = 0.0
    accepted_bits_per_s: float | None = None

    def fly(self, duration_ms: int) -> Position:
        """Go on along its route for so long; where it was half way, for the mean of that time."""
        start = self.position
        left_m = self.speed_mps * duration_ms / 1e3
        here, route = self.position, self.route
        while route and left_m > 0:
            leg_m = here.distance_m(route[0])
            here, arrived = here.toward(route[0], left_m), leg_m <= left_m
            left_m -= leg_m
            if not arrived:
                break
            route = route[1:]
        self.position, self.route = here, route
        return start.toward(here, start.distance_m(here) / 2)


@dataclass(frozen=True, slots=True)
class RadioLink:
    """A device's radio link in an interval.

    Attributes:
        device: Whose.
        kind: Its slice.
        cell: What serves it; the target, if a handover was asked for and is not refused.
        sinr_db: On the reference signals, without fading; moved by what was learned of the link.
        map_db: The same by the radio map alone.
        load: Offered load relative to the normal one.
        asked: The cell that a handover was asked to.
        refused: That handover will fail.
        from_db: The SINR under the cell it comes from.
        need: PRBs that its traffic takes.
        map_need: The same by the radio map alone.
        heard: Whether its SINR lets anything through.
        rsrp_dbm: By cell.
    """

    device: Device
    kind: SliceType
    cell: str
    sinr_db: float
    load: float
    asked: str | None
    refused: bool
    from_db: float
    map_db: float
    need: float
    map_need: float
    heard: bool
    rsrp_dbm: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PrbShare:
    """What a slice asks for and may have in a cell, in PRBs, as if traffic were fluid."""

    need: float
    have: float
    devices: int

    @property
    def rho(self) -> float:
        """Need over supply."""
        return self.need / max(self.have, _LEAST_PRBS)

    def equal(self, need: float) -> float:
        """What a device needs over what it has if all devices of the slice in the cell have the same."""
        return need * max(self.devices, 1) / max(self.have, _LEAST_PRBS)


@dataclass(frozen=True, slots=True)
class Expected:
    """How a device would fare in an interval if its traffic were fluid.

    Attributes:
        arrives: Of what it is sent at the interval's load (at the normal one, where that is none); more
            than 1 where a backlog is worked off.
        latency_ms: Of what arrives; the loss timeout, where nothing does.
        backlog_bytes: In the cell, at the end.
        accepted_bits_per_s: Of what is sent, what the cell's buffer has room for.
    """

    arrives: float
    latency_ms: float
    backlog_bytes: float
    accepted_bits_per_s: float


@dataclass(frozen=True, slots=True)
class IntervalContext:
    """What is known of an interval before it has happened.

    Attributes:
        start_ms, end_ms: Network time.
        power_dbm, backhaul_ms, backhaul_loss: By cell.
        interferers: Place and power in dBm.
        kinds: Of the faults active in it.
        load: Offered load by group, relative to the normal one.
        moved: Groups that have changed slices.
        background: Offered background load by node.
        links: By device.
        shares: By cell and slice.
        map_shares: The same by the radio map alone.
        expected: By device, if traffic were fluid.
        work: Offered work by node, its background excluded, relative to its speed.
        changed: Anything was changed, or a fault began or ended.
        rests: Nothing has moved for a while.
    """

    start_ms: int
    end_ms: int
    power_dbm: Mapping[str, float]
    backhaul_ms: Mapping[str, float]
    backhaul_loss: Mapping[str, float]
    interferers: tuple[tuple[Position, float], ...]
    kinds: tuple[str, ...]
    load: Mapping[str, float]
    moved: frozenset[str]
    background: Mapping[str, float]
    links: Mapping[str, RadioLink]
    shares: Mapping[tuple[str, SliceType], PrbShare]
    map_shares: Mapping[tuple[str, SliceType], PrbShare]
    expected: Mapping[str, Expected]
    work: Mapping[str, float]
    changed: bool
    rests: bool
