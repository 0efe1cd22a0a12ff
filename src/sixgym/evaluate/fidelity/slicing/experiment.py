"""`sixgym fidelity slicing`: which runs it needs, and what they say."""

from collections.abc import Sequence

from sixgym.evaluate.fidelity.record import Run
from sixgym.evaluate.fidelity.slicing.collect import Experiment
from sixgym.evaluate.fidelity.slicing.comparison import Comparison, Grid, cells, goal
from sixgym.evaluate.fidelity.slicing.control_schedules import PROGRAMMES, QUOTA_STEP
from sixgym.evaluate.fidelity.slicing.figures import Figures, Source
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.fidelity.slicing.order import ORDER_GOAL, orders
from sixgym.evaluate.fidelity.slicing.response import compare_responses
from sixgym.scenarios import load_scenario

SCENARIO = "ran-slicing"


def slicing_experiment(topology_seeds: Sequence[int], seconds: float) -> Experiment:
    """All programmes on the network of the slicing paper."""
    return Experiment(load_scenario(SCENARIO), PROGRAMMES, tuple(topology_seeds), seconds)


def grid(experiment: Experiment, runs: Sequence[Run]) -> Grid:
    """The runs of one simulator, which come in the order of `Experiment.keys`, by seed and programme."""
    width = len(experiment.programmes)
    return tuple(tuple(runs[start : start + width]) for start in range(0, len(runs), width))


def slicing_figures(experiment: Experiment, comparison: Comparison, command: str) -> Figures:
    """Everything the report says."""
    return Figures(
        command=command,
        scenario=experiment.scenario.name,
        scenario_digest=experiment.scenario.digest,
        candidate=Source.of(comparison.candidate[0][0]),
        reference=Source.of(comparison.reference[0][0]),
        topology_seeds=experiment.topology_seeds,
        seconds=experiment.seconds,
        programmes=comparison.programmes,
        goals=tuple(goal(comparison, metric) for metric in METRICS if metric.goal is not None),
        order_goal=ORDER_GOAL,
        orders=tuple(orders(comparison)),
        responses=tuple(compare_responses(comparison, QUOTA_STEP)),
        cells=tuple(cell for metric in METRICS for cell in cells(comparison, metric)),
    )
