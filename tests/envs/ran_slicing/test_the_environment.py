"""The slicing environment: what it asks, answers and refuses."""

import subprocess
import sys
import warnings
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from stable_baselines3.common.env_checker import check_env as check_env_of_stable_baselines3
from stable_baselines3.common.env_util import make_vec_env

import sixgym.envs.registration
from sixgym.domain.change import SetPrbPolicy
from sixgym.domain.splits import HELD_OUT_SEEDS, TRAINING_SEEDS
from sixgym.envs.ran_slicing.actions import number_of, to_box
from sixgym.envs.ran_slicing.environment import ActionForm, RanSlicingEnv
from sixgym.envs.ran_slicing.metrics import UtilityWeights
from sixgym.envs.ran_slicing.state import FIELDS
from sixgym.scenarios import load_scenario, shipped_names
from sixgym.simulators.base import SimulatorError
from tests.doubles import FluidSimulator
from tests.networks import management, slicing, small

HALF = number_of((12, 13), 25)


def fluid(**options: Any) -> RanSlicingEnv:
    return RanSlicingEnv(FluidSimulator(), **options)


def rewards_of(env: RanSlicingEnv, seed: int, steps: int = 5) -> list[Any]:
    """Observations and rewards of an episode under drawn actions."""
    observation, info = env.reset(seed=seed)
    env.action_space.seed(seed)
    record: list[Any] = [observation.tolist(), info["topology_seed"], info["network_seed"]]
    for _ in range(steps):
        observation, reward, *_ = env.step(env.action_space.sample())
        record += [observation.tolist(), reward]
    return record


# ---------------------------------------------------------------------- conformance
@pytest.mark.parametrize("action", ["discrete", "box"])
@pytest.mark.parametrize("name", shipped_names())
def test_gymnasium_and_stable_baselines3_find_no_fault(action: ActionForm, name: str) -> None:
    check(network=FluidSimulator(), scenario=name, action=action, steps=7, render_mode="ansi")


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_gymnasium_and_stable_baselines3_find_no_fault_on_tti(action: ActionForm) -> None:
    check(network="tti", action=action, steps=7)


@pytest.mark.ns3
@pytest.mark.parametrize("action", ["discrete", "box"])
def test_gymnasium_and_stable_baselines3_find_no_fault_on_ns3(action: ActionForm) -> None:
    check(network="ns3", scenario=small(), action=action, steps=3)


def check(**options: Any) -> None:
    env = gymnasium.make(sixgym.envs.registration.RAN_SLICING, **options)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(env.unwrapped)
            check_env_of_stable_baselines3(env.unwrapped)
    finally:
        env.close()


@pytest.mark.ns3
def test_an_episode_on_ns3_repeats_with_its_seed() -> None:
    env = RanSlicingEnv("ns3", small(), steps=5)
    first, again, other = rewards_of(env, 3), rewards_of(env, 3), rewards_of(env, 4)
    env.close()
    assert first == again
    assert first != other


def test_gymnasium_makes_it_by_its_id() -> None:
    env = gymnasium.make(sixgym.envs.registration.RAN_SLICING, network=FluidSimulator(), steps=2)
    assert isinstance(env.unwrapped, RanSlicingEnv)
    env.reset(seed=1)
    env.step(HALF)
    assert env.step(HALF)[3]


