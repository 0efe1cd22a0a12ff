import numpy as np
import pytest

from sixgym.evaluate.statistics import mean_over_seeds


def test_the_mean_counts_every_value_that_exists_once() -> None:
    values = np.array([[1.0, np.nan], [4.0, 7.0]])
    found = mean_over_seeds(values)
    assert found is not None
    assert found.value == pytest.approx(4)


def test_seeds_that_agree_leave_no_doubt_and_seeds_that_differ_do() -> None:
    agreeing, differing = mean_over_seeds(np.full((30, 3), 2.0)), mean_over_seeds(np.arange(30.0)[:, None])
    assert agreeing is not None
    assert differing is not None
    assert agreeing.low == agreeing.value == agreeing.high
    assert differing.low < differing.value < differing.high


def test_the_interval_is_about_the_one_of_the_normal_distribution() -> None:
    sample = np.random.default_rng(5).normal(10, 3, size=(200, 1))
    found = mean_over_seeds(sample)
    assert found is not None
    half = 1.96 * float(sample.std()) / np.sqrt(200)
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_runs_of_one_network_are_no_independent_evidence() -> None:
    """Ten copies of every seed's value narrow nothing."""
    values = np.arange(20.0)[:, None]
    assert mean_over_seeds(np.repeat(values, 10, axis=1)) == mean_over_seeds(values)


def test_no_value_has_no_mean() -> None:
    assert mean_over_seeds(np.full((3, 2), np.nan)) is None
