"""Whether two simulators put control schedules in the same order."""

from itertools import combinations

import numpy as np

from sixgym.evaluate.fidelity.slicing.comparison import Grid, RunGrids
from sixgym.evaluate.fidelity.slicing.figures import RankAgreement
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.fidelity.statistics import Floats, mean_over_seeds

ORDER_GOAL = 0.95
"""Share of pairs of schedules that should be in the same order."""


def orders(comparison: RunGrids) -> list[RankAgreement]:
    """By utility first, then by each metric of each slice by which schedules differ at all."""
    grids = (comparison.candidate, comparison.reference, comparison.repeated)
    candidate, reference, repeated = (_utility(grid) for grid in grids)
    found = [_order("utility", candidate, reference, repeated)]
    for metric in METRICS:
        measured = comparison.measured(metric)
        for layer, kind in enumerate(comparison.slices):
            found.append(
                _order(
                    f"{metric.name} {kind}",
                    measured.candidate[:, :, layer],
                    measured.reference[:, :, layer],
                    measured.repeated[:, :, layer],
                )
            )
    return [order for order in found if order is not None]


def _order(by: str, candidate: Floats, reference: Floats, repeated: Floats) -> RankAgreement | None:
    """The order by a figure, shape (seeds, schedules) each; None where the reference knows no order."""
    wanted = _signs(reference)
    ordered = ~np.isnan(wanted) & (wanted != 0)
    same = np.where(ordered, _signs(candidate) == wanted, np.nan)
    again = np.where(ordered, _signs(repeated) == wanted, np.nan)
    share = mean_over_seeds(same)
    if share is None:
        return None
    return RankAgreement(
        by=by,
        same=share,
        pairs=int(ordered.sum()),
        ties=int(np.count_nonzero(~ordered)),
        clear=mean_over_seeds(np.where(again == 1, same, np.nan)),
        clear_pairs=int(np.count_nonzero(again == 1)),
        noisy=mean_over_seeds(np.where(again == 0, same, np.nan)),
        noisy_pairs=int(np.count_nonzero(again == 0)),
        floor=mean_over_seeds(again),
        of_means=_same_by_means(candidate, reference),
    )


def _same_by_means(candidate: Floats, reference: Floats) -> float | None:
    """Share of pairs in the same order by their means, over the seeds on which no figure is missing."""
    whole = ~np.isnan(candidate).any(axis=1) & ~np.isnan(reference).any(axis=1)
    if not whole.any():
        return None
    wanted = _signs(reference[whole].mean(axis=0, keepdims=True))
    found = _signs(candidate[whole].mean(axis=0, keepdims=True))
    ordered = wanted != 0
    return float(np.count_nonzero(ordered & (found == wanted)) / ordered.sum()) if ordered.any() else None


def _signs(figures: Floats) -> Floats:
    """Which of each two schedules has more, shape (seeds, pairs): 1, -1, or 0 where they are equal."""
    first, second = np.array(list(combinations(range(figures.shape[1]), 2))).T
    return np.sign(figures[:, first] - figures[:, second])


def _utility(grid: Grid) -> Floats:
    return np.array([[run.utility for run in row] for row in grid])
