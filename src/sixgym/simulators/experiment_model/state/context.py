"""Context of an interval, known before it happens: devices, links, PRB shares, fluid expectations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sixgym.domain.geometry import Position
from sixgym.domain.network import Group
from sixgym.domain.slices import SliceType

_LEAST_PRBS = 0.2
"""Least denominator of a PRB load: keeps the load of a slice without PRBs finite. Chosen, not measured."""


@dataclass(slots=True)
class Device:
    """A device: its place, its serving cell and its route.

    Attributes:
        id, group: Name and group.
        cell: Serving cell.
        position: Place at the end of the last interval.
        route, speed_mps: Waypoints still to be flown, and the speed of flight.
        gains_db, gains_at: Path gain by cell, and the place for which these gains hold.
        handover, handover_target, handover_ms: State, target and duration of the last handover.
        backlog_bytes: Bytes that wait for the device in its cell; measured for UAVs, estimated for the
            others.
        accepted_bits_per_s: Rate at which the cell's buffer accepted the device's traffic in the last
            interval; None before the first interval.
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
        """Fly along the route for a duration; return the midpoint of the flight, for mean path gains."""
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
    """The radio link of a device in an interval.

    Attributes:
        device: The device.
        slice: Slice that schedules the device.
        cell: Serving cell, or the target of a requested handover that is not refused.
        sinr_db: SINR on the reference signals, without fading, corrected by the link's estimated bias.
        load: Offered load relative to the normal load.
        requested_cell: Target of the handover requested for this interval, if any.
        refused: Whether that handover will fail.
        source_sinr_db: SINR under the cell that served the device before the interval.
        map_db: SINR by the radio map alone.
        need: PRBs that the device's traffic takes at `sinr_db`.
        map_need: PRBs that the device's traffic takes at `map_db`.
        in_coverage: Whether blocks get through at `sinr_db`.
        rsrp_dbm: Reference signal received power by cell.
    """

    device: Device
    slice: SliceType
    cell: str
    sinr_db: float
    load: float
    requested_cell: str | None
    refused: bool
    source_sinr_db: float
    map_db: float
    need: float
    map_need: float
    in_coverage: bool
    rsrp_dbm: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PrbShare:
    """PRBs that a slice needs and PRBs that it is allocated in a cell, if traffic were a fluid.

    Attributes:
        needed, allocated: PRBs per TTI.
        devices: Devices of the slice in the cell.
    """

    needed: float
    allocated: float
    devices: int

    @property
    def rho(self) -> float:
        """Utilisation: PRBs needed over PRBs allocated."""
        return self.needed / max(self.allocated, _LEAST_PRBS)

    def load_of(self, need: float) -> float:
        """Utilisation of one device's equal part of the allocated PRBs.

        Args:
            need: PRBs that the device needs.
        """
        return need * max(self.devices, 1) / max(self.allocated, _LEAST_PRBS)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a device would receive in an interval if its traffic were a fluid.

    Attributes:
        arrives: Delivered traffic over traffic offered at the interval's load (at the normal load, if that is
            zero); above 1 while a backlog is worked off.
        latency_ms: Mean delay of the delivered traffic; the loss timeout, if nothing is delivered.
        backlog_bytes: Bytes in the cell's buffer at the end.
        accepted_bits_per_s: Rate at which the cell's buffer accepts the device's traffic.
    """

    arrives: float
    latency_ms: float
    backlog_bytes: float
    accepted_bits_per_s: float


@dataclass(frozen=True, slots=True)
class IntervalContext:
    """Everything that is known of an interval before it happens.

    Attributes:
        start_ms, end_ms: Network time.
        power_dbm, backhaul_ms, backhaul_loss: Radiated power, backhaul delay and backhaul loss ratio by cell.
        interferers: Place and power in dBm of the interferers that are on.
        fault_kinds: Kinds of the faults active in the interval.
        load: Offered load by group, relative to the normal load.
        moved: Groups that have changed slices since the last interval.
        background: Offered background load by node.
        links: Radio links by device.
        shares: PRB shares by cell and slice.
        map_shares: PRB shares by cell and slice, by the radio map alone.
        expected: Results of the fluid model by device.
        work: Offered work by node without its background load, relative to the node's speed.
        changed: Whether a setting changed, or a fault began or ended.
        at_rest: Whether nothing has changed for several intervals and nothing is overloaded.
    """

    start_ms: int
    end_ms: int
    power_dbm: Mapping[str, float]
    backhaul_ms: Mapping[str, float]
    backhaul_loss: Mapping[str, float]
    interferers: tuple[tuple[Position, float], ...]
    fault_kinds: tuple[str, ...]
    load: Mapping[str, float]
    moved: frozenset[str]
    background: Mapping[str, float]
    links: Mapping[str, RadioLink]
    shares: Mapping[tuple[str, SliceType], PrbShare]
    map_shares: Mapping[tuple[str, SliceType], PrbShare]
    expected: Mapping[str, Expected]
    work: Mapping[str, float]
    changed: bool
    at_rest: bool

    def nominal_packets(self, group: Group, devices: int) -> float:
        """Packets offered to some devices of a group in the interval, at the interval's load.

        At a load of zero it counts the packets of the normal load, so that shares of it are defined.
        """
        load = self.load[group.name] or 1.0
        seconds = (self.end_ms - self.start_ms) / 1e3
        return group.traffic.packets_per_s * load * devices * seconds

    def nominal_tasks(self, group: Group) -> float:
        """Compute tasks that a group with a workload creates in the interval."""
        assert group.workload is not None  # the caller asks for groups with tasks only
        return group.workload.rate_hz * group.count * (self.end_ms - self.start_ms) / 1e3
