"""What is known of a network beside its measurements: settings, faults, places, serving cells, links.

All of it is bookkeeping: the fault timeline, the operator's changes, where a UAV is on its route, and the
large-scale radio map of TR 38.901 and TR 36.777, which a topology seed determines. What traffic, queues,
fading and scheduling make of it is for the model to say.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sixgym.domain.change import (
    Change,
    Fly,
    HandOver,
    InjectFault,
    MoveToSlice,
    Offload,
    ScaleTraffic,
    SetPrbPolicy,
)
from sixgym.domain.faults import (
    BackhaulDegradation,
    CellOutage,
    CellPowerDrop,
    EdgeOverload,
    FaultEvent,
    HandoverFailure,
    Interferer,
    TrafficSurge,
)
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.radio import (
    CQI_EFFICIENCY,
    PRB_HZ,
    SUBCARRIERS_PER_PRB,
    Emitter,
    cqi_of_sinr,
    dbm,
    milliwatts,
    path_gain_db,
    radio_map,
)
from sixgym.domain.scenario import Group, Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import Periodic
from sixgym.simulators.base import SimulatorError

DARK_DBM = -200.0
"""What a measurement says that a cell in outage radiates."""

ONBOARD = "onboard"
_UNHEARD_DB = -50.0
_SILENT_DBM = -150.0
_PAYLOAD_SHARE = 0.75
"""Of the bits that a CQI stands for, those that are payload: control region, reference signals, headers."""
_LEAST_EFFICIENCY = 0.05
_REST_INTERVALS = 3
_CROWDED = 0.9
_LARGEST_FACTOR = 1_000.0


@dataclass(slots=True)
class Device:
    """A device: where it is, what serves it, where it flies."""

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


@dataclass(frozen=True, slots=True)
class Link:
    """A device's radio link in an interval.

    Attributes:
        device: Whose.
        cell: What serves it; the target, if a handover was asked for.
        sinr_db: On the reference signals, without fading.
        asked: The cell that a handover was asked to.
        from_db: The SINR under the cell it comes from.
        need: PRBs that its traffic takes.
        rsrp_dbm: By cell.
    """

    device: Device
    cell: str
    sinr_db: float
    asked: str | None
    from_db: float
    need: float
    rsrp_dbm: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Share:
    """What a slice asks for and may have in a cell, in PRBs, as if traffic were fluid."""

    need: float
    have: float
    devices: int

    @property
    def rho(self) -> float:
        """Need over supply."""
        return self.need / max(self.have, 0.2)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of an interval before it has happened.

    Attributes:
        start_ms, end_ms: Network time.
        power_dbm, backhaul_ms, backhaul_loss, refusing: By cell.
        interferers: Place and power in dBm.
        kinds: Of the faults active in it.
        load: Offered load by group, relative to the normal one.
        background: Offered background load by node.
        links: By device.
        shares: By cell and slice.
        work: Offered work by node, its background excluded, relative to its speed.
        changed: Anything was changed, or a fault began or ended.
        rests: Nothing has moved for a while.
    """

    start_ms: int
    end_ms: int
    power_dbm: Mapping[str, float]
    backhaul_ms: Mapping[str, float]
    backhaul_loss: Mapping[str, float]
    refusing: frozenset[str]
    interferers: tuple[tuple[Position, float], ...]
    kinds: tuple[str, ...]
    load: Mapping[str, float]
    background: Mapping[str, float]
    links: Mapping[str, Link]
    shares: Mapping[tuple[str, SliceType], Share]
    work: Mapping[str, float]
    changed: bool
    rests: bool


