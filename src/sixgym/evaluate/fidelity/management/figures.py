"""The figures of the management comparison: two simulators on the management scenarios, without control."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.management.runs import (
    PHASES,
    Phase,
    UncontrolledExperiment,
    UncontrolledRun,
)
from sixgym.evaluate.fidelity.source import Source
from sixgym.evaluate.statistics import (
    ErrorKind,
    Estimate,
    Floats,
    error_unit,
    mean_over_seeds,
    paired_errors,
)

FIGURES: dict[str, ErrorKind] = {
    "throughput_mbps": "relative",
    "delay_ms": "relative",
    "task_ms": "relative",
    "loss_ratio": "points",
    "prb_load": "points",
    "sinr_db": "difference",
}
"""Kind of the error of each compared figure."""


class ObjectErrors(Record):
    """The errors of one figure of one slice, group or cell, in one phase of one scenario.

    Attributes:
        scenario, phase, object, figure: The scenario, phase, object and figure.
        unit: Unit of the errors.
        reference, candidate: Mean of the figure over the seeds on which both simulators have it.
        error: Mean over seeds of the absolute paired error.
        bias: Mean over seeds of the paired error with its sign, candidate minus reference.
        floor: `error` of the reference against itself with another network seed.
        seeds: Number of seeds on which there is an error.
    """

    scenario: str
    phase: str
    object: str
    figure: str
    unit: str
    reference: float | None
    candidate: float | None
    error: Estimate | None
    bias: Estimate | None
    floor: Estimate | None
    seeds: int


class ManagementFigures(Record):
    """The whole comparison.

    Attributes:
        command: The command that made the figures.
        candidate, reference: The simulators.
        topology_seeds: Topology seeds of the networks.
        seconds: Network time of a run after the warm-up, in seconds.
        differences: Errors of every figure that the reference has.
    """

    command: str
    candidate: Source
    reference: Source
    topology_seeds: tuple[int, ...]
    seconds: float
    differences: tuple[ObjectErrors, ...]


def management_figures(
    experiment: UncontrolledExperiment, runs: Sequence[Sequence[UncontrolledRun]], command: str
) -> ManagementFigures:
    """The figures of a comparison.

    Args:
        experiment: The experiment that made the runs.
        runs: Runs of the candidate, of the reference, and of the reference with another network seed.
        command: The command that makes the same figures.
    """
    candidate, reference, _repeated = runs
    return ManagementFigures(
        command=command,
        candidate=Source.of(candidate[0]),
        reference=Source.of(reference[0]),
        topology_seeds=experiment.topology_seeds,
        seconds=experiment.seconds,
        differences=tuple(_all_errors(experiment, runs)),
    )


def _all_errors(
    experiment: UncontrolledExperiment, runs: Sequence[Sequence[UncontrolledRun]]
) -> Iterator[ObjectErrors]:
    """The errors of every figure that the reference has."""
    for scenario in experiment.scenarios:
        candidate, reference, repeated = (
            [run for run in source if run.key.scenario == scenario.digest] for source in runs
        )
        for phase, name, figure in _places(reference):
            yield _errors(
                (scenario.name, phase, name, figure),
                _column(candidate, phase, name, figure),
                _column(reference, phase, name, figure),
                _column(repeated, phase, name, figure),
            )


def _places(runs: Sequence[UncontrolledRun]) -> list[tuple[Phase, str, str]]:
    """Phase, object and figure of everything that a run has, in the order of the runs."""
    return list(
        dict.fromkeys(
            (phase, name, figure)
            for phase in PHASES
            for run in runs
            for name, figures in run.figures.get(phase, {}).items()
            for figure in FIGURES
            if figure in figures
        )
    )


def _column(runs: Sequence[UncontrolledRun], phase: Phase, name: str, figure: str) -> Floats:
    """A figure of an object by seed, NaN where a run does not have it."""
    in_order = sorted(runs, key=lambda run: run.key.topology_seed)
    return np.array(
        [run.figures.get(phase, {}).get(name, {}).get(figure, math.nan) for run in in_order], float
    )


def _errors(
    place: tuple[str, Phase, str, str], candidate: Floats, reference: Floats, repeated: Floats
) -> ObjectErrors:
    scenario, phase, name, figure = place
    kind = FIGURES[figure]
    error = paired_errors(candidate, reference, kind)
    both = ~np.isnan(candidate) & ~np.isnan(reference)
    return ObjectErrors(
        scenario=scenario,
        phase=phase,
        object=name,
        figure=figure,
        unit=error_unit(figure, kind),
        reference=float(reference[both].mean()) if both.any() else None,
        candidate=float(candidate[both].mean()) if both.any() else None,
        error=mean_over_seeds(np.abs(error)),
        bias=mean_over_seeds(error),
        floor=mean_over_seeds(np.abs(paired_errors(repeated, reference, kind))),
        seeds=int(np.count_nonzero(~np.isnan(error))),
    )
