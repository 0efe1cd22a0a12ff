"""Whether samples spread as what was recorded, and the errors and means of the measurement."""

import numpy as np
import pytest

from sixgym.domain.slices import NetworkState, SliceType
from sixgym.evaluate.fidelity.experiment_model.calibration import crps, draw_transitions, pit_values
from sixgym.evaluate.fidelity.experiment_model.dimensions import (
    absolute_errors,
    clustered_mean,
    ratio_of_means,
    vectors,
)
from sixgym.evaluate.fidelity.experiment_model.figures import (
    ExperimentFigures,
)
from sixgym.evaluate.fidelity.experiment_model.prediction import DRAWS
from tests.evaluate.fidelity.experiment_model.prediction_samples import CASES


def test_draws_that_are_all_over_the_place_hold_the_truth_and_cost(
    knowing: ExperimentFigures, guessing: ExperimentFigures
) -> None:
    assert guessing.calibration is not None
    assert knowing.calibration is not None
    assert guessing.calibration.transitions == CASES
    assert guessing.calibration.draws == DRAWS
    wide, sharp = guessing.calibration.dimensions[0], knowing.calibration.dimensions[0]
    assert wide.inside["90"].value > sharp.inside["90"].value
    assert wide.crps.value > sharp.crps.value
    assert sum(wide.pit) == CASES


def test_draws_without_spread_cost_their_absolute_error(knowing: ExperimentFigures) -> None:
    assert knowing.calibration is not None
    for one in knowing.calibration.dimensions:
        assert one.crps.value == pytest.approx(one.median_error.value)
        assert one.median_error.value == pytest.approx(one.model_error.value)


def test_crps_of_draws_from_the_truth_is_that_of_the_distribution() -> None:
    rng = np.random.default_rng(5)
    said, true = rng.normal(size=(4_000, DRAWS)), rng.normal(size=4_000)
    # of a standard normal distribution about itself: 1 / sqrt(pi)
    assert crps(said, true).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.03)


def test_pit_values_are_level_where_draws_and_truth_are_alike_even_with_ties() -> None:
    rng = np.random.default_rng(6)
    said, true = (rng.poisson(1.0, size=size).astype(np.float64) for size in ((4_000, DRAWS), 4_000))
    found, _ = np.histogram(pit_values(said, true, rng), bins=4, range=(0, 1))
    assert found == pytest.approx(1_000, rel=0.1)


def test_transitions_are_drawn_once_each_and_only_where_there_are_any() -> None:
    drawn = draw_transitions([3, 0, 4], 5)
    assert sum(map(len, drawn)) == 5
    assert not drawn[1]
    assert max(drawn[2], default=0) < 4
    assert draw_transitions([3, 0, 4], 5) == drawn
    assert sum(map(len, draw_transitions([3, 0, 4], 50))) == 7


def test_errors_are_in_points_where_the_state_has_shares_and_unknown_stays_unknown() -> None:
    state = NetworkState(
        version=1,
        t_ms=1,
        slice=SliceType.URLLC,
        latency_ms=5,
        jitter_ms=1,
        loss_ratio=0.25,
        throughput_mbps=2,
        edge_load=0.5,
    )
    other = state.model_copy(update={"slice": SliceType.EMBB, "loss_ratio": 0.5, "latency_ms": 7.0})
    true, said = vectors([state, state]), vectors([state, other])
    assert absolute_errors(said, true).tolist() == [[100, 0, 0, 0, 0, 0], [0, 2, 0, 25, 0, 0]]
    said[0] = np.nan
    assert np.isnan(absolute_errors(said, true)[0]).all()


TOPOLOGY_SEEDS = (51, 52)


def test_means_and_ratios_leave_out_what_is_unknown() -> None:
    above = np.array([[1.0, np.nan], [3.0, 5.0]])
    below = np.array([[1.0, 100.0], [2.0, np.nan]])
    ones = np.ones((2, 2))
    mean = clustered_mean(above, ones, TOPOLOGY_SEEDS)
    assert mean is not None
    assert mean.value == 3
    ratio = ratio_of_means(above, below, ones, TOPOLOGY_SEEDS)
    assert ratio is not None
    assert ratio.value == pytest.approx(4 / 3)
    assert ratio_of_means(above, 0 * below, ones, TOPOLOGY_SEEDS) is None


def test_episodes_of_one_topology_are_no_evidence_for_each_other() -> None:
    values = np.array([[1.0], [1.0], [1.0], [3.0], [3.0], [3.0]])
    apart = clustered_mean(values, np.ones_like(values), range(51, 57))
    together = clustered_mean(values, np.ones_like(values), (51, 51, 51, 52, 52, 52))
    assert apart is not None
    assert together is not None
    assert apart.value == together.value == 2
    assert (together.low, together.high) == (1, 3)
    assert apart.high - apart.low < together.high - together.low
