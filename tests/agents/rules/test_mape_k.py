"""MAPE-K: what it looks at and when, how it handles refusals, when it stops."""

import pytest

from sixgym.agents.rules.mape_k.agent import MapeKAgent
from sixgym.agents.rules.mape_k.knowledge import shipped_knowledge
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.geometry import Position
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.episodes.task import make_task
from sixgym.run.rollout import rollout
from sixgym.scenarios.loader import load_scenario, shipped_names
from tests.agents.samples import (
    WHERE,
    alarm,
    did,
    handover,
    observe,
    parses,
    scan,
    slice_status,
    slices,
    state,
    telemetry,
    uav,
)
from tests.doubles import FluidSimulator

SLOW = state(latency_ms=80.0)
GROUND = telemetry()
WEAK = uav(sinr_db=1.0)
THREE_CELLS = scan(gnb_1=-95.0, gnb_2=-85.0, gnb_3=-90.0)


def turn_of(observation: Observation) -> Turn:
    return MapeKAgent(shipped_knowledge()).act(observation)


def call_of(observation: Observation) -> ToolCall:
    call = turn_of(observation).call
    assert call is not None
    return call


def arguments_of(observation: Observation) -> dict[str, object]:
    arguments = call_of(observation).arguments
    assert isinstance(arguments, dict)
    return dict(arguments)


# ---------------------------------------------------------------------- watching and stopping
def test_it_watches_with_telemetry_while_the_service_level_holds() -> None:
    history: list[Exchange] = []
    for _ in range(5):
        assert call_of(observe(history=history)).tool == "read_telemetry"
        history.append(telemetry(uav()))


def test_the_last_call_verifies_a_service_level_that_holds() -> None:
    call = call_of(observe(history=[GROUND], steps_left=1))
    assert call.tool == "verify_sla_compliance"
    assert parses(call)


def test_it_does_not_verify_a_service_level_that_is_violated() -> None:
    assert call_of(observe(SLOW, [GROUND], steps_left=1)).tool != "verify_sla_compliance"


def test_it_answers_when_no_calls_are_left() -> None:
    turn = turn_of(observe(SLOW, steps_left=0))
    assert turn.call is None
    assert turn.answer == "The service level has been violated for 1 intervals."


# ---------------------------------------------------------------------- looking
def test_a_violation_is_first_met_with_telemetry_then_with_the_slices_status() -> None:
    assert call_of(observe(SLOW)).tool == "read_telemetry"
    call = call_of(observe(SLOW, [GROUND]))
    assert (call.tool, call.arguments) == ("get_slice_status", {"slice": "URLLC"})


def test_other_slices_are_only_read_when_the_own_one_is_short_of_prbs() -> None:
    idle = slice_status("URLLC", policy=(20, 25, 40), used_percent=5)
    busy = slice_status("URLLC", policy=(20, 25, 40), used_percent=24)
    assert call_of(observe(SLOW, [GROUND, idle])).tool == "read_telemetry"
    call = call_of(observe(SLOW, [GROUND, busy]))
    assert (call.tool, call.arguments) == ("get_slice_status", {"slice": "eMBB"})


def test_a_slice_that_the_network_does_not_have_is_asked_for_once() -> None:
    own, video, _ = slices()
    missing = did("get_slice_status", {"slice": "mMTC"}, error="this network has no mMTC slice")
    assert call_of(observe(SLOW, [own, video, GROUND])).arguments == {"slice": "mMTC"}
    assert "(grow-urllc)" in turn_of(observe(SLOW, [own, video, missing, GROUND])).thought


def test_cells_are_scanned_for_around_a_weak_uav() -> None:
    call = call_of(observe(SLOW, [telemetry(WEAK)]))
    assert call.tool == "scan_available_gnbs"
    assert call.arguments == {"position": WHERE.model_dump()}


def test_a_scan_far_away_says_nothing_of_a_uav() -> None:
    elsewhere = scan(Position(x_m=-300, y_m=0, z_m=60), gnb_1=-95.0, gnb_2=-85.0)
    assert call_of(observe(SLOW, [elsewhere, telemetry(WEAK)])).tool == "scan_available_gnbs"


