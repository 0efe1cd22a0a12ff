"""PRB allocations as actions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.domain.network import PRBS_OF_BANDWIDTH_MHZ
from sixgym.envs.ran_slicing.actions import (
    all_allocations,
    checked,
    from_box,
    initial_allocation,
    number_of,
    prb_policy,
    to_box,
)
from tests.networks import slicing, small

carriers = st.sampled_from(sorted(PRBS_OF_BANDWIDTH_MHZ.values())[:4])


def test_two_slices_of_25_prbs_have_351_allocations() -> None:
    assert len(all_allocations(2, 25)) == 351
    assert all_allocations(2, 25)[:2] == ((0, 0), (0, 1))
    assert all_allocations(2, 25)[-1] == (25, 0)


@given(st.integers(1, 3), carriers)
@settings(deadline=None, max_examples=12)
def test_allocations_are_all_those_that_fit_each_once_and_in_order(slices: int, prbs: int) -> None:
    allocations = all_allocations(slices, prbs)
    assert len(allocations) == math.comb(prbs + slices, slices)
    assert list(allocations) == sorted(set(allocations))
    assert max(sum(allocation) for allocation in allocations) == prbs


@given(st.integers(1, 3), carriers, st.data())
@settings(deadline=None)
def test_a_number_names_its_allocation(slices: int, prbs: int, data: st.DataObject) -> None:
    allocations = all_allocations(slices, prbs)
    number = data.draw(st.integers(0, len(allocations) - 1))
    assert number_of(allocations[number], prbs) == number


@pytest.mark.parametrize("allocation", [(-1, 3), (20, 6), (26, 0)])
def test_what_does_not_fit_has_no_number(allocation: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"PRBs"):
        number_of(allocation, 25)


def test_an_allocation_needs_a_number_for_every_slice() -> None:
    with pytest.raises(ValueError, match="one per slice"):
        checked((1, 2), 3, 25)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=3), carriers)
def test_a_box_action_never_exceeds_the_carrier_and_fills_it_if_it_wants_more(
    numbers: list[float], prbs: int
) -> None:
    allocation = from_box(np.array(numbers), prbs)
    wanted = [(number + 1) / 2 * prbs for number in numbers]
    assert all(count >= 0 for count in allocation)
    assert sum(allocation) <= prbs
    if sum(wanted) <= prbs - len(numbers) / 2:
        assert all(abs(count - want) <= 0.5 for count, want in zip(allocation, wanted, strict=True))
    if sum(wanted) > prbs + len(numbers) / 2:
        assert sum(allocation) == prbs


def test_too_much_is_scaled_down_in_proportion() -> None:
    assert from_box(np.array([1.0, 1.0]), 25) == (13, 12)
    assert from_box(np.array([1.0, 0.0]), 24) == (16, 8)


@given(st.integers(1, 3), carriers, st.data())
@settings(deadline=None)
def test_a_box_action_can_make_every_allocation(slices: int, prbs: int, data: st.DataObject) -> None:
    allocation = data.draw(st.sampled_from(all_allocations(slices, prbs)))
    assert from_box(to_box(allocation, prbs), prbs) == allocation


def test_ratios_are_exact_at_25_prbs_and_strict() -> None:
    for allocation in ((0, 0), (1, 24), (7, 3)):
        policies = prb_policy(slicing(), allocation).policies.values()
        assert [p.min for p in policies] == [4 * count for count in allocation]
        assert all(p.dedicated == p.min == p.max for p in policies)


@pytest.mark.parametrize("bandwidth_mhz", sorted(PRBS_OF_BANDWIDTH_MHZ))
def test_ratios_never_exceed_the_carrier_and_are_within_a_percent(bandwidth_mhz: float) -> None:
    scenario = small()
    cells = tuple(cell.model_copy(update={"bandwidth_mhz": bandwidth_mhz}) for cell in scenario.cells)
    scenario = scenario.model_copy(update={"cells": cells})
    rng = np.random.default_rng(1)
    for _ in range(300):
        edges = np.sort(rng.integers(0, scenario.prbs + 1, 3))
        allocation = tuple(np.diff(edges, prepend=0).tolist())
        shares = [p.max for p in prb_policy(scenario, allocation).policies.values()]
        assert sum(shares) <= 100
        for share, count in zip(shares, allocation, strict=True):
            assert abs(share - 100 * count / scenario.prbs) <= 1


def test_the_first_allocation_is_what_the_scenario_guarantees() -> None:
    assert initial_allocation(small()) == (7, 15, 2)  # 30, 60 and 10 % of 25
