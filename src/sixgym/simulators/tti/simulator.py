"""The TTI simulator as a `Simulator`."""

import copy
from typing import Self

import numpy as np

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
from sixgym.domain.faults import FaultEvent, Interferer
from sixgym.domain.measurement import DELAY_BIN_EDGES_MS, Interval
from sixgym.domain.radio import Emitter
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.tti import build, state
from sixgym.simulators.tti.a3 import EventA3
from sixgym.simulators.tti.kernel import (
    ENTER_SLICE,
    PLAN_BANDS,
    REQUEST_HANDOVER,
    UPDATE_GAINS,
    Constants,
    advance,
    command,
    source_digest,
)
from sixgym.simulators.tti.link import load_link_tables
from sixgym.simulators.tti.report import Report
from sixgym.simulators.tti.state import DELAYS_FULL, DONE, MS, PACKETS_FULL, Network
from sixgym.simulators.tti.summary import IntervalSummary, empty_summary
from sixgym.simulators.tti.timeline import Timeline

_LARGEST_SEED = 2**51 - 1
"""A seed is the number of a substream, and MRG32k3a has 2^51 of them per stream, as in ns-3."""

_LARGEST_FACTOR = 1_000.0
"""Largest traffic factor. Chosen, not measured."""

_EDGES_MS = np.array(DELAY_BIN_EDGES_MS)
_NO_SUMMARY = empty_summary(0, 0, 0, 0, _EDGES_MS)


class TtiSimulator:
    """Packets, RLC, HARQ and scheduling in TTIs of 1 ms, compiled by numba; needs neither ns-3 nor g++.

    The rules are those of `Ns3Simulator`. Traffic, fading and errors use the same random streams, so that one
    seed means the same demand and the same channel on both simulators.
    """

    def __init__(self) -> None:
        self._run: _Run | None = None

    @property
    def name(self) -> str:
        """`tti`."""
        return "tti"

    @property
    def version(self) -> str:
        """Hash of the sources and tables."""
        return source_digest()

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """Start the network and run its warm-up."""
        if not 0 <= seed <= _LARGEST_SEED:
            raise ValueError(f"seed {seed} is not in 0 to {_LARGEST_SEED}")
        self._run = _Run.of(scenario, seed)
        measured_ms = min(scenario.decision_interval_ms, scenario.warm_up_ms)
        if measured_ms < scenario.warm_up_ms:
            self._run.advance(scenario.warm_up_ms - measured_ms)
        return self._run.advance(measured_ms)

    def apply(self, change: Change) -> None:
        """Apply a change now."""
        run = self._running()
        try:
            run.apply(change)
        except (ValueError, KeyError) as error:
            self.close()
            raise SimulatorError(f"the TTI simulator refused: {error.args[0]}") from error

    def advance(self, duration_ms: int) -> Interval:
        """Run the network for that long."""
        run = self._running()
        if duration_ms < 1:
            self.close()
            raise SimulatorError("an interval lasts at least 1 ms")
        return run.advance(duration_ms)

    def close(self) -> None:
        """Forget the network."""
        self._run = None

    def fork(self) -> Self:
        """An independent copy of the running network."""
        other = copy.copy(self)
        other._run = self._running().copy()
        return other

    def _running(self) -> "_Run":
        if self._run is None:
            raise SimulatorError("no network is running: call reset first")
        return self._run


