"""Configuration: changes of the network itself. The answer is measured in the next interval."""

from sixgym.domain.change import MoveToSlice, Offload, ScaleTraffic, SetPrbPolicy
from sixgym.domain.mission import TaskSpec
from sixgym.domain.network import Group
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.admission import admitting, refusal
from sixgym.tools.base import Effect, ToolError, tool
from sixgym.tools.lookup import ONBOARD, group_of, groups_in, listed, slice_of
from sixgym.tools.replies import OffloadResult, WorkloadResult
from sixgym.tools.types import FULL_FPS, DegradationSpec, OffloadTarget

QUALITY_FLOOR = 0.2
"""Least share of its normal load that the managed service keeps. Chosen, not measured."""


@tool(Effect.CONFIGURATION, paper="configuration", row=39)
def switch_network_slice(network: Snapshot, from_slice: SliceType, to_slice: SliceType) -> MoveToSlice:
    """Move the managed service to another slice; all its devices are scheduled there from the next TTI.

    Use it when the present slice cannot keep delay or loss and another has room. The target has to admit
    the service: it owns at least a PRB and is not congested (get_slice_status, get_available_slices).
    It gives the target no further PRBs: its devices now share them. Answers with the network state after
    the next interval.

    Args:
        from_slice: The slice the service is in now, as check_network_state reports it.
        to_slice: The slice to move to.
    """
    active = network.active_slice
    if from_slice is not active:
        raise ToolError(f"the managed service is in slice {active.value}; pass that as from_slice")
    slice_of(network, to_slice)
    if to_slice is active:
        raise ToolError(f"the managed service is in {active.value} already; choose another to_slice")
    reason = refusal(network, to_slice)
    if reason is not None:
        raise ToolError(
            f"slice {to_slice.value} does not admit the service: {reason}; "
            f"slices that do: {admitting(network, active)}"
        )
    return MoveToSlice(network.scenario.managed, to_slice)


@tool(Effect.CONFIGURATION, paper="configuration", row=40)
def graceful_degradation(network: Snapshot, spec: DegradationSpec) -> ScaleTraffic:
    """Lower the load that a group of devices offers, for a while, so that others get its PRBs.

    Choose who can best do with less: background video before control. cap_bitrate, drop_fps and
    reduce_rate lower the rate, shed_flow stops it. The normal load comes back by itself. Refused: a
    cap above the normal rate, and leaving the managed service less than a fifth of its load. Answers
    with the network state after the next interval.

    Args:
        spec: Whose demand, by which action and value, for how long.
    """
    group = _giving_way(network, spec)
    factor = _factor(group, spec)
    if group.name == network.scenario.managed and factor < QUALITY_FLOOR:
        raise ToolError(
            f"{group.name} is the managed service and has to keep {QUALITY_FLOOR:.0%} of its load; "
            "degrade another group"
        )
    return ScaleTraffic(group.name, factor, duration_ms=round(spec.duration_s * 1e3))


def _giving_way(network: Snapshot, spec: DegradationSpec) -> Group:
    """The named group, or the group of lowest ARP priority in the named slice."""
    if spec.group is not None:
        return group_of(network, spec.group)
    assert spec.slice is not None  # the spec names one or the other
    slice_of(network, spec.slice)
    groups = groups_in(network, spec.slice)
    if not groups:
        raise ToolError(f"slice {spec.slice.value} holds no group; choose another slice, or name a group")
    return max(groups, key=lambda group: (group.priority, group.name))


def _factor(group: Group, spec: DegradationSpec) -> float:
    """Traffic factor after the action."""
    match spec.action, spec.value:
        case "cap_bitrate", float(cap_mbps):
            normal = group.traffic.rate_mbps
            if cap_mbps >= normal:
                raise ToolError(
                    f"devices of {group.name} send {normal:g} Mbit/s; a cap has to be lower to have an effect"
                )
            return cap_mbps / normal
        case "drop_fps", float(kept):
            return kept / FULL_FPS
        case "reduce_rate", float(share):
            return round(1 - share, 9)  # 1 - 0.8 is 0.19999...: below the floor it is meant to meet
        case _:
            return 0.0


