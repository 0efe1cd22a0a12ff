"""Means over topology seeds and how sure they are."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from sixgym.domain.base import Record

Floats = npt.NDArray[np.float64]

ErrorKind = Literal["relative", "points", "difference"]
"""Percent of the reference, percentage points of a share, or the figure's own unit."""

RESAMPLES = 2_000
CONFIDENCE = 0.95


class Estimate(Record):
    """A mean with its 95 % interval: the percentile bootstrap over topology seeds."""

    value: float
    low: float
    high: float


def paired_errors(candidate: Floats, reference: Floats, kind: ErrorKind) -> Floats:
    """Candidate minus reference, run by run.

    NaN where either has no figure, or where the reference is 0 and a relative error has no meaning.
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
    """The unit of an error; a figure's own unit is the end of its name."""
    own = {"kb": "kB", "db": "dB"}
    return {"relative": "%", "points": "points", "difference": own.get(figure.rpartition("_")[2], "")}[kind]


def resamples(seeds: int) -> npt.NDArray[np.intp]:
    """Which seeds each bootstrap sample holds, shape (RESAMPLES, seeds); always the same draws."""
    return np.random.default_rng(0).integers(0, seeds, size=(RESAMPLES, seeds))


def mean_over_seeds(values: Floats) -> Estimate | None:
    """Mean of the values that exist, with the interval from drawing whole seeds.

    Args:
        values: Shape (seeds, ...). NaN is a value that does not exist.
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
