import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.evaluate.fidelity.slicing.metrics import METRICS, MIN_PACKETS, delay_quantile_ms
from tests.evaluate.fidelity.slicing.networks import bin_of, slice_totals

METRIC = {metric.name: metric for metric in METRICS}


@given(
    st.lists(st.floats(1.0, 999.0), min_size=MIN_PACKETS, max_size=400),
    st.sampled_from([0.05, 0.5, 0.95, 1.0]),
)
def test_a_quantile_from_counts_is_within_a_bin_of_the_true_one(delays: list[float], share: float) -> None:
    histogram = Counter(bin_of(delay) for delay in delays)
    true = float(np.quantile(delays, share, method="inverted_cdf"))
    assert delay_quantile_ms(histogram, share) == pytest.approx(true, rel=0.0601)


def test_more_packets_in_the_tail_raise_the_95th_percentile_but_not_the_median() -> None:
    short = {bin_of(4): 960, bin_of(100): 40}
    long = {bin_of(4): 900, bin_of(100): 100}
    assert delay_quantile_ms(long, 0.95) > 20 * delay_quantile_ms(short, 0.95)
    assert delay_quantile_ms(long, 0.5) == pytest.approx(delay_quantile_ms(short, 0.5), rel=0.01)


def test_too_few_packets_have_no_quantile() -> None:
    assert math.isnan(delay_quantile_ms({30: MIN_PACKETS - 1}, 0.5))
    assert math.isnan(delay_quantile_ms({}, 0.5))


def test_delays_beyond_the_bins_read_as_the_limits() -> None:
    assert delay_quantile_ms({0: 1000}, 0.5) == 1.0
    assert delay_quantile_ms({121: 1000}, 0.5) == 1000.0


def test_figures_of_a_slice_come_from_its_counts() -> None:
    totals = slice_totals().model_copy(update={"late": 100, "lost": 250})
    figures = {name: metric.of(totals, 10_000) for name, metric in METRIC.items()}
    assert figures["throughput_mbps"] == pytest.approx(0.4)
    assert figures["prbs_used"] == pytest.approx(5)
    assert figures["spectral_efficiency"] == pytest.approx(0.4e6 / (6 * 180e3))
    assert figures["used_efficiency"] == pytest.approx(0.4e6 / (5 * 180e3))
    assert figures["late_share"] == pytest.approx(0.1)
    assert figures["loss_ratio"] == pytest.approx(0.2)
    assert figures["queue_kb"] == pytest.approx(1)


def test_a_slice_that_delivered_nothing_has_no_share_of_late_packets() -> None:
    totals = slice_totals().model_copy(update={"delivered": 0, "late": 0, "lost": 0})
    assert math.isnan(METRIC["late_share"].of(totals, 10_000))
    assert math.isnan(METRIC["loss_ratio"].of(totals, 10_000))
