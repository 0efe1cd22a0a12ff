"""The vector environment is its single environments, side by side."""

from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import sixgym.envs.registration
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.environment import ActionForm, RanSlicingEnv
from sixgym.envs.ran_slicing.vector import RanSlicingVectorEnv
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.simulators.batch import advance_all, reset_all
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from tests.doubles import FluidSimulator
from tests.networks import slicing, small

STEPS = 4


def same(one: Any, other: Any) -> bool:
    """Equality through tuples and nested dictionaries of arrays, bit for bit."""
    if isinstance(one, tuple):
        return len(one) == len(other) and all(same(*pair) for pair in zip(one, other, strict=True))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype


def compare(
    simulator: Callable[[], Simulator], scenario: Scenario, action: ActionForm, count: int, steps: int
) -> None:
    """Plays the vector environment and Gymnasium's loop over single ones with the same actions."""

    def single() -> RanSlicingEnv:
        return RanSlicingEnv(simulator(), scenario, action=action, steps=STEPS)

    reference = SyncVectorEnv([single for _ in range(count)])
    simulators = [simulator() for _ in range(count)]
    vector = RanSlicingVectorEnv(count, simulators, scenario, action=action, steps=STEPS)
    assert same(vector.reset(seed=11), reference.reset(seed=11))
    vector.action_space.seed(2)
    for _ in range(steps):
        actions = vector.action_space.sample()
        assert same(vector.step(actions), reference.step(actions))
    vector.close()
    reference.close()


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_it_equals_single_environments_across_episodes(action: ActionForm) -> None:
    compare(FluidSimulator, slicing(), action, count=3, steps=3 * STEPS + 2)


def test_it_equals_single_environments_on_tti() -> None:
    compare(TtiSimulator, slicing(), "discrete", count=3, steps=2 * STEPS + 2)


@pytest.mark.ns3
def test_it_equals_single_environments_on_ns3() -> None:
    compare(Ns3Simulator, small(), "discrete", count=2, steps=STEPS + 2)


def test_seeds_may_be_given_one_by_one() -> None:
    vector = RanSlicingVectorEnv(3, [FluidSimulator() for _ in range(3)])
    one, other = vector.reset(seed=5), vector.reset(seed=[5, 6, 7])
    assert same(one, other)
    assert not same(one, vector.reset(seed=[5, 6, 8]))


def test_gymnasium_makes_it_by_its_id() -> None:
    vector = gymnasium.make_vec(
        sixgym.envs.registration.RAN_SLICING,
        num_envs=2,
        vectorization_mode="vector_entry_point",
        network=[FluidSimulator(), FluidSimulator()],
        steps=3,
    )
    assert isinstance(vector.unwrapped, RanSlicingVectorEnv)
    assert vector.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    observations, _ = vector.reset(seed=1)
    assert vector.observation_space.contains(observations)
    assert observations.shape == (2, 10)


def test_the_step_after_the_last_one_starts_the_next_episode() -> None:
    vector = RanSlicingVectorEnv(1, [FluidSimulator()], steps=2)
    vector.reset(seed=1)
    truncations = [bool(vector.step(np.array([200]))[3][0]) for _ in range(6)]
    assert truncations == [False, True, False, False, True, False]
    seeds = {int(vector.step(np.array([200]))[4]["network_seed"][0]) for _ in range(9)}
    assert len(seeds) > 2


def test_as_many_seeds_and_simulators_as_networks_are_needed() -> None:
    with pytest.raises(ValueError, match="simulators"):
        RanSlicingVectorEnv(2, [FluidSimulator()])
    with pytest.raises(ValueError, match="at least 1"):
        RanSlicingVectorEnv(0, [])
    with pytest.raises(ValueError, match="seeds"):
        RanSlicingVectorEnv(1, [FluidSimulator()]).reset(seed=[1, 2])


def test_a_simulator_cannot_run_two_networks() -> None:
    simulator = FluidSimulator()
    with pytest.raises(ValueError, match="of its own"):
        RanSlicingVectorEnv(2, [simulator, simulator])


def test_a_wrong_action_moves_no_network_and_the_episodes_go_on() -> None:
    vector = RanSlicingVectorEnv(2, [FluidSimulator(), FluidSimulator()])
    vector.reset(seed=1)
    with pytest.raises(ValueError, match="351"):
        vector.step(np.array([200, 351]))
    assert vector.step(np.array([200, 200]))[4]["network_time_ms"].tolist() == [100, 100]


def test_a_failing_network_fails_the_step_and_closing_ends_all() -> None:
    simulators = [FluidSimulator(), FluidSimulator(fail_after=0)]
    vector = RanSlicingVectorEnv(2, simulators)
    vector.reset(seed=1)
    with pytest.raises(SimulatorError, match="broke"):
        vector.step(np.array([200, 200]))
    vector.close()
    assert [simulator.closed for simulator in simulators] == [1, 1]


def test_a_batch_keeps_the_order_and_reports_the_first_failure() -> None:
    simulators = [FluidSimulator() for _ in range(5)]
    starts = [(slicing(), seed) for seed in range(5)]
    alone = [FluidSimulator().reset(scenario, seed=seed) for scenario, seed in starts]
    assert reset_all(simulators, starts) == alone
    assert [interval.end_ms for interval in advance_all(simulators, 100)] == [100] * 5
    assert advance_all([], 100) == []
    broken = FluidSimulator(fail_after=0)
    broken.reset(slicing(), seed=1)
    with pytest.raises(SimulatorError, match="broke"):
        advance_all([simulators[0], broken, *simulators[1:]], 100)
    assert [interval.end_ms for interval in advance_all(simulators, 100)] == [300] * 5
