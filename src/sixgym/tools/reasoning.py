"""Reasoning: pure functions of their arguments. No reasoning tool reads the network."""

import math
from collections.abc import Iterator

from sixgym.domain.flight import flight_energy_j
from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.mission import MissionLog, MissionSpec, TaskSpec
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.tools.airspace import length_m
from sixgym.tools.base import Effect, ToolError, tool
from sixgym.tools.replies import (
    ComplianceResult,
    EnergyPlan,
    FeasibilityScore,
    GeofenceResult,
    SlaPrediction,
    TargetResult,
    ValidationResult,
)
from sixgym.tools.types import (
    AlarmKind,
    BatteryLevel,
    BatteryPercent,
    EdgeLoad,
    Intent,
    IntentTarget,
    MassKg,
    NodeLoad,
    OffloadTarget,
    RiskDriver,
    RiskScore,
    Severity,
    SpeedMps,
    TelemetryState,
    Waypoints,
)

TYPICAL_SLA = {
    SliceType.URLLC: SlaSpec(slice=SliceType.URLLC, max_latency_ms=10, max_loss_ratio=1e-3),
    SliceType.EMBB: SlaSpec(slice=SliceType.EMBB, max_latency_ms=100, max_loss_ratio=1e-2),
    SliceType.MMTC: SlaSpec(slice=SliceType.MMTC, max_latency_ms=300, max_loss_ratio=1e-2),
}
"""Packet delay budgets of 5QI 82, 7 and 9 (TS 23.501 table 5.7.4-1), loss of TS 22.125 and ours."""

STEEPNESS = 10.0
"""Slope of the logistic: a margin of 30 % leaves a probability of violation of 5 %."""

WORST_MARGIN = -10.0
"""Least margin that is reported. Chosen."""

TTI_MS = 1.0
"""TTI of 15 kHz subcarriers, TS 36.211 clause 4."""

VISIT_RADIUS_M = 5.0
"""Distance at which a waypoint counts as visited. Chosen."""

IDLE_SHARE = 0.01
"""Share of a saturated node that counts as free, so that an estimate stays finite."""

LONGEST_MS = 1e9
"""Stands for an infinite delay, which JSON cannot hold."""

# Weights of a risk. Chosen, not measured.
SEVERITY_WEIGHT: dict[Severity, float] = {"CRITICAL": 0.9, "MAJOR": 0.6, "MINOR": 0.3, "WARNING": 0.1}
KIND_WEIGHT: dict[AlarmKind, float] = {
    "proximity": 1.0,
    "geofence_breach": 1.0,
    "cell_outage": 0.9,
    "low_battery": 0.9,
    "sla_latency": 0.8,
    "sla_loss": 0.8,
    "weak_link": 0.8,
    "sla_throughput": 0.7,
    "sla_jitter": 0.6,
    "node_saturated": 0.6,
    "cell_power_low": 0.6,
    "backhaul_degraded": 0.6,
    "slice_congested": 0.5,
    "sla_edge_load": 0.5,
    "better_cell": 0.5,
    "handover_failed": 0.5,
    "heartbeat_lost": 0.4,
}


# ---------------------------------------------------------------------- service levels
@tool(Effect.REASONING, paper="observation", row=9)
def predict_sla_violation(state: NetworkState, sla: SlaSpec | None = None) -> SlaPrediction:
    """Estimate how close a state is to violating a service level: probability 0 to 1 and the worst metric.

    A logistic curve of the smallest relative margin: 0.5 at the bound, 0.05 with 30 % to spare. It
    extrapolates nothing: compare two states to see a trend.

    Args:
        state: The network state to judge.
        sla: The service level of that slice. Without it, what is typical of the slice: 10 ms (URLLC),
            100 ms (eMBB), 300 ms (mMTC).
    """
    results = _judged(state, sla or TYPICAL_SLA[state.slice])
    worst = min(results, key=lambda result: result.margin)
    return SlaPrediction(
        p_violation=1 / (1 + math.exp(STEEPNESS * worst.margin)), metric=worst.metric, margin=worst.margin
    )


@tool(Effect.REASONING, paper="reasoning", row=37)
def verify_sla_compliance(state: NetworkState, sla: SlaSpec) -> ComplianceResult:
    """Verify a state against a service level: FULFILLED or NOT_FULFILLED, with the margin of each bound.

    The call that ends the work: make it on the newest check_network_state, when the intent seems
    satisfied. It judges the state it is given, so an old or invented one proves nothing.

    Args:
        state: The network state, as check_network_state returned it.
        sla: The service level; its slice must be the state's, and it needs at least one bound.
    """
    results = _judged(state, sla)
    fulfilled = all(result.met for result in results)
    return ComplianceResult(
        status="FULFILLED" if fulfilled else "NOT_FULFILLED",
        fulfilled=fulfilled,
        version=state.version,
        targets=results,
    )


