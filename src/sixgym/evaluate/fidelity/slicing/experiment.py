"""`sixgym fidelity slicing`: which runs it needs, and what they say."""

from collections.abc import Sequence

from sixgym.evaluate.fidelity.record import SimulationRun
from sixgym.evaluate.fidelity.slicing.collect import Experiment
from sixgym.evaluate.fidelity.slicing.comparison import Grid, RunGrids, cells, goal
from sixgym.evaluate.fidelity.slicing.control_schedules import QUOTA_STEP, SCHEDULES
from sixgym.evaluate.fidelity.slicing.figures import Figures, Source
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.fidelity.slicing.order import ORDER_GOAL, orders
from sixgym.evaluate.fidelity.slicing.response import compare_responses
from sixgym.scenarios import load_scenario

SCENARIO = "ran-slicing"


def slicing_experiment(topology_seeds: Sequence[int], seconds: float) -> Experiment:
    """All schedules on the network of the slicing paper."""
    return Experiment(load_scenario(SCENARIO), SCHEDULES, tuple(topology_seeds), seconds)


def grid(experiment: Experiment, runs: Sequence[SimulationRun]) -> Grid:
    """The runs of one simulator, which come in the order of `Experiment.keys`, by seed and schedule."""
    width = len(experiment.schedules)
    return tuple(tuple(runs[start : start + width]) for start in range(0, len(runs), width))


def slicing_figures(experiment: Experiment, comparison: RunGrids, command: str) -> Figures:
    """Everything the report says."""
    return Figures(
        command=command,
        scenario=experiment.scenario.name,
        scenario_digest=experiment.scenario.digest,
        candidate=Source.of(comparison.candidate[0][0]),
        reference=Source.of(comparison.reference[0][0]),
        topology_seeds=experiment.topology_seeds,
        seconds=experiment.seconds,
        schedules=comparison.schedules,
        goals=tuple(goal(comparison, metric) for metric in METRICS if metric.goal is not None),
        order_goal=ORDER_GOAL,
        orders=tuple(orders(comparison)),
        responses=tuple(compare_responses(comparison, QUOTA_STEP)),
        cells=tuple(cell for metric in METRICS for cell in cells(comparison, metric)),
    )
