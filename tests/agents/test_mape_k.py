"""MAPE-K: what it looks at, and what it does about each family of symptoms."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from sixgym.agents.analysis import analyse
from sixgym.agents.facts import FACTS
from sixgym.agents.knowledge import shipped_knowledge
from sixgym.agents.mape_k import MapeKAgent
from sixgym.agents.memory import Memory
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.geometry import Position
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.episodes.task import make_task
from sixgym.scenarios.loader import load_scenario, shipped_names
from sixgym.agents.rollout import rollout
from tests.agents.samples import (
    WHERE,
    alarm,
    did,
    edge_load,
    handover,
    interference,
    observe,
    parses,
    scan,
    slice_status,
    slices,
    state,
    telemetry,
    traffic,
    uav,
)
from tests.doubles import FluidSimulator

SLOW = state(latency_ms=80.0)
VIDEO_SLA = SlaSpec(slice=SliceType.EMBB, max_latency_ms=100, min_throughput_mbps=4)
SENSOR_SLA = SlaSpec(slice=SliceType.MMTC, max_latency_ms=100)
WALK = telemetry()
"""A reading of a fleet without UAVs: nothing to see, and no need to look again."""


def agent() -> MapeKAgent:
    return MapeKAgent(shipped_knowledge())


def turn_of(observation: Observation) -> Turn:
    return agent().act(observation)


def call_of(observation: Observation) -> ToolCall:
    call = turn_of(observation).call
    assert call is not None
    return call


def rule_of(observation: Observation) -> str:
    """Id of the rule that acts."""
    thought = turn_of(observation).thought
    assert thought.startswith("rule "), thought
    return thought.split("(")[1].split(")")[0]


# ---------------------------------------------------------------------- watching
def test_it_watches_with_telemetry_while_the_service_level_holds() -> None:
    history: list[Exchange] = []
    for _ in range(5):
        assert call_of(observe(history=history)).tool == "read_telemetry"
        history.append(telemetry(uav()))


def test_the_last_call_verifies_a_service_level_that_holds() -> None:
    call = call_of(observe(history=[WALK], steps_left=1))
    assert call.tool == "verify_sla_compliance"
    assert parses(call)


def test_it_does_not_verify_a_service_level_that_is_violated() -> None:
    assert call_of(observe(SLOW, [WALK], steps_left=1)).tool != "verify_sla_compliance"


def test_it_answers_when_no_calls_are_left() -> None:
    turn = turn_of(observe(SLOW, steps_left=0))
    assert turn.call is None
    assert turn.answer == "The service level has been violated for 1 intervals."


def test_a_violation_is_first_met_with_telemetry_then_with_the_slices_status() -> None:
    assert call_of(observe(SLOW)).tool == "read_telemetry"
    call = call_of(observe(SLOW, [WALK]))
    assert (call.tool, call.arguments) == ("get_slice_status", {"slice": "URLLC"})


def test_other_slices_are_only_read_when_the_own_one_is_short_of_prbs() -> None:
    idle = slice_status("URLLC", policy=(20, 25, 40), used_percent=5)
    busy = slice_status("URLLC", policy=(20, 25, 40), used_percent=24)
    assert call_of(observe(SLOW, [WALK, idle])).tool == "read_telemetry"
    call = call_of(observe(SLOW, [WALK, busy]))
    assert (call.tool, call.arguments) == ("get_slice_status", {"slice": "eMBB"})


def test_a_slice_that_the_network_does_not_have_is_asked_for_once() -> None:
    own, video, _ = slices()
    missing = did("get_slice_status", {"slice": "mMTC"}, error="this network has no mMTC slice")
    history = [WALK, own, video]
    assert call_of(observe(SLOW, history)).arguments == {"slice": "mMTC"}
    assert rule_of(observe(SLOW, [own, video, missing, WALK])) == "grow-urllc"


def test_cells_are_scanned_for_around_a_weak_uav() -> None:
    call = call_of(observe(SLOW, [telemetry(uav(sinr_db=1.0))]))
    assert call.tool == "scan_available_gnbs"
    assert call.arguments == {"position": WHERE.model_dump()}


# ---------------------------------------------------------------------- symptoms and repairs
HERE = scan(gnb_1=-95.0, gnb_2=-85.0, gnb_3=-92.0)
FAR = Position(x_m=-300, y_m=0, z_m=60)
WEAK = uav(sinr_db=1.0)

HANDOVERS: list[tuple[str, NetworkState, Sequence[Exchange], tuple[str, str]]] = [
    (
        "leave-weakened-cell",
        state(),
        [
            telemetry(
                WEAK,
                alarm("cell_power_low", "gnb-1"),
                alarm("better_cell", "drone-1", measured=4, related="gnb-3"),
            )
        ],
        ("drone-1", "gnb-3"),
    ),
    (
        "leave-silent-cell",
        SLOW,
        [scan(gnb_2=-85.0), telemetry(WEAK, alarm("cell_outage", "gnb-1"))],
        ("drone-1", "gnb-2"),
    ),
    ("follow-stronger-cell", state(), [HERE, telemetry(uav())], ("drone-1", "gnb-2")),
    (
        "leave-marginal-link",
        SLOW,
        [scan(gnb_1=-90.0, gnb_2=-87.0), telemetry(WEAK)],
        ("drone-1", "gnb-2"),
    ),
    (
        "leave-lossy-link",
        state(loss_ratio=0.05),
        [scan(gnb_1=-90.0, gnb_2=-88.5), telemetry(uav())],
        ("drone-1", "gnb-2"),
    ),
    (
        "leave-jittery-link",
        state(jitter_ms=20.0),
        [scan(gnb_1=-90.0, gnb_2=-88.5), telemetry(uav(sinr_db=10.0))],
        ("drone-1", "gnb-2"),
    ),
    (
        "detour-slow-backhaul",
        SLOW,
        [scan(gnb_1=-85.0, gnb_2=-89.0), telemetry(uav(), alarm("backhaul_degraded", "gnb-1"))],
        ("drone-1", "gnb-2"),
    ),
    (
        "detour-lossy-backhaul",
        state(loss_ratio=0.1),
        [scan(gnb_1=-80.0, gnb_2=-90.0), telemetry(uav(), alarm("backhaul_degraded", "gnb-1"))],
        ("drone-1", "gnb-2"),
    ),
    (
        "leave-crowded-cell",
        SLOW,
        [scan(load={"gnb-1": 0.95, "gnb-2": 0.2}, gnb_1=-85.0, gnb_2=-87.0), telemetry(uav())],
        ("drone-1", "gnb-2"),
    ),
    (
        "retry-at-second-best",
        SLOW,
        [
            HERE,
            handover("drone-1", "gnb-2"),
            telemetry(uav(handover="FAILED")),
            WALK,
            telemetry(uav(handover="FAILED")),
        ],
        ("drone-1", "gnb-3"),
    ),
]


@pytest.mark.parametrize(("rule", "now", "history", "expected"), HANDOVERS, ids=[row[0] for row in HANDOVERS])
def test_a_bad_link_is_left_for_the_right_cell(
    rule: str, now: NetworkState, history: Sequence[Exchange], expected: tuple[str, str]
) -> None:
    observation = observe(now, history)
    assert rule_of(observation) == rule
    call = call_of(observation)
    assert (call.tool, call.arguments) == (
        "request_handover",
        {"uav": expected[0], "gnb": expected[1]},
    )


def test_the_uavs_of_a_dead_cell_are_handed_over_one_by_one() -> None:
    fleet = telemetry(
        uav("drone-1", sinr_db=-50.0), uav("drone-2", sinr_db=-50.0), alarm("cell_outage", "gnb-1")
    )
    history = [scan(gnb_2=-85.0), fleet]
    first = call_of(observe(SLOW, history)).arguments
    assert isinstance(first, dict)
    history.append(handover(str(first["uav"]), "gnb-2"))
    second = call_of(observe(SLOW, history)).arguments
    assert isinstance(second, dict)
    assert {first["uav"], second["uav"]} == {"drone-1", "drone-2"}
    history.append(handover(str(second["uav"]), "gnb-2"))
    assert call_of(observe(SLOW, history)).tool != "request_handover"


def test_uavs_of_other_services_are_not_handed_over() -> None:
    history = [HERE, telemetry(uav("survey-1", sinr_db=1.0))]
    assert call_of(observe(SLOW, history)).tool != "request_handover"


def test_a_scan_far_away_says_nothing_of_a_uav() -> None:
    history = [scan(FAR, gnb_1=-95.0, gnb_2=-85.0), telemetry(WEAK)]
    assert call_of(observe(SLOW, history)).tool == "scan_available_gnbs"


def test_a_refused_handover_is_not_asked_for_again() -> None:
    refused = did("request_handover", {"uav": "drone-1", "gnb": "gnb-2"}, error="too weak to attach")
    call = call_of(observe(SLOW, [HERE, telemetry(WEAK), refused]))
    assert (call.tool, call.arguments) == ("request_handover", {"uav": "drone-1", "gnb": "gnb-3"})


CLEAR = uav("drone-2", position=Position(x_m=0, y_m=0, z_m=60), sinr_db=20.0)
LONELY = scan(gnb_1=-90.0)

REPAIRS: list[tuple[str, NetworkState, Sequence[Exchange], str, dict[str, Any]]] = [
    (
        "fly-out-of-jamming",
        SLOW,
        [LONELY, interference(15, 0.9), telemetry(WEAK, CLEAR)],
        "set_waypoint",
        {"uav": "drone-1", "position": {"x_m": 30.0, "y_m": 0.0, "z_m": 60.0}},
    ),
    (
        "descend-under-neighbours",
        SLOW,
        [LONELY, interference(15, 0.1), telemetry(WEAK)],
        "adjust_altitude",
        {"uav": "drone-1", "altitude_m": 40.0},
    ),
    (
        "climb-into-sight",
        SLOW,
        [
            scan(Position(x_m=100, y_m=0, z_m=30), gnb_1=-90.0),
            interference(1, 0.0),
            telemetry(uav(sinr_db=1.0, position=Position(x_m=100, y_m=0, z_m=30))),
        ],
        "adjust_altitude",
        {"uav": "drone-1", "altitude_m": 50.0},
    ),
    (
        "slow-for-steady-link",
        state(jitter_ms=20.0),
        [telemetry(uav(velocity_mps=(12.0, 0.0, 0.0)))],
        "adjust_speed",
        {"uav": "drone-1", "speed_mps": 4},
    ),
    (
        "fly-home-before-empty",
        state(),
        [telemetry(uav()), telemetry(uav(position=FAR, battery_percent=5.0))],
        "set_waypoint",
        {"uav": "drone-1", "position": WHERE.model_dump()},
    ),
    (
        "slow-to-endure",
        state(),
        [telemetry(uav(battery_percent=15.0, velocity_mps=(15.0, 0.0, 0.0)))],
        "adjust_speed",
        {"uav": "drone-1", "speed_mps": 10},
    ),
    (
        "double-urllc",
        state(latency_ms=300.0),
        [*slices(embb=(20, 40, 60)), WALK],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": {"dedicated": 45, "min": 50, "max": 65}},
    ),
    (
        "grow-urllc",
        SLOW,
        [*slices(), WALK],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": {"dedicated": 30, "min": 35, "max": 50}},
    ),
    (
        "take-for-urllc",
        SLOW,
        [*slices(embb=(20, 65, 70)), WALK],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": {"dedicated": 10, "min": 55, "max": 60}},
    ),
    (
        "ride-out-surge",
        state(latency_ms=10.0, jitter_ms=14.5),
        [traffic(), *slices(urllc_used=22), WALK],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": {"dedicated": 30, "min": 35, "max": 50}},
    ),
    (
        "cap-borrower",
        state(loss_ratio=0.02),
        [*slices(urllc_used=5, embb_used=65)[:2], WALK],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": {"dedicated": 20, "min": 50, "max": 50}},
    ),
    (
        "reserve-own-share",
        state(jitter_ms=20.0),
        [slice_status("URLLC", policy=(10, 25, 40), used_percent=10), WALK],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": {"dedicated": 25, "min": 25, "max": 40}},
    ),
    (
        "lift-ceiling",
        state(loss_ratio=0.02),
        [*slices(urllc_used=24.9, embb_used=62, embb=(20, 65, 70)), WALK],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": {"dedicated": 20, "min": 25, "max": 60}},
    ),
    (
        "move-to-light-edge",
        state(edge_load=0.97),
        [edge_load(edge_1=0.97, edge_2=0.2, cloud=0.1)],
        "edge_offload",
        {"target": {"node": "edge-2"}},
    ),
    (
        "move-to-cloud",
        state(edge_load=0.97),
        [edge_load(edge_1=0.97, edge_2=0.9, cloud=0.1)],
        "edge_offload",
        {"target": {"node": "cloud"}},
    ),
    (
        "compute-on-board",
        state(edge_load=0.97),
        [edge_load(edge_1=0.97, edge_2=0.9, cloud=0.95, onboard=0.0)],
        "edge_offload",
        {"target": {"node": "onboard"}},
    ),
    (
        "come-home",
        state(edge_load=0.2),
        [edge_load(runs_on="cloud", task_latency_ms=90.0, edge_1=0.2, edge_2=0.9, cloud=0.5)],
        "edge_offload",
        {"target": {"node": "edge-1"}},
    ),
    (
        "leave-board",
        state(edge_load=0.7),
        [edge_load(runs_on="onboard", task_latency_ms=190.0, edge_1=0.7, edge_2=0.3, onboard=0.5)],
        "edge_offload",
        {"target": {"node": "edge-2"}},
    ),
]


@pytest.mark.parametrize(
    ("rule", "now", "history", "tool", "expected"), REPAIRS, ids=[row[0] for row in REPAIRS]
)
def test_each_symptom_gets_its_repair(
    rule: str, now: NetworkState, history: Sequence[Exchange], tool: str, expected: dict[str, Any]
) -> None:
    observation = observe(now, history)
    assert rule_of(observation) == rule
    call = call_of(observation)
    assert call.tool == tool
    assert isinstance(call.arguments, dict)
    assert {name: call.arguments[name] for name in expected} == expected
    assert parses(call)
