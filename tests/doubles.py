"""A simulator for tests: a few formulas instead of packets, fast and deterministic.

It reacts to every change in the right direction, so the loop above it can be tested in
microseconds. It is not a stand-in for ns-3 and never ships.
"""

import random

from sixgym.domain import change as changes
from sixgym.domain.change import Change
from sixgym.domain.faults import CellOutage, CellPowerDrop, FaultEvent
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import (
    CellMeasurement,
    DeviceMeasurement,
    Interval,
    NodeMeasurement,
    PacketFlow,
    SliceMeasurement,
    WorkloadMeasurement,
)
from sixgym.domain.scenario import Scenario
from sixgym.domain.traffic import Constant, OnOff, Periodic, Traffic
from sixgym.simulators.base import SimulatorError

BITS_PER_PRB_AND_MS = 400.0


def offered_mbps(traffic: Traffic) -> float:
    match traffic:
        case Constant():
            return traffic.rate_mbps
        case Periodic():
            return traffic.packet_bytes * 8 / traffic.interval_ms / 1e3
        case OnOff():
            return traffic.rate_mbps * traffic.mean_on_s / (traffic.mean_on_s + traffic.mean_off_s)


class FluidSimulator:
    name = "fluid"
    version = "test"

    def __init__(self, fail_after: int | None = None, fail_on_reset: bool = False) -> None:
        self.fail_after = fail_after
        self.fail_on_reset = fail_on_reset
        self.applied: list[Change] = []
        self.closed = 0

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        if not scenario.is_placed:
            raise ValueError("not placed")
        if self.fail_on_reset:
            raise SimulatorError("the test simulator does not start")
        self.scenario = scenario
        self.random = random.Random(seed)
        self.now_ms = -scenario.decision_interval_ms
        self.advances = -1
        self.applied.clear()
        self.policies = {s.type: s.policy for s in scenario.slices}
        self.slice_of = {g.name: g.slice for g in scenario.groups}
        self.runs_on = {g.name: g.workload.runs_on for g in scenario.groups if g.workload}
        self.factor = {g.name: 1.0 for g in scenario.groups}
        self.cell_of = {name: scenario.cells[0].id for _, name, _ in scenario.devices()}
        self.position = {name: position for _, name, position in scenario.devices()}
        self.route: dict[str, tuple[tuple[Position, ...], float]] = {}
        for group in scenario.groups:
            if group.airframe:
                for name, route in zip(group.device_ids, group.routes, strict=True):
                    self.route[name] = (route, group.airframe.cruise_speed_mps)
        self.faults: list[FaultEvent] = list(scenario.faults)
        return self.advance(scenario.decision_interval_ms)

    def apply(self, change: Change) -> None:
        self.applied.append(change)
        match change:
            case changes.SetPrbPolicy():
                self.policies = dict(change.policies)
            case changes.MoveToSlice():
                self.slice_of[change.group] = change.slice
            case changes.ScaleTraffic():
                self.factor[change.group] = change.factor
            case changes.Offload():
                self.runs_on[change.group] = change.node
            case changes.HandOver():
                self.cell_of[change.device] = change.cell
            case changes.Fly():
                self.route[change.device] = (change.waypoints, change.speed_mps)
            case changes.InjectFault():
                self.faults.append(change.fault)

    def advance(self, duration_ms: int) -> Interval:
        self.advances += 1
        if self.fail_after is not None and self.advances > self.fail_after:
            raise SimulatorError("the test simulator broke")
        start, self.now_ms = self.now_ms, self.now_ms + duration_ms
        self._fly(duration_ms / 1e3)
        active = [f for f in self.faults if f.start_ms < self.now_ms and f.end_ms > start]
        return self._measure(start, active)

    def close(self) -> None:
        self.closed += 1

    # ------------------------------------------------------------------ formulas
    def _fly(self, seconds: float) -> None:
        for name, (route, speed) in self.route.items():
            left = speed * seconds
            while route and left > 0:
                step = min(left, self.position[name].distance_m(route[0]))
                self.position[name] = self.position[name].toward(route[0], step)
                left -= step
                if self.position[name] != route[0]:
                    break
                route = route[1:]
            self.route[name] = (route, speed)

    def _measure(self, start: int, active: list[FaultEvent]) -> Interval:
        scenario = self.scenario
        flows: dict[str, PacketFlow] = {}
        surges = {f.group: f.factor for f in active if f.kind == "traffic_surge"}
        weak = {f.cell for f in active if isinstance(f, CellPowerDrop | CellOutage)}
        demand = {
            g.name: offered_mbps(g.traffic) * g.count * self.factor[g.name] * surges.get(g.name, 1.0)
            for g in scenario.groups
        }
        slices: dict[object, SliceMeasurement] = {}
        for slice_ in scenario.slices:
            members = [g for g in scenario.groups if self.slice_of[g.name] is slice_.type]
            prbs = self.policies[slice_.type].max / 100 * scenario.prbs
            capacity = prbs * BITS_PER_PRB_AND_MS / 1e3
            offered = sum(demand[g.name] for g in members)
            load = offered / capacity if capacity else 1.0
            for g in members:
                bad = any(self.cell_of[name] in weak for name in g.device_ids)
                flows[g.name] = self._flow(demand[g.name], min(load * (3 if bad else 1), 1.5), start)
            total = self._flow(offered, min(load, 1.5), start)
            slices[slice_.type] = SliceMeasurement(total, prbs, prbs * min(load, 1), 0, 1.0, len(members))
        devices = {
            name: DeviceMeasurement(
                flow=flows[g.name],
                group=g.name,
                slice=self.slice_of[g.name],
                cell=self.cell_of[name],
                position=self.position[name],
                sinr_db=10.0,
                rsrp_dbm={c.id: -80.0 - i for i, c in enumerate(scenario.cells)},
                handover="IDLE",
                handover_target=None,
                handover_ms=0.0,
                queue_bytes=0,
            )
            for g, name, _ in scenario.devices()
        }
        nodes = {
            n.id: NodeMeasurement(
                min(1.0, n.background_load + 0.2 * list(self.runs_on.values()).count(n.id)), 0, 0
            )
            for n in scenario.compute
        }
        return Interval(
            start_ms=start,
            end_ms=self.now_ms,
            slices=slices,  # type: ignore[arg-type]
            groups=flows,
            workloads={name: WorkloadMeasurement(4, 4, 20.0) for name in self.runs_on},
            nodes=nodes,
            cells={
                c.id: CellMeasurement(-200.0 if c.id in weak else c.tx_power_dbm, 0.5, 1, 0.5, 0.0)
                for c in scenario.cells
            },
            devices=devices,
            interferers=(),
            faults=tuple(sorted({f.kind for f in active})),
            prb_leakage=0,
        )

    def _flow(self, mbps: float, load: float, start: int) -> PacketFlow:
        seconds = (self.now_ms - start) / 1e3
        packets = max(1, round(mbps * 1e6 * seconds / 8 / 500)) if mbps else 0
        lost = round(packets * max(0.0, 1 - 1 / load)) if load > 1 else 0
        latency = (5.0 + 30.0 * load**4 + self.random.random()) if packets else 0.0
        delivered = packets - lost
        return PacketFlow(
            sent_packets=packets,
            delivered_packets=delivered,
            lost_packets=lost,
            late_packets=0,
            dropped_packets=0,
            sent_bytes=packets * 500,
            delivered_bytes=delivered * 500,
            dropped_bytes=0,
            latency_ms=latency,
            latency_p95_ms=latency * 1.5,
            latency_max_ms=latency * 2,
            jitter_ms=latency / 5,
            loss_ratio=lost / packets if packets else 0.0,
            throughput_mbps=delivered * 4000 / 1e6 / seconds,
        )
