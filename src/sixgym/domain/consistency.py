"""Checks that span several parts of a scenario. Each problem is one line: `key: reason`."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sixgym.domain.scenario import Scenario


def inconsistencies(scenario: "Scenario") -> Iterator[str]:
    """Every contradiction in a scenario whose parts are valid by themselves."""
    yield from _duplicate_names(scenario)
    yield from _dangling_references(scenario)
    yield from _dangling_targets(scenario)
    yield from _impossible_shares(scenario)


def listed(names: Iterable[object]) -> str:
    """The names in one line, for an error that says what there is."""
    return ", ".join(str(name) for name in names) or "none"


def _duplicate_names(scenario: "Scenario") -> Iterator[str]:
    for what, names in (
        ("cells: id", [cell.id for cell in scenario.cells]),
        ("slices: type", [slice_.type.value for slice_ in scenario.slices]),
        ("groups: name", [group.name for group in scenario.groups]),
        ("compute: id", [node.id for node in scenario.compute]),
        ("tasks: id", [task.id for task in scenario.tasks]),
    ):
        for name in sorted({name for name in names if names.count(name) > 1}):
            yield f"{what} {name} appears twice"


def _dangling_references(scenario: "Scenario") -> Iterator[str]:
    slices = {slice_.type for slice_ in scenario.slices}
    groups = [group.name for group in scenario.groups]
    cells = [cell.id for cell in scenario.cells]
    nodes = [node.id for node in scenario.compute]
    if scenario.managed not in groups:
        yield f"managed: no group {scenario.managed}; there are {listed(groups)}"
    if scenario.home_edge is not None and scenario.home_edge not in nodes:
        yield f"home_edge: no compute node {scenario.home_edge}; there are {listed(nodes)}"
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


def _dangling_targets(scenario: "Scenario") -> Iterator[str]:
    slices = {slice_.type for slice_ in scenario.slices}
    groups = [group.name for group in scenario.groups]
    for task in scenario.tasks:
        for target in task.goal.targets:
            if target.group is not None and target.group not in groups:
                yield f"tasks: {task.id} targets group {target.group}; there are {listed(groups)}"
            if target.slice is not None and target.slice not in slices:
                yield f"tasks: {task.id} targets slice {target.slice.value}, which is not defined"


def _impossible_shares(scenario: "Scenario") -> Iterator[str]:
    if scenario.topology_seed is not None and any(
        not isinstance(group.placement, tuple) for group in scenario.groups
    ):
        yield "topology_seed: given, but there are areas left to place; leave it out"
    total = sum(slice_.policy.min for slice_ in scenario.slices)
    if total > 100:
        yield f"slices: policy.min adds up to {total} %, more than the carrier holds"
    if len({cell.bandwidth_mhz for cell in scenario.cells}) > 1:
        yield "cells: bandwidth_mhz differs, but all cells share one carrier"
