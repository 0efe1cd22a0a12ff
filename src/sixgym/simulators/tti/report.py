"""The measurement of an interval, from its summary."""

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar, cast

from sixgym.domain.geometry import Position
from sixgym.domain.measurement import (
    CellMeasurement,
    DeviceMeasurement,
    NodeMeasurement,
    PacketFlow,
    SliceMeasurement,
    WorkloadMeasurement,
)
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.tti.state import EXECUTION, PREPARATION, Network
from sixgym.simulators.tti.summary import (
    DELIVERED,
    DELIVERED_BYTES,
    DEVICES,
    LOST,
    PLACE_COLUMNS,
    QUEUE_BYTES,
    IntervalSummary,
)

_HANDOVER_STATES = ("IDLE", "PREPARATION", "EXECUTION", "COMPLETE", "FAILED")
_UNHEARD_DB = -50.0
"""SINR without a sample, see `DeviceMeasurement`."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Deferred(Mapping[_Key, _Value], Generic[_Key, _Value]):
    """A mapping that is made at its first use: most callers use slices alone."""

    def __init__(self, make: Callable[[], dict[_Key, _Value]]) -> None:
        self._make = make
        self._made: dict[_Key, _Value] | None = None

    def _all(self) -> dict[_Key, _Value]:
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getitem__(self, name: _Key) -> _Value:
        return self._all()[name]

    def __iter__(self) -> Iterator[_Key]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and self._all() == dict(cast(Mapping[_Key, _Value], other))

    def __hash__(self) -> int:
        return id(self)

    def __reduce__(self) -> tuple[type[dict[_Key, _Value]], tuple[dict[_Key, _Value]]]:
        return dict, (self._all(),)


class Report:
    """Makes the measurements of one interval from its summary."""

    def __init__(
        self, net: Network, summary: IntervalSummary, scenario: Scenario, now_ns: int, interval_ms: int
    ) -> None:
        self._net = net
        self._scenario = scenario
        self._now_ns = now_ns
        self._interval_ms = interval_ms
        self._summary = summary
        above = len(scenario.slices) + len(scenario.groups)
        self._counts = summary.counts[:above].tolist()
        self._figures = summary.figures[:above].tolist()
        self._above = above

    def _flow(self, counts: list[int], figures: list[float]) -> PacketFlow:
        settled = counts[LOST] + counts[DELIVERED]
        sent, delivered, lost, late, dropped, sent_bytes, delivered_bytes, dropped_bytes = counts[
            :QUEUE_BYTES
        ]
        mean_ms, p95_ms, longest_ms, jitter_ms = figures
        return PacketFlow(
            sent,
            delivered,
            lost,
            late,
            dropped,
            sent_bytes,
            delivered_bytes,
            dropped_bytes,
            mean_ms,
            p95_ms,
            longest_ms,
            jitter_ms,
            counts[LOST] / settled if settled else 0.0,
            counts[DELIVERED_BYTES] * 8 / (self._interval_ms * 1e3),
        )

    def slices(self) -> dict[SliceType, SliceMeasurement]:
        """Slices by type, over all cells."""
        result: dict[SliceType, SliceMeasurement] = {}
        for row, (slice_, (granted, used)) in enumerate(
            zip(self._scenario.slices, self._summary.prbs.tolist(), strict=True)
        ):
            counts = self._counts[row]
            prbs = granted / self._interval_ms
            bits_per_s = counts[DELIVERED_BYTES] * 8 / (self._interval_ms * 1e-3)
            result[slice_.type] = SliceMeasurement(
                flow=self._flow(counts, self._figures[row]),
                prbs_granted=prbs,
                prbs_used=used / self._interval_ms,
                queue_bytes=counts[QUEUE_BYTES],
                spectral_efficiency=bits_per_s / (prbs * PRB_HZ) if prbs > 0 else 0.0,
                devices=counts[DEVICES],
            )
        return result

    def groups(self) -> Mapping[str, PacketFlow]:
        """Flows by group."""
        first = len(self._scenario.slices)
        rows = list(zip(self._scenario.groups, self._counts[first:], self._figures[first:], strict=True))
        return Deferred(lambda: {group.name: self._flow(counts, figures) for group, counts, figures in rows})

    def histograms(self) -> Mapping[SliceType, tuple[int, ...]]:
        """Delay histograms by slice type."""
        kinds = [slice_.type for slice_ in self._scenario.slices]
        rows = self._summary.histograms.copy()
        return Deferred(lambda: {kind: tuple(row) for kind, row in zip(kinds, rows.tolist(), strict=True)})

    def workloads(self) -> dict[str, WorkloadMeasurement]:
        """Workloads of the groups with compute tasks."""
        result: dict[str, WorkloadMeasurement] = {}
        for group, (created, completed, latency_ms, oldest_ms) in zip(
            self._scenario.groups, self._summary.tasks.tolist(), strict=True
        ):
            if group.workload is not None:
                mean_ms = latency_ms / completed if completed else oldest_ms
                result[group.name] = WorkloadMeasurement(int(created), int(completed), mean_ms)
        return result

    def nodes(self) -> dict[str, NodeMeasurement]:
        """Compute nodes by id. Starts their next interval."""
        result: dict[str, NodeMeasurement] = {}
        queues = self._net.queues
        for queue, node in zip(queues, self._scenario.compute, strict=False):
            busy_ns = int(queue["busy_ns"])
            if queue["count"]:
                busy_ns += self._now_ns - max(int(queue["serving_ns"]), int(queue["read_ns"]))
            passed_ns = self._now_ns - int(queue["read_ns"])
            load = min(1.0, busy_ns / passed_ns) if passed_ns > 0 else 0.0
            result[node.id] = NodeMeasurement(load, max(int(queue["count"]) - 1, 0), int(queue["refused"]))
        if len(queues):
            queues["busy_ns"] = queues["refused"] = 0
            queues["read_ns"] = self._now_ns
        return result

    def cells(self, power_dbm: list[float]) -> dict[str, CellMeasurement]:
        """Cells by id; `power_dbm` is their radiated power."""
        cells, clock = self._net.cells, self._net.clock[0]
        offered = self._interval_ms * int(clock["rbgs"]) * int(clock["rbg_prbs"])
        rows = zip(
            self._scenario.cells,
            self._summary.cells.tolist(),
            power_dbm,
            cells["backhaul_ns"].tolist(),
            cells["backhaul_loss"].tolist(),
            strict=True,
        )
        return {
            cell.id: CellMeasurement(power, used / offered, devices, delay_ns * 1e-6, loss)
            for cell, (used, devices), power, delay_ns, loss in rows
        }

    def devices(self, names: tuple[str, ...]) -> Mapping[str, DeviceMeasurement]:
        """Devices by name, made from a copy of the summary."""
        counts, figures = (
            self._summary.counts[self._above :].copy(),
            self._summary.figures[self._above :].copy(),
        )
        places = self._summary.places.copy()

        def make() -> dict[str, DeviceMeasurement]:
            flows = map(self._flow, counts.tolist(), figures.tolist())
            groups = [group.name for group in self._scenario.groups for _ in range(group.count)]
            return {
                name: self._device(group, flow, place)
                for name, group, flow, place in zip(names, groups, flows, places.tolist(), strict=True)
            }

        return Deferred(make)

    def _device(self, group: str, flow: PacketFlow, place: list[float]) -> DeviceMeasurement:
        scenario = self._scenario
        slice_, cell, x_m, y_m, z_m, sinr_db, sinrs, handover, target, began_ns, ended_ns, queue_bytes = (
            place[:PLACE_COLUMNS]
        )
        state = int(handover)
        end_ns = self._now_ns if state in (PREPARATION, EXECUTION) else ended_ns
        cells = [known.id for known in scenario.cells]
        return DeviceMeasurement(
            flow=flow,
            group=group,
            slice=scenario.slices[int(slice_)].type,
            cell=cells[int(cell)],
            position=Position(x_m=x_m, y_m=y_m, z_m=z_m),
            sinr_db=sinr_db / sinrs if sinrs else _UNHEARD_DB,
            rsrp_dbm=dict(zip(cells, place[PLACE_COLUMNS:], strict=True)),
            handover=_HANDOVER_STATES[state],
            handover_target=None if target < 0 else cells[int(target)],
            handover_ms=(end_ns - began_ns) * 1e-6,
            queue_bytes=int(queue_bytes),
        )
