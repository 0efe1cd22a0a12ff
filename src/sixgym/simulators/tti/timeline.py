"""Faults begin and end on the clock; faults that overlap on one target combine."""

import math
from collections.abc import Iterator

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
from sixgym.domain.measurement import InterfererMeasurement
from sixgym.domain.radio import milliwatts
from sixgym.domain.scenario import Scenario
from sixgym.simulators.tti.build import SILENT_DBM, set_power
from sixgym.simulators.tti.kernel import SET_BACKGROUND, SET_FACTOR, command
from sixgym.simulators.tti.state import MS, Network

OUTAGE_DBM = -200.0
"""Radiated power that a measurement reports for a cell in outage, see `CellMeasurement`."""


class Timeline:
    """The faults of a network, and the traffic factors that faults and the operator set.

    Nothing is undone: after every start and end of a fault, all affected values are computed again.
    """

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._faults: list[FaultEvent] = []
        self._scale = [1.0] * len(scenario.groups)
        self._surge = [1.0] * len(scenario.groups)
        self._background = [node.background_load for node in scenario.compute]
        self._emitters: dict[tuple[float, float, float], int] = {}
        self._valid_until_ms = -math.inf
        self.power_dbm = [cell.tx_power_dbm for cell in scenario.cells]

    @property
    def next_edge_ms(self) -> float:
        """When the next fault starts or ends, after the last `apply`."""
        return self._valid_until_ms

    def copy(self) -> "Timeline":
        """An independent copy of the timeline."""
        other = Timeline(self._scenario)
        other._faults = list(self._faults)
        other._scale, other._surge = list(self._scale), list(self._surge)
        other._background = list(self._background)
        other._emitters = dict(self._emitters)
        other._valid_until_ms = self._valid_until_ms
        other.power_dbm = list(self.power_dbm)
        return other

    def add(self, fault: FaultEvent, emitter: int | None = None) -> None:
        """Adds a fault; `emitter` is the row of an interferer."""
        if isinstance(fault, Interferer) and emitter is not None:
            self._emitters[_place(fault)] = emitter
        self._faults.append(fault)
        self._valid_until_ms = -math.inf

    def emitter_of(self, fault: Interferer) -> int | None:
        """The row of an interferer at that place, or None."""
        return self._emitters.get(_place(fault))

    def kinds(self, from_ms: int, to_ms: int) -> tuple[str, ...]:
        """Kinds of the faults active at some time in [from_ms, to_ms)."""
        active = {fault.kind for fault in self._faults if fault.start_ms < to_ms and fault.end_ms > from_ms}
        return tuple(sorted(active))

    def interferers(self, now_ms: int) -> tuple[InterfererMeasurement, ...]:
        """Interferers that were on just before `now_ms`."""
        return tuple(
            InterfererMeasurement(fault.position, fault.power_dbm)
            for fault in self._faults
            if isinstance(fault, Interferer) and fault.start_ms < now_ms <= fault.end_ms
        )

    def set_scale(self, net: Network, group: int, factor: float, now_ns: int) -> None:
        """Sets the operator's traffic factor of a group."""
        self._scale[group] = factor
        self._set_traffic(net, group, now_ns)

    def apply(self, net: Network, now_ms: int, now_ns: int) -> None:
        """Applies the faults active from `now_ms` on, if a fault began or ended since the last call."""
        if now_ms < self._valid_until_ms:
            return
        edges = (edge for fault in self._faults for edge in (fault.start_ms, fault.end_ms))
        self._valid_until_ms = min((edge for edge in edges if edge > now_ms), default=math.inf)
        active = [fault for fault in self._faults if fault.start_ms <= now_ms < fault.end_ms]
        self._set_cells(net, active)
        self._set_interferers(net, active)
        self._set_surges(net, active, now_ns)
        self._set_backgrounds(net, active, now_ns)

    def _set_cells(self, net: Network, active: list[FaultEvent]) -> None:
        for row, cell in enumerate(self._scenario.cells):
            power_dbm, delay_ms, passed = cell.tx_power_dbm, self._scenario.backhaul.delay_ms, 1.0
            dark = refusing = False
            for fault in active:
                match fault:
                    case CellPowerDrop(cell=cell.id):
                        power_dbm -= fault.drop_db
                    case CellOutage(cell=cell.id):
                        dark = refusing = True
                    case HandoverFailure(cell=cell.id):
                        refusing = True
                    case BackhaulDegradation(cell=cell.id):
                        delay_ms = max(delay_ms, fault.delay_ms)
                        passed *= 1 - fault.loss_ratio
                    case _:
                        pass
            self.power_dbm[row] = OUTAGE_DBM if dark else power_dbm
            set_power(net, row, SILENT_DBM if dark else power_dbm)
            net.cells[row]["refusing"] = refusing
            net.cells[row]["backhaul_ns"] = round(delay_ms * MS)
            net.cells[row]["backhaul_loss"] = round(1 - passed, 12)

    def _set_interferers(self, net: Network, active: list[FaultEvent]) -> None:
        net.emitters["power_mw"] = 0.0
        for fault in active:
            if isinstance(fault, Interferer):
                row = net.emitters[self._emitters[_place(fault)]]
                row["power_mw"] += milliwatts(fault.power_dbm) / self._scenario.prbs

    def _set_surges(self, net: Network, active: list[FaultEvent], now_ns: int) -> None:
        for index, group in enumerate(self._scenario.groups):
            surges = (f.factor for f in active if isinstance(f, TrafficSurge) and f.group == group.name)
            factor = math.prod(surges)
            if factor != self._surge[index]:
                self._surge[index] = factor
                self._set_traffic(net, index, now_ns)

    def _set_traffic(self, net: Network, group: int, now_ns: int) -> None:
        for device in _rows(net, group):
            factor = self._scale[group] * self._surge[group]
            command(net, SET_FACTOR, device, factor, now_ns)

    def _set_backgrounds(self, net: Network, active: list[FaultEvent], now_ns: int) -> None:
        for row, node in enumerate(self._scenario.compute):
            loads = (f.background_load for f in active if isinstance(f, EdgeOverload) and f.node == node.id)
            load = max(node.background_load, max(loads, default=0.0))
            if load != self._background[row]:
                self._background[row] = load
                command(net, SET_BACKGROUND, row, load, now_ns)


def _rows(net: Network, group: int) -> Iterator[int]:
    return (row for row, own in enumerate(net.devices["group"]) if own == group)


def _place(fault: Interferer) -> tuple[float, float, float]:
    return fault.position.x_m, fault.position.y_m, fault.position.z_m