class _Run:
    """A network with its clock, faults and event A3."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        net: Network,
        constants: Constants,
        timeline: Timeline,
        a3: EventA3 | None,
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        self._net: Network = net
        self._constants = constants
        self._timeline = timeline
        self._a3 = a3
        self._names = tuple(name for _, name, _ in scenario.devices())
        self._elapsed_ms = int(net.clock[0]["tti"])  # since the start of the warm-up
        self._summary = empty_summary(
            len(scenario.slices), len(scenario.groups), len(net.devices), len(net.cells), _EDGES_MS
        )

    @classmethod
    def of(cls, scenario: Scenario, seed: int) -> "_Run":
        """A network at the beginning of its warm-up."""
        net = build.build_network(scenario, seed)
        a3 = None
        if scenario.handover.algorithm == "a3":
            a3 = EventA3(scenario.handover, len(net.devices), len(net.cells))
        run = cls(scenario, seed, net, build.build_constants(scenario), Timeline(scenario), a3)
        for fault in scenario.faults:
            run._add_fault(fault)
        return run

    def copy(self) -> "_Run":
        """An independent copy of the run."""
        a3 = self._a3.copy() if self._a3 else None
        timeline = self._timeline.copy()
        return _Run(self._scenario, self._seed, self._net.copy(), self._constants, timeline, a3)

    # ------------------------------------------------------------------ time
    @property
    def _now_ms(self) -> int:
        """Network time, 0 at the end of the warm-up."""
        return self._elapsed_ms - self._scenario.warm_up_ms

    def advance(self, duration_ms: int) -> Interval:
        """Runs the network for a duration and returns the measurements."""
        start_ms = self._now_ms
        end_ms = start_ms + duration_ms
        self._timeline.apply(self._net, start_ms, self._elapsed_ms * MS)
        while self._now_ms < end_ms:
            stop_ms = min(end_ms, self._timeline.next_edge_ms)
            if self._a3:
                stop_ms = min(stop_ms, self._a3.next_ms(self._elapsed_ms) - self._scenario.warm_up_ms)
            self._run_until(int(stop_ms), self._summary if stop_ms == end_ms else _NO_SUMMARY)
            if self._a3:
                self._a3.evaluate(self._net, self._elapsed_ms)
            if stop_ms < end_ms:
                self._timeline.apply(self._net, self._now_ms, self._elapsed_ms * MS)
        return self._measure(start_ms, end_ms)

    def _run_until(self, end_ms: int, summary: IntervalSummary) -> None:
        tables = load_link_tables()
        end_tti = end_ms + self._scenario.warm_up_ms
        while (full := advance(self._net, tables, self._constants, end_tti, summary)) != DONE:
            self._grow(full)
        self._elapsed_ms = end_tti

    def _grow(self, full: int) -> None:
        """Doubles the array that is full. A packet's number gives its place in the larger ring."""
        net = self._net
        if full == PACKETS_FULL:
            packets = np.zeros((len(net.devices), 2 * net.packets.shape[1]), state.PACKET)
            old_mask, mask = net.packets.shape[1] - 1, packets.shape[1] - 1
            for device, row in enumerate(net.devices):
                numbers = np.arange(max(0, int(row["created"]) - old_mask - 1), int(row["created"]))
                packets[device, numbers & mask] = net.packets[device, numbers & old_mask]
            self._net = net._replace(packets=packets)
        elif full == DELAYS_FULL:
            delays = np.zeros((len(net.devices), 2 * net.delays.shape[1]), np.float32)
            delays[:, : net.delays.shape[1]] = net.delays
            self._net = net._replace(delays=delays)
        else:
            self._net = net._replace(wires=np.concatenate([net.wires, np.zeros_like(net.wires)]))

    def _measure(self, start_ms: int, end_ms: int) -> Interval:
        now_ns = self._elapsed_ms * MS
        leaked = int(self._net.clock[0]["leaked_prbs"])
        self._net.clock[0]["leaked_prbs"] = 0
        report = Report(self._net, self._summary, self._scenario, now_ns, end_ms - start_ms)
        return Interval(
            start_ms=start_ms,
            end_ms=end_ms,
            slices=report.slices(),
            groups=report.groups(),
            workloads=report.workloads(),
            nodes=report.nodes(),
            cells=report.cells(self._timeline.power_dbm),
            devices=report.devices(self._names),
            interferers=self._timeline.interferers(end_ms),
            faults=self._timeline.kinds(start_ms, end_ms),
            prb_leakage=leaked,
            delay_histograms=report.histograms(),
        )

    # ------------------------------------------------------------------ changes
    def apply(self, change: Change) -> None:
        """Applies a change between two intervals.

        Raises:
            ValueError, KeyError: the change names an object that does not exist, or has a value out of range.
        """
        now_ns = self._elapsed_ms * MS
        match change:
            case SetPrbPolicy():
                self._set_policies(change)
            case MoveToSlice():
                self._move(self._group(change.group), self._slice_rows()[change.slice])
            case ScaleTraffic():
                if not 0 <= change.factor <= _LARGEST_FACTOR:
                    raise ValueError(f"a traffic factor is from 0 to {_LARGEST_FACTOR:g}")
                self._timeline.set_scale(self._net, self._group(change.group), change.factor, now_ns)
            case Offload():
                self._offload(self._group(change.group), build.node_index(self._scenario, change.node))
            case HandOver():
                cells = [cell.id for cell in self._scenario.cells]
                device, cell = self._names.index(change.device), cells.index(change.cell)
                command(self._net, REQUEST_HANDOVER, device, float(cell), now_ns)
            case Fly():
                if change.speed_mps <= 0:
                    raise ValueError("a speed is positive")
                device = self._names.index(change.device)
                self._net = build.set_route(self._net, device, change.waypoints, change.speed_mps, now_ns)
            case InjectFault():
                if change.fault.start_ms < self._now_ms:
                    raise ValueError("the fault would start in the past")
                self._check_target(change.fault)
                self._add_fault(change.fault)

    def _slice_rows(self) -> dict[SliceType, int]:
        return {slice_.type: row for row, slice_ in enumerate(self._scenario.slices)}

    def _group(self, name: str) -> int:
        return [group.name for group in self._scenario.groups].index(name)

    def _set_policies(self, change: SetPrbPolicy) -> None:
        rows = self._slice_rows()
        if set(change.policies) != set(rows):
            raise ValueError("a policy for every slice is needed")
        if sum(policy.min for policy in change.policies.values()) > 100:
            raise ValueError("the minimum shares add up to more than 100 %")
        for kind, policy in change.policies.items():
            row = self._net.slices[rows[kind]]
            row["dedicated"], row["minimum"] = policy.dedicated / 100, policy.min / 100
            row["maximum"] = policy.max / 100
        command(self._net, PLAN_BANDS, 0, 0.0, 0)

    def _move(self, group: int, slice_row: int) -> None:
        for device, row in enumerate(self._net.devices):
            if row["group"] == group:
                command(self._net, ENTER_SLICE, device, float(slice_row), self._elapsed_ms * MS)

    def _offload(self, group: int, node: int) -> None:
        owners = self._net.devices["group"][self._net.workloads["device"]]
        self._net.workloads["node"][owners == group] = node

    def _check_target(self, fault: FaultEvent) -> None:
        known = {
            "cell": [cell.id for cell in self._scenario.cells],
            "group": [group.name for group in self._scenario.groups],
            "node": [node.id for node in self._scenario.compute],
        }
        for name, value in fault.model_dump(include=set(known)).items():
            if value not in known[name]:
                raise ValueError(f"no {name} {value}")

    def _add_fault(self, fault: FaultEvent) -> None:
        emitter = None
        if isinstance(fault, Interferer):
            emitter = self._timeline.emitter_of(fault)
            if emitter is None:
                emitter = self._add_emitter(fault)
        self._timeline.add(fault, emitter)

    def _add_emitter(self, fault: Interferer) -> int:
        assert self._scenario.topology_seed is not None
        net, devices = self._net, len(self._net.devices)
        row = np.zeros(1, state.EMITTER)
        build.fill_emitter(row[0], Emitter.interferer(fault.position, self._scenario.topology_seed))
        index = len(net.emitters)
        self._net = net._replace(
            emitters=np.concatenate([net.emitters, row]),
            gain=np.concatenate([net.gain, np.zeros((1, devices))]),
            gain_db=np.concatenate([net.gain_db, np.zeros((1, devices))]),
            offset=np.concatenate(
                [
                    net.offset,
                    build.offsets([index], devices, self._seed, self._scenario.channel.fading is not None),
                ]
            ),
        )
        for device in range(devices):
            command(self._net, UPDATE_GAINS, device, 0.0, 0)
        return index