class Situation:
    """The books of one network, from the end of its warm-up on.

    `apply` changes between two intervals, then `look` at the next one, then `settle` what was measured in it
    (or predicted for it).
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.policies: dict[SliceType, RrmPolicyRatio] = {one.type: one.policy for one in scenario.slices}
        self.policies_before = dict(self.policies)
        """In the last interval."""
        self.slice_of: dict[str, SliceType] = {group.name: group.slice for group in scenario.groups}
        self.runs_on: dict[str, str] = {
            group.name: group.workload.runs_on for group in scenario.groups if group.workload
        }
        self.scale: dict[str, float] = dict.fromkeys(self.slice_of, 1.0)
        self.faults: list[FaultEvent] = list(scenario.faults)
        self.history: list[Interval] = []
        self.moved: set[str] = set()
        """Groups that changed slices since the last interval."""
        self.relocated: set[str] = set()
        """Groups whose tasks changed nodes since the last interval."""
        self.pending: dict[str, int] = {}
        """Packets on their way at the end of the last interval, by group and UAV: sent, and neither here nor lost."""
        self.open_tasks: dict[str, int] = dict.fromkeys(self.runs_on, 0)
        """Compute tasks without an answer, by group."""
        self.outlook: Outlook | None = None
        """Of the last interval."""
        self.before: Outlook | None = None
        """Of the one before."""
        self._asked: dict[str, str] = {}
        self._touched = False
        self._quiet = 0
        self._map = radio_map(scenario)
        self._emitters: dict[Position, Emitter] = {}
        self._groups = {group.name: group for group in scenario.groups}
        self._per_subcarrier_db = 10 * math.log10(scenario.prbs * SUBCARRIERS_PER_PRB)
        self.devices = {device.id: device for device in self._placed()}

    def _placed(self) -> Iterable[Device]:
        """Every device, served by its strongest cell."""
        power = {cell.id: cell.tx_power_dbm for cell in self.scenario.cells}
        for group in self.scenario.groups:
            routes = group.routes or ((),) * group.count
            for name, place, route in zip(group.device_ids, group.positions, routes, strict=True):
                device = Device(name, group, "", place)
                if group.airframe is not None:
                    device.route, device.speed_mps = route, group.airframe.cruise_speed_mps
                self._measure_gains(device, place)
                device.cell = max(power, key=lambda cell: power[cell] + device.gains_db[cell])
                yield device

    # ------------------------------------------------------------------ changes
    def apply(self, change: Change) -> None:
        """Take a change into the books.

        Raises:
            SimulatorError: it names something that does not exist.
        """
        self._touched = True
        try:
            self._take(change)
        except (KeyError, ValueError) as error:
            raise SimulatorError(f"the experiment model refused: {error.args[0]}") from error

    def _take(self, change: Change) -> None:
        match change:
            case SetPrbPolicy():
                if set(change.policies) != set(self.policies):
                    raise ValueError("a policy for every slice is needed")
                if sum(policy.min for policy in change.policies.values()) > 100:
                    raise ValueError("the minimum shares add up to more than 100 %")
                self.policies = dict(change.policies)
            case MoveToSlice():
                _known(change.slice, self.policies, "slice")
                if self.slice_of[_known(change.group, self.slice_of, "group")] is not change.slice:
                    self.moved.add(change.group)
                self.slice_of[change.group] = change.slice
            case ScaleTraffic():
                if not 0 <= change.factor <= _LARGEST_FACTOR:
                    raise ValueError(f"a traffic factor is from 0 to {_LARGEST_FACTOR:g}")
                self.scale[_known(change.group, self.scale, "group")] = change.factor
            case Offload():
                nodes = [node.id for node in self.scenario.compute]
                _known(change.node, [*nodes, ONBOARD], "node")
                if change.node == ONBOARD and self._groups[change.group].airframe is None:
                    raise ValueError(f"devices of {change.group} do not compute")
                self.runs_on[_known(change.group, self.runs_on, "group with tasks")] = change.node
                self.relocated.add(change.group)
            case HandOver():
                _known(change.cell, [cell.id for cell in self.scenario.cells], "cell")
                device = self.devices[_known(change.device, self.devices, "device")]
                if device.group.airframe is None:
                    raise ValueError(f"{change.device} is no UAV, and UAVs alone are handed over on request")
                self._asked[change.device] = change.cell
            case Fly():
                device = self.devices[_known(change.device, self.devices, "device")]
                if change.speed_mps <= 0:
                    raise ValueError("a speed is positive")
                device.route, device.speed_mps = change.waypoints, change.speed_mps
            case InjectFault():
                self._add(change.fault)

    def _add(self, fault: FaultEvent) -> None:
        now_ms = self.history[-1].end_ms if self.history else 0
        if fault.start_ms < now_ms:
            raise ValueError("the fault would start in the past")
        known = {
            "cell": [cell.id for cell in self.scenario.cells],
            "group": list(self._groups),
            "node": [node.id for node in self.scenario.compute],
        }
        for name, value in fault.model_dump(include=set(known)).items():
            _known(value, known[name], name)
        self.faults.append(fault)

    # ------------------------------------------------------------------ the next interval
    def look(self, duration_ms: int) -> Outlook:
        """What is known of the next interval. UAVs fly on to its end."""
        start_ms = self.history[-1].end_ms if self.history else -duration_ms
        end_ms = start_ms + duration_ms
        # a fault counts where it lasts for most of the interval
        active = [
            f for f in self.faults if min(f.end_ms, end_ms) - max(f.start_ms, start_ms) > duration_ms / 2
        ]
        touching = [f for f in self.faults if f.start_ms < end_ms and f.end_ms > start_ms]
        edge = any(start_ms <= at < end_ms for f in self.faults for at in (f.start_ms, f.end_ms))
        flying = self._fly(duration_ms) if self.history else False
        power = {cell.id: self._power_dbm(cell.id, cell.tx_power_dbm, active) for cell in self.scenario.cells}
        refusing = frozenset(f.cell for f in active if isinstance(f, CellOutage | HandoverFailure))
        interferers = tuple((f.position, f.power_dbm) for f in active if isinstance(f, Interferer))
        load = {name: self._load(name, active) for name in self.scale}
        links = {name: self._link(device, power, interferers, load) for name, device in self.devices.items()}
        quiet = 0 if self._touched or edge or flying or not self.history else self._quiet + 1
        shares = self._shares(links)
        work = self._work()
        background = {
            node.id: self._background(node.id, node.background_load, active) for node in self.scenario.compute
        }
        strained = any(share.devices and share.rho > _CROWDED for share in shares.values()) or any(
            work[node] + background.get(node, 0.0) > _CROWDED for node in work
        )
        return Outlook(
            start_ms=start_ms,
            end_ms=end_ms,
            power_dbm=power,
            backhaul_ms={cell.id: self._backhaul_ms(cell.id, active) for cell in self.scenario.cells},
            backhaul_loss={cell.id: _loss(cell.id, active) for cell in self.scenario.cells},
            refusing=refusing,
            interferers=interferers,
            kinds=tuple(sorted({f.kind for f in touching})),
            load=load,
            background=background,
            links=links,
            shares=shares,
            work=work,
            changed=self._touched or edge,
            rests=quiet > _REST_INTERVALS and not strained,
        )

    def settle(self, outlook: Outlook, interval: Interval) -> None:
        """Take what was measured in an interval, or predicted for it, into the books."""
        quiet = not (outlook.changed or self._touched)
        flying = any(device.route for device in self.devices.values())
        if not self.history:
            self._quiet = _REST_INTERVALS  # the warm-up was quiet
        else:
            self._quiet = self._quiet + 1 if quiet and not flying else 0
        self._touched = False
        self._asked = {}
        self.moved, self.relocated = set(), set()
        self.policies_before = dict(self.policies)
        self.before, self.outlook = self.outlook, outlook
        self.history = [*self.history[-1:], interval]
        for name, flow in _flows(interval):
            left = self.pending.get(name, 0) + flow.sent_packets - flow.delivered_packets - flow.lost_packets
            self.pending[name] = max(0, left)
        for name, tasks in interval.workloads.items():
            self.open_tasks[name] = max(0, self.open_tasks[name] + tasks.created - tasks.completed)
        for name, measured in interval.devices.items():
            device = self.devices[name]
            if device.group.airframe is None:
                continue
            device.cell = measured.cell
            device.handover, device.handover_target = measured.handover, measured.handover_target
            device.handover_ms = measured.handover_ms
            device.position = measured.position

    # ------------------------------------------------------------------ radio
    def _measure_gains(self, device: Device, place: Position) -> None:
        if place == device.gains_at:
            return
        channel = self.scenario.channel
        device.gains_at = place
        device.gains_db = {
            emitter.id: path_gain_db(emitter, place, channel) for emitter in self._map.emitters
        }

    def _link(
        self,
        device: Device,
        power: Mapping[str, float],
        interferers: tuple[tuple[Position, float], ...],
        load: Mapping[str, float],
    ) -> Link:
        """The link to the serving cell; reference signals of all cells are always on."""
        rsrp = {
            cell: max(power[cell], _SILENT_DBM) - self._per_subcarrier_db + gain
            for cell, gain in device.gains_db.items()
        }
        received = {cell: milliwatts(level) for cell, level in rsrp.items()}
        rest = milliwatts(self._map.noise_dbm()) + sum(received.values())
        for place, power_dbm in interferers:
            emitter = self._emitters.get(place)
            if emitter is None:
                assert self.scenario.topology_seed is not None  # the radio map is made of it
                emitter = self._emitters[place] = Emitter.interferer(place, self.scenario.topology_seed)
            gain = path_gain_db(emitter, device.position, self.scenario.channel)
            rest += milliwatts(power_dbm - self._per_subcarrier_db + gain)
        sinr = {cell: rsrp[cell] - dbm(max(rest - received[cell], 1e-30)) for cell in rsrp}
        asked = self._asked.get(device.id)
        cell = device.cell if asked is None else asked
        bits_per_s = nominal_mbps(device.group) * 1e6 * load[device.group.name]
        efficiency = max(CQI_EFFICIENCY[cqi_of_sinr(sinr[cell])], _LEAST_EFFICIENCY)
        return Link(
            device=device,
            cell=cell,
            sinr_db=max(sinr[cell], _UNHEARD_DB),
            asked=asked,
            from_db=max(sinr[device.cell], _UNHEARD_DB),
            need=min(bits_per_s / (efficiency * PRB_HZ * _PAYLOAD_SHARE), float(self.scenario.prbs)),
            rsrp_dbm=rsrp,
        )

    def _shares(self, links: Mapping[str, Link]) -> dict[tuple[str, SliceType], Share]:
        total = float(self.scenario.prbs)
        need = {(cell.id, kind): 0.0 for cell in self.scenario.cells for kind in self.policies}
        devices = dict.fromkeys(need, 0)
        for link in links.values():
            key = (link.cell, self.slice_of[link.device.group.name])
            need[key] += link.need
            devices[key] += 1
        shares: dict[tuple[str, SliceType], Share] = {}
        for cell in self.scenario.cells:
            needs = {kind: need[cell.id, kind] for kind in self.policies}
            for kind, have in _supply(self.policies, needs, total).items():
                shares[cell.id, kind] = Share(needs[kind], have, devices[cell.id, kind])
        return shares

    # ------------------------------------------------------------------ faults
    def _power_dbm(self, cell: str, configured_dbm: float, active: list[FaultEvent]) -> float:
        if any(isinstance(f, CellOutage) and f.cell == cell for f in active):
            return DARK_DBM
        return configured_dbm - sum(
            f.drop_db for f in active if isinstance(f, CellPowerDrop) and f.cell == cell
        )

    def _backhaul_ms(self, cell: str, active: list[FaultEvent]) -> float:
        delays = (f.delay_ms for f in active if isinstance(f, BackhaulDegradation) and f.cell == cell)
        return max(self.scenario.backhaul.delay_ms, *delays, 0.0)

    def _load(self, group: str, active: list[FaultEvent]) -> float:
        surges = (f.factor for f in active if isinstance(f, TrafficSurge) and f.group == group)
        return self.scale[group] * math.prod(surges)

    def _background(self, node: str, normal: float, active: list[FaultEvent]) -> float:
        loads = (f.background_load for f in active if isinstance(f, EdgeOverload) and f.node == node)
        return max(normal, *loads, 0.0)

    def _work(self) -> dict[str, float]:
        """Offered work over speed, by node; of `onboard` by group, as every device has its own."""
        speed = {node.id: node.megacycles_per_s for node in self.scenario.compute}
        work = dict.fromkeys(speed, 0.0)
        for name, node in self.runs_on.items():
            group = self._groups[name]
            assert group.workload is not None  # it runs somewhere
            megacycles_per_s = group.workload.rate_hz * group.workload.megacycles
            if node != ONBOARD:
                work[node] += megacycles_per_s * group.count / speed[node]
            else:
                assert group.airframe is not None  # only UAVs compute on board
                work[f"{ONBOARD} {name}"] = megacycles_per_s / group.airframe.onboard_megacycles_per_s
        return work

    # ------------------------------------------------------------------ flight
    def _fly(self, duration_ms: int) -> bool:
        """Move every UAV on to the end of the interval; whether one of them moves."""
        flying = False
        for device in self.devices.values():
            if not device.route:
                self._measure_gains(device, device.position)
                continue
            flying = True
            start = device.position
            left_m = device.speed_mps * duration_ms / 1e3
            here, route = device.position, device.route
            while route and left_m > 0:
                leg_m = here.distance_m(route[0])
                here, arrived = here.toward(route[0], left_m), leg_m <= left_m
                left_m -= leg_m
                if not arrived:
                    break
                route = route[1:]
            device.position, device.route = here, route
            # half way between, for the mean over the interval
            self._measure_gains(device, start.toward(here, start.distance_m(here) / 2))
        return flying


def _flows(interval: Interval) -> Iterable[tuple[str, PacketFlow]]:
    yield from interval.groups.items()
    yield from ((name, device.flow) for name, device in interval.devices.items())


def nominal_mbps(group: Group) -> float:
    """Payload that a device of a group is sent while it is on, Mbit/s."""
    traffic = group.traffic
    if isinstance(traffic, Periodic):
        return traffic.packet_bytes * 8 / 1e3 / traffic.interval_ms
    return traffic.rate_mbps


def _supply(
    policies: Mapping[SliceType, RrmPolicyRatio], need: Mapping[SliceType, float], total: float
) -> dict[SliceType, float]:
    """PRBs that each slice may have: its minimum, and what others neither keep nor need, up to its maximum."""
    low = {kind: policy.min / 100 * total for kind, policy in policies.items()}
    kept = {
        kind: max(policy.dedicated / 100 * total, min(need[kind], low[kind]))
        for kind, policy in policies.items()
    }
    free = total - sum(low.values())
    supply: dict[SliceType, float] = {}
    for kind, policy in policies.items():
        lent = free + sum(low[other] - kept[other] for other in policies if other is not kind)
        rivals = [other for other in policies if other is not kind and need[other] > low[other]]
        weight = (policy.min + 0.1) / (policy.min + 0.1 + sum(policies[other].min + 0.1 for other in rivals))
        supply[kind] = min(policy.max / 100 * total, low[kind] + max(lent, 0.0) * weight)
    return supply


def _loss(cell: str, active: list[FaultEvent]) -> float:
    passed = (1 - f.loss_ratio for f in active if isinstance(f, BackhaulDegradation) and f.cell == cell)
    return round(1 - math.prod(passed), 12)


def _known(name: str, known: Iterable[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"no {what} {name}")
    return name
