"""How far the model is from the reference one step ahead, and in open loop."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.experiment_model.dimensions import (
    DIMENSIONS,
    SLICE,
    clustered_mean,
    errors,
    ratio_of_means,
    vector,
    vectors,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import STEP_KINDS, ReplicatePair, place_of
from sixgym.evaluate.fidelity.experiment_model.prediction import OPEN_LOOP_STEPS, EpisodePredictions
from sixgym.evaluate.fidelity.statistics import Estimate, Floats

MODEL, NO_CHANGE, BESIDE, FLOOR = PREDICTORS = ("model", "no_change", "beside", "floor")
"""The experiment model; the state before; the other simulator; the reference's replicate at the same step."""

ALL, EQUAL_TOOLS = "all", "equal tools"
SHOWN_STEPS = (1, 5, 10, 15)


class DimensionErrors(Record):
    """One dimension over some steps.

    Attributes:
        dimension: As in `NetworkState`.
        errors: Mean absolute error by predictor, in the unit that is shown (loss and edge load in points); of
            the slice, how often it is right, in percent.
        medians: Of the absolute errors.
        ratios: Mean error over that of the floor, by predictor. Empty for the slice.
    """

    dimension: str
    errors: dict[str, Estimate]
    medians: dict[str, float]
    ratios: dict[str, Estimate]


class StepErrors(Record):
    """All dimensions over some steps.

    Attributes:
        of: `all`; `equal tools`, the same weighted so that every tool is called equally often; or a kind of
            step.
        steps: How many.
        dimensions: Each.
    """

    of: str
    steps: int
    dimensions: tuple[DimensionErrors, ...]


class DriftErrors(Record):
    """All dimensions so many steps after the beginning."""

    step: int
    episodes: int
    dimensions: tuple[DimensionErrors, ...]


@dataclass(frozen=True)
class PredictionErrors:
    """What was recorded, and what others say of it, by episode and step.

    Where something else was changed in the replicate, what comes from then on is left out: the two are
    apart by more than chance. What is left out is NaN.
    """

    pairs: Sequence[ReplicatePair]
    predictions: Sequence[EpisodePredictions]
    tool_weights: Sequence[Sequence[float]]

    @property
    def places(self) -> Sequence[int]:
        """Topology seed of each episode."""
        return [place_of(pair.episode) for pair in self.pairs]

    @cached_property
    def compared(self) -> npt.NDArray[np.bool_]:
        """Steps that count, shape (episodes, steps)."""
        longest = max(len(pair.episode.steps) for pair in self.pairs)
        return np.array([np.arange(longest) < pair.same for pair in self.pairs])

    @cached_property
    def true(self) -> Floats:
        """As recorded, shape (episodes, steps, 6)."""
        states = (vectors([step.after for step in pair.episode.steps]) for pair in self.pairs)
        return self._padded(states)

    @cached_property
    def one_step(self) -> Mapping[str, Floats]:
        """Errors by predictor, shape (episodes, steps, 6)."""
        before = (vectors([step.before for step in pair.episode.steps]) for pair in self.pairs)
        return {
            MODEL: errors(self._padded(one.one_step for one in self.predictions), self.true),
            NO_CHANGE: errors(self._padded(before), self.true),
            **self._others,
        }

    @cached_property
    def open_loop(self) -> Mapping[str, Floats]:
        """The same, from the beginning on; what is beyond `OPEN_LOOP_STEPS` is NaN."""
        starts = (
            np.tile(vector(pair.episode.steps[0].before), (len(pair.episode.steps), 1)) for pair in self.pairs
        )
        return {
            MODEL: errors(self._padded(one.open_loop for one in self.predictions), self.true),
            NO_CHANGE: errors(self._padded(starts), self.true),
            **self._others,
        }

    @cached_property
    def _others(self) -> Mapping[str, Floats]:
        return {
            BESIDE: errors(self._padded(one.beside for one in self.predictions), self.true),
            FLOOR: errors(self._padded(pair.replicate for pair in self.pairs), self.true),
        }

    def of_kind(self, kind: str) -> npt.NDArray[np.bool_]:
        """Steps of a kind, shape (episodes, steps)."""
        chosen = np.zeros_like(self.compared)
        for row, pair in zip(chosen, self.pairs, strict=True):
            row[: len(pair.kinds)] = [found == kind for found in pair.kinds]
        return chosen & self.compared

    @cached_property
    def weights(self) -> Floats:
        """With which every tool counts the same, shape (episodes, steps)."""
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


def one_step_errors(measured: PredictionErrors) -> Iterator[StepErrors]:
    """Over all steps, over all with equal tools, and by kind of step."""
    found = measured.one_step
    everywhere = measured.compared

    def of(name: str, weights: Floats) -> StepErrors:
        dimensions = _dimensions(found, weights, measured.places)
        return StepErrors(of=name, steps=int((weights > 0).sum()), dimensions=dimensions)

    yield of(ALL, everywhere.astype(np.float64))
    yield of(EQUAL_TOOLS, np.where(everywhere, measured.weights, 0.0))
    for kind in STEP_KINDS:
        chosen = measured.of_kind(kind)
        if chosen.any():
            yield of(kind, chosen.astype(np.float64))


def drift_errors(measured: PredictionErrors) -> Iterator[DriftErrors]:
    """By step after the beginning."""
    for index in range(min(OPEN_LOOP_STEPS, measured.compared.shape[1])):
        chosen = measured.compared[:, index : index + 1]
        if chosen.any():
            found = {name: values[:, index : index + 1] for name, values in measured.open_loop.items()}
            dimensions = _dimensions(found, chosen.astype(np.float64), measured.places)
            yield DriftErrors(step=index + 1, episodes=int(chosen.sum()), dimensions=dimensions)


def _dimensions(
    found: Mapping[str, Floats], weights: Floats, places: Sequence[int]
) -> tuple[DimensionErrors, ...]:
    return tuple(
        _dimension(one.name, {name: values[..., index] for name, values in found.items()}, weights, places)
        for index, one in enumerate(DIMENSIONS)
    )


def _dimension(
    name: str, found: Mapping[str, Floats], weights: Floats, places: Sequence[int]
) -> DimensionErrors:
    means = {who: clustered_mean(values, weights, places) for who, values in found.items()}
    ratios = {
        who: None if name == SLICE.name else ratio_of_means(found[who], found[FLOOR], weights, places)
        for who in (MODEL, BESIDE)
    }
    return DimensionErrors(
        dimension=name,
        errors={who: mean for who, mean in means.items() if mean is not None},
        medians={who: _median(values, weights) for who, values in found.items()},
        ratios={who: ratio for who, ratio in ratios.items() if ratio is not None},
    )


def _median(values: Floats, weights: Floats) -> float:
    """Weighted: half of the weight is at it or below."""
    known = ~np.isnan(values) & (weights > 0)
    order = np.argsort(values[known], kind="stable")
    sorted_values, heaps = values[known][order], np.cumsum(weights[known][order])
    return float(sorted_values[np.searchsorted(heaps, heaps[-1] / 2)])
