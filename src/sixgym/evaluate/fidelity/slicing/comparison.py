"""Three grids of runs on the same networks, and the errors between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.record import SimulationRun
from sixgym.evaluate.fidelity.slicing.figures import AccuracyGoal, SliceErrors
from sixgym.evaluate.fidelity.slicing.metrics import Metric
from sixgym.evaluate.fidelity.statistics import Floats, mean_over_seeds, paired_errors

Grid = tuple[tuple[SimulationRun, ...], ...]
"""Runs by topology seed and schedule."""


@dataclass(frozen=True, slots=True)
class RunGrids:
    """A candidate and the reference on the same networks, and the reference with another network seed.

    All three have the same seeds and schedules.
    """

    candidate: Grid
    reference: Grid
    repeated: Grid

    @property
    def slices(self) -> tuple[SliceType, ...]:
        """Of the scenario."""
        return tuple(self.reference[0][0].slices)

    @property
    def schedules(self) -> tuple[str, ...]:
        """In the order of the grid."""
        return tuple(run.key.schedule for run in self.reference[0])

    def measured(self, metric: Metric) -> "MeasuredRuns":
        """A metric in all three."""
        return MeasuredRuns(
            metric,
            _values(self.candidate, metric, self.slices),
            _values(self.reference, metric, self.slices),
            _values(self.repeated, metric, self.slices),
        )


@dataclass(frozen=True, slots=True)
class MeasuredRuns:
    """A metric in all runs, shape (seeds, schedules, slices) each. NaN where a run has no such figure."""

    metric: Metric
    candidate: Floats
    reference: Floats
    repeated: Floats

    @property
    def error(self) -> Floats:
        """Candidate against reference, in the unit of the metric's error."""
        return paired_errors(self.candidate, self.reference, self.metric.error)

    @property
    def floor(self) -> Floats:
        """The reference with another network seed against itself, likewise."""
        return paired_errors(self.repeated, self.reference, self.metric.error)


def cells(comparison: RunGrids, metric: Metric) -> list[SliceErrors]:
    """One for each slice and schedule."""
    measured = comparison.measured(metric)
    error, floor = measured.error, measured.floor
    return [
        SliceErrors(
            slice=kind,
            schedule=schedule,
            metric=metric.name,
            unit=metric.unit,
            reference=_mean(measured.reference[:, column, layer]),
            candidate=_mean(measured.candidate[:, column, layer]),
            error=mean_over_seeds(np.abs(error[:, column, layer])),
            bias=mean_over_seeds(error[:, column, layer]),
            floor=mean_over_seeds(np.abs(floor[:, column, layer])),
            seeds=int(np.count_nonzero(~np.isnan(error[:, column, layer]))),
        )
        for layer, kind in enumerate(comparison.slices)
        for column, schedule in enumerate(comparison.schedules)
    ]


def goal(comparison: RunGrids, metric: Metric) -> AccuracyGoal:
    """A metric over everything and where it is worst.

    Raises:
        ValueError: the metric has no goal, or no run has the metric.
    """
    measured = comparison.measured(metric)
    pooled, bias = mean_over_seeds(np.abs(measured.error)), mean_over_seeds(measured.error)
    if metric.goal is None or pooled is None or bias is None:
        raise ValueError(f"{metric.name} cannot be held against a goal")
    worst = max(
        cells(comparison, metric), key=lambda cell: -np.inf if cell.error is None else cell.error.value
    )
    return AccuracyGoal(
        metric=metric.name,
        unit=metric.unit,
        goal=metric.goal,
        error=pooled,
        bias=bias,
        floor=mean_over_seeds(np.abs(measured.floor)),
        met=pooled.value <= metric.goal,
        worst=worst,
        worst_met=worst.error is not None and worst.error.value <= metric.goal,
    )


def _values(grid: Grid, metric: Metric, slices: Sequence[SliceType]) -> Floats:
    return np.array(
        [[[metric.of(run.slices[kind], run.duration_ms) for kind in slices] for run in row] for row in grid]
    )


def _mean(figures: Floats) -> float | None:
    there = figures[~np.isnan(figures)]
    return float(there.mean()) if len(there) else None