def test_gymnasium_makes_it_without_an_import_of_ours() -> None:
    program = (
        "import gymnasium\n"
        "env = gymnasium.make('sixgym.envs.registration:sixgym/RanSlicing-v0', network='tti')\n"
        "assert env.action_space.n == 351\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)


def test_importing_the_package_does_not_import_gymnasium() -> None:
    program = "import sixgym, sys\nassert 'gymnasium' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


# ---------------------------------------------------------------------- seeds and splits
def test_the_same_seed_repeats_and_another_differs() -> None:
    env = fluid()
    assert rewards_of(env, 5) == rewards_of(env, 5)
    assert rewards_of(env, 5) == rewards_of(fluid(), 5)
    assert rewards_of(env, 5) != rewards_of(env, 6)


def test_later_episodes_of_one_seed_differ_and_repeat() -> None:
    def seeds() -> list[tuple[int, int]]:
        env = fluid()
        infos = [env.reset(seed=8 if index == 0 else None)[1] for index in range(4)]
        return [(info["topology_seed"], info["network_seed"]) for info in infos]

    assert seeds() == seeds()
    assert len(set(seeds())) == 4


@pytest.mark.parametrize(("split", "allowed"), [("training", TRAINING_SEEDS), ("held_out", HELD_OUT_SEEDS)])
def test_topologies_are_drawn_from_the_split_and_from_all_of_it(split: Any, allowed: range) -> None:
    env = fluid(split=split)
    env.reset(seed=0)
    drawn = {env.reset()[1]["topology_seed"] for _ in range(12 * len(allowed))}
    assert drawn == set(allowed)


def test_given_seeds_are_used() -> None:
    info = fluid().reset(seed=1, options={"topology_seed": 7, "network_seed": 9})[1]
    assert (info["topology_seed"], info["network_seed"]) == (7, 9)


def test_giving_one_seed_leaves_the_draw_of_the_other_alone() -> None:
    env = fluid()
    drawn = env.reset(seed=1)[1]["network_seed"]
    assert env.reset(seed=1, options={"topology_seed": 7})[1]["network_seed"] == drawn


@pytest.mark.parametrize(
    "options",
    [
        {"topology_seed": HELD_OUT_SEEDS.start},
        {"topology_seed": 0},
        {"topology_seed": -1},
        {"topology_seed": 1.5},
        {"network_seed": -1},
        {"network_seed": True},
        {"topology": 3},
    ],
)
def test_a_seed_of_the_other_split_and_an_unknown_option_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"seed|option"):
        fluid().reset(options=options)


def test_a_placed_scenario_keeps_its_places_and_has_to_be_of_the_split() -> None:
    env = fluid(scenario=slicing())
    assert env.reset(seed=4)[1]["topology_seed"] == slicing().topology_seed
    with pytest.raises(ValueError, match="placed"):
        env.reset(options={"topology_seed": 2})
    with pytest.raises(ValueError, match="held_out"):
        fluid(scenario=slicing(), split="held_out")


# ---------------------------------------------------------------------- actions
def test_an_action_sets_strict_shares_in_percent_of_the_carrier() -> None:
    simulator = FluidSimulator()
    env = RanSlicingEnv(simulator)
    env.reset(seed=1)
    env.step(number_of((9, 7), 25))
    (change,) = simulator.applied
    assert isinstance(change, SetPrbPolicy)
    assert [(p.dedicated, p.min, p.max) for p in change.policies.values()] == [(36, 36, 36), (28, 28, 28)]


def test_both_action_forms_reach_every_allocation_alike() -> None:
    discrete, box = fluid(), fluid(action="box")
    for allocation in ((0, 0), (25, 0), (0, 25), (9, 7), (12, 13), (1, 1)):
        assert discrete.allocation_of(number_of(allocation, 25)) == allocation
        assert box.allocation_of(to_box(allocation, 25)) == allocation


@pytest.mark.parametrize("action", [-1, 351, 1.5, None, "half", np.zeros(2, np.float32)])
def test_a_number_that_is_no_action_is_refused_and_the_episode_goes_on(action: Any) -> None:
    env = fluid()
    env.reset(seed=1)
    with pytest.raises(ValueError, match="351"):
        env.step(action)
    env.step(HALF)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=True, width=32), max_size=4))
