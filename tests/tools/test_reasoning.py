"""Pure tools: judgements that follow from their arguments."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.mission import MissionLog, MissionSpec, TaskSpec
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.base import CATALOG, ToolError
from sixgym.tools.observation_mission import negotiate_priority
from sixgym.tools.reasoning import (
    check_geofence,
    evaluate_intent_feasibility,
    predict_sla_violation,
    risk_assessment,
    select_offload_target,
    validate_mission_completion,
    verify_sla_compliance,
)
from sixgym.tools.recovery import TABLE, select_recovery_strategy
from sixgym.tools.types import (
    Alarm,
    AlarmKind,
    EdgeLoad,
    Intent,
    IntentTarget,
    NodeLoad,
    RiskDriver,
    RiskScore,
    Severity,
    TelemetryState,
)
from tests.tools.calls import STATE
from tests.tools.plant import make_snapshot

BASE = NetworkState.model_validate(STATE)
PLANT = make_snapshot()


def state(**changes: Any) -> NetworkState:
    return BASE.model_copy(update=changes)


def sla(**bounds: float) -> SlaSpec:
    return SlaSpec.model_validate({"slice": "eMBB", **bounds})


# ---------------------------------------------------------------------- service levels
def test_each_bound_is_judged_with_its_margin() -> None:
    result = verify_sla_compliance(BASE, sla(max_latency_ms=130, min_throughput_mbps=9))
    assert (result.status, result.fulfilled, result.version) == ("NOT_FULFILLED", False, 10)
    assert {target.metric: (target.margin, target.met) for target in result.targets} == {
        "latency_ms": (0.5, True),
        "throughput_mbps": (-0.5, False),
    }


def test_a_measurement_at_its_bound_fulfils_it() -> None:
    assert verify_sla_compliance(BASE, sla(max_latency_ms=65, max_loss_ratio=0)).fulfilled
    assert not verify_sla_compliance(state(loss_ratio=0.001), sla(max_loss_ratio=0)).fulfilled


def test_a_level_without_bounds_or_of_another_slice_proves_nothing() -> None:
    with pytest.raises(ToolError, match="has no bound"):
        verify_sla_compliance(BASE, sla())
    with pytest.raises(ToolError, match="is of slice eMBB, but the service level is for URLLC"):
        verify_sla_compliance(BASE, SlaSpec(slice=SliceType.URLLC, max_latency_ms=10))


@given(low=st.floats(0, 1e6), more=st.floats(0, 1e6))
def test_a_violation_gets_no_less_likely_with_more_delay(low: float, more: float) -> None:
    bound = sla(max_latency_ms=100)
    first = predict_sla_violation(state(latency_ms=low), bound).p_violation
    assert first <= predict_sla_violation(state(latency_ms=low + more), bound).p_violation


def test_the_probability_is_a_half_at_the_bound() -> None:
    assert predict_sla_violation(state(latency_ms=100), sla(max_latency_ms=100)).p_violation == 0.5
    assert predict_sla_violation(state(latency_ms=70), sla(max_latency_ms=100)).p_violation < 0.05


def test_without_a_level_the_typical_one_of_the_slice_is_taken() -> None:
    assert predict_sla_violation(state(latency_ms=65)).p_violation < 0.5
    assert predict_sla_violation(state(latency_ms=65, slice=SliceType.URLLC)).p_violation > 0.99


# ---------------------------------------------------------------------- intent
def test_an_intent_scores_by_its_worst_target() -> None:
    intent = Intent(
        targets=(
            IntentTarget(metric="latency_ms", condition="IS_LESS_THAN", value=32.5),
            IntentTarget(metric="throughput_mbps", condition="IS_GREATER_THAN", value=4),
        )
    )
    judged = evaluate_intent_feasibility(intent, BASE)
    assert (judged.score, judged.feasible) == (0.5, True)
    assert judged.blockers == ("latency_ms IS_LESS_THAN 32.5: is 65",)


@pytest.mark.parametrize(
    ("metric", "condition", "value"),
    [
        ("latency_ms", "IS_LESS_THAN", 1),
        ("loss_ratio", "IS_LESS_THAN", 0),
        ("edge_load", "IS_GREATER_THAN", 1),
    ],
)
def test_what_physics_forbids_is_infeasible(metric: str, condition: str, value: float) -> None:
    intent = Intent.model_validate({"targets": [{"metric": metric, "condition": condition, "value": value}]})
    assert evaluate_intent_feasibility(intent, BASE).feasible is False


def test_an_intent_in_words_alone_cannot_be_judged() -> None:
    with pytest.raises(ToolError, match="has no targets"):
        evaluate_intent_feasibility(Intent(text="make it fast"), BASE)


# ---------------------------------------------------------------------- risk and recovery
def alarm(kind: AlarmKind, severity: Severity = "MAJOR", **more: str) -> Alarm:
    return Alarm.model_validate(
        {"kind": kind, "severity": severity, "subject": "x", "measured": 1, "limit": 0, **more}
    )


def test_more_and_worse_alarms_are_more_risk() -> None:
    def score(*alarms: Alarm) -> float:
        return risk_assessment(TelemetryState(network=BASE, alarms=alarms)).score

    assert score() == 0
    assert 0 < score(alarm("sla_latency", "MINOR")) < score(alarm("sla_latency")) < score(alarm("proximity"))
    assert score(alarm("sla_latency"), alarm("sla_loss")) > score(alarm("sla_latency"))
    assert risk_assessment(TelemetryState(network=BASE)).level == "LOW"


def test_drivers_are_ranked() -> None:
    risk = risk_assessment(
        TelemetryState(network=BASE, alarms=(alarm("better_cell", "MINOR"), alarm("sla_loss", "CRITICAL")))
    )
    assert [driver.kind for driver in risk.drivers] == ["sla_loss", "better_cell"]


def advise(*drivers: dict[str, Any], **changes: Any) -> Any:
    risk = RiskScore(
        score=0.5,
        level="MEDIUM",
        drivers=tuple(RiskDriver.model_validate({"subject": "drone-1", "weight": 0.5, **d}) for d in drivers),
    )
    return select_recovery_strategy(state(**changes), risk)


def test_a_better_cell_comes_before_the_symptom_it_explains() -> None:
    strategy = advise({"kind": "sla_latency"}, {"kind": "better_cell", "related": "gnb-2"})
    assert (strategy.tool, strategy.arguments) == ("request_handover", {"uav": "drone-1", "gnb": "gnb-2"})


def test_delay_outside_urllc_is_answered_with_urllc_and_inside_with_prbs() -> None:
    outside = advise({"kind": "sla_latency"})
    assert outside.tool == "switch_network_slice"
    assert outside.arguments == {"from_slice": "eMBB", "to_slice": "URLLC"}
    inside = advise({"kind": "sla_latency"}, slice=SliceType.URLLC)
    assert (inside.tool, inside.arguments) == ("get_slice_status", {"slice": "URLLC"})
    assert "trigger_slice_reallocation" in inside.then


def test_without_drivers_there_is_nothing_to_repair() -> None:
    assert (advise().tool, advise().then) == ("check_network_state", ("verify_sla_compliance",))


def test_every_kind_of_alarm_has_an_answer_that_is_a_valid_call() -> None:
    answered = {kind for line in TABLE for kind in line.kinds}
    schema = CATALOG["read_telemetry"].output.json_schema()
    assert answered == set(schema["$defs"]["Alarm"]["properties"]["kind"]["enum"])
    for kind in answered:
        for slice_ in SliceType:
            strategy = advise({"kind": kind, "related": "gnb-2"}, slice=slice_)
            tool = CATALOG[strategy.tool]
            tool.parse(strategy.arguments)
            assert set(strategy.then) <= set(CATALOG)


# ---------------------------------------------------------------------- compute
def node(name: str, load: float, capacity: float, round_trip_ms: float, queue: int = 0) -> NodeLoad:
    return NodeLoad(
        node=name, kind="edge", load=load, queue=queue, megacycles_per_s=capacity, round_trip_ms=round_trip_ms
    )


def chosen(task: TaskSpec, *nodes: NodeLoad) -> tuple[str, bool | None]:
    target = select_offload_target(EdgeLoad(nodes=nodes), task)
    return target.node, target.meets_deadline


def test_the_soonest_answer_wins() -> None:
    task = TaskSpec(id="t", megacycles=40, deadline_ms=100)
    assert chosen(task, node("near", 0.1, 2000, 3), node("far", 0.1, 10_000, 31)) == ("near", True)
    assert chosen(task, node("near", 0.95, 2000, 3), node("far", 0.1, 10_000, 31)) == ("far", True)
    assert chosen(task, node("near", 0.1, 2000, 3, queue=50), node("far", 0.1, 10_000, 31)) == ("far", True)


def test_a_missed_deadline_is_said() -> None:
    task = TaskSpec(id="t", megacycles=40, deadline_ms=1)
    assert chosen(task, node("near", 0.1, 2000, 3)) == ("near", False)
    with pytest.raises(ToolError, match="lists no node"):
        select_offload_target(EdgeLoad(nodes=()), task)


# ---------------------------------------------------------------------- fences, priority, mission
def test_a_point_is_judged_by_the_fences_mode() -> None:
    square = ((0.0, 0.0), (10.0, 0.0), (10.0, 10.0), (0.0, 10.0))
    point = Position(x_m=5, y_m=2, z_m=50)
    out = check_geofence(point, GeofenceSpec(polygon=square, mode="keep_out"))
    stay = check_geofence(point, GeofenceSpec(polygon=square, mode="keep_in"))
    low = check_geofence(point, GeofenceSpec(polygon=square, z_max_m=20, mode="keep_out"))
    assert (out.allowed, out.inside, out.distance_m) == (False, True, 2.0)
    assert (stay.allowed, low.allowed, low.inside) == (True, True, False)


def test_priority_follows_intent_then_arp_then_battery_then_name(plant: Snapshot) -> None:
    everyone = Intent(text="film")
    chosen_few = Intent(text="film", beneficiaries=("drone-2",))
    assert negotiate_priority(plant, "drone-1", "drone-2", chosen_few).winner == "drone-2"
    tie = negotiate_priority(plant, "drone-2", "drone-1", everyone)
    assert (tie.winner, tie.score) == ("drone-1", 0.5)
    uavs = {**plant.uavs, "drone-2": plant.uavs["drone-2"]._replace(battery_j=50_000.0)}
    drained = negotiate_priority(_with(plant, uavs), "drone-1", "drone-2", everyone)
    assert drained.winner == "drone-2"
    with pytest.raises(ToolError, match="cannot negotiate with itself"):
        negotiate_priority(plant, "drone-1", "drone-1", everyone)


@given(pair=st.permutations(["drone-1", "drone-2", "drone-3"]))
def test_priority_does_not_depend_on_who_asks(pair: list[str]) -> None:
    first = negotiate_priority(PLANT, pair[0], pair[1], Intent())
    assert first == negotiate_priority(PLANT, pair[1], pair[0], Intent())


def _with(plant: Snapshot, uavs: Any) -> Snapshot:
    return replace(plant, uavs=uavs)


A, B = Position(x_m=0, y_m=0, z_m=50), Position(x_m=100, y_m=0, z_m=50)


@pytest.mark.parametrize(
    ("log", "valid"),
    [
        (MissionLog(visited=(A, B), completed_tasks=("t",), elapsed_s=50, min_battery_percent=40), True),
        (MissionLog(visited=(B, A), completed_tasks=("t",), elapsed_s=50, min_battery_percent=40), False),
        (MissionLog(visited=(A, B), elapsed_s=50, min_battery_percent=40), False),
        (MissionLog(visited=(A, B), completed_tasks=("t",), elapsed_s=70, min_battery_percent=40), False),
        (MissionLog(visited=(A, B), completed_tasks=("t",), elapsed_s=50, min_battery_percent=10), False),
    ],
)
def test_a_mission_is_complete_when_nothing_is_missing(log: MissionLog, valid: bool) -> None:
    mission = MissionSpec(waypoints=(A, B), tasks=(TaskSpec(id="t", megacycles=1),), deadline_s=60)
    assert validate_mission_completion(mission, log).valid is valid
