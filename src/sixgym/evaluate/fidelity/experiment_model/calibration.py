"""Calibration: whether the samples of the sampled model spread as the reference does."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.experiment_model.dimensions import DIMENSIONS, MEASURED, clustered_mean
from sixgym.evaluate.fidelity.experiment_model.one_step import MODEL, PredictionErrors
from sixgym.evaluate.fidelity.experiment_model.prediction import DRAWS
from sixgym.evaluate.statistics import Estimate, Floats

CENTRAL = (0.5, 0.9)
"""Shares of the central intervals."""

PIT_BINS = 10
"""Bins of the histogram of PIT values."""


class DimensionCalibration(Record):
    """The calibration of one dimension over the drawn transitions.

    Attributes:
        dimension: Name in `NetworkState`.
        inside: Percent of true values between the quantiles of the samples, ends included, by central share
            (`50`, `90`).
        pit: Transitions by the PIT value, the rank of the true value among the samples, in `PIT_BINS` equal
            parts of 0 to 1. Among equal samples the rank is random.
        crps: Mean continuous ranked probability score of the samples, in the shown unit.
        median_error: Mean absolute error of the median of the samples.
        model_error: Mean absolute error of the model without sampling, on the same transitions.
    """

    dimension: str
    inside: dict[str, Estimate]
    pit: tuple[int, ...]
    crps: Estimate
    median_error: Estimate
    model_error: Estimate


class Calibration(Record):
    """The calibration of the sampled model on drawn transitions.

    Attributes:
        transitions: Number of drawn transitions.
        resting: Number of drawn transitions at which the network was at rest, so that the samples are equal.
        draws: Samples of a transition.
        expected: Percent of true values that a calibrated model would have inside, by central share.
        dimensions: Calibration of the five measured dimensions.
    """

    transitions: int
    resting: int
    draws: int
    expected: dict[str, float]
    dimensions: tuple[DimensionCalibration, ...]


def draw_transitions(counts: Sequence[int], cases: int) -> list[frozenset[int]]:
    """The steps of each episode at which the sampled model is asked, drawn with equal probability.

    Args:
        counts: Number of steps of each episode that may be drawn.
        cases: Number of steps to draw; all steps if there are fewer.
    """
    steps = [(episode, step) for episode, count in enumerate(counts) for step in range(count)]
    order = cast("list[int]", np.random.default_rng(0).permutation(len(steps)).tolist())
    chosen = {steps[index] for index in order[:cases]}
    return [
        frozenset(step for step in range(count) if (episode, step) in chosen)
        for episode, count in enumerate(counts)
    ]


def calibration(errors: PredictionErrors) -> Calibration | None:
    """The calibration on the drawn transitions; None if none were drawn."""
    draws = _draws(errors)
    drawn = ~np.isnan(draws[..., 0, 0])
    if not drawn.any():
        return None
    resting = sum(bool(one.resting[step]) for one in errors.predictions for step in one.draws)
    rng = np.random.default_rng(1)
    dimensions: list[DimensionCalibration] = []
    for index, one in enumerate(DIMENSIONS):
        if one in MEASURED:
            true, samples = (values[..., index] * one.factor for values in (errors.true, draws))
            unsampled = np.where(drawn, errors.one_step[MODEL][..., index], np.nan)
            dimensions.append(
                _dimension(one.name, true, samples, unsampled, topology_seeds=errors.topology_seeds, rng=rng)
            )
    return Calibration(
        transitions=int(drawn.sum()),
        resting=resting,
        draws=DRAWS,
        expected={f"{100 * share:.0f}": 100 * _expected(share) for share in CENTRAL},
        dimensions=tuple(dimensions),
    )


def crps(samples: Floats, true: Floats) -> Floats:
    """CRPS of an ensemble, without the bias of its size (Ferro 2014). Samples are on the last axis."""
    members = samples.shape[-1]
    apart = np.abs(samples[..., :, None] - samples[..., None, :]).sum(axis=(-1, -2))
    return np.abs(samples - true[..., None]).mean(axis=-1) - apart / (2 * members * (members - 1))


def pit_values(samples: Floats, true: Floats, rng: np.random.Generator) -> Floats:
    """Relative rank of the truth among the samples, 0 to 1: uniform if both come from one distribution."""
    below = (samples < true[..., None]).sum(axis=-1)
    equal = (samples == true[..., None]).sum(axis=-1)
    return (below + rng.random(true.shape) * (equal + 1)) / (samples.shape[-1] + 1)


def _dimension(
    name: str,
    true: Floats,
    samples: Floats,
    unsampled: Floats,
    *,
    topology_seeds: Sequence[int],
    rng: np.random.Generator,
) -> DimensionCalibration:
    known = ~np.isnan(samples[..., 0])

    def mean(values: Floats) -> Estimate:
        found = clustered_mean(np.where(known, values, np.nan), np.ones_like(true), topology_seeds)
        assert found is not None  # there are drawn transitions
        return found

    inside: dict[str, Estimate] = {}
    for share in CENTRAL:
        # with this kind of quantile, a calibrated model has half of the true values in its central half
        ends = np.quantile(samples, [(1 - share) / 2, (1 + share) / 2], axis=-1, method="weibull")
        inside[f"{100 * share:.0f}"] = mean(100.0 * ((ends[0] <= true) & (true <= ends[1])))
    pit, _ = np.histogram(pit_values(samples, true, rng)[known], bins=PIT_BINS, range=(0, 1))
    return DimensionCalibration(
        dimension=name,
        inside=inside,
        pit=tuple(int(count) for count in pit),
        crps=mean(crps(samples, true)),
        median_error=mean(np.abs(np.median(samples, axis=-1) - true)),
        model_error=mean(unsampled),
    )


def _draws(errors: PredictionErrors) -> Floats:
    """The samples, shape (episodes, steps, DRAWS, 6); NaN where a transition was not drawn."""
    found = np.full((*errors.compared.shape, DRAWS, len(DIMENSIONS)), np.nan)
    for row, one in zip(found, errors.predictions, strict=True):
        for step, states in one.draws.items():
            row[step] = states
    return found


def _expected(share: float) -> float:
    """The ends of the interval are ranks among the samples, and no rank is below the first."""
    rank = max(1.0, (1 - share) / 2 * (DRAWS + 1))
    return 1 - 2 * rank / (DRAWS + 1)
