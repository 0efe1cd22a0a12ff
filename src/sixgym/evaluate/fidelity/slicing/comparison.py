"""Three grids of runs on the same networks, and the errors between them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pydantic import AliasChoices, Field

from sixgym.domain.base import Record
from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.slicing.metrics import Metric
from sixgym.evaluate.fidelity.slicing.runs import SlicingExperiment
from sixgym.evaluate.statistics import Estimate, Floats, mean_over_seeds, paired_errors

RunGrid = tuple[tuple[ControlledRun, ...], ...]
"""Runs by topology seed and schedule."""


class SliceErrors(Record):
    """The errors of one metric of one slice under one schedule.

    Attributes:
        slice, schedule, metric: The slice, the schedule and the metric.
        unit: Unit of the errors.
        reference, candidate: Mean of the metric over seeds, in the metric's unit.
        error: Mean over seeds of the absolute paired error.
        bias: Mean over seeds of the paired error with its sign, candidate minus reference.
        floor: `error` of the reference against itself with another network seed.
        seeds: Number of pairs that have an error; a seed without the metric on a side has none.
    """

    slice: str
    schedule: str = Field(validation_alias=AliasChoices("schedule", "programme"))
    """`programme` in figures stored before version 0.2."""
    metric: str
    unit: str
    reference: float | None
    candidate: float | None
    error: Estimate | None
    bias: Estimate | None
    floor: Estimate | None
    seeds: int


class AccuracyGoal(Record):
    """The error of a metric over all slices, schedules and seeds, and its goal.

    Attributes:
        metric, unit: The metric, and the unit of its errors.
        goal: Upper bound for `error`.
        error, bias, floor: As in `SliceErrors`, over all slices and schedules; every run has the same weight.
        met: Whether `error` is within the goal.
        worst: The slice and schedule with the largest error.
        worst_met: Whether the largest error is within the goal.
    """

    metric: str
    unit: str
    goal: float
    error: Estimate
    bias: Estimate
    floor: Estimate | None
    met: bool
    worst: SliceErrors
    worst_met: bool


@dataclass(frozen=True, slots=True)
class RunGrids:
    """The runs of a candidate and of the reference on the same networks, with the same schedules.

    Attributes:
        candidate: Runs of the candidate.
        reference: Runs of the reference.
        repeated: Runs of the reference with another network seed.
    """

    candidate: RunGrid
    reference: RunGrid
    repeated: RunGrid

    @property
    def slices(self) -> tuple[SliceType, ...]:
        """The slices of the scenario."""
        return tuple(self.reference[0][0].slices)

    @property
    def schedules(self) -> tuple[str, ...]:
        """The names of the schedules, in the order of the grids."""
        return tuple(run.key.schedule for run in self.reference[0])

    def measured(self, metric: Metric) -> "MetricGrids":
        """A metric of all runs."""
        return MetricGrids(
            metric,
            _values(self.candidate, metric, self.slices),
            _values(self.reference, metric, self.slices),
            _values(self.repeated, metric, self.slices),
        )


@dataclass(frozen=True, slots=True)
class MetricGrids:
    """A metric of all runs.

    Attributes:
        metric: The metric.
        candidate, reference, repeated: Values, shape (seeds, schedules, slices); NaN where a run has none.
    """

    metric: Metric
    candidate: Floats
    reference: Floats
    repeated: Floats

    @property
    def error(self) -> Floats:
        """Errors of the candidate against the reference, in the unit of the metric's error."""
        return paired_errors(self.candidate, self.reference, self.metric.error)

    @property
    def floor(self) -> Floats:
        """Errors of the reference against itself with another network seed, in the same unit."""
        return paired_errors(self.repeated, self.reference, self.metric.error)


def run_grid(experiment: SlicingExperiment, runs: Sequence[ControlledRun]) -> RunGrid:
    """The runs of one simulator, given in the order of `SlicingExperiment.keys`, by seed and schedule."""
    width = len(experiment.schedules)
    return tuple(tuple(runs[start : start + width]) for start in range(0, len(runs), width))


def slice_errors(grids: RunGrids, metric: Metric) -> list[SliceErrors]:
    """The errors of a metric, for each slice and schedule."""
    measured = grids.measured(metric)
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
        for layer, kind in enumerate(grids.slices)
        for column, schedule in enumerate(grids.schedules)
    ]


def accuracy_goal(grids: RunGrids, metric: Metric) -> AccuracyGoal:
    """The error of a metric over everything, its largest error, and its goal.

    Raises:
        ValueError: the metric has no goal, or no run has the metric.
    """
    measured = grids.measured(metric)
    pooled, bias = mean_over_seeds(np.abs(measured.error)), mean_over_seeds(measured.error)
    if metric.goal is None or pooled is None or bias is None:
        raise ValueError(f"{metric.name} cannot be compared with a goal: it has no goal, or no run has it")
    worst = max(
        slice_errors(grids, metric), key=lambda one: -np.inf if one.error is None else one.error.value
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


def _values(grid: RunGrid, metric: Metric, slices: Sequence[SliceType]) -> Floats:
    return np.array(
        [[[metric.of(run.slices[kind], run.duration_ms) for kind in slices] for run in row] for row in grid]
    )


def _mean(values: Floats) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None
