"""Observation of network, slices, compute and fleet: measurements of the last interval."""

from collections.abc import Sequence

from sixgym.domain.geometry import Position
from sixgym.domain.mission import MissionLog, TaskSpec
from sixgym.domain.network import Group
from sixgym.domain.slices import NetworkState, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.admission import is_congested, refusal
from sixgym.tools.alarms import alarms
from sixgym.tools.base import Effect, tool
from sixgym.tools.lookup import ONBOARD, device_of, groups_in, slice_of, uav_of
from sixgym.tools.replies import HandoverStatus, SliceStatus, TrafficPattern
from sixgym.tools.types import (
    BatteryLevel,
    EdgeLoad,
    NodeLoad,
    TelemetryState,
    UavId,
    UavTelemetry,
    WorkloadStatus,
)

PERIODIC_CORRELATION = 0.5
"""Autocorrelation from which a repetition in the offered load counts as a period."""


@tool(Effect.OBSERVATION, paper="observation", row=1)
def read_telemetry(network: Snapshot) -> TelemetryState:
    """Read the whole fleet at once: network state, every UAV, all alarms, geofences, mission progress.

    The best first call. Alarms compare the last interval with service levels, configured powers,
    node capacities, batteries and separation, worst first, and name what they are about; pass the
    result to risk_assessment to rank them. It does not say why something fails.
    """
    mission = network.mission
    lowest = min((uav.battery_percent for uav in network.uavs.values()), default=100.0)
    done = tuple(entry.text for entry in mission.log if entry.kind == "task_completed")
    return TelemetryState(
        network=network.state,
        uavs=tuple(_telemetry(network, name) for name in network.uavs),
        alarms=alarms(network),
        geofences=network.scenario.geofences,
        mission=MissionLog(
            visited=mission.visited[-256:],
            completed_tasks=done[-256:],
            elapsed_s=network.t_ms / 1e3,
            min_battery_percent=lowest,
        ),
        mission_version=mission.version,
    )


def _telemetry(network: Snapshot, name: str) -> UavTelemetry:
    uav, device = network.uavs[name], network.interval.devices[name]
    return UavTelemetry(
        uav=name,
        position=uav.position,
        velocity_mps=uav.velocity_mps,
        battery_percent=uav.battery_percent,
        gnb=device.cell,
        sinr_db=device.sinr_db,
        handover=device.handover,
        waypoints_left=len(uav.waypoints),
        tasks=uav.tasks,
        inbox=uav.inbox,
    )


@tool(Effect.OBSERVATION, paper="observation", row=2)
def check_network_state(network: Snapshot) -> NetworkState:
    """Read the six-dimensional state of the managed service's slice, measured over the last interval.

    Slice, mean one-way delay and jitter in ms, loss ratio 0 to 1, throughput in Mbit/s, load of the
    home edge node 0 to 1. Read it again after every change, then judge it with
    verify_sla_compliance. Other slices: get_slice_status.
    """
    return network.state


@tool(Effect.OBSERVATION, paper="observation", row=5)
def get_edge_load(network: Snapshot) -> EdgeLoad:
    """Read the load of every compute node, and which tasks run where.

    Busy share 0 to 1, tasks waiting and refused, capacity in megacycles/s, round trip in ms without
    the radio. `workloads` holds a TaskSpec per group that computes: pass one of them, with this
    result, to select_offload_target, then to edge_offload. A task's deadline is the time until its
    device creates the next one. For `onboard` the load is the work offered to each device's own
    processor.
    """
    scenario, measured = network.scenario, network.interval.nodes
    one_way_ms = scenario.backhaul.delay_ms
    nodes = [
        NodeLoad(
            node=node.id,
            kind=node.kind,
            load=measured[node.id].load,
            queue=measured[node.id].queue,
            refused=measured[node.id].refused,
            megacycles_per_s=node.megacycles_per_s,
            round_trip_ms=2 * (one_way_ms + node.link_delay_ms),
        )
        for node in scenario.compute
    ]
    managed = scenario.group(scenario.managed)
    if managed.airframe is not None and managed.workload is not None:
        capacity = managed.airframe.onboard_megacycles_per_s
        offered = managed.workload.rate_hz * managed.workload.megacycles / capacity
        here = network.resources.runs_on[managed.name] == ONBOARD
        nodes.append(
            NodeLoad(
                node=ONBOARD,
                kind="onboard",
                load=min(1.0, offered) if here else 0.0,
                megacycles_per_s=capacity,
            )
        )
    workloads = (_workload(network, group) for group in scenario.groups)
    return EdgeLoad(
        nodes=tuple(nodes),
        home=scenario.home_edge,
        workloads=tuple(status for status in workloads if status is not None),
    )


def _workload(network: Snapshot, group: Group) -> WorkloadStatus | None:
    demand = group.workload
    if demand is None:
        return None
    measured = network.interval.workloads[group.name]
    return WorkloadStatus(
        task=TaskSpec(
            id=group.name,
            megacycles=demand.megacycles,
            input_bytes=demand.request_bytes,
            deadline_ms=1e3 / demand.rate_hz,
            slice=network.resources.slice_of[group.name],
        ),
        runs_on=network.resources.runs_on[group.name],
        task_latency_ms=measured.latency_ms,
        completed=measured.completed,
    )


