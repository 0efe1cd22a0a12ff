"""The whole loop on both networks: what the demo promises, and what a record is good for."""

from collections.abc import Iterator

import pytest

from sixgym.agents.registry import make_agent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Task, ToolCall
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge, recorded_intervals
from sixgym.simulators.base import Simulator
from sixgym.simulators.factory import make_simulator
from tests.end_to_end.tasks import DEMO_SEED, short
from tests.episodes.samples import Caller, sample_task


@pytest.fixture(scope="module", params=["tti", pytest.param("ns3", marks=pytest.mark.ns3)])
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    simulator = make_simulator(request.param)
    yield simulator
    simulator.close()


def run(simulator: Simulator, agent: str, task: Task) -> Episode:
    return rollout(Environment(SimulatedBackend(simulator)), make_agent(agent, seed=task.seed), task)


def test_mape_k_restores_the_service_level_that_null_leaves_violated(simulator: Simulator) -> None:
    task = sample_task("uav-inspection", seed=DEMO_SEED)
    repaired, abandoned = (run(simulator, agent, task) for agent in ("mape-k", "null"))
    assert judge(repaired).success
    assert not judge(abandoned).success
    lost = [interval.groups["drone"].loss_ratio for interval in recorded_intervals(abandoned)[-5:]]
    assert lost == [1.0] * 5
    assert repaired.scenario_digest == abandoned.scenario_digest


@pytest.mark.slow
@pytest.mark.parametrize("name", ["uav-inspection", "urban-slicing", "dense-degradation", "ran-slicing"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_doing_nothing_fails_every_shipped_task(simulator: Simulator, name: str, seed: int) -> None:
    assert not judge(run(simulator, "null", sample_task(name, seed=seed))).success


def test_a_stored_episode_can_be_replayed_to_the_byte(simulator: Simulator) -> None:
    task = short(sample_task("uav-inspection", seed=2))
    episode = Episode.model_validate_json(run(simulator, "random", task).model_dump_json())
    calls = [step.turn.call for step in episode.steps]
    replayer = Caller(*[(call.tool, call.arguments) for call in calls if call])  # type: ignore[misc]
    again = rollout(Environment(SimulatedBackend(simulator)), replayer, episode.task)
    assert recorded_intervals(again) == recorded_intervals(episode)
    assert [step.outcome for step in again.steps] == [step.outcome for step in episode.steps]


def test_looking_does_not_disturb_the_network(simulator: Simulator) -> None:
    task = short(sample_task("uav-inspection", seed=3))
    looks = ["read_telemetry", "get_edge_load", "check_network_state"]
    plain = rollout(Environment(SimulatedBackend(simulator)), Caller(*[(looks[2], {})] * 3), task)
    curious = rollout(Environment(SimulatedBackend(simulator)), Caller(*[(look, {}) for look in looks]), task)
    assert recorded_intervals(curious) == recorded_intervals(plain)


def test_a_refused_call_does_not_disturb_the_network(simulator: Simulator) -> None:
    task = short(sample_task("uav-inspection", seed=3))
    refused = [
        ("request_handover", {"uav": "drone-1", "gnb": "gnb-99"}),
        (
            "trigger_slice_reallocation",
            {"slice": "URLLC", "resources": {"dedicated": 90, "min": 90, "max": 90}},
        ),
        ("set_waypoint", '{"uav": "drone-1", "position"'),
    ]
    plain = rollout(
        Environment(SimulatedBackend(simulator)), Caller(*[("check_network_state", {})] * 3), task
    )
    clumsy = rollout(Environment(SimulatedBackend(simulator)), Caller(*refused), task)
    assert [step.outcome.ok for step in clumsy.steps] == [False] * 3
    assert recorded_intervals(clumsy) == recorded_intervals(plain)


def test_what_tools_say_of_the_radio_is_what_devices_measure(simulator: Simulator) -> None:
    backend = SimulatedBackend(simulator)
    task = sample_task("uav-inspection", seed=4, faults=False)
    backend.reset(task.scenario, seed=4)
    backend.idle()
    errors_db: list[float] = []
    for device in backend.snapshot.interval.devices.values():
        call = ToolCall(tool="get_signal_strength", arguments={"position": device.position.model_dump()})
        before = device.rsrp_dbm
        result = backend.execute(call).outcome.result
        assert isinstance(result, dict)
        errors_db.append(float(result["rsrp_dbm"]) - before[str(result["gnb"])])  # type: ignore[arg-type]
    mean = sum(errors_db) / len(errors_db)
    print(f"predicted less measured RSRP over {len(errors_db)} devices: mean {mean:.1f} dB")
    # fast fading is not predicted: several dB for one device, little on average
    assert abs(mean) < 3