def _judged(state: NetworkState, sla: SlaSpec) -> tuple[TargetResult, ...]:
    if sla.slice is not state.slice:
        raise ToolError(
            f"the state is of slice {state.slice.value}, but the service level is for {sla.slice.value}; "
            f"pass the service level of {state.slice.value}"
        )
    results = tuple(_targets(state, sla))
    if not results:
        raise ToolError("the service level has no bound; give at least one, such as max_latency_ms")
    return results


def _targets(state: NetworkState, sla: SlaSpec) -> Iterator[TargetResult]:
    for metric, measured, bound in (
        ("latency_ms", state.latency_ms, sla.max_latency_ms),
        ("jitter_ms", state.jitter_ms, sla.max_jitter_ms),
        ("loss_ratio", state.loss_ratio, sla.max_loss_ratio),
        ("edge_load", state.edge_load, sla.max_edge_load),
    ):
        if bound is not None:
            margin = _margin(bound - measured, bound)
            yield TargetResult(
                metric=metric, bound=bound, measured=measured, margin=margin, met=measured <= bound
            )
    floor = sla.min_throughput_mbps
    if floor is not None:
        measured = state.throughput_mbps
        margin = _margin(measured - floor, floor)
        yield TargetResult(
            metric="throughput_mbps", bound=floor, measured=measured, margin=margin, met=measured >= floor
        )


def _margin(distance: float, bound: float) -> float:
    """Distance from a bound relative to it, within [-10, 1]."""
    if bound == 0:
        return 0.0 if distance >= 0 else WORST_MARGIN
    return max(WORST_MARGIN, min(1.0, distance / bound))


@tool(Effect.REASONING, paper="reasoning", row=19)
def evaluate_intent_feasibility(intent: Intent, state: NetworkState) -> FeasibilityScore:
    """Judge how far a state is from an intent's targets: score 0 to 1, and which targets are unmet.

    1: all met. Below: the ratio of measured and wanted value of the worst target, so 0.5 is a factor of
    two away. 0: impossible in principle, such as a delay below one TTI or a loss below zero. Words
    without targets cannot be judged: turn them into targets first.

    Args:
        intent: The intent with its targets on latency, jitter, loss, throughput or edge load.
        state: The network state to start from.
    """
    if not intent.targets:
        raise ToolError("the intent has no targets; state them, such as latency_ms IS_LESS_THAN 10")
    score, blockers = 1.0, list[str]()
    for target in intent.targets:
        reached = _reached(target, _value(target, state))
        score = min(score, reached)
        if reached < 1:
            how = "impossible" if reached == 0 else f"is {_value(target, state):g}"
            blockers.append(f"{target.metric} {target.condition} {target.value:g}: {how}")
    return FeasibilityScore(score=score, feasible=score > 0, blockers=tuple(blockers))


def _value(target: IntentTarget, state: NetworkState) -> float:
    return {
        "latency_ms": state.latency_ms,
        "jitter_ms": state.jitter_ms,
        "loss_ratio": state.loss_ratio,
        "throughput_mbps": state.throughput_mbps,
        "edge_load": state.edge_load,
    }[target.metric]


def _reached(target: IntentTarget, measured: float) -> float:
    """Degree to which a target is reached: 1 if it is met, 0 if it is impossible, otherwise the ratio."""
    wanted, ratio = target.value, target.metric in {"loss_ratio", "edge_load"}
    if target.condition == "IS_LESS_THAN":
        lowest = TTI_MS if target.metric == "latency_ms" else 0.0
        if wanted <= lowest:
            return 0.0
        return 1.0 if measured < wanted else min(0.99, wanted / measured)
    if ratio and wanted >= 1:
        return 0.0
    return 1.0 if measured > wanted else max(0.01, min(0.99, measured / wanted if wanted else 0.0))


# ---------------------------------------------------------------------- risk
@tool(Effect.REASONING, paper="reasoning", row=18)
def risk_assessment(telemetry: TelemetryState) -> RiskScore:
    """Rank the alarms of a telemetry reading: overall risk 0 to 1, and its drivers, heaviest first.

    Each alarm weighs severity times kind (separation and fences above coverage and battery, those above
    service levels, those above early warnings); together they combine as independent causes. Pass the
    result to select_recovery_strategy.

    Args:
        telemetry: What read_telemetry returned; only its alarms count.
    """
    drivers = [
        RiskDriver(
            kind=alarm.kind,
            subject=alarm.subject,
            related=alarm.related,
            weight=SEVERITY_WEIGHT[alarm.severity] * KIND_WEIGHT[alarm.kind],
        )
        for alarm in telemetry.alarms
    ]
    drivers.sort(key=lambda driver: -driver.weight)
    score = 1 - math.prod(1 - driver.weight for driver in drivers)
    level = "HIGH" if score >= 0.6 else "MEDIUM" if score >= 0.25 else "LOW"
    return RiskScore(score=score, level=level, drivers=tuple(drivers))


