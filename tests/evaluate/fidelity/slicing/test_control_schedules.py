from itertools import islice

import pytest

from sixgym.envs.ran_slicing.actions import prb_policy
from sixgym.evaluate.fidelity.slicing.control_schedules import (
    QUOTA_STEP,
    SCHEDULES,
    STEP_MS,
    ControlSchedule,
    RandomSchedule,
    StaticSchedule,
    changes,
)
from tests.networks import slicing


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_every_allocation_fits_the_carrier_and_leaves_no_slice_without(schedule: ControlSchedule) -> None:
    for first, second in islice(schedule.allocations(51, 25), 500):
        assert first >= 1
        assert second >= 1
        assert first + second <= 25


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.name)
def test_an_allocation_stays_for_whole_decision_steps(schedule: ControlSchedule) -> None:
    width = STEP_MS // schedule.interval_ms
    allocations = list(islice(schedule.allocations(51, 25), 40 * width))
    assert STEP_MS % schedule.interval_ms == 0
    for start in range(0, len(allocations), width):
        assert len(set(allocations[start : start + width])) == 1


def test_schedules_have_different_names() -> None:
    assert len({schedule.name for schedule in SCHEDULES}) == len(SCHEDULES)


def test_random_allocations_repeat_with_the_seed_and_differ_with_another() -> None:
    one, again, other = (list(islice(RandomSchedule().allocations(seed, 25), 100)) for seed in (7, 7, 8))
    assert one == again
    assert one != other


def test_random_allocations_reach_the_ends_of_what_is_possible() -> None:
    drawn = set(islice(RandomSchedule().allocations(1, 25), 5000))
    assert {(1, 1), (24, 1), (1, 24), (12, 13)} <= drawn


def test_the_quota_step_spends_as_long_starved_as_ample() -> None:
    period = list(islice(QUOTA_STEP.allocations(1, 25), QUOTA_STEP.intervals_per_period))
    half = len(period) // 2
    assert period == [QUOTA_STEP.starved] * half + [QUOTA_STEP.ample] * half
    assert half * QUOTA_STEP.interval_ms == QUOTA_STEP.hold_ms


def test_only_a_different_allocation_is_a_change() -> None:
    applied = list(changes(StaticSchedule((6, 12)), slicing(), 1, 5))
    assert [change is not None for change in applied] == [True, False, False, False, False]


def test_an_allocation_becomes_strict_shares_in_percent() -> None:
    policies = prb_policy(slicing(), (6, 12)).policies
    assert [(p.dedicated, p.min, p.max) for p in policies.values()] == [(24, 24, 24), (48, 48, 48)]
