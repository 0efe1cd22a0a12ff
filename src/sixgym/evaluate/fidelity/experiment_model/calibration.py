"""Whether what the sampled model draws spreads as the reference does."""

from collections.abc import Sequence
from typing import cast

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.experiment_model.dimensions import DIMENSIONS, MEASURED, clustered_mean
from sixgym.evaluate.fidelity.experiment_model.one_step import MODEL, PredictionErrors
from sixgym.evaluate.fidelity.experiment_model.prediction import DRAWS
from sixgym.evaluate.fidelity.statistics import Estimate, Floats

CENTRAL = (0.5, 0.9)
PIT_BINS = 10


class DimensionCalibration(Record):
    """One dimension over the drawn transitions.

    Attributes:
        dimension: As in `NetworkState`.
        inside: By central share (`50`, `90`): percent of true values between the quantiles of the draws, ends
            included.
        pit: Transitions by where the true value is among the draws, in `PIT_BINS` equal parts of 0 to 1;
            among draws that equal it, its place is drawn.
        crps: Mean continuous ranked probability score of the draws, in the unit that is shown.
        median_error: Mean absolute error of the median of the draws.
        model_error: Mean absolute error of the model that is not sampled, on the same transitions.
    """

    dimension: str
    inside: dict[str, Estimate]
    pit: tuple[int, ...]
    crps: Estimate
    median_error: Estimate
    model_error: Estimate


class Calibration(Record):
    """The sampled model on drawn transitions.

    Attributes:
        transitions: How many.
        resting: Of these, how many the model was not asked about, as the network was at rest: no spread.
        draws: Per transition.
        expected: By central share, the percent that so many draws of a model that is right would have inside.
        dimensions: The five that are measured.
    """

    transitions: int
    resting: int
    draws: int
    expected: dict[str, float]
    dimensions: tuple[DimensionCalibration, ...]


def draw_transitions(counts: Sequence[int], cases: int) -> list[frozenset[int]]:
    """Steps of each episode at which the sampled model is asked, drawn without preference.

    Args:
        counts: Steps of each episode that may be drawn.
        cases: How many in all; fewer if there are no more.
    """
    places = [(episode, step) for episode, count in enumerate(counts) for step in range(count)]
    order = cast("list[int]", np.random.default_rng(0).permutation(len(places)).tolist())
    chosen = {places[place] for place in order[:cases]}
    return [
        frozenset(step for step in range(count) if (episode, step) in chosen)
        for episode, count in enumerate(counts)
    ]


def calibration(measured: PredictionErrors) -> Calibration | None:
    """Of the transitions that were drawn; None if there are none."""
    draws = _draws(measured)
    drawn = ~np.isnan(draws[..., 0, 0])
    if not drawn.any():
        return None
    resting = sum(bool(one.resting[step]) for one in measured.predictions for step in one.draws)
    rng = np.random.default_rng(1)
    dimensions: list[DimensionCalibration] = []
    for index, one in enumerate(DIMENSIONS):
        if one in MEASURED:
            true, said = (values[..., index] * one.factor for values in (measured.true, draws))
            greedy = np.where(drawn, measured.one_step[MODEL][..., index], np.nan)
            dimensions.append(_dimension(one.name, true, said, greedy, at=measured.places, rng=rng))
    return Calibration(
        transitions=int(drawn.sum()),
        resting=resting,
        draws=DRAWS,
        expected={f"{100 * share:.0f}": 100 * _expected(share) for share in CENTRAL},
        dimensions=tuple(dimensions),
    )


def crps(said: Floats, true: Floats) -> Floats:
    """Of an ensemble, without the bias of its size (Ferro 2014): draws on the last axis of `said`."""
    members = said.shape[-1]
    apart = np.abs(said[..., :, None] - said[..., None, :]).sum(axis=(-1, -2))
    return np.abs(said - true[..., None]).mean(axis=-1) - apart / (2 * members * (members - 1))


def places(said: Floats, true: Floats, rng: np.random.Generator) -> Floats:
    """Where the truth is among the draws, 0 to 1: uniform if both come from one distribution."""
    below = (said < true[..., None]).sum(axis=-1)
    equal = (said == true[..., None]).sum(axis=-1)
    return (below + rng.random(true.shape) * (equal + 1)) / (said.shape[-1] + 1)


def _dimension(
    name: str,
    true: Floats,
    said: Floats,
    greedy: Floats,
    *,
    at: Sequence[int],
    rng: np.random.Generator,
) -> DimensionCalibration:
    known = ~np.isnan(said[..., 0])

    def mean(values: Floats) -> Estimate:
        found = clustered_mean(np.where(known, values, np.nan), np.ones_like(true), at)
        assert found is not None  # something was drawn
        return found

    inside: dict[str, Estimate] = {}
    for share in CENTRAL:
        # with this definition of a quantile, half of the truth of a right model is inside of the central half
        ends = np.quantile(said, [(1 - share) / 2, (1 + share) / 2], axis=-1, method="weibull")
        inside[f"{100 * share:.0f}"] = mean(100.0 * ((ends[0] <= true) & (true <= ends[1])))
    pit, _ = np.histogram(places(said, true, rng)[known], bins=PIT_BINS, range=(0, 1))
    return DimensionCalibration(
        dimension=name,
        inside=inside,
        pit=tuple(int(count) for count in pit),
        crps=mean(crps(said, true)),
        median_error=mean(np.abs(np.median(said, axis=-1) - true)),
        model_error=mean(greedy),
    )


def _draws(measured: PredictionErrors) -> Floats:
    """What was drawn, shape (episodes, steps, DRAWS, 6); NaN where nothing was."""
    found = np.full((*measured.compared.shape, DRAWS, len(DIMENSIONS)), np.nan)
    for row, one in zip(found, measured.predictions, strict=True):
        for step, states in one.draws.items():
            row[step] = states
    return found


def _expected(share: float) -> float:
    """The ends of the interval are ranks among the draws, and no rank is below the first."""
    rank = max(1.0, (1 - share) / 2 * (DRAWS + 1))
    return 1 - 2 * rank / (DRAWS + 1)
