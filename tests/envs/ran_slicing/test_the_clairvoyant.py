"""The clairvoyant's search and the bound that no policy exceeds."""

import copy
from collections.abc import Sequence
from itertools import pairwise, product

import numpy as np
import pytest

from sixgym.domain.change import ScaleTraffic
from sixgym.domain.faults import TrafficSurge
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.actions import Allocation, all_allocations
from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.metrics import UtilityWeights
from sixgym.envs.ran_slicing.policies.bound import (
    SLOT_MS,
    Arrivals,
    granted_prbs_per_unit,
    peak_bits_per_prb,
    record_arrivals,
    utility_bound,
)
from sixgym.envs.ran_slicing.policies.clairvoyant import Plan, Search, clairvoyant
from sixgym.envs.ran_slicing.policies.reference import OpenLoop, StaticPolicy, play
from sixgym.simulators.ns3 import Ns3Simulator
from tests.doubles import FluidSimulator
from tests.networks import slicing, small


class ForkableFluid(FluidSimulator):
    """Traffic that grows after the second step, as only one who knows the future can prepare for."""

    def fork(self) -> "ForkableFluid":
        other = copy.copy(self)
        other.random = copy.deepcopy(self.random)
        other.factor, other.applied = dict(self.factor), list(self.applied)
        return other

    def advance(self, duration_ms: int) -> Interval:
        if self.now_ms == 200:
            self.apply(ScaleTraffic("gbr", 1.5))
        return super().advance(duration_ms)


def tiny() -> Scenario:
    """Six PRBs, on which the test network carries 2.4 Mbit/s, for 1 + 1 Mbit/s."""
    scenario = slicing()
    cells = tuple(cell.model_copy(update={"bandwidth_mhz": 1.4}) for cell in scenario.cells)
    groups = tuple(
        group.model_copy(update={"count": count, "placement": group.positions[:count]})
        for group, count in zip(scenario.groups, (4, 1), strict=True)
    )
    return scenario.model_copy(update={"cells": cells, "groups": groups})


EVERYWHERE = Search(width=28, radius=6, hubs=28)


def plan_of(steps: int, search: Search, weights: UtilityWeights | None = None) -> Plan:
    return clairvoyant(ForkableFluid(), tiny(), network_seed=5, steps=steps, search=search, weights=weights)


def earned(plan: Sequence[Allocation], weights: UtilityWeights | None = None) -> float:
    env = RanSlicingEnv(ForkableFluid(), tiny(), steps=len(plan), weights=weights)
    return play(env, OpenLoop(tuple(plan)), topology_seed=1, network_seed=5).utility


# ---------------------------------------------------------------------- the search
def test_the_plan_earns_what_it_promises_when_it_is_played() -> None:
    plan = plan_of(6, Search(width=4, radius=1))
    assert len(plan.allocations) == plan.totals.steps == 6
    assert earned(plan.allocations) == pytest.approx(plan.totals.utility)


def test_the_plan_is_at_least_as_good_as_any_static_split() -> None:
    utility = plan_of(4, EVERYWHERE).totals.utility
    assert all(earned([allocation] * 4) <= utility + 1e-9 for allocation in all_allocations(2, 6))


def test_the_search_finds_the_optimum_of_a_short_episode() -> None:
    weights = UtilityWeights(stability=40.0)  # so that it pays to think before changing
    likely = [allocation for allocation in all_allocations(2, 6) if min(allocation) > 1]
    best = max(earned(plan, weights) for plan in product(likely, repeat=3))
    assert plan_of(3, EVERYWHERE, weights).totals.utility >= best - 1e-9


def test_looking_further_never_makes_the_plan_of_a_memoryless_network_worse() -> None:
    utilities = [plan_of(5, search).totals.utility for search in (Search(1, 1), Search(8, 2), EVERYWHERE)]
    assert all(narrow <= wide + 1e-9 for narrow, wide in pairwise(utilities))


