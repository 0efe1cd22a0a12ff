"""What the slicing comparison found, as numbers: the content of its JSON file."""

from pydantic import AliasChoices, Field

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.record import StoredRun
from sixgym.evaluate.fidelity.statistics import Estimate


class Source(Record):
    """A simulator as it was used: `replica` 0 saw the traffic and fading of the reference."""

    network: str
    version: str
    replica: int

    @classmethod
    def of(cls, run: StoredRun) -> "Source":
        """The one that made this run."""
        return cls(network=run.key.network, version=run.version, replica=run.key.replica)


class SliceErrors(Record):
    """One metric of one slice under one schedule.

    Attributes:
        slice, schedule, metric, unit: Where; the unit is of the errors.
        reference, candidate: The figure itself, mean over seeds, in the metric's unit.
        error: Mean over seeds of the paired absolute error.
        bias: Mean over seeds of the paired error with its sign, candidate minus reference.
        floor: `error` of the reference against itself with another network seed.
        seeds: Pairs that have an error; a seed on which the reference has no figure has none.
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
    """A metric over all slices, schedules and seeds, held against its goal.

    Attributes:
        metric, unit, goal: The goal is an upper bound for `error`.
        error, bias, floor: As in `SliceErrors`, over all cells; every run counts the same.
        met: Whether `error` is within the goal.
        worst: The cell with the largest error.
        worst_met: Whether even that is within the goal.
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


class RankAgreement(Record):
    """How often both simulators put two schedules in the same order on the same network.

    Attributes:
        by: `utility`, or a metric and a slice.
        same: Share of pairs, over all seeds.
        pairs: How many; pairs that are equal on the reference have no order and are left out.
        ties: How many were left out.
        clear: Share among the pairs that the reference orders alike with another network seed.
        clear_pairs: How many.
        noisy: Share among those it does not: their difference is within the noise of traffic and fading.
        noisy_pairs: How many.
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


class Response(Record):
    """Distance of the mean responses to the quota step.

    Attributes:
        slice, metric: What is followed.
        distance: Mean over time of the absolute difference, in percent of the reference's mean; None
            where that is 0.
        floor: The same for the reference with another network seed.
    """

    slice: str
    metric: str
    distance: Estimate | None
    floor: Estimate | None


class Figures(Record):
    """The whole comparison."""

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
    responses: tuple[Response, ...]
    cells: tuple[SliceErrors, ...]
