"""What is known of a network beside its measurements: settings, faults, places, serving cells, links.

All of it is bookkeeping: the fault timeline, the operator's changes, where a UAV is on its route, and the
large-scale radio map of TR 38.901 and TR 36.777, which a topology seed determines. What traffic, queues,
fading and scheduling make of it is for the model to say.
"""

from collections.abc import Iterable, Mapping

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
from sixgym.domain.faults import CellOutage, FaultEvent, HandoverFailure, Interferer
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.state import timeline
from sixgym.simulators.experiment_model.state.context import Device, Expected, IntervalContext, RadioLink
from sixgym.simulators.experiment_model.state.fluid import expected
from sixgym.simulators.experiment_model.state.link_bias import LinkBias, backlog_bytes
from sixgym.simulators.experiment_model.state.links import Links
from sixgym.simulators.experiment_model.state.prb_allocation import shares

ONBOARD = "onboard"
_REST_INTERVALS = 3
_CROWDED = 0.9
_WHOLE = 0.98
_FEW_PACKETS = 10
_TASKS_GIVEN_UP_S = 10.0
_LARGEST_FACTOR = 1_000.0


class NetworkTracker:
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
        """Packets on their way at the end of the last interval, by group and UAV: neither here nor lost."""
        self.open_tasks: dict[str, int] = dict.fromkeys(self.runs_on, 0)
        """Compute tasks without an answer, by group."""
        self.context: IntervalContext | None = None
        """Of the last interval."""
        self.before: IntervalContext | None = None
        """Of the one before."""
        self._asked: dict[str, str] = {}
        self._touched = False
        self._quiet = 0
        self._links = Links(scenario)
        self._learned = LinkBias()
        self._groups = {group.name: group for group in scenario.groups}
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
                self._links.measure(device, place)
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
                self._divide(change.policies)
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
                self._relocate(change.group, change.node)
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

    def _divide(self, policies: Mapping[SliceType, RrmPolicyRatio]) -> None:
        if set(policies) != set(self.policies):
            raise ValueError("a policy for every slice is needed")
        if sum(policy.min for policy in policies.values()) > 100:
            raise ValueError("the minimum shares add up to more than 100 %")
        self.policies = dict(policies)

    def _relocate(self, name: str, node: str) -> None:
        _known(node, [*(one.id for one in self.scenario.compute), ONBOARD], "node")
        group = self._groups[_known(name, self.runs_on, "group with tasks")]
        if node == ONBOARD and group.airframe is None:
            raise ValueError(f"devices of {name} do not compute")
        self.runs_on[name] = node
        self.relocated.add(name)

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
    def look(self, duration_ms: int) -> IntervalContext:
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
        power = timeline.power_dbm(self.scenario, active)
        refusing = frozenset(f.cell for f in active if isinstance(f, CellOutage | HandoverFailure))
        interferers = tuple((f.position, f.power_dbm) for f in active if isinstance(f, Interferer))
        load = timeline.offered_load(self.scale, active)
        links = {
            name: self._links.link(
                device,
                kind=self.slice_of[device.group.name],
                asked=self._asked.get(name),
                refusing=refusing,
                power_dbm=power,
                interferers=interferers,
                load=load[device.group.name],
                learned=self._learned,
            )
            for name, device in self.devices.items()
        }
        quiet = 0 if self._touched or edge or flying or not self.history else self._quiet + 1
        all_links = links.values()
        supply = shares(self.scenario, self.policies, all_links, (link.need for link in all_links))
        by_map = shares(self.scenario, self.policies, all_links, (link.map_need for link in all_links))
        delays = timeline.backhaul_ms(self.scenario, active)
        leaks = timeline.backhaul_loss(self.scenario, active)
        work = self._work()
        background = timeline.background_load(self.scenario, active)
        fluid = expected(
            self.scenario,
            self.policies,
            all_links,
            backhaul_ms=delays,
            backhaul_loss=leaks,
            seconds=duration_ms / 1e3,
        )
        strained = (
            any(share.devices and share.rho > _CROWDED for share in supply.values())
            or any(work[node] + background.get(node, 0.0) > _CROWDED for node in work)
            or any(_waits(links[name], one) for name, one in fluid.items())
        )
        return IntervalContext(
            start_ms=start_ms,
            end_ms=end_ms,
            power_dbm=power,
            backhaul_ms=delays,
            backhaul_loss=leaks,
            interferers=interferers,
            kinds=tuple(sorted({f.kind for f in touching})),
            load=load,
            moved=frozenset(self.moved),
            background=background,
            links=links,
            shares=supply,
            map_shares=by_map,
            expected=fluid,
            work=work,
            changed=self._touched or edge,
            rests=quiet > _REST_INTERVALS and not strained,
        )

    def settle(self, context: IntervalContext, interval: Interval) -> None:
        """Take what was measured in an interval, or predicted for it, into the books."""
        quiet = not (context.changed or self._touched)
        flying = any(device.route for device in self.devices.values())
        if not self.history:
            self._quiet = _REST_INTERVALS  # the warm-up was quiet
        else:
            self._quiet = self._quiet + 1 if quiet and not flying else 0
        self._touched = False
        self._asked = {}
        self.moved, self.relocated = set(), set()
        self.policies_before = dict(self.policies)
        self.before, self.context = self.context, context
        self.history = [*self.history[-1:], interval]
        if not context.rests:
            self._count_waiting(interval)
            self._learned.learn(self.scenario, context, interval)
        waiting = backlog_bytes(self.scenario, context, interval)
        for name, device in self.devices.items():
            device.backlog_bytes = waiting[name]
            device.accepted_bits_per_s = context.expected[name].accepted_bits_per_s
            if device.group.airframe is None:
                continue
            measured = interval.devices[name]
            device.cell = measured.cell
            device.handover, device.handover_target = measured.handover, measured.handover_target
            device.handover_ms = measured.handover_ms
            device.position = measured.position

    # ------------------------------------------------------------------ inside
    def _count_waiting(self, interval: Interval) -> None:
        """Packets and tasks on their way; what is older than it can be is not on its way any more."""
        seconds = (interval.end_ms - interval.start_ms) / 1e3
        packets = max(self.scenario.radio.loss_timeout_ms / 1e3 / seconds, 1.0)
        for name, flow in _flows(interval):
            left = self.pending.get(name, 0) + flow.sent_packets - flow.delivered_packets - flow.lost_packets
            self.pending[name] = max(0, min(left, round(packets * flow.sent_packets)))
        for name, tasks in interval.workloads.items():
            left = self.open_tasks[name] + tasks.created - tasks.completed
            self.open_tasks[name] = max(0, min(left, round(_TASKS_GIVEN_UP_S / seconds * tasks.created)))

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

    def _fly(self, duration_ms: int) -> bool:
        """Move every UAV on to the end of the interval; whether one of them moves."""
        flying = False
        for device in self.devices.values():
            flying = flying or bool(device.route)
            self._links.measure(device, device.fly(duration_ms) if device.route else device.position)
        return flying


def _waits(link: RadioLink, fluid: Expected) -> bool:
    """Whether packets for a device wait, or will."""
    if link.device.backlog_bytes > _FEW_PACKETS * link.device.group.traffic.packet_bytes:
        return True
    return bool(link.load) and not _WHOLE <= fluid.arrives <= 1 / _WHOLE


def _flows(interval: Interval) -> Iterable[tuple[str, PacketFlow]]:
    yield from interval.groups.items()
    yield from ((name, device.flow) for name, device in interval.devices.items())


def _known(name: str, known: Iterable[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"no {what} {name}")
    return name
