"""The metrics of a slice over a run, and the kind of their errors."""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from sixgym.domain.measurement import DELAY_BIN_EDGES_MS
from sixgym.domain.radio import PRB_HZ
from sixgym.evaluate.fidelity.record import SliceTotals
from sixgym.evaluate.statistics import ErrorKind, error_unit

MIN_PACKETS = 100
"""Packets below which no delay is reported: a 95th percentile would rest on fewer than five packets."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a slice.

    Attributes:
        name: Name that ends with the unit.
        label: Name in tables.
        error: Kind of its error.
        of: Computes the metric from the totals and the duration in ms; NaN where a run has none.
        goal: Upper bound for the error, in the error's unit; None without a goal.
    """

    name: str
    label: str
    error: ErrorKind
    of: Callable[[SliceTotals, int], float]
    goal: float | None = None

    @property
    def unit(self) -> str:
        """Unit of the error."""
        return error_unit(self.name, self.error)


def delay_quantile_ms(histogram: Mapping[int, int], share: float) -> float:
    """The delay that a share of the packets does not exceed; NaN with fewer than `MIN_PACKETS`.

    Interpolation inside a bin is on the logarithmic scale. Delays outside 1 ms to 1 s count as those limits.
    """
    packets = sum(histogram.values())
    if packets < MIN_PACKETS:
        return math.nan
    bins = sorted(histogram)
    passed = list(accumulate((histogram[bin_] for bin_ in bins), initial=0))
    place = max(bisect_left(passed, share * packets), 1)
    bin_ = bins[place - 1]
    low = DELAY_BIN_EDGES_MS[max(bin_ - 1, 0)]
    high = DELAY_BIN_EDGES_MS[min(bin_, len(DELAY_BIN_EDGES_MS) - 1)]
    return low * (high / low) ** ((share * packets - passed[place - 1]) / histogram[bin_])


def _throughput_mbps(totals: SliceTotals, duration_ms: int) -> float:
    return totals.delivered_bytes * 8 / (duration_ms * 1e3)


def _granted_efficiency(totals: SliceTotals, _duration_ms: int) -> float:
    """Delivered bit/s per Hz granted (slicing paper, eq. 1)."""
    return _ratio(totals.delivered_bytes * 8, totals.prb_ms_granted * PRB_HZ / 1e3)


def _used_efficiency(totals: SliceTotals, _duration_ms: int) -> float:
    """Delivered bit/s per Hz transmitted on, after link adaptation, HARQ and headers."""
    return _ratio(totals.delivered_bytes * 8, totals.prb_ms_used * PRB_HZ / 1e3)


def _median_ms(totals: SliceTotals, _duration_ms: int) -> float:
    return delay_quantile_ms(totals.delay_histogram, 0.5)


def _p95_ms(totals: SliceTotals, _duration_ms: int) -> float:
    return delay_quantile_ms(totals.delay_histogram, 0.95)


def _late_share(totals: SliceTotals, _duration_ms: int) -> float:
    return _ratio(totals.late, totals.delivered)


def _loss_ratio(totals: SliceTotals, _duration_ms: int) -> float:
    return _ratio(totals.lost, totals.lost + totals.delivered)


def _queue_kb(totals: SliceTotals, duration_ms: int) -> float:
    return totals.queue_byte_ms / duration_ms / 1e3


def _prbs_used(totals: SliceTotals, duration_ms: int) -> float:
    return totals.prb_ms_used / duration_ms


METRICS: tuple[Metric, ...] = (
    Metric("throughput_mbps", "throughput", "relative", _throughput_mbps, goal=5),
    Metric("spectral_efficiency", "spectral efficiency", "relative", _granted_efficiency, goal=5),
    Metric("delay_median_ms", "median delay", "relative", _median_ms, goal=10),
    Metric("delay_p95_ms", "95th percentile of delay", "relative", _p95_ms, goal=20),
    Metric("late_share", "late packets", "points", _late_share, goal=2),
    Metric("loss_ratio", "lost packets", "points", _loss_ratio),
    Metric("queue_kb", "mean queue", "difference", _queue_kb),
    Metric("prbs_used", "PRBs used", "relative", _prbs_used),
    Metric("used_efficiency", "bits per PRB used", "relative", _used_efficiency),
)
"""All compared metrics. The goals are those of the slicing work."""


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
