"""Reference policies of the slicing task, their tuning, and the loop that plays them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.policies.reference import (
    DemandFollowing,
    OpenLoop,
    SliceDemand,
    SlicingPolicy,
    StaticPolicy,
    fitted,
    play,
    static_half,
)
from sixgym.envs.ran_slicing.policies.tuning import load_tuning, static_best, tune, tune_demand, tune_static
from tests.doubles import FluidSimulator
from tests.networks import slicing

DEMAND = SliceDemand(efficiency=5.0, reserve_mbps=0.0, band_prbs=1)
FOLLOWING = DemandFollowing((DEMAND, DEMAND), prbs=25, interval_ms=100)


def seen(*slices: tuple[float, float, float]) -> np.ndarray:
    """An observation of (PRBs, arriving Mbit/s, queue growth in kB) per slice."""
    return np.array(
        [number for has, mbps, growth in slices for number in (has, 5.0, mbps, growth, 0.0)], np.float32
    )


def test_half_of_25_prbs_is_12_and_13() -> None:
    assert static_half(2, 25).allocation == (12, 13)
    assert sum(static_half(3, 100).allocation) == 100


def test_demand_following_gives_what_arrivals_need_at_the_efficiency_it_counts_on() -> None:
    assert FOLLOWING.act(seen((1, 4.5, 0), (1, 1.8, 0)), 0) == (5, 2)  # 0.9 Mbit/s a PRB


def test_demand_following_keeps_a_surplus_within_its_band_and_drops_a_larger_one() -> None:
    assert FOLLOWING.act(seen((6, 4.5, 0), (3, 1.8, 0)), 0) == (6, 3)
    assert FOLLOWING.act(seen((7, 4.5, 0), (4, 1.8, 0)), 0) == (5, 2)


def test_demand_following_grows_with_a_growing_queue_but_not_with_a_shrinking_one() -> None:
    assert FOLLOWING.act(seen((5, 4.5, 22.5), (2, 1.8, 0)), 0) == (7, 2)  # 22.5 kB in 100 ms is 1.8 Mbit/s
    assert FOLLOWING.act(seen((5, 4.5, -22.5), (2, 1.8, 0)), 0) == (5, 2)


def test_demand_following_never_lets_a_slice_go_without() -> None:
    assert FOLLOWING.act(seen((0, 0.0, 0), (0, 0.0, 0)), 0) == (1, 1)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=3), st.sampled_from([6, 25, 100]))
def test_what_is_wanted_is_fitted_to_the_carrier_and_kept_where_it_fits(wanted: list[int], prbs: int) -> None:
    allocation = fitted(wanted, prbs)
    assert sum(allocation) <= prbs
    assert min(allocation) >= 1
    assert sum(wanted) > prbs or list(allocation) == wanted


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(0, 1e3), min_size=4, max_size=4), st.floats(-1e4, 1e4))
def test_demand_following_answers_any_observation_with_an_allocation(
    numbers: list[float], growth: float
) -> None:
    allocation = FOLLOWING.act(seen((numbers[0], numbers[1], growth), (numbers[2], numbers[3], growth)), 0)
    assert sum(allocation) <= 25
    assert all(isinstance(count, int) for count in allocation)


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_playing_gives_the_totals_of_the_environment(action: str) -> None:
    env = RanSlicingEnv(FluidSimulator(), action=action, steps=6)  # type: ignore[arg-type]
    totals = play(
        env,
        OpenLoop(((13, 11), (13, 11), (14, 11), (14, 11), (14, 11), (2, 2))),
        topology_seed=3,
        network_seed=4,
    )
    assert (totals.steps, totals.reconfigurations, totals.violations) == (6, 3, 1)
    assert totals.utility == pytest.approx(15 * 6 * totals.mean_spectral_efficiency + 15 * 3 - 300)


def test_playing_repeats() -> None:
    env = RanSlicingEnv(FluidSimulator(), steps=5)
    first = play(env, FOLLOWING, topology_seed=3, network_seed=4)
    assert play(env, FOLLOWING, topology_seed=3, network_seed=4) == first


def test_a_policy_is_not_tuned_on_held_out_topologies() -> None:
    env = RanSlicingEnv(FluidSimulator(), steps=1)
    with pytest.raises(ValueError, match="training"):
        tune(env, [51])


def test_tuning_a_static_split_finds_the_best_one() -> None:
    def evaluate(policy: SlicingPolicy, seeds: Sequence[int]) -> float:
        assert isinstance(policy, StaticPolicy)
        noise = sum((policy.allocation[0] * 7 + policy.allocation[1] * 13 + seed) % 5 for seed in seeds) / 9
        return -abs(policy.allocation[0] - 9) - abs(policy.allocation[1] - 6) + noise / len(seeds)

    assert tune_static(evaluate, 2, 25, range(1, 20))[0].allocation == (9, 6)


def test_tuning_demand_following_finds_the_best_parameters_of_each_slice() -> None:
    def evaluate(policy: SlicingPolicy, seeds: Sequence[int]) -> float:
        assert isinstance(policy, DemandFollowing)
        one, other = policy.demands
        return (
            -abs(one.efficiency - 3.5)
            - abs(other.efficiency - 6.5)
            - abs(one.band_prbs - 3)
            - other.reserve_mbps
        )

    following, utility = tune_demand(evaluate, 2, 25, 100, [1, 2])
    assert following.demands[0] == SliceDemand(efficiency=3.5, reserve_mbps=0.5, band_prbs=3)
    assert following.demands[1] == SliceDemand(efficiency=6.5, reserve_mbps=0.0, band_prbs=1)
    assert utility == 0


def test_a_tuning_says_what_it_was_made_on_and_survives_storage(tmp_path: Path) -> None:
    env = RanSlicingEnv(FluidSimulator(), slicing(), steps=2)
    tuning = tune(env, [1, 1])
    assert (tuning.network, tuning.seeds, tuning.steps) == ("fluid test", (1, 1), 2)
    assert tuning.scenario_digest == slicing().digest
    assert (
        tuning.static_utility > 0 > tuning.demand_utility
    )  # the test network needs more than the grid offers
    path = tmp_path / "tuning.json"
    path.write_text(tuning.model_dump_json())
    assert load_tuning(path) == tuning
    assert static_best(load_tuning(path)).allocation == tuning.static
    path.write_text(json.dumps({**tuning.model_dump(mode="json"), "extra": 1}))
    with pytest.raises(ValueError, match="extra"):
        load_tuning(path)


def test_a_missing_tuning_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tune_slicing\.py"):
        load_tuning(tmp_path / "none.json")
