"""Means over topology seeds, and their confidence intervals."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from sixgym.domain.base import Record

Floats = npt.NDArray[np.float64]

ErrorKind = Literal["relative", "points", "difference"]
"""Unit of an error: percent of the reference, percentage points of a share, or the figure's own unit."""

RESAMPLES = 2_000
"""Bootstrap samples of an interval."""

CONFIDENCE = 0.95
"""Level of an interval."""


class Estimate(Record):
    """A mean with its 95 % interval, from the percentile bootstrap over topology seeds.

    Attributes:
        value: The mean.
        low, high: Ends of the interval.
    """

    value: float
    low: float
    high: float


def paired_errors(candidate: Floats, reference: Floats, kind: ErrorKind) -> Floats:
    """Candidate minus reference, run by run.

    An error is NaN where a side has no figure, or where the reference is 0 and the error is relative.
    """
    difference = candidate - reference
    match kind:
        case "relative":
            return 100 * difference / np.where(reference == 0, np.nan, reference)
        case "points":
            return 100 * difference
        case "difference":
            return difference


def error_unit(figure: str, kind: ErrorKind) -> str:
    """The unit of an error; the name of a figure ends with the figure's own unit."""
    own = {"kb": "kB", "db": "dB"}
    return {"relative": "%", "points": "points", "difference": own.get(figure.rpartition("_")[2], "")}[kind]


def resamples(seeds: int) -> npt.NDArray[np.intp]:
    """The seeds of each bootstrap sample, shape (RESAMPLES, seeds); always the same draws."""
    return np.random.default_rng(0).integers(0, seeds, size=(RESAMPLES, seeds))


def mean_over_seeds(values: Floats) -> Estimate | None:
    """Mean of the values that exist, with an interval from samples of whole seeds.

    Args:
        values: Values by seed, shape (seeds, ...). NaN is a value that does not exist.
    """
    flat = values.reshape(len(values), -1)
    counts = np.count_nonzero(~np.isnan(flat), axis=1)
    sums = np.nansum(flat, axis=1)
    drawn = resamples(len(flat))
    sampled = counts[drawn].sum(axis=1)
    means = sums[drawn].sum(axis=1)[sampled > 0] / sampled[sampled > 0]
    if not counts.any():
        return None
    return estimate(float(sums.sum() / counts.sum()), means)


def estimate(value: float, sampled: Floats) -> Estimate:
    """The value with the interval of its bootstrap samples."""
    low, high = np.quantile(sampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value=value, low=float(low), high=float(high))