# ---------------------------------------------------------------------- flight
@tool(Effect.REASONING, paper="reasoning", row=20)
def check_geofence(position: Position, fence: GeofenceSpec) -> GeofenceResult:
    """Check one point against one fence: allowed or not, inside or not, metres to the nearest edge.

    For a route use path_planning, which respects all fences of the network.

    Args:
        position: The point.
        fence: A keep_in or keep_out prism, as read_telemetry lists them.
    """
    return GeofenceResult(
        allowed=fence.allows(position),
        inside=fence.contains(position),
        distance_m=fence.boundary_distance_m(position),
    )


@tool(Effect.REASONING, paper="reasoning", row=22)
def compute_energy_budget(
    waypoints: Waypoints,
    battery: BatteryLevel,
    speed_mps: SpeedMps = 12.0,
    mass_kg: MassKg = 2.0,
    reserve_percent: BatteryPercent = 20.0,
) -> EnergyPlan:
    """Compute what a route costs in joules and seconds, and what is left in the battery on arrival.

    Rotary-wing propulsion at constant speed, climbing included, sensors not. A 2 kg aircraft draws
    least power at 10 m/s (126 W; 169 W hovering) and needs least energy per metre at 18 m/s.

    Args:
        waypoints: The route, its first point being where it starts, as path_planning returns it.
        battery: What get_battery_level returned.
        speed_mps: Speed on the route.
        mass_kg: Take-off mass.
        reserve_percent: Share of the capacity that must be left on arrival.
    """
    start, rest = waypoints.points[0], waypoints.points[1:]
    need_j, time_s = flight_energy_j(start, rest, speed_mps, mass_kg)
    remaining = 100 * (max(0.0, battery.energy_j - need_j) / battery.capacity_j)
    return EnergyPlan(
        need_j=need_j,
        flight_time_s=time_s,
        distance_m=length_m(waypoints.points),
        remaining_percent=remaining,
        feasible=battery.energy_j >= need_j and remaining >= reserve_percent,
    )


# ---------------------------------------------------------------------- compute
@tool(Effect.REASONING, paper="reasoning", row=23)
def select_offload_target(edge_load: EdgeLoad, task: TaskSpec) -> OffloadTarget:
    """Choose the node that answers a task soonest: round trip, plus queue or service at its free capacity.

    Radio time is not part of the estimate, but is none at all for onboard. If no node meets the
    deadline, the fastest comes back with meets_deadline false. Pass the result to edge_offload.

    Args:
        edge_load: What get_edge_load returned.
        task: The task, for instance one of its workloads.
    """
    if not edge_load.nodes:
        raise ToolError("edge_load lists no node; pass what get_edge_load returned")
    best = min(edge_load.nodes, key=lambda node: (_expected_ms(node, task), node.node))
    expected = _expected_ms(best, task)
    return OffloadTarget(
        node=best.node, expected_latency_ms=expected, meets_deadline=expected <= task.deadline_ms
    )


def _expected_ms(node: NodeLoad, task: TaskSpec) -> float:
    """Round trip plus the longer of the mean response time at a load and the time to work off the backlog."""
    free = max(IDLE_SHARE, 1 - node.load) * node.megacycles_per_s
    response = task.megacycles / free
    backlog = (node.queue + 1) * task.megacycles / node.megacycles_per_s
    return min(LONGEST_MS, node.round_trip_ms + 1e3 * max(response, backlog))


# ---------------------------------------------------------------------- mission
@tool(Effect.REASONING, paper="reasoning", row=38)
def validate_mission_completion(mission: MissionSpec, log: MissionLog) -> ValidationResult:
    """Check a mission log against its plan: waypoints visited in order, tasks done, deadline, battery.

    A waypoint counts as visited within 5 m. read_telemetry holds the log (`mission`).

    Args:
        mission: What had to be achieved, as given to update_mission_plan.
        log: What was achieved.
    """
    missing: list[Position] = []
    seen = 0
    for wanted in mission.waypoints:
        at = next(
            (index for index in range(seen, len(log.visited)) if _reaches(log.visited[index], wanted)), None
        )
        if at is None:
            missing.append(wanted)
        else:
            seen = at + 1
    tasks = tuple(task.id for task in mission.tasks if task.id not in log.completed_tasks)
    late_s = max(0.0, log.elapsed_s - mission.deadline_s)
    short = max(0.0, mission.min_battery_percent - log.min_battery_percent)
    return ValidationResult(
        valid=not missing and not tasks and late_s == 0 and short == 0,
        missing_waypoints=tuple(missing),
        missing_tasks=tasks,
        late_by_s=late_s,
        battery_short_percent=short,
    )


def _reaches(visited: Position, wanted: Position) -> bool:
    return visited.distance_m(wanted) <= VISIT_RADIUS_M
