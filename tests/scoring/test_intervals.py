from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.scoring import intervals

OUTCOMES = st.lists(st.lists(st.booleans(), min_size=1, max_size=5), min_size=1, max_size=40)


def of_outcomes(outcomes: Sequence[Sequence[bool]]) -> intervals.Interval:
    return intervals.clustered([sum(trials) for trials in outcomes], [len(trials) for trials in outcomes])


def test_wilson_agrees_with_a_published_example() -> None:
    """81 of 263 (Newcombe 1998, table I)."""
    assert intervals.wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_no_success_in_600_is_compatible_with_six_in_a_thousand() -> None:
    low, high = of_outcomes([[False]] * 600)
    assert low == 0
    assert high == pytest.approx(0.0064, abs=1e-4)


def test_the_interval_of_one_trial_a_task_is_wilsons() -> None:
    outcomes = [[task % 3 == 0] for task in range(90)]
    assert of_outcomes(outcomes) == pytest.approx(intervals.wilson(1 / 3, 90))


def test_trials_that_repeat_each_other_narrow_little_and_independent_ones_much() -> None:
    once = of_outcomes([[task < 50] for task in range(100)])
    repeated = of_outcomes([[task < 50] * 4 for task in range(100)])
    independent = of_outcomes([[True, False, True, False]] * 100)
    assert repeated == pytest.approx(once, abs=0.002)
    assert independent == pytest.approx(intervals.wilson(0.5, 400))


@pytest.mark.parametrize("success", [True, False])
def test_if_all_trials_of_a_task_agree_only_tasks_count_as_evidence(success: bool) -> None:
    assert of_outcomes([[success] * 4] * 50) == pytest.approx(intervals.wilson(float(success), 50))


def test_a_first_success_does_not_make_the_interval_collapse() -> None:
    """Estimated from the tasks alone, the design effect would fall from 4 to 1 and the upper end to 1.4 %."""
    ends = [of_outcomes([[trial < hits for trial in range(4)]] + [[False] * 4] * 99) for hits in range(5)]
    highs = [high for _, high in ends]
    assert highs[1:] == sorted(highs[1:])
    assert highs[1] == pytest.approx(highs[0], rel=0.03)


@given(OUTCOMES)
def test_the_interval_holds_the_rate_has_a_width_and_stays_between_0_and_1(
    outcomes: list[list[bool]],
) -> None:
    rate = sum(map(sum, outcomes)) / sum(map(len, outcomes))
    low, high = of_outcomes(outcomes)
    assert 0 <= low <= rate + 1e-12
    assert rate - 1e-12 <= high <= 1
    assert high - low > 0


@given(OUTCOMES)
def test_failures_and_successes_are_treated_alike(outcomes: list[list[bool]]) -> None:
    low, high = of_outcomes(outcomes)
    assert of_outcomes([[not trial for trial in trials] for trials in outcomes]) == pytest.approx(
        (1 - high, 1 - low), abs=1e-9
    )


@pytest.mark.parametrize("rate", [0.05, 0.5])
@pytest.mark.parametrize("spread", [0.1, 0.8])
def test_about_19_of_20_intervals_hold_the_truth_when_tasks_differ(rate: float, spread: float) -> None:
    random = np.random.default_rng(3)
    chances = random.beta(rate * (1 - spread) / spread, (1 - rate) * (1 - spread) / spread, (600, 100))
    successes = random.binomial(3, chances)
    found = [intervals.clustered([*map(float, run)], [3] * 100) for run in successes]
    held = np.mean([low <= rate <= high for low, high in found])
    assert 0.93 <= held <= 0.99


def test_values_in_between_have_a_narrower_interval_than_yes_and_no() -> None:
    halves = intervals.clustered([0.5] * 100, [1] * 100, least_design_effect=0)
    low, high = intervals.wilson(0.5, 100)
    assert low < halves[0] < 0.5 < halves[1] < high


def test_a_paired_interval_is_bonetts_and_prices() -> None:
    """14 won, 5 lost, 31 tied of 50: 9/52 with variance (21/52 - (9/52)^2) / 52."""
    low, high = intervals.paired([1.0] * 14 + [-1.0] * 5 + [0.0] * 31)
    half = 1.959964 * ((21 / 52 - (9 / 52) ** 2) / 52) ** 0.5
    assert (low, high) == pytest.approx((9 / 52 - half, 9 / 52 + half))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=30))
def test_a_paired_interval_holds_the_mean_and_has_a_width(differences: list[float]) -> None:
    low, high = intervals.paired(differences)
    assert -1 <= low <= np.mean(differences) + 1e-9
    assert np.mean(differences) - 1e-9 <= high <= 1
    assert high - low > 0


def test_the_interval_of_a_correlation_is_fishers() -> None:
    first = [0.0, 0.1, 0.2, 0.4, 0.5, 0.9]
    second = [0.1, 0.0, 0.3, 0.3, 0.7, 0.8]
    r, ends = intervals.correlation(first, second)
    assert r == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert ends is not None
    assert r is not None
    assert np.arctanh(ends) == pytest.approx(np.arctanh(r) + np.array([-1, 1]) * 1.959964 / 3**0.5)


def test_a_correlation_without_enough_pairs_or_variation_is_none() -> None:
    assert intervals.correlation([0.1, 0.5], [0.2, 0.6]) == (None, None)
    assert intervals.correlation([0.1, 0.1, 0.1], [0.2, 0.6, 0.7]) == (None, None)
    assert intervals.correlation([0.1, 0.2, 0.3, 0.4], [0.2, 0.4, 0.6, 0.8]) == (pytest.approx(1), None)
