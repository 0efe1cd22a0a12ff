"""The tracked state of a network: settings, faults, places, serving cells and radio links.

The fault timeline, the operator's changes, the routes of UAVs and the large-scale radio map determine this
state exactly. The language model predicts how traffic, queues, fading and scheduling respond to it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

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
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.state import timeline
from sixgym.simulators.experiment_model.state.context import (
    Device,
    Expected,
    IntervalContext,
    PrbShare,
    RadioLink,
)
from sixgym.simulators.experiment_model.state.fluid import expected
from sixgym.simulators.experiment_model.state.link_bias import LinkBias, backlog_bytes
from sixgym.simulators.experiment_model.state.links import Links
from sixgym.simulators.experiment_model.state.prb_allocation import shares

ONBOARD = "onboard"
_LARGEST_FACTOR = 1_000.0
"""Largest traffic factor, as in the other simulators."""

_TASKS_GIVEN_UP_S = 10.0
"""Age at which ns-3 and `tti` give a compute task up."""

# What counts as a network at rest. Chosen, not measured.
_REST_INTERVALS = 3
"""Intervals without a change before a network counts as at rest."""

_OVERLOADED = 0.9
"""Utilisation of PRBs or of a compute node from which queues matter."""

_ALL_ARRIVES = 0.98
"""Expected delivery from which a device loses nothing."""

_FEW_PACKETS = 10
"""Backlog of a device, in packets, that is traffic on its way."""


class NetworkTracker:
    """Tracks the state of one network from the end of its warm-up on.

    For every interval: `apply` the changes made before it, call `begin_interval`, then `end_interval` with
    the measured or predicted interval.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.policies: dict[SliceType, RrmPolicyRatio] = {one.type: one.policy for one in scenario.slices}
        self.policies_before = dict(self.policies)
        """Policies in the last interval."""
        self.slice_of: dict[str, SliceType] = {group.name: group.slice for group in scenario.groups}
        self.runs_on: dict[str, str] = {
            group.name: group.workload.runs_on for group in scenario.groups if group.workload
        }
        self.scale: dict[str, float] = dict.fromkeys(self.slice_of, 1.0)
        """Traffic factors set by the operator, by group."""
        self.faults: list[FaultEvent] = list(scenario.faults)
        self.history: list[Interval] = []
        """The last two intervals."""
        self.moved: set[str] = set()
        """Groups that changed slices since the last interval."""
        self.relocated: set[str] = set()
        """Groups whose tasks changed nodes since the last interval."""
        self.pending: dict[str, int] = {}
        """Packets neither delivered nor lost at the end of the last interval, by group and UAV."""
        self.open_tasks: dict[str, int] = dict.fromkeys(self.runs_on, 0)
        """Compute tasks without an answer, by group."""
        self.context: IntervalContext | None = None
        """Context of the last interval."""
        self.before: IntervalContext | None = None
        """Context of the interval before the last one."""
        self._requested_cells: dict[str, str] = {}
        """Targets of the handovers requested since the last interval, by device."""
        self._changed = False
        """Whether a change was applied since the last interval."""
        self._quiet_intervals = 0
        """Intervals since anything changed."""
        self._links = Links(scenario)
        self._link_bias = LinkBias()
        self._groups = {group.name: group for group in scenario.groups}
        self.devices = {device.id: device for device in self._placed()}

    def _placed(self) -> Iterable[Device]:
        """Every device at its start, served by its strongest cell."""
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
        """Apply a change to the tracked state.

        Raises:
            SimulatorError: the change names an object that does not exist, or has no effect.
        """
        self._changed = True
        try:
            self._update(change)
        except (KeyError, ValueError) as error:
            raise SimulatorError(f"the experiment model refused: {error.args[0]}") from error

    def _update(self, change: Change) -> None:
        match change:
            case SetPrbPolicy():
                self._set_policies(change.policies)
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
                self._requested_cells[change.device] = change.cell
            case Fly():
                device = self.devices[_known(change.device, self.devices, "device")]
                if change.speed_mps <= 0:
                    raise ValueError("a speed is positive")
                device.route, device.speed_mps = change.waypoints, change.speed_mps
            case InjectFault():
                self._add_fault(change.fault)

    def _set_policies(self, policies: Mapping[SliceType, RrmPolicyRatio]) -> None:
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

    def _add_fault(self, fault: FaultEvent) -> None:
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
    def begin_interval(self, duration_ms: int) -> IntervalContext:
        """The context of the next interval. UAVs fly on to the end of it."""
        start_ms = self.history[-1].end_ms if self.history else -duration_ms
        end_ms = start_ms + duration_ms
        # a fault counts in an interval if it lasts for more than half of it
        active = [
            f for f in self.faults if min(f.end_ms, end_ms) - max(f.start_ms, start_ms) > duration_ms / 2
        ]
        touching = [f for f in self.faults if f.start_ms < end_ms and f.end_ms > start_ms]
        edge = any(start_ms <= at < end_ms for f in self.faults for at in (f.start_ms, f.end_ms))
        flying = self._fly(duration_ms) if self.history else False
        power_dbm = timeline.power_dbm(self.scenario, active)
        interferers = tuple((f.position, f.power_dbm) for f in active if isinstance(f, Interferer))
        load = timeline.offered_load(self.scale, active)
        links = self._radio_links(active, power_dbm, interferers, load)
        background = timeline.background_load(self.scenario, active)
        backhaul_ms = timeline.backhaul_ms(self.scenario, active)
        backhaul_loss = timeline.backhaul_loss(self.scenario, active)
        context = IntervalContext(
            start_ms=start_ms,
            end_ms=end_ms,
            power_dbm=power_dbm,
            backhaul_ms=backhaul_ms,
            backhaul_loss=backhaul_loss,
            interferers=interferers,
            fault_kinds=tuple(sorted({f.kind for f in touching})),
            load=load,
            moved=frozenset(self.moved),
            background=background,
            links=links,
            shares=self._shares(links, [link.need for link in links.values()]),
            map_shares=self._shares(links, [link.map_need for link in links.values()]),
            expected=expected(
                self.scenario,
                self.policies,
                links.values(),
                backhaul_ms=backhaul_ms,
                backhaul_loss=backhaul_loss,
                seconds=duration_ms / 1e3,
            ),
            work=self._work(),
            changed=self._changed or edge,
            at_rest=False,
        )
        still = bool(self.history) and not (context.changed or flying)
        at_rest = still and self._quiet_intervals >= _REST_INTERVALS and not _overloaded(context)
        return replace(context, at_rest=at_rest)

    def end_interval(self, context: IntervalContext, interval: Interval) -> None:
        """Update the tracked state with the measured or predicted interval."""
        quiet = not (context.changed or self._changed)
        flying = any(device.route for device in self.devices.values())
        if not self.history:
            self._quiet_intervals = _REST_INTERVALS  # nothing changed in the warm-up
        else:
            self._quiet_intervals = self._quiet_intervals + 1 if quiet and not flying else 0
        self._changed = False
        self._requested_cells = {}
        self.moved, self.relocated = set(), set()
        self.policies_before = dict(self.policies)
        self.before, self.context = self.context, context
        self.history = [*self.history[-1:], interval]
        if not context.at_rest:
            self._count_waiting(interval)
            self._link_bias.update(self.scenario, context, interval)
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
    def _radio_links(
        self,
        active: Iterable[FaultEvent],
        power_dbm: Mapping[str, float],
        interferers: tuple[tuple[Position, float], ...],
        load: Mapping[str, float],
    ) -> dict[str, RadioLink]:
        """Radio links by device, under the faults that are active."""
        refusing = frozenset(f.cell for f in active if isinstance(f, CellOutage | HandoverFailure))
        return {
            name: self._links.link(
                device,
                kind=self.slice_of[device.group.name],
                requested_cell=self._requested_cells.get(name),
                refusing=refusing,
                power_dbm=power_dbm,
                interferers=interferers,
                load=load[device.group.name],
                bias=self._link_bias,
            )
            for name, device in self.devices.items()
        }

    def _shares(
        self, links: Mapping[str, RadioLink], needs: Iterable[float]
    ) -> dict[tuple[str, SliceType], PrbShare]:
        return shares(self.scenario, self.policies, links.values(), needs)

    def _count_waiting(self, interval: Interval) -> None:
        """Count packets and tasks under way, at most as many as can be younger than their timeouts."""
        seconds = (interval.end_ms - interval.start_ms) / 1e3
        packets = max(self.scenario.radio.loss_timeout_ms / 1e3 / seconds, 1.0)
        for name, flow in _flows(interval):
            left = self.pending.get(name, 0) + flow.sent_packets - flow.delivered_packets - flow.lost_packets
            self.pending[name] = max(0, min(left, round(packets * flow.sent_packets)))
        for name, tasks in interval.workloads.items():
            left = self.open_tasks[name] + tasks.created - tasks.completed
            self.open_tasks[name] = max(0, min(left, round(_TASKS_GIVEN_UP_S / seconds * tasks.created)))

    def _work(self) -> dict[str, float]:
        """Offered work over speed by node; on board by group, because every UAV has its own computer."""
        speed = {node.id: node.megacycles_per_s for node in self.scenario.compute}
        work = dict.fromkeys(speed, 0.0)
        for name, node in self.runs_on.items():
            group = self._groups[name]
            assert group.workload is not None  # a group without a workload is not in runs_on
            megacycles_per_s = group.workload.rate_hz * group.workload.megacycles
            if node != ONBOARD:
                work[node] += megacycles_per_s * group.count / speed[node]
            else:
                assert group.airframe is not None  # only UAVs compute on board
                work[f"{ONBOARD} {name}"] = megacycles_per_s / group.airframe.onboard_megacycles_per_s
        return work

    def _fly(self, duration_ms: int) -> bool:
        """Move every UAV on to the end of the interval. True if a UAV moved."""
        flying = False
        for device in self.devices.values():
            flying = flying or bool(device.route)
            self._links.measure(device, device.fly(duration_ms) if device.route else device.position)
        return flying


def _overloaded(context: IntervalContext) -> bool:
    """Whether queues grow somewhere: at PRBs, at a compute node, or for one device."""
    return (
        any(share.devices and share.rho > _OVERLOADED for share in context.shares.values())
        or any(work + context.background.get(node, 0.0) > _OVERLOADED for node, work in context.work.items())
        or any(_waits(context.links[name], fluid) for name, fluid in context.expected.items())
    )


def _waits(link: RadioLink, fluid: Expected) -> bool:
    """Whether packets for a device wait, or are expected to."""
    if link.device.backlog_bytes > _FEW_PACKETS * link.device.group.traffic.packet_bytes:
        return True
    return bool(link.load) and not _ALL_ARRIVES <= fluid.arrives <= 1 / _ALL_ARRIVES


def _flows(interval: Interval) -> Iterable[tuple[str, PacketFlow]]:
    yield from interval.groups.items()
    yield from ((name, device.flow) for name, device in interval.devices.items())


def _known(name: str, known: Iterable[str], what: str) -> str:
    if name not in known:
        raise ValueError(f"no {what} {name}")
    return name
