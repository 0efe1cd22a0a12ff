"""Whether two simulators put control schedules in the same order."""

from itertools import combinations

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.slicing.comparison import RunGrid, RunGrids
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.statistics import Estimate, Floats, mean_over_seeds

RANKING_GOAL = 0.95
"""Lower bound for the share of pairs of schedules in the same order."""


class RankAgreement(Record):
    """How often both simulators put two schedules in the same order on the same network.

    Attributes:
        by: What orders the schedules: `utility`, or a metric and a slice.
        same: Share of pairs in the same order, over all seeds.
        pairs: Number of pairs. Pairs that are equal on the reference have no order and do not count.
        ties: Number of pairs that are equal on the reference.
        clear: Share among the pairs that the reference orders alike with another network seed.
        clear_pairs: Number of such pairs.
        noisy: Share among the other pairs, whose difference is within the noise of traffic and fading.
        noisy_pairs: Number of the other pairs.
        floor: Share of all pairs that the reference orders alike with another network seed.
        of_means: Share of pairs of schedules in the same order by their means over seeds.
    """

    by: str
    same: Estimate
    pairs: int
    ties: int
    clear: Estimate | None
    clear_pairs: int
    noisy: Estimate | None
    noisy_pairs: int
    floor: Estimate | None
    of_means: float | None


def rank_agreements(grids: RunGrids) -> list[RankAgreement]:
    """The agreement by utility first, then by each metric of each slice on which schedules differ at all."""
    utilities = (_utility(grid) for grid in (grids.candidate, grids.reference, grids.repeated))
    found = [_agreement("utility", *utilities)]
    for metric in METRICS:
        measured = grids.measured(metric)
        for layer, kind in enumerate(grids.slices):
            found.append(
                _agreement(
                    f"{metric.name} {kind}",
                    measured.candidate[:, :, layer],
                    measured.reference[:, :, layer],
                    measured.repeated[:, :, layer],
                )
            )
    return [agreement for agreement in found if agreement is not None]


def _agreement(by: str, candidate: Floats, reference: Floats, repeated: Floats) -> RankAgreement | None:
    """The agreement by a figure, shape (seeds, schedules) each; None where the reference has no order."""
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
    """Sign of the difference of each two schedules, shape (seeds, pairs); 0 where both are equal."""
    first, second = np.array(list(combinations(range(figures.shape[1]), 2))).T
    return np.sign(figures[:, first] - figures[:, second])


def _utility(grid: RunGrid) -> Floats:
    return np.array([[run.utility for run in row] for row in grid])
