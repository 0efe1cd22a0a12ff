"""What faults make of the settings of a network, while they last."""

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
"""What a measurement says that a cell in outage radiates."""


def power_dbm(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """What every cell radiates."""
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
    """Delay of every cell's backhaul: the longest that somebody causes."""
    delay = {cell.id: max(scenario.backhaul.delay_ms, 0.0) for cell in scenario.cells}
    for fault in active:
        if isinstance(fault, BackhaulDegradation):
            delay[fault.cell] = max(delay[fault.cell], fault.delay_ms)
    return delay


def backhaul_loss(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Share of the packets that every cell's backhaul loses."""
    passed: dict[str, list[float]] = {cell.id: [] for cell in scenario.cells}
    for fault in active:
        if isinstance(fault, BackhaulDegradation):
            passed[fault.cell].append(1 - fault.loss_ratio)
    return {cell: round(1 - math.prod(ratios), 12) for cell, ratios in passed.items()}


def offered_load(scale: Mapping[str, float], active: Iterable[FaultEvent]) -> dict[str, float]:
    """Traffic of every group relative to the normal one, given what the operator set it to."""
    surges: dict[str, list[float]] = {group: [] for group in scale}
    for fault in active:
        if isinstance(fault, TrafficSurge):
            surges[fault.group].append(fault.factor)
    return {group: own * math.prod(surges[group]) for group, own in scale.items()}


def background_load(scenario: Scenario, active: Iterable[FaultEvent]) -> dict[str, float]:
    """Background load of every node: the highest that somebody causes."""
    load = {node.id: max(node.background_load, 0.0) for node in scenario.compute}
    for fault in active:
        if isinstance(fault, EdgeOverload):
            load[fault.node] = max(load[fault.node], fault.background_load)
    return load