@tool(Effect.OBSERVATION, paper="observation", row=6)
def get_slice_status(network: Snapshot, slice: SliceType) -> SliceStatus:
    """Read one slice: its share of PRBs, use, queue, delay, loss, throughput, service level, admission.

    Use it before switch_network_slice (does the target admit?) and trigger_slice_reallocation (who
    has PRBs to spare?). CONGESTED: it uses up its PRBs and leaves a queue behind. Policy is
    RRMPolicyRatio in percent of PRBs: `dedicated` is never lent, `min` is guaranteed, `max` a
    ceiling.

    Args:
        slice: The slice to read; it need not be the managed service's.
    """
    known = slice_of(network, slice)
    measured = network.interval.slices[slice]
    reason = refusal(network, slice)
    idle = measured.prbs_used == 0 and measured.flow.sent_packets == 0
    congested = is_congested(network, slice)
    return SliceStatus(
        slice=slice,
        label=known.label,
        status="IDLE" if idle else "CONGESTED" if congested else "NORMAL",
        admits=reason is None,
        reason=reason,
        policy=network.resources.policies[slice],
        sla=known.sla,
        groups=tuple(group.name for group in groups_in(network, slice)),
        devices=measured.devices,
        prbs_granted=measured.prbs_granted,
        prbs_used=measured.prbs_used,
        prb_used_percent=100 * measured.prbs_used / (network.scenario.prbs * len(network.scenario.cells)),
        queue_bytes=measured.queue_bytes,
        latency_ms=measured.flow.latency_ms,
        jitter_ms=measured.flow.jitter_ms,
        loss_ratio=measured.flow.loss_ratio,
        throughput_mbps=measured.flow.throughput_mbps,
    )


@tool(Effect.OBSERVATION, paper="observation", row=7)
def read_uav_position(network: Snapshot, uav: UavId) -> Position:
    """Read where a UAV is: metres east (x), north (y) and above ground (z).

    Args:
        uav: Name of the UAV, such as drone-1.
    """
    return uav_of(network, uav).position


@tool(Effect.OBSERVATION, paper="observation", row=8)
def get_battery_level(network: Snapshot, uav: UavId) -> BatteryLevel:
    """Read a UAV's battery: percent and joules left, power drawn in W, seconds until empty at that power.

    Propulsion, sensors and on-board computing draw from it. Pass it to compute_energy_budget before
    ordering a long route.

    Args:
        uav: Name of the UAV.
    """
    state = uav_of(network, uav)
    return BatteryLevel(
        uav=uav,
        energy_j=state.battery_j,
        capacity_j=state.capacity_j,
        percent=state.battery_percent,
        power_w=state.power_w,
        endurance_s=state.battery_j / state.power_w if state.power_w > 0 else None,
    )


@tool(Effect.OBSERVATION, paper="observation", row=10)
def check_handover_status(network: Snapshot, uav: UavId) -> HandoverStatus:
    """Read how a UAV's last handover went: IDLE, PREPARATION, EXECUTION, COMPLETE or FAILED.

    Call it after request_handover. FAILED: the target refused or was out of reach; ask
    check_migration_feasibility for another cell before trying again.

    Args:
        uav: Name of the UAV.
    """
    device = device_of(network, uav)
    return HandoverStatus(
        uav=uav,
        state=device.handover,
        serving=device.cell,
        target=device.handover_target,
        elapsed_ms=device.handover_ms,
    )


@tool(Effect.OBSERVATION, paper="observation", row=11)
def get_traffic_pattern(network: Snapshot, slice: SliceType) -> TrafficPattern:
    """Read how the load offered to a slice moved over the last intervals: mean, peak, trend, period.

    Mbit/s of downlink payload, offered rather than delivered. A peak far above the mean, or a rising
    trend, calls for PRBs in reserve; a steady load that exceeds the delivered throughput for a lasting
    reallocation. At least eight intervals are needed to find a period.

    Args:
        slice: The slice to read.
    """
    slice_of(network, slice)
    series = [_offered_mbps(network, index, slice) for index in range(len(network.recent))]
    first, last = network.recent[0], network.recent[-1]
    step_s = (last.end_ms - last.start_ms) / 1e3
    mean = sum(series) / len(series)
    lag = _period(series)
    return TrafficPattern(
        slice=slice,
        window_s=(last.end_ms - first.start_ms) / 1e3,
        mean_mbps=mean,
        peak_mbps=max(series),
        peak_to_mean=max(series) / mean if mean > 0 else 0.0,
        trend_mbps_per_s=_slope(series) / step_s,
        period_s=None if lag is None else lag * step_s,
    )


def _offered_mbps(network: Snapshot, index: int, kind: SliceType) -> float:
    interval = network.recent[index]
    return interval.slices[kind].flow.sent_bytes * 8 / 1e3 / (interval.end_ms - interval.start_ms)


def _slope(series: Sequence[float]) -> float:
    """Least-squares slope per interval."""
    centre, mean = (len(series) - 1) / 2, sum(series) / len(series)
    spread = sum((index - centre) ** 2 for index in range(len(series)))
    if spread == 0:
        return 0.0
    return sum((index - centre) * (value - mean) for index, value in enumerate(series)) / spread


def _period(series: Sequence[float]) -> int | None:
    """The first lag, of at least two intervals, at which the series resembles itself best."""
    mean = sum(series) / len(series)
    centred = [value - mean for value in series]
    power = sum(value * value for value in centred)
    if len(series) < 8 or power == 0:
        return None
    similarity = [
        sum(a * b for a, b in zip(centred, centred[lag:], strict=False)) / power
        for lag in range(len(series) // 2 + 2)
    ]
    for lag in range(2, len(similarity) - 1):
        # the overlap shrinks with the lag, and with it the largest similarity that is possible
        threshold = PERIODIC_CORRELATION * (len(series) - lag) / len(series)
        peak = similarity[lag - 1] < similarity[lag] >= similarity[lag + 1]
        if peak and similarity[lag] > threshold:
            return lag
    return None
