"""The interval that the model's answers describe, in the form that every simulator reports."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sixgym.domain.measurement import (
    CellMeasurement,
    DeviceMeasurement,
    InterfererMeasurement,
    Interval,
    NodeMeasurement,
    PacketFlow,
    SliceMeasurement,
    WorkloadMeasurement,
)
from sixgym.domain.network import Group
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.answers import (
    KILO,
    Kind,
    Question,
)
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.flows import beyond, together
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

Figures = Mapping[str, float]
"""Values of an answer by the names of its figures."""

_SENT_SLACK = 0.02
"""Relative error of the nominal count of steady traffic in an interval. Chosen, not measured."""

HANDOVER_MS = 6.2
"""Duration of a handover on ns-3: two X2 messages and a random access (docs/log.md)."""


def composed_interval(
    tracker: NetworkTracker,
    context: IntervalContext,
    asked: Sequence[Question],
    answers: Sequence[Mapping[str, str]],
) -> Interval:
    """The interval that the answers describe.

    Sums and ratios are computed from the answers, so that parts and wholes agree: the flow of a UAV group
    from its UAVs, the flow of a slice from its groups, a loss ratio from lost and delivered packets.
    """
    by_subject: dict[tuple[Kind, str], tuple[Question, Mapping[str, str]]] = {
        (question.kind, question.subject): (question, answer)
        for question, answer in zip(asked, answers, strict=True)
    }
    figures: dict[tuple[Kind, str], Figures] = {
        key: {one.name: one.figure.values[answer[one.name]] for one in question.blanks if one.figure}
        for key, (question, answer) in by_subject.items()
    }
    return _Composer(tracker, context, figures, by_subject).interval()


def next_interval(
    tracker: NetworkTracker,
    context: IntervalContext,
    asked: Sequence[Question],
    answers: Sequence[Mapping[str, str]],
) -> Interval:
    """The next interval: the one that the answers describe, or the last one if the network is at rest."""
    if context.at_rest:
        return unchanged_interval(tracker, context)
    return composed_interval(tracker, context, asked, answers)


def unchanged_interval(tracker: NetworkTracker, context: IntervalContext) -> Interval:
    """The last interval with new times, for a network at rest."""
    last = tracker.history[-1]
    return replace(
        last,
        start_ms=context.start_ms,
        end_ms=context.end_ms,
        traffic_share={},
        battery_percent={},
        faults=context.fault_kinds,
    )


class _Composer:
    """Composes one interval."""

    def __init__(
        self,
        tracker: NetworkTracker,
        context: IntervalContext,
        figures: Mapping[tuple[Kind, str], Figures],
        answers: Mapping[tuple[Kind, str], tuple[Question, Mapping[str, str]]],
    ) -> None:
        self._tracker = tracker
        self._scenario = tracker.scenario
        self._context = context
        self._figures = figures
        self._answers = answers
        self._seconds = (context.end_ms - context.start_ms) / 1e3

    def interval(self) -> Interval:
        """The interval."""
        devices: dict[str, DeviceMeasurement] = {}
        groups: dict[str, PacketFlow] = {}
        for group in self._scenario.groups:
            if group.airframe is not None:
                own = {name: self._uav(group, name) for name in group.device_ids}
                groups[group.name] = together([one.flow for one in own.values()], self._seconds)
            else:
                figures = self._figures["flow", group.name]
                groups[group.name] = self._flow(group, figures, group.count, group.name)
                own = {name: self._ground_device(group, name, figures) for name in group.device_ids}
            devices |= own
        slices = {kind: self._slice(kind, groups) for kind in self._tracker.policies}
        context = self._context
        return Interval(
            start_ms=context.start_ms,
            end_ms=context.end_ms,
            slices=slices,
            groups=groups,
            workloads=self._workloads(),
            nodes=self._nodes(),
            cells=self._cells(devices),
            devices=devices,
            interferers=tuple(InterfererMeasurement(place, power) for place, power in context.interferers),
            faults=context.fault_kinds,
            prb_leakage=0,
        )

    # ------------------------------------------------------------------ packets
    def _flow(self, group: Group, figures: Figures, devices: int, name: str | None = None) -> PacketFlow:
        """The flow of a whole group or of one device, from answers relative to the nominal packets.

        Packets are conserved: a packet that was under way before the interval and is older than the loss
        timeout at its end has been delivered or lost. (A packet that was counted as lost may still be
        delivered.)
        """
        nominal = self._context.nominal_packets(group, devices)
        silent = self._context.load[group.name] == 0.0
        sent = 0 if silent else round(figures.get(w.SENT.name, 1.0) * nominal)
        delivered = round(figures[w.DELIVERED.name] * nominal)
        lost = round(figures[w.LOST.name] * nominal)
        dropped = round(figures[w.DROPPED.name] * nominal)
        if name is not None:
            pending = self._tracker.pending.get(name, 0)
            # steady traffic has its nominal count instead of a measured one
            slack = max(2, round(_SENT_SLACK * sent))
            if self._scenario.radio.loss_timeout_ms <= 1e3 * self._seconds:
                lost = max(lost, pending - delivered - slack)
        sla = self._scenario.slice(self._tracker.slice_of[group.name]).sla
        latency = figures[w.LATENCY.name]
        p95 = figures[w.P95.name]
        longest = max(figures[w.LONGEST.name], p95, latency)
        bound = sla.max_latency_ms
        late = 0 if bound is None else round(delivered * beyond(bound, latency, p95, longest))
        size = group.traffic.packet_bytes
        settled = lost + delivered
        return PacketFlow(
            sent_packets=sent,
            delivered_packets=delivered,
            lost_packets=lost,
            late_packets=late,
            dropped_packets=min(dropped, sent),
            sent_bytes=sent * size,
            delivered_bytes=delivered * size,
            dropped_bytes=min(dropped, sent) * size,
            latency_ms=latency,
            latency_p95_ms=p95,
            latency_max_ms=longest,
            jitter_ms=figures[w.JITTER.name],
            loss_ratio=lost / settled if settled else 0.0,
            throughput_mbps=delivered * size * 8 / (self._seconds * 1e6),
        )

    # ------------------------------------------------------------------ devices
    def _uav(self, group: Group, name: str) -> DeviceMeasurement:
        figures = self._figures["flow", name]
        _, answer = self._answers["flow", name]
        link = self._context.links[name]
        device = link.device
        state, target, took_ms = device.handover, device.handover_target, device.handover_ms
        if link.requested_cell is not None:
            state = answer[w.HANDOVER_BLANK.name].partition("=")[2]
            target, took_ms = link.requested_cell, HANDOVER_MS if state == "COMPLETE" else 0.0
        moves_to = link.requested_cell if link.requested_cell is not None and state == "COMPLETE" else None
        flow = self._flow(group, figures, 1, name)
        return DeviceMeasurement(
            flow=flow,
            group=group.name,
            slice=self._tracker.slice_of[group.name],
            cell=moves_to or device.cell,
            position=device.position,
            sinr_db=figures[w.SINR.name],
            rsrp_dbm=link.rsrp_dbm,
            handover=state,
            handover_target=target,
            handover_ms=took_ms,
            queue_bytes=round(figures[w.QUEUE.name] * KILO),
        )

    def _ground_device(self, group: Group, name: str, figures: Figures) -> DeviceMeasurement:
        """A device on the ground, with an equal part of its group's packets: the model answers for groups."""
        link = self._context.links[name]
        return DeviceMeasurement(
            flow=self._flow(group, figures, 1),
            group=group.name,
            slice=self._tracker.slice_of[group.name],
            cell=link.cell,
            position=link.device.position,
            sinr_db=link.map_db,
            rsrp_dbm=link.rsrp_dbm,
            handover=link.device.handover,
            handover_target=link.device.handover_target,
            handover_ms=link.device.handover_ms,
            queue_bytes=0,
        )

    # ------------------------------------------------------------------ the network
    def _slice(self, kind: SliceType, groups: Mapping[str, PacketFlow]) -> SliceMeasurement:
        members = [g for g in self._scenario.groups if self._tracker.slice_of[g.name] is kind]
        flow = together([groups[group.name] for group in members], self._seconds)
        figures = self._figures["slice", kind.value]
        granted = figures[w.GRANTED.name]
        bits_per_s = flow.throughput_mbps * 1e6
        return SliceMeasurement(
            flow=flow,
            prbs_granted=granted,
            prbs_used=min(figures[w.USED.name], granted),
            queue_bytes=round(figures[w.QUEUE.name] * KILO),
            spectral_efficiency=bits_per_s / (granted * PRB_HZ) if granted > 0 else 0.0,
            devices=sum(group.count for group in members),
        )

    def _workloads(self) -> dict[str, WorkloadMeasurement]:
        workloads: dict[str, WorkloadMeasurement] = {}
        for group in self._scenario.groups:
            if group.workload is not None:
                figures = self._figures["tasks", group.name]
                nominal = self._context.nominal_tasks(group)
                waiting = self._tracker.open_tasks[group.name] + round(nominal)
                completed = min(round(figures[w.DONE.name] * nominal), waiting + group.count)
                latency_ms = figures[w.LATENCY.name]
                before = self._tracker.history[-1].workloads[group.name] if self._tracker.history else None
                if before is not None and not completed and not before.completed:
                    latency_ms = before.latency_ms + 1e3 * self._seconds  # the oldest task goes on waiting
                workloads[group.name] = WorkloadMeasurement(round(nominal), completed, latency_ms)
        return workloads

    def _nodes(self) -> dict[str, NodeMeasurement]:
        nodes: dict[str, NodeMeasurement] = {}
        for node in self._scenario.compute:
            figures = self._figures["node", node.id]
            nodes[node.id] = NodeMeasurement(
                load=figures[w.BUSY.name],
                queue=min(round(figures[w.COUNT.name]), node.queue_limit),
                refused=round(figures[w.REFUSED.name]),
            )
        return nodes

    def _cells(self, devices: Mapping[str, DeviceMeasurement]) -> dict[str, CellMeasurement]:
        context = self._context
        return {
            cell.id: CellMeasurement(
                tx_power_dbm=context.power_dbm[cell.id],
                prb_load=self._figures["cell", cell.id][w.BUSY.name],
                devices=sum(device.cell == cell.id for device in devices.values()),
                backhaul_delay_ms=context.backhaul_ms[cell.id],
                backhaul_loss_ratio=context.backhaul_loss[cell.id],
            )
            for cell in self._scenario.cells
        }
