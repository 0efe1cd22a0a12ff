"""`sixgym fidelity management`: what two simulators make of the management scenarios, left to themselves."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.management.uncontrolled import (
    PHASES,
    Phase,
    UncontrolledExperiment,
    UncontrolledRun,
)
from sixgym.evaluate.fidelity.slicing.figures import Source
from sixgym.evaluate.fidelity.statistics import (
    ErrorKind,
    Estimate,
    Floats,
    error_unit,
    mean_over_seeds,
    paired_errors,
)
from sixgym.scenarios import load_scenario

SCENARIOS = ("uav-inspection", "urban-slicing", "dense-degradation")

FIGURES: dict[str, ErrorKind] = {
    "throughput_mbps": "relative",
    "delay_ms": "relative",
    "task_ms": "relative",
    "loss_ratio": "points",
    "prb_load": "points",
    "sinr_db": "difference",
}
"""What is compared."""


class Difference(Record):
    """One figure of one object, in one phase of one scenario.

    Attributes:
        scenario, phase, object, figure, unit: Where; the unit is of the errors.
        reference, candidate: Mean over the seeds on which both have the figure.
        error, bias: Mean over seeds of the paired absolute error, and with its sign.
        floor: `error` of the reference against itself with another network seed.
        seeds: On which there is an error.
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
    """The whole comparison."""

    command: str
    candidate: Source
    reference: Source
    topology_seeds: tuple[int, ...]
    seconds: float
    differences: tuple[Difference, ...]


def management_experiment(topology_seeds: Sequence[int], seconds: float) -> UncontrolledExperiment:
    """The management scenarios on these seeds."""
    return UncontrolledExperiment(
        tuple(load_scenario(name) for name in SCENARIOS), tuple(topology_seeds), seconds
    )


def management_figures(
    experiment: UncontrolledExperiment, runs: Sequence[Sequence[UncontrolledRun]], command: str
) -> ManagementFigures:
    """Everything the page says.

    Args:
        experiment: Whose runs they are.
        runs: Of the candidate, of the reference, and of the reference with another network seed.
        command: What was typed.
    """
    candidate, reference, _repeated = runs
    return ManagementFigures(
        command=command,
        candidate=Source.of(candidate[0]),
        reference=Source.of(reference[0]),
        topology_seeds=experiment.topology_seeds,
        seconds=experiment.seconds,
        differences=tuple(_differences(experiment, runs)),
    )


def _differences(
    experiment: UncontrolledExperiment, runs: Sequence[Sequence[UncontrolledRun]]
) -> Iterator[Difference]:
    """Every figure that the reference has."""
    for scenario in experiment.scenarios:
        found, wanted, again = (
            [run for run in of_one if run.key.scenario == scenario.digest] for of_one in runs
        )
        for phase, thing, figure in _places(wanted):
            yield _difference(
                (scenario.name, phase, thing, figure),
                _column(found, phase, thing, figure),
                _column(wanted, phase, thing, figure),
                _column(again, phase, thing, figure),
            )


def _places(runs: Sequence[UncontrolledRun]) -> list[tuple[Phase, str, str]]:
    """Phase, object and figure of everything some run has, in the order in which it came."""
    return list(
        dict.fromkeys(
            (phase, thing, figure)
            for phase in PHASES
            for run in runs
            for thing, figures in run.figures.get(phase, {}).items()
            for figure in FIGURES
            if figure in figures
        )
    )


def _column(runs: Sequence[UncontrolledRun], phase: Phase, thing: str, figure: str) -> Floats:
    """A figure by seed, NaN where a run does not have it."""
    in_order = sorted(runs, key=lambda run: run.key.topology_seed)
    return np.array(
        [run.figures.get(phase, {}).get(thing, {}).get(figure, math.nan) for run in in_order], float
    )


def _difference(
    place: tuple[str, Phase, str, str], candidate: Floats, reference: Floats, repeated: Floats
) -> Difference:
    scenario, phase, thing, figure = place
    kind = FIGURES[figure]
    error = paired_errors(candidate, reference, kind)
    both = ~np.isnan(candidate) & ~np.isnan(reference)
    return Difference(
        scenario=scenario,
        phase=phase,
        object=thing,
        figure=figure,
        unit=error_unit(figure, kind),
        reference=float(reference[both].mean()) if both.any() else None,
        candidate=float(candidate[both].mean()) if both.any() else None,
        error=mean_over_seeds(np.abs(error)),
        bias=mean_over_seeds(error),
        floor=mean_over_seeds(np.abs(paired_errors(repeated, reference, kind))),
        seeds=int(np.count_nonzero(~np.isnan(error))),
    )
