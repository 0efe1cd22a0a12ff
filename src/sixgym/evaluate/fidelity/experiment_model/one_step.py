"""Errors of the model and of other predictors, one step ahead and in open loop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.experiment_model.dimensions import (
    DIMENSIONS,
    SLICE,
    absolute_errors,
    clustered_mean,
    ratio_of_means,
    vector,
    vectors,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import STEP_KINDS, ReplicatePair, topology_seed_of
from sixgym.evaluate.fidelity.experiment_model.prediction import OPEN_LOOP_STEPS, EpisodePredictions
from sixgym.evaluate.statistics import Estimate, Floats

MODEL, NO_CHANGE, BASELINE, FLOOR = PREDICTORS = ("model", "no_change", "beside", "floor")
"""Keys of the predictors in stored figures: the experiment model; the state before; the baseline simulator;
the replicate of the reference at the same step."""

ALL, EQUAL_TOOLS = "all", "equal tools"
SHOWN_STEPS = (1, 5, 10, 15)
"""Steps of the drift that the page shows."""


class DimensionErrors(Record):
    """The errors of one dimension over some steps.

    Attributes:
        dimension: Name in `NetworkState`.
        errors: Mean absolute error by predictor, in the shown unit (loss and edge load in points); for the
            slice, the percent of steps at which it is right.
        medians: Median absolute error by predictor.
        ratios: Mean error divided by that of the floor, by predictor. Empty for the slice.
    """

    dimension: str
    errors: dict[str, Estimate]
    medians: dict[str, float]
    ratios: dict[str, Estimate]


class StepErrors(Record):
    """The errors of all dimensions over some steps.

    Attributes:
        of: `all`; `equal tools`, all steps with weights that make all tools equally frequent; or a kind of
            step.
        steps: Number of steps.
        dimensions: Errors of each dimension.
    """

    of: str
    steps: int
    dimensions: tuple[DimensionErrors, ...]


class DriftErrors(Record):
    """The errors of all dimensions in open loop at one step.

    Attributes:
        step: Number of the step, from 1.
        episodes: Number of episodes.
        dimensions: Errors of each dimension.
    """

    step: int
    episodes: int
    dimensions: tuple[DimensionErrors, ...]


@dataclass(frozen=True)
class PredictionErrors:
    """Errors of the predictors, by episode and step.

    Steps from the first different change in the replicate on are left out, because more than chance differs
    from then on. Left-out values are NaN.

    Attributes:
        pairs: The recorded episodes with their replicates.
        predictions: The predictions of each episode.
        tool_weights: Weight of each step with which all tools have the same weight.
    """

    pairs: Sequence[ReplicatePair]
    predictions: Sequence[EpisodePredictions]
    tool_weights: Sequence[Sequence[float]]

    @property
    def topology_seeds(self) -> Sequence[int]:
        """Topology seed of each episode."""
        return [topology_seed_of(pair.episode) for pair in self.pairs]

    @cached_property
    def compared(self) -> npt.NDArray[np.bool_]:
        """Steps that are compared, shape (episodes, steps)."""
        longest = max(len(pair.episode.steps) for pair in self.pairs)
        return np.array([np.arange(longest) < pair.aligned_steps for pair in self.pairs])

    @cached_property
    def true(self) -> Floats:
        """Recorded states, shape (episodes, steps, 6)."""
        states = (vectors([step.after for step in pair.episode.steps]) for pair in self.pairs)
        return self._padded(states)

    @cached_property
    def one_step(self) -> Mapping[str, Floats]:
        """Errors one step ahead by predictor, shape (episodes, steps, 6)."""
        before = (vectors([step.before for step in pair.episode.steps]) for pair in self.pairs)
        return {
            MODEL: absolute_errors(self._padded(one.one_step for one in self.predictions), self.true),
            NO_CHANGE: absolute_errors(self._padded(before), self.true),
            **self._others,
        }

    @cached_property
    def open_loop(self) -> Mapping[str, Floats]:
        """Errors in open loop by predictor, the same shape; NaN beyond `OPEN_LOOP_STEPS`."""
        starts = (
            np.tile(vector(pair.episode.steps[0].before), (len(pair.episode.steps), 1)) for pair in self.pairs
        )
        return {
            MODEL: absolute_errors(self._padded(one.open_loop for one in self.predictions), self.true),
            NO_CHANGE: absolute_errors(self._padded(starts), self.true),
            **self._others,
        }

    @cached_property
    def _others(self) -> Mapping[str, Floats]:
        return {
            BASELINE: absolute_errors(self._padded(one.baseline for one in self.predictions), self.true),
            FLOOR: absolute_errors(self._padded(pair.replicate for pair in self.pairs), self.true),
        }

    def of_kind(self, kind: str) -> npt.NDArray[np.bool_]:
        """Compared steps of a kind, shape (episodes, steps)."""
        chosen = np.zeros_like(self.compared)
        for row, pair in zip(chosen, self.pairs, strict=True):
            row[: len(pair.kinds)] = [found == kind for found in pair.kinds]
        return chosen & self.compared

    @cached_property
    def weights(self) -> Floats:
        """Weights with which all tools have the same weight, shape (episodes, steps)."""
        padded = np.zeros(self.compared.shape)
        for row, values in zip(padded, self.tool_weights, strict=True):
            row[: len(values)] = values
        return padded

    def _padded(self, episodes: Iterator[Floats]) -> Floats:
        padded = np.full((*self.compared.shape, len(DIMENSIONS)), np.nan)
        for row, states, compared in zip(padded, episodes, self.compared, strict=True):
            row[: min(len(row), len(states))] = states[: len(row)]
            row[~compared] = np.nan
        return padded


def one_step_errors(errors: PredictionErrors) -> Iterator[StepErrors]:
    """The errors one step ahead: over all steps, over all steps with equal tools, and by kind of step."""
    found = errors.one_step
    everywhere = errors.compared

    def of(name: str, weights: Floats) -> StepErrors:
        dimensions = _dimensions(found, weights, errors.topology_seeds)
        return StepErrors(of=name, steps=int((weights > 0).sum()), dimensions=dimensions)

    yield of(ALL, everywhere.astype(np.float64))
    yield of(EQUAL_TOOLS, np.where(everywhere, errors.weights, 0.0))
    for kind in STEP_KINDS:
        chosen = errors.of_kind(kind)
        if chosen.any():
            yield of(kind, chosen.astype(np.float64))


def drift_errors(errors: PredictionErrors) -> Iterator[DriftErrors]:
    """The errors in open loop, by step."""
    for index in range(min(OPEN_LOOP_STEPS, errors.compared.shape[1])):
        chosen = errors.compared[:, index : index + 1]
        if chosen.any():
            found = {name: values[:, index : index + 1] for name, values in errors.open_loop.items()}
            dimensions = _dimensions(found, chosen.astype(np.float64), errors.topology_seeds)
            yield DriftErrors(step=index + 1, episodes=int(chosen.sum()), dimensions=dimensions)


def _dimensions(
    found: Mapping[str, Floats], weights: Floats, topology_seeds: Sequence[int]
) -> tuple[DimensionErrors, ...]:
    return tuple(
        _dimension(
            one.name, {name: values[..., index] for name, values in found.items()}, weights, topology_seeds
        )
        for index, one in enumerate(DIMENSIONS)
    )


def _dimension(
    name: str, found: Mapping[str, Floats], weights: Floats, topology_seeds: Sequence[int]
) -> DimensionErrors:
    means = {
        predictor: clustered_mean(values, weights, topology_seeds) for predictor, values in found.items()
    }
    ratios = {
        predictor: None
        if name == SLICE.name
        else ratio_of_means(found[predictor], found[FLOOR], weights, topology_seeds)
        for predictor in (MODEL, BASELINE)
    }
    return DimensionErrors(
        dimension=name,
        errors={predictor: mean for predictor, mean in means.items() if mean is not None},
        medians={predictor: _median(values, weights) for predictor, values in found.items()},
        ratios={predictor: ratio for predictor, ratio in ratios.items() if ratio is not None},
    )


def _median(values: Floats, weights: Floats) -> float:
    """The weighted median: half of the weight is at or below it."""
    known = ~np.isnan(values) & (weights > 0)
    order = np.argsort(values[known], kind="stable")
    in_order, total = values[known][order], np.cumsum(weights[known][order])
    return float(in_order[np.searchsorted(total, total[-1] / 2)])
