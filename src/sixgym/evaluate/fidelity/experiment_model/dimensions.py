"""The six-dimensional state of 6GAgentGym as numbers, and how far two of them are apart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixgym.domain.slices import NetworkState, SliceType
from sixgym.evaluate.fidelity.statistics import Estimate, Floats, estimate, resamples


@dataclass(frozen=True, slots=True)
class Dimension:
    """One of the six (equation 2).

    Attributes:
        name: As in `NetworkState`.
        label: For people, with its unit.
        factor: From the unit of the state to the one that is shown.
    """

    name: str
    label: str
    factor: float = 1.0


SLICE = Dimension("slice", "active slice, % right", 100)
MEASURED = (
    Dimension("latency_ms", "latency, ms"),
    Dimension("jitter_ms", "jitter, ms"),
    Dimension("loss_ratio", "loss, points", 100),
    Dimension("throughput_mbps", "throughput, Mbit/s"),
    Dimension("edge_load", "edge load, points", 100),
)
DIMENSIONS = (SLICE, *MEASURED)

_SLICES = tuple(SliceType)


def vector(state: NetworkState) -> Floats:
    """The six, the slice by its number."""
    measured = (float(getattr(state, one.name)) for one in MEASURED)
    return np.array([_SLICES.index(state.slice), *measured], dtype=np.float64)


def vectors(states: Sequence[NetworkState]) -> Floats:
    """Several, shape (states, 6)."""
    return np.array([vector(state) for state in states], dtype=np.float64).reshape(-1, len(DIMENSIONS))


def errors(predicted: Floats, true: Floats) -> Floats:
    """Absolute errors, as they are shown; of the slice, 100 where it is right and 0 where it is not.

    What is not known of either stays NaN. Any shape whose last axis are the six.
    """
    apart = np.abs(predicted - true)
    right = np.where(np.isnan(apart[..., :1]), np.nan, apart[..., :1] == 0)
    return np.concatenate([right, apart[..., 1:]], axis=-1) * [one.factor for one in DIMENSIONS]


def clustered_mean(values: Floats, weights: Floats, places: Sequence[int]) -> Estimate | None:
    """Weighted mean of the values that exist; its interval comes from drawing whole topology seeds.

    Args:
        values: Shape (episodes, steps). NaN is a value that does not exist.
        weights: The same shape.
        places: Topology seed of each episode.
    """
    known = np.where(np.isnan(values), 0.0, weights)
    return _ratio(np.nan_to_num(values) * known, known, places)


def ratio_of_means(above: Floats, below: Floats, weights: Floats, places: Sequence[int]) -> Estimate | None:
    """One weighted mean over another, where both exist; None where the lower one is 0."""
    known = np.where(np.isnan(above) | np.isnan(below), 0.0, weights)
    return _ratio(np.nan_to_num(above) * known, np.nan_to_num(below) * known, places)


def _ratio(values: Floats, weights: Floats, places: Sequence[int]) -> Estimate | None:
    """Sum over sum."""
    _, place = np.unique(places, return_inverse=True)
    above, below = (np.bincount(place, one.sum(axis=1)) for one in (values, weights))
    if not below.sum() > 0:
        return None
    drawn = resamples(len(below))
    sums, totals = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    return estimate(float(above.sum() / below.sum()), sums[totals > 0] / totals[totals > 0])