def _offload_result(network: Snapshot) -> OffloadResult:
    nodes, workloads = network.interval.nodes, network.interval.workloads
    results: list[WorkloadResult] = []
    for group, node in network.resources.runs_on.items():
        tasks, host = workloads[group], nodes.get(node)
        flows = tasks.completed > 0 or tasks.created == 0
        results.append(
            WorkloadResult(
                task=group,
                node=node,
                ok=flows and (host is None or host.refused == 0),
                task_latency_ms=tasks.latency_ms,
                node_load=None if host is None else host.load,
            )
        )
    return OffloadResult(workloads=tuple(results), state=network.state)


@tool(Effect.CONFIGURATION, paper="configuration", row=41, reply=_offload_result)
def edge_offload(network: Snapshot, task: TaskSpec, target: OffloadTarget) -> Offload:
    """Run a group's compute tasks on a node: an edge server, the cloud, or `onboard` the devices.

    Use it when a node is saturated or its answers are late; choose the node with
    select_offload_target. Answers with every group's task latency in ms and node load, measured after
    the next interval; ok is false where no task comes back or the node turns some away.

    Args:
        task: One of get_edge_load's workloads; its id names the group.
        target: The node.
    """
    runs_on = network.resources.runs_on
    if task.id not in runs_on:
        raise ToolError(f"there is no task {task.id!r}; tasks are {listed(runs_on)}")
    nodes = {node.id for node in network.scenario.compute}
    if group_of(network, task.id).airframe is not None:
        nodes.add(ONBOARD)
    if target.node not in nodes:
        raise ToolError(f"{task.id} cannot run on {target.node!r}; it can on {listed(nodes)}")
    if runs_on[task.id] == target.node:
        others = listed(nodes - {target.node})
        raise ToolError(f"{task.id} runs on {target.node} already; other nodes are {others}")
    return Offload(task.id, target.node)


@tool(Effect.CONFIGURATION, paper="configuration", row=42)
def trigger_slice_reallocation(
    network: Snapshot, slice: SliceType, resources: RrmPolicyRatio
) -> SetPrbPolicy:
    """Set a slice's share of PRBs in all cells (RRMPolicyRatio, TS 28.541), from the next TTI.

    Raising `min` takes from what other slices may borrow; raising only `max` lets the slice use what is
    idle. The guaranteed shares of all slices together may not exceed 100 %: lower another slice first
    if they would. Answers with the network state after the next interval.

    Args:
        slice: The slice to change.
        resources: Its new share in percent of PRBs, dedicated <= min <= max.
    """
    slice_of(network, slice)
    others = {kind: ratio for kind, ratio in network.resources.policies.items() if kind is not slice}
    free = 100 - sum(ratio.min for ratio in others.values())
    if resources.min > free:
        raise ToolError(
            f"min {resources.min} % exceeds the {free} % that the other slices leave; "
            f"{_donor(network, slice)}"
        )
    if resources.max * network.scenario.prbs < 100:
        raise ToolError(f"max {resources.max} % is less than one PRB; raise it")
    return SetPrbPolicy({**network.resources.policies, slice: resources})


def _donor(network: Snapshot, besides: SliceType) -> str:
    """Advice: the slice with the most guaranteed PRBs that it does not use."""
    carrier = network.scenario.prbs * len(network.scenario.cells)
    spare = {
        kind: ratio.min - 100 * network.interval.slices[kind].prbs_used / carrier
        for kind, ratio in network.resources.policies.items()
        if kind is not besides
    }
    donor = max(spare, key=spare.__getitem__)
    policy = network.resources.policies[donor]
    if spare[donor] < 1:
        return "no slice leaves its share unused: ask for less, or lower a slice's load first"
    return (
        f"{donor.value} has min {policy.min} % and uses {policy.min - spare[donor]:.0f} %: "
        "lower its min first"
    )