def test_the_services_own_packets_count_even_if_the_slice_looks_well() -> None:
    starved = telemetry(alarm("sla_latency", "drone", measured=2.0))
    assert call_of(observe(history=[starved])).tool == "get_slice_status"


def test_a_service_that_is_well_is_not_repaired_because_others_in_its_slice_are_not() -> None:
    lossy = state(loss_ratio=0.4)
    history = [scan(gnb_1=-90.0, gnb_2=-87.0), telemetry(uav())]
    assert call_of(observe(lossy, history)).tool == "request_handover"
    assert call_of(observe(lossy, history, service_is_well=True)).tool != "request_handover"


# ---------------------------------------------------------------------- acting
def test_the_uavs_of_a_dead_cell_are_handed_over_one_by_one() -> None:
    lost = telemetry(
        uav("drone-1", sinr_db=-50.0), uav("drone-2", sinr_db=-50.0), alarm("cell_outage", "gnb-1")
    )
    history = [scan(gnb_2=-85.0), lost]
    first = arguments_of(observe(SLOW, history))
    history.append(handover(str(first["uav"]), "gnb-2"))
    second = arguments_of(observe(SLOW, history))
    assert {first["uav"], second["uav"]} == {"drone-1", "drone-2"}
    history.append(handover(str(second["uav"]), "gnb-2"))
    assert call_of(observe(SLOW, history)).tool != "request_handover"


def test_uavs_of_other_services_are_not_handed_over() -> None:
    history = [THREE_CELLS, telemetry(uav("survey-1", sinr_db=1.0))]
    assert call_of(observe(SLOW, history)).tool != "request_handover"


def test_a_refused_handover_is_asked_for_at_the_second_best_cell() -> None:
    refused = did("request_handover", {"uav": "drone-1", "gnb": "gnb-2"}, error="too weak to attach")
    arguments = arguments_of(observe(SLOW, [THREE_CELLS, telemetry(WEAK), refused]))
    assert arguments == {"uav": "drone-1", "gnb": "gnb-3"}


def test_a_full_carrier_is_shared_anew_donor_first_then_receiver() -> None:
    policy = {"dedicated": 10, "min": 55, "max": 60}
    history = [*slices(embb=(20, 65, 70)), GROUND]
    first = arguments_of(observe(SLOW, history))
    assert first == {"slice": "eMBB", "resources": policy}
    history.append(did("trigger_slice_reallocation", first, SLOW))
    second = arguments_of(observe(SLOW, history))
    assert second == {"slice": "URLLC", "resources": {"dedicated": 30, "min": 35, "max": 50}}


def test_a_rule_does_not_act_more_often_than_it_may() -> None:
    history = [
        did("graceful_degradation", thought="rule 48 (pause-sensors): they can wait", after=SLOW),
        *(did("read_telemetry", after=SLOW) for _ in range(12)),
    ]
    for _ in range(12):
        turn = turn_of(observe(SLOW, history))
        assert "(pause-sensors)" not in turn.thought
        assert turn.call is not None
        history.append(did(turn.call.tool, after=SLOW, thought=turn.thought))


@pytest.mark.parametrize("name", shipped_names())
def test_in_closed_loop_every_call_is_well_formed_and_nothing_is_refused_twice(name: str) -> None:
    episode = _episode(name)
    assert len(episode.steps) == episode.task.max_steps
    refused = [step.turn.call for step in episode.steps if step.outcome.error is not None]
    for step in episode.steps:
        assert step.turn.call is not None
        assert parses(step.turn.call)
    assert len(refused) == len({call.model_dump_json() for call in refused if call is not None})


def _episode(name: str) -> Episode:
    environment = Environment(SimulatedBackend(FluidSimulator()))
    task = make_task(load_scenario(name), seed=1)
    return rollout(environment, MapeKAgent(shipped_knowledge()), task)
