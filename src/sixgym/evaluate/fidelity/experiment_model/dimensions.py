"""The six-dimensional network state of 6GAgentGym as numbers, and errors between two states."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixgym.domain.slices import NetworkState, SliceType
from sixgym.evaluate.statistics import Estimate, Floats, estimate, resamples


@dataclass(frozen=True, slots=True)
class Dimension:
    """One dimension of the network state (equation 2).

    Attributes:
        name: Name in `NetworkState`.
        label: Name on pages, with the shown unit.
        factor: Factor from the unit of the state to the shown unit.
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
    """The six dimensions of a state, the slice as its number."""
    measured = (float(getattr(state, one.name)) for one in MEASURED)
    return np.array([_SLICES.index(state.slice), *measured], dtype=np.float64)


def vectors(states: Sequence[NetworkState]) -> Floats:
    """The six dimensions of several states, shape (states, 6)."""
    return np.array([vector(state) for state in states], dtype=np.float64).reshape(-1, len(DIMENSIONS))


def absolute_errors(predicted: Floats, true: Floats) -> Floats:
    """Absolute errors in the shown units; for the slice, 100 where it is right and 0 where it is wrong.

    Unknown values stay NaN. The last axis of both arguments are the six dimensions.
    """
    apart = np.abs(predicted - true)
    right = np.where(np.isnan(apart[..., :1]), np.nan, apart[..., :1] == 0)
    return np.concatenate([right, apart[..., 1:]], axis=-1) * [one.factor for one in DIMENSIONS]


def clustered_mean(values: Floats, weights: Floats, topology_seeds: Sequence[int]) -> Estimate | None:
    """Weighted mean of the values that exist, with an interval from samples of whole topology seeds.

    Args:
        values: Values, shape (episodes, steps). NaN is a value that does not exist.
        weights: Weights of the values, the same shape.
        topology_seeds: Topology seed of each episode.
    """
    known = np.where(np.isnan(values), 0.0, weights)
    return _ratio(np.nan_to_num(values) * known, known, topology_seeds)


def ratio_of_means(
    above: Floats, below: Floats, weights: Floats, topology_seeds: Sequence[int]
) -> Estimate | None:
    """The ratio of two weighted means, over the values that exist in both; None where the lower mean is 0."""
    known = np.where(np.isnan(above) | np.isnan(below), 0.0, weights)
    return _ratio(np.nan_to_num(above) * known, np.nan_to_num(below) * known, topology_seeds)


def _ratio(values: Floats, weights: Floats, topology_seeds: Sequence[int]) -> Estimate | None:
    """The ratio of two weighted sums, with its interval."""
    _, cluster = np.unique(topology_seeds, return_inverse=True)
    above, below = (np.bincount(cluster, one.sum(axis=1)) for one in (values, weights))
    if not below.sum() > 0:
        return None
    drawn = resamples(len(below))
    sums, totals = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    return estimate(float(above.sum() / below.sum()), sums[totals > 0] / totals[totals > 0])