def test_a_box_action_is_taken_if_it_has_a_number_in_range_for_every_slice(numbers: list[float]) -> None:
    env = fluid(action="box")
    env.reset(seed=1)
    if len(numbers) == 2 and all(-1 <= number <= 1 for number in numbers):
        allocation = env.step(np.array(numbers, np.float32))[4]["allocation"]
        assert (allocation >= 0).all()
        assert allocation.sum() <= 25
    else:
        with pytest.raises(ValueError, match=r"in \[-1, 1\]"):
            env.step(np.array(numbers, np.float32))


# ---------------------------------------------------------------------- observation, reward, info
@settings(max_examples=30, deadline=None)
@given(st.sampled_from(shipped_names()), st.integers(0, 2**31 - 1))
def test_observations_stay_in_their_finite_space(name: str, seed: int) -> None:
    env = fluid(scenario=name, steps=3)
    env.action_space.seed(seed)
    assert np.isfinite(env.box.low).all()
    assert np.isfinite(env.box.high).all()
    observations = [env.reset(seed=seed)[0]]
    observations += [env.step(env.action_space.sample())[0] for _ in range(3)]
    assert all(env.observation_space.contains(observation) for observation in observations)


def test_an_observation_begins_with_what_was_allocated_and_holds_the_offered_traffic() -> None:
    env = fluid()
    observation = env.reset(seed=1)[0].reshape(2, len(FIELDS))
    assert observation[:, 0].tolist() == [4, 21]  # the scenario's 16 and 84 %
    env.step(number_of((9, 7), 25))
    observation = env.step(number_of((8, 4), 25))[0].reshape(2, len(FIELDS))
    assert observation[:, 0].tolist() == [8, 4]
    assert observation[:, 2] == pytest.approx([5.0, 4.0], rel=0.02)  # half of 20 x 0.5 and of 4 x 2 Mbit/s


def test_the_reward_is_the_utility_of_the_metrics_in_info() -> None:
    env = fluid()
    env.reset(seed=1)
    for allocation in ((12, 13), (12, 13), (1, 1), (25, 0)):
        _, reward, terminated, _, info = env.step(number_of(allocation, 25))
        expected = 15 * info["spectral_efficiency"] + 15 * (not info["reconfigured"]) - 300 * info["violated"]
        assert reward == pytest.approx(expected)
        assert not terminated


def test_only_a_different_allocation_is_a_reconfiguration() -> None:
    env = fluid()
    env.reset(seed=1)
    plays = ((4, 21), (4, 21), (9, 7), (9, 7), (9, 8), (9, 7))
    changed = [env.step(number_of(allocation, 25))[4]["reconfigured"] for allocation in plays]
    assert changed == [False, False, True, False, True, True]


def test_a_starved_slice_violates_and_an_ample_one_does_not() -> None:
    env = fluid()
    env.reset(seed=1)
    assert not env.step(number_of((13, 12), 25))[4]["violated"]
    assert env.step(number_of((13, 1), 25))[4]["violated"]


def test_nothing_allocated_is_no_spectral_efficiency() -> None:
    env = fluid()
    env.reset(seed=1)
    info = env.step(number_of((0, 0), 25))[4]
    assert info["spectral_efficiency"] == 0


def test_spectral_efficiency_counts_delivered_bits_over_granted_bandwidth_of_all_slices() -> None:
    env = fluid()
    env.reset(seed=1)
    info = env.step(number_of((13, 12), 25))[4]
    delivered_mbps = sum(facts["throughput_mbps"] for facts in info["slices"].values())
    assert info["spectral_efficiency"] == pytest.approx(delivered_mbps / (25 * 0.18), rel=1e-6)


def test_the_last_step_is_truncated_and_sums_up_the_episode() -> None:
    env = fluid(steps=4)
    env.reset(seed=1)
    steps = [env.step(number_of((12, 12 + index % 2), 25)) for index in range(4)]
    assert [truncated for *_, truncated, _ in steps] == [False, False, False, True]
    assert all("totals" not in info for *_, info in steps[:-1])
    totals = steps[-1][4]["totals"]
    assert totals["steps"] == 4
    assert totals["utility"] == pytest.approx(sum(reward for _, reward, *_ in steps))
    assert totals["reconfigurations"] == 4
    mean = np.mean([info["spectral_efficiency"] for *_, info in steps])
    assert totals["mean_spectral_efficiency"] == pytest.approx(mean)