# ---------------------------------------------------------------------- the bound
def arrivals_of(scenario: Scenario, mbps: tuple[float, ...], steps: int) -> Arrivals:
    """The same traffic in every slot."""
    slots = steps * scenario.decision_interval_ms // SLOT_MS
    return Arrivals(np.repeat(np.array(mbps)[:, None] * SLOT_MS * 1e3, slots, axis=1))


def test_a_packet_that_travels_alone_fills_whole_resource_block_groups() -> None:
    urgent, patient = slicing().slices
    assert peak_bits_per_prb(slicing(), urgent) == 512 * 8 / 4  # two groups of two PRBs
    assert 512 * 8 / 4 < peak_bits_per_prb(slicing(), patient) < 2 * 754


def test_24_of_25_prbs_can_be_granted() -> None:
    assert granted_prbs_per_unit(slicing()) == pytest.approx(24 / 25)
    assert granted_prbs_per_unit(small()) == pytest.approx(2 * 24 / 25)


def test_steady_traffic_is_bound_by_the_fewest_prbs_that_carry_it() -> None:
    scenario = slicing()
    steps, free_steps = 300, 12
    bound = utility_bound(scenario, arrivals_of(scenario, (5.0, 4.0), steps))
    # 5 Mbit/s at 0.983 a PRB are 6 PRBs, 4 at 1.361 are 3; in each run of steps up to 60 ms more arrive
    steady = 9.0 / (9 * 0.96 * 0.18)
    freed = 15 * (2 * 754 * 512 / 542 / 180) + 15
    low = (steps - free_steps) * (15 * steady + 15) + free_steps * freed
    assert low <= bound <= 1.12 * low


def test_more_stability_weight_raises_the_bound_and_more_violation_weight_does_not() -> None:
    scenario = slicing()
    rng = np.random.default_rng(3)
    arrivals = arrivals_of(scenario, (5.0, 4.0), 60)
    arrivals = Arrivals(arrivals.bits * np.repeat(rng.uniform(0.5, 1.5, (2, 60)), 10, axis=1))
    plain = utility_bound(scenario, arrivals)
    assert utility_bound(scenario, arrivals, UtilityWeights(stability=30)) > plain
    assert utility_bound(scenario, arrivals, UtilityWeights(violation=1000)) <= plain
    assert utility_bound(scenario, arrivals, UtilityWeights(violation=0)) > plain


def test_what_no_allocation_can_carry_costs_violations() -> None:
    scenario = slicing()
    heavy = utility_bound(scenario, arrivals_of(scenario, (30.0, 30.0), 120))
    freed = 15 * (2 * 754 * 512 / 542 / 180) + 15
    violations = (120 - 12) / 6  # each frees six steps
    assert heavy == pytest.approx(120 * freed - 300 * violations)


@pytest.mark.ns3
def test_no_static_split_on_ns3_exceeds_the_bound() -> None:
    scenario, steps = slicing(), 30
    simulator = Ns3Simulator()
    arrivals = record_arrivals(simulator, scenario, network_seed=2, steps=steps)
    bound = utility_bound(scenario, arrivals)
    env = RanSlicingEnv(simulator, scenario, steps=steps)
    for allocation in ((6, 6), (9, 7), (2, 2)):
        totals = play(env, StaticPolicy(allocation), topology_seed=1, network_seed=2)
        assert totals.utility < bound
    sent_bits = 0.0
    env.reset(options={"network_seed": 2})
    for _ in range(steps):
        info = env.step(200)[4]
        sent_bits += sum(facts["arriving_mbps"] for facts in info["slices"].values()) * 1e5
    env.close()
    assert arrivals.bits.sum() == pytest.approx(sent_bits)  # the same traffic, whoever is in control


def test_a_scenario_with_faults_has_no_bound() -> None:
    surge = TrafficSurge(kind="traffic_surge", group="gbr", factor=2, start_ms=0, duration_ms=100)
    scenario = slicing().model_copy(update={"faults": (surge,)})
    with pytest.raises(ValueError, match="faults"):
        utility_bound(scenario, arrivals_of(scenario, (1.0, 1.0), 30))
