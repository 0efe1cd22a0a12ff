"""Explorations call every tool, repeat exactly, and hold more faults and changes than anybody's work."""

from collections import Counter

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.data.traces.exploration import STEPS, Explorer, exploration, tool_probabilities
from sixgym.domain.splits import HELD_OUT_SEEDS, TRAINING_SEEDS
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode
from sixgym.run.rollout import rollout
from sixgym.tasks.build.networks import MANAGEMENT_SCENARIOS
from sixgym.tools.base import CATALOG
from tests.doubles import FluidSimulator


def explored(number: int, replicate: int = 0) -> Episode:
    backend = SimulatedBackend(FluidSimulator())
    task = exploration(number, TRAINING_SEEDS, replicate=replicate)
    return rollout(Environment(backend), Explorer(number, lambda: backend.snapshot), task)


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    return [explored(number) for number in range(60)]


def test_every_tool_is_called_and_is_carried_out_at_times(episodes: list[Episode]) -> None:
    done = Counter(
        step.turn.call.tool for one in episodes for step in one.steps if step.turn.call and step.outcome.ok
    )
    assert set(done) == set(CATALOG)


def test_most_calls_make_sense(episodes: list[Episode]) -> None:
    steps = [step for episode in episodes for step in episode.steps]
    assert len(steps) == 60 * STEPS
    assert sum(step.outcome.ok for step in steps) > 0.9 * len(steps)


def test_tools_are_called_as_often_as_is_said(episodes: list[Episode]) -> None:
    called = Counter(step.turn.call.tool for one in episodes for step in one.steps if step.turn.call)
    odds = tool_probabilities()
    assert sum(odds.values()) == pytest.approx(1)
    assert called["trigger_slice_reallocation"] / (60 * STEPS) == pytest.approx(0.18, abs=0.04)
    assert set(odds) == set(CATALOG)


def test_scenarios_and_places_take_their_turns() -> None:
    networks = [exploration(number, (51, 52)).scenario for number in range(12)]
    assert Counter(network.name for network in networks) == dict.fromkeys(MANAGEMENT_SCENARIOS, 4)
    assert Counter(network.topology_seed for network in networks) == {51: 6, 52: 6}


def test_all_kinds_of_faults_strike() -> None:
    kinds = Counter(
        fault.kind for number in range(80) for fault in exploration(number, TRAINING_SEEDS).scenario.faults
    )
    assert len(kinds) == 7
    assert min(kinds.values()) >= 5


def test_a_number_is_one_exploration() -> None:
    assert exploration(5, HELD_OUT_SEEDS) == exploration(5, HELD_OUT_SEEDS)
    assert explored(5).without_clock() == explored(5).without_clock()
    assert exploration(5, HELD_OUT_SEEDS) != exploration(8, HELD_OUT_SEEDS)


def test_a_twin_differs_in_chance_alone() -> None:
    one, other = exploration(5, HELD_OUT_SEEDS), exploration(5, HELD_OUT_SEEDS, replicate=1)
    assert one.scenario == other.scenario
    assert one.seed != other.seed
    first, second = (explored(5, replicate).steps[0].turn for replicate in (0, 1))
    assert first == second
