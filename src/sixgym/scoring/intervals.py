"""95 % confidence intervals that treat the trials of a task as one cluster, not as independent cases.

The textbook interval, mean ± 1.96 standard errors, has no width if nothing or everything succeeded, which is
frequent in a benchmark. Every interval here has a width: 0 successes in 600 are compatible with 0.6 %.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Interval = tuple[float, float]
"""Lower and upper bound."""

Floats = npt.NDArray[np.float64]

CONFIDENCE = 0.95
Z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)

FEWEST_FOR_CORRELATION = 4
"""Fewest pairs with an interval: Fisher's interval divides by the number of pairs less three."""


def wilson(share: float, size: float) -> Interval:
    """Interval of a proportion among `size` independent cases (Wilson 1927).

    Args:
        share: The proportion, 0 to 1.
        size: Number of cases. It need not be an integer: for clustered cases it is the effective sample size
            (Korn and Graubard 1998).
    """
    shrink = 1 + Z**2 / size
    centre = (share + Z**2 / (2 * size)) / shrink
    half = Z / shrink * math.sqrt(share * (1 - share) / size + (Z / (2 * size)) ** 2)
    low = 0.0 if share <= 0 else max(0.0, centre - half)
    high = 1.0 if share >= 1 else min(1.0, centre + half)
    return low, high


def clustered(sums: Sequence[float], counts: Sequence[int], *, least_design_effect: float = 1.0) -> Interval:
    """Interval of the mean of values between 0 and 1 that come in clusters of tasks.

    Wilson's interval at the effective sample size N / d (Korn and Graubard 1998, Survey Methodology 24;
    Franco, Little, Louis and Slud 2019, J. Survey Statistics and Methodology 7). The design effect d is

        d = V / (m (1 - m) / N),   V = sum over tasks of (sum - m count)^2 / N^2,

    where V is the clustered variance of a mean m of N values (Miller 2024, "Adding Error Bars to Evals",
    section 2.2). At 0 % and 100 % this is 0 / 0, so d is estimated with two more tasks of average size, one
    that always fails and one that always succeeds. At either end d is then the number of trials per task, as
    if trials only repeated each other, and the interval is Wilson's over the tasks. With one trial per task
    and values 0 and 1, d is 1 and the interval is Wilson's everywhere.

    Args:
        sums: Sum of each task's values over its trials.
        counts: Number of trials of each task, at least 1.
        least_design_effect: Lower bound of d: 1 for values 0 and 1, since clusters hold no more information
            than independent cases; 0 for values in between, whose variance is smaller.
    """
    total, size = float(sum(sums)), sum(counts) / len(counts)
    task_sums = np.array([*sums, 0.0, size])
    task_counts = np.array([*counts, size, size], dtype=np.float64)
    trials = float(task_counts.sum())
    mean = float(task_sums.sum()) / trials
    variance = float(np.square(task_sums - mean * task_counts).sum()) / trials**2
    design_effect = variance * trials / (mean * (1 - mean))
    return wilson(total / sum(counts), sum(counts) / max(design_effect, least_design_effect))


def paired(differences: Sequence[float]) -> Interval:
    """Interval of the mean of differences between -1 and 1, one difference for each task.

    Adjusted Wald interval of paired proportions (Bonett and Price 2012, J. Educational and Behavioral
    Statistics 37): one task won and one task lost are added before mean and standard error are taken.
    Differences of means over several trials are treated in the same way; the interval is then conservative.
    """
    adjusted: Floats = np.array([*differences, 1.0, -1.0])
    mean, half = float(adjusted.mean()), Z * float(adjusted.std()) / math.sqrt(len(adjusted))
    return max(-1.0, mean - half), min(1.0, mean + half)


def weighted(
    values: Sequence[float], intervals: Sequence[Interval], weights: Sequence[float]
) -> tuple[float, Interval]:
    """Weighted mean of independent estimates between 0 and 1, and its interval from the estimates' intervals.

    The method is "MOVER" (Zou and Donner 2008, Statistics in Medicine 27). Unlike a sum of variances it keeps
    asymmetric intervals, such as those at 0 % and 100 %.

    Args:
        values: The estimates.
        intervals: Interval of each estimate.
        weights: Weight of each estimate, at least 0; the weights add up to 1.
    """
    parts = list(zip(weights, values, intervals, strict=True))
    mean = min(1.0, math.fsum(weight * value for weight, value, _ in parts))
    below = math.hypot(*(weight * (value - ends[0]) for weight, value, ends in parts))
    above = math.hypot(*(weight * (ends[1] - value) for weight, value, ends in parts))
    return mean, (max(0.0, mean - below), min(1.0, mean + above))


def correlation(first: Sequence[float], second: Sequence[float]) -> tuple[float | None, Interval | None]:
    """Pearson's r and its interval (Fisher's z).

    r is None with fewer than three pairs, or if one side does not vary. The interval is None with fewer than
    four pairs, or if r is 1 or -1, where Fisher's z is not defined.
    """
    pairs = len(first)
    if pairs < FEWEST_FOR_CORRELATION - 1 or min(np.ptp(first), np.ptp(second)) == 0:
        return None, None
    r = max(-1.0, min(1.0, float(np.corrcoef(first, second)[0, 1])))
    if pairs < FEWEST_FOR_CORRELATION or math.isclose(abs(r), 1, rel_tol=0, abs_tol=1e-12):
        return r, None
    half = Z / math.sqrt(pairs - 3)
    return r, (math.tanh(math.atanh(r) - half), math.tanh(math.atanh(r) + half))