def test_other_weights_change_the_reward_and_not_the_metrics() -> None:
    plain, weighted = fluid(), fluid(weights=UtilityWeights(spectral_efficiency=1, stability=0, violation=0))
    plain.reset(seed=1)
    weighted.reset(seed=1)
    info, other = plain.step(HALF)[4], weighted.step(HALF)
    assert other[1] == pytest.approx(info["spectral_efficiency"])
    assert other[4]["spectral_efficiency"] == info["spectral_efficiency"]


def test_ansi_rendering_shows_every_slice() -> None:
    env = fluid(render_mode="ansi")
    env.reset(seed=1)
    env.step(HALF)
    text = env.render()
    assert text is not None
    assert all(kind.value in text for kind in (s.type for s in env.scenario.slices))
    assert fluid().render() is None


@pytest.mark.parametrize("scenario", [small(), management()])
def test_it_runs_networks_of_several_cells_and_three_slices(scenario: Any) -> None:
    env = fluid(scenario=scenario, action="box", steps=2)
    observation, _ = env.reset(seed=1)
    assert observation.shape == (15,)
    info = env.step(np.array([-0.4, 0.2, -0.8], np.float32))[4]
    assert set(info["slices"]) == {"URLLC", "eMBB", "mMTC"}


# ---------------------------------------------------------------------- misuse and failure
@pytest.mark.parametrize(
    "options",
    [
        {"action": "continuous"},
        {"steps": 0},
        {"split": "test"},
        {"scenario": "no-such-scenario"},
    ],
)
def test_an_impossible_argument_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"action|step|split|scenario"):
        fluid(**options)


def test_stable_baselines3_makes_several_by_the_id() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Gymnasium's about rgb_array, which make_vec_env asks for first
        envs = make_vec_env(sixgym.envs.registration.RAN_SLICING, 2, env_kwargs={"network": "tti"})
    observations = envs.reset()
    assert isinstance(observations, np.ndarray)
    assert observations.shape == (2, 10)
    envs.close()


def test_an_unknown_render_mode_is_refused() -> None:
    with pytest.raises(TypeError, match="human"):
        fluid(render_mode="human")


def test_an_unknown_network_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="ns3"):
        RanSlicingEnv("ns-three")


def test_stepping_needs_a_running_episode() -> None:
    env = fluid(steps=1)
    with pytest.raises(ResetNeeded):
        env.step(HALF)
    env.reset(seed=1)
    env.step(HALF)
    with pytest.raises(ResetNeeded):
        env.step(HALF)


def test_a_failure_of_the_network_passes_through_and_a_reset_recovers() -> None:
    simulator = FluidSimulator(fail_after=1)
    env = RanSlicingEnv(simulator)
    env.reset(seed=1)
    env.step(HALF)
    with pytest.raises(SimulatorError, match="broke"):
        env.step(HALF)
    with pytest.raises(ResetNeeded):
        env.step(HALF)
    env.reset(seed=1)
    env.step(HALF)


def test_closing_ends_the_network_and_the_episode() -> None:
    simulator = FluidSimulator()
    env = RanSlicingEnv(simulator)
    env.reset(seed=1)
    env.close()
    assert simulator.closed == 1
    with pytest.raises(ResetNeeded):
        env.step(HALF)


def test_the_scenario_that_was_given_is_not_changed() -> None:
    scenario = load_scenario("ran-slicing")
    env = fluid(scenario=scenario)
    env.reset(seed=1)
    assert env.scenario == load_scenario("ran-slicing")
