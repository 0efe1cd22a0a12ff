"""Checks that span several fields of a scenario. Each problem is one line: `key: reason`."""

from collections.abc import Iterator

from sixgym.domain.base import listed
from sixgym.domain.intent import Measurand
from sixgym.domain.network import ScenarioSpec

MAX_PACKETS_PER_S = 200_000
"""Most packets per second of all devices together; a packet-level simulator handles each of them. Chosen."""


def inconsistencies(scenario: ScenarioSpec) -> Iterator[str]:
    """Every contradiction between fields, as one line each: `key: reason`."""
    yield from _duplicate_names(scenario)
    yield from _dangling_references(scenario)
    yield from _dangling_targets(scenario)
    yield from _unmeasured_edge_load(scenario)
    yield from _empty_service_levels(scenario)
    yield from _impossible_shares(scenario)
    yield from _too_many_packets(scenario)


def _duplicate_names(scenario: ScenarioSpec) -> Iterator[str]:
    for what, names in (
        ("cells: id", [cell.id for cell in scenario.cells]),
        ("slices: type", [slice_.type.value for slice_ in scenario.slices]),
        ("groups: name", [group.name for group in scenario.groups]),
        ("compute: id", [node.id for node in scenario.compute]),
        ("tasks: id", [task.id for task in scenario.tasks]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{what} {name} appears twice"


def _dangling_references(scenario: ScenarioSpec) -> Iterator[str]:
    slices = {slice_.type for slice_ in scenario.slices}
    groups = [group.name for group in scenario.groups]
    cells = [cell.id for cell in scenario.cells]
    nodes = [node.id for node in scenario.compute]
    if scenario.managed not in groups:
        yield f"managed: no group {scenario.managed}; there are {listed(groups)}"
    if scenario.home_edge is not None and scenario.home_edge not in nodes:
        yield f"home_edge: no compute node {scenario.home_edge}; there are {listed(nodes)}"
    if "onboard" in nodes:
        yield "compute: onboard is the devices' own computer; give the node another name"
    for index, group in enumerate(scenario.groups):
        if group.slice not in slices:
            yield f"groups[{index}].slice: there is no slice of type {group.slice.value}"
        if group.workload is None:
            continue
        if group.workload.runs_on not in {*nodes, "onboard"}:
            yield f"groups[{index}].workload.runs_on: no compute node {group.workload.runs_on}"
        if group.workload.runs_on == "onboard" and group.airframe is None:
            yield f"groups[{index}].workload.runs_on: onboard needs an airframe"
    known = {"cell": cells, "group": groups, "node": nodes}
    for index, fault in enumerate(scenario.faults):
        for key, names in known.items():
            target = fault.model_dump().get(key)
            if target is not None and target not in names:
                yield f"faults[{index}].{key}: no {key} {target}; there are {listed(names)}"


def _dangling_targets(scenario: ScenarioSpec) -> Iterator[str]:
    slices = {slice_.type for slice_ in scenario.slices}
    for index, task in enumerate(scenario.tasks):
        if task.sla.slice not in slices:
            yield f"tasks[{index}].sla.slice: there is no slice of type {task.sla.slice.value}"
        for number, target in enumerate(task.goal.targets):
            yield from _dangling(scenario, f"tasks[{index}].goal.targets[{number}]", target)
        for number, target in enumerate(task.goal.constraints):
            yield from _dangling(scenario, f"tasks[{index}].goal.constraints[{number}]", target)
        if task.goal.answer is not None and task.goal.answer.measured is not None:
            yield from _dangling(scenario, f"tasks[{index}].goal.answer.measured", task.goal.answer.measured)
        for number, duty in enumerate(task.goal.duties):
            if duty.uav not in _uavs(scenario):
                where = f"tasks[{index}].goal.duties[{number}].uav"
                yield f"{where}: no UAV {duty.uav}; there are {listed(_uavs(scenario))}"


def _dangling(scenario: ScenarioSpec, where: str, measurand: Measurand) -> Iterator[str]:
    groups = {group.name: group for group in scenario.groups}
    computing = [group.name for group in scenario.groups if group.workload is not None]
    if measurand.group is not None and measurand.group not in groups:
        yield f"{where}.group: no group {measurand.group}; there are {listed(groups)}"
    elif measurand.metric == "task_latency_ms" and measurand.group not in computing:
        yield (
            f"{where}.group: {measurand.group} has no workload, so no task latency; "
            f"groups with one: {listed(computing)}"
        )
    elif measurand.metric == "separation_m" and measurand.group not in _flying(scenario):
        yield f"{where}.group: {measurand.group} does not fly; groups that do: {listed(_flying(scenario))}"
    if measurand.device is not None and measurand.device not in _uavs(scenario):
        yield f"{where}.device: no UAV {measurand.device}; there are {listed(_uavs(scenario))}"
    if measurand.slice is not None and measurand.slice not in {slice_.type for slice_ in scenario.slices}:
        yield f"{where}.slice: there is no slice of type {measurand.slice.value}"


def _flying(scenario: ScenarioSpec) -> list[str]:
    return [group.name for group in scenario.groups if group.airframe is not None]


def _uavs(scenario: ScenarioSpec) -> list[str]:
    return [name for group in scenario.groups if group.airframe is not None for name in group.device_ids]


def _unmeasured_edge_load(scenario: ScenarioSpec) -> Iterator[str]:
    if scenario.home_edge is not None:
        return
    reason = "edge load is measured on home_edge, which the scenario does not name"
    for index, task in enumerate(scenario.tasks):
        if task.sla.max_edge_load is not None:
            yield f"tasks[{index}].sla.max_edge_load: {reason}"
        for number, target in enumerate(task.goal.targets):
            if target.metric == "edge_load":
                yield f"tasks[{index}].goal.targets[{number}].metric: {reason}"
        answer = task.goal.answer
        if answer is not None and answer.measured is not None and answer.measured.metric == "edge_load":
            yield f"tasks[{index}].goal.answer.measured.metric: {reason}"


def _empty_service_levels(scenario: ScenarioSpec) -> Iterator[str]:
    for index, task in enumerate(scenario.tasks):
        bounds = task.sla.model_dump(exclude={"slice"})
        if all(bound is None for bound in bounds.values()):
            yield f"tasks[{index}].sla: there is no bound; give at least one of {listed(bounds)}"


def _impossible_shares(scenario: ScenarioSpec) -> Iterator[str]:
    if scenario.topology_seed is not None and any(
        not isinstance(group.placement, tuple) for group in scenario.groups
    ):
        yield "topology_seed: given, but there are areas left to place; leave it out"
    total = sum(slice_.policy.min for slice_ in scenario.slices)
    if total > 100:
        yield f"slices: policy.min adds up to {total} %, more than the carrier holds"
    if len({cell.bandwidth_mhz for cell in scenario.cells}) > 1:
        yield "cells: bandwidth_mhz differs, but all cells share one carrier"


def _too_many_packets(scenario: ScenarioSpec) -> Iterator[str]:
    """A compute task counts as two packets, its request and its response."""
    offered = sum(
        group.count * (group.traffic.packets_per_s + 2 * (group.workload.rate_hz if group.workload else 0))
        for group in scenario.groups
    )
    if offered > MAX_PACKETS_PER_S:
        yield (
            f"groups: together they offer {offered:.0f} packets per second, more than {MAX_PACKETS_PER_S}; "
            "lower count, rate_mbps or rate_hz, or raise packet_bytes or interval_ms"
        )
