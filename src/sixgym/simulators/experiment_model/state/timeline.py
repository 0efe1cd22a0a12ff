"""Settings of a network under the faults that are active."""

import math
from collections.abc import Iterable, Mapping

from sixgym.domain.faults import (
    BackhaulDegradation,
    CellOutage,
    CellPowerDrop,
    EdgeOverload,
    FaultEvent,
    TrafficSurge,
)
from sixgym.domain.scenario import Scenario

DARK_DBM = -200.0
"""Radiated power that a measurement reports for a cell in outage, see `CellMeasurement`."""


def power_dbm(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Radiated power by cell."""
    drops_db: dict[str, list[float]] = {cell.id: [] for cell in scenario.cells}
    dark: set[str] = set()
    for fault in active:
        if isinstance(fault, CellPowerDrop):
            drops_db[fault.cell].append(fault.drop_db)
        elif isinstance(fault, CellOutage):
            dark.add(fault.cell)
    return {
        cell.id: DARK_DBM if cell.id in dark else cell.tx_power_dbm - sum(drops_db[cell.id])
        for cell in scenario.cells
    }


def backhaul_ms(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Backhaul delay by cell: the longest of the configured delay and those of the faults."""
    delay = {cell.id: max(scenario.backhaul.delay_ms, 0.0) for cell in scenario.cells}
    for fault in active:
        if isinstance(fault, BackhaulDegradation):
            delay[fault.cell] = max(delay[fault.cell], fault.delay_ms)
    return delay


def backhaul_loss(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Backhaul loss ratio by cell; losses of several faults are independent."""
    passed: dict[str, list[float]] = {cell.id: [] for cell in scenario.cells}
    for fault in active:
        if isinstance(fault, BackhaulDegradation):
            passed[fault.cell].append(1 - fault.loss_ratio)
    # rounded: 1 - (1 - 0.1) is not 0.1 in binary
    return {cell: round(1 - math.prod(ratios), 12) for cell, ratios in passed.items()}


def offered_load(scale: Mapping[str, float], active: Iterable[FaultEvent]) -> dict[str, float]:
    """Offered load by group relative to the normal load.

    Args:
        scale: Traffic factors set by the operator, by group.
        active: Faults that are active.
    """
    surges: dict[str, list[float]] = {group: [] for group in scale}
    for fault in active:
        if isinstance(fault, TrafficSurge):
            surges[fault.group].append(fault.factor)
    return {group: own * math.prod(surges[group]) for group, own in scale.items()}


def background_load(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Background load by node: the highest of the configured load and those of the faults."""
    load = {node.id: max(node.background_load, 0.0) for node in scenario.compute}
    for fault in active:
        if isinstance(fault, EdgeOverload):
            load[fault.node] = max(load[fault.node], fault.background_load)
    return load
