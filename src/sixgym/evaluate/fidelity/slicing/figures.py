"""The figures of the slicing comparison: the content of its JSON file."""

from pydantic import AliasChoices, Field

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.slicing.comparison import (
    AccuracyGoal,
    RunGrids,
    SliceErrors,
    accuracy_goal,
    slice_errors,
)
from sixgym.evaluate.fidelity.slicing.control_schedules import QUOTA_STEP
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.fidelity.slicing.ranking import RANKING_GOAL, RankAgreement, rank_agreements
from sixgym.evaluate.fidelity.slicing.response import ResponseDistance, response_distances
from sixgym.evaluate.fidelity.slicing.runs import SlicingExperiment
from sixgym.evaluate.fidelity.source import Source


class SlicingFigures(Record):
    """The whole comparison.

    Attributes:
        command: The command that made the figures.
        scenario, scenario_digest: Name and digest of the scenario.
        candidate, reference: The simulators.
        topology_seeds: Topology seeds of the networks.
        seconds: Network time of a run after the warm-up, in seconds.
        schedules: Names of the control schedules.
        goals: Errors of the metrics that have a goal.
        order_goal: Lower bound for the share of pairs of schedules in the same order by utility.
        orders: Agreement on the order of schedules, by utility first.
        responses: Distances of the responses to the quota step.
        cells: Errors of every metric, slice and schedule.
    """

    command: str
    scenario: str
    scenario_digest: str
    candidate: Source
    reference: Source
    topology_seeds: tuple[int, ...]
    seconds: float
    schedules: tuple[str, ...] = Field(validation_alias=AliasChoices("schedules", "programmes"))
    """`programmes` in figures stored before version 0.2."""
    goals: tuple[AccuracyGoal, ...]
    order_goal: float
    orders: tuple[RankAgreement, ...]
    responses: tuple[ResponseDistance, ...]
    cells: tuple[SliceErrors, ...]


def slicing_figures(experiment: SlicingExperiment, grids: RunGrids, command: str) -> SlicingFigures:
    """The figures of a comparison.

    Args:
        experiment: The experiment that made the runs.
        grids: The runs.
        command: The command that makes the same figures.
    """
    return SlicingFigures(
        command=command,
        scenario=experiment.scenario.name,
        scenario_digest=experiment.scenario.digest,
        candidate=Source.of(grids.candidate[0][0]),
        reference=Source.of(grids.reference[0][0]),
        topology_seeds=experiment.topology_seeds,
        seconds=experiment.seconds,
        schedules=grids.schedules,
        goals=tuple(accuracy_goal(grids, metric) for metric in METRICS if metric.goal is not None),
        order_goal=RANKING_GOAL,
        orders=tuple(rank_agreements(grids)),
        responses=tuple(response_distances(grids, QUOTA_STEP)),
        cells=tuple(errors for metric in METRICS for errors in slice_errors(grids, metric)),
    )
