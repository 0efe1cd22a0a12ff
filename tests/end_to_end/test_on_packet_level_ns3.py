"""What a crash of ns-3 leaves behind."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.episodes.store import append_episode, read_episodes
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge
from sixgym.simulators.ns3 import Ns3Simulator
from tests.end_to_end.tasks import short
from tests.episodes.samples import Caller, sample_task

pytestmark = pytest.mark.ns3


@pytest.fixture(scope="module")
def simulator() -> Iterator[Ns3Simulator]:
    simulator = Ns3Simulator()
    yield simulator
    simulator.close()


class _Saboteur(Caller):
    """Kills the simulator's process before its third call."""

    def __init__(self, simulator: Ns3Simulator, *calls: tuple[str, dict[str, object]]) -> None:
        super().__init__(*calls)
        self._simulator = simulator

    def act(self, observation: Observation) -> Turn:
        if len(observation.history) == 2:
            assert self._simulator.pid is not None
            os.kill(self._simulator.pid, signal.SIGKILL)
        return super().act(observation)


def test_killing_ns3_leaves_a_stored_episode_and_the_next_one_runs(
    simulator: Ns3Simulator, tmp_path: Path
) -> None:
    task = short(sample_task("uav-inspection", seed=1))
    reads: list[tuple[str, dict[str, object]]] = [("check_network_state", {})] * 5
    broken = rollout(Environment(SimulatedBackend(simulator)), _Saboteur(simulator, *reads), task)
    assert broken.infrastructure_failure is not None
    assert "SIGKILL" in broken.infrastructure_failure
    assert len(broken.steps) == 2
    assert not judge(broken).success
    append_episode(tmp_path / "episodes.jsonl", broken)
    healthy = rollout(Environment(SimulatedBackend(simulator)), Caller(*reads), task)
    append_episode(tmp_path / "episodes.jsonl", healthy)
    assert healthy.infrastructure_failure is None
    assert list(read_episodes(tmp_path / "episodes.jsonl")) == [broken, healthy]
