"""A plan for the slicing environment with knowledge of the future: a search on copies of the running network.

A copy of a running network has the same random streams, so the measurements of an advanced copy are the
future. The search keeps one copy for each last allocation, as dynamic programming over allocations does: of
two plans with the same last allocation it keeps the plan with the higher utility, although the queues of the
other plan might be worth more later. `Search` narrows the search further. The result is a utility that was
really earned; `utility_bound` says how far the optimum may lie above it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.actions import Allocation, initial_allocation, prb_policy
from sixgym.envs.ran_slicing.metrics import StepMetrics, Totals, UtilityWeights
from sixgym.simulators.base import ForkableSimulator
from sixgym.simulators.batch import advance_all

HEADER_ALLOWANCE = 1.1
"""Largest ratio of bytes in a queue to bytes of payload: 542 for a packet of 512."""


@dataclass(frozen=True, slots=True)
class Search:
    """Size of the search.

    Attributes:
        width: Number of copies kept after each step, each with another allocation.
        radius: Largest change of an allocation in PRBs per slice when a copy branches. In the first step a
            copy branches into all allocations.
        hubs: Number of copies that branch, best first.
    """

    width: int = 24
    radius: int = 3
    hubs: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Allocations by step, and their metrics on the network that they were made for."""

    allocations: tuple[Allocation, ...]
    totals: Totals


@dataclass(slots=True)
class _Branch:
    simulator: ForkableSimulator
    allocation: Allocation
    plan: "_Link | None"
    totals: Totals
    overdue_steps: int = 0
    backlog_bytes: int = 0

    def merit(self, weights: UtilityWeights) -> tuple[float, int]:
        """The utility less a violation for each overdue step, then the smaller backlog.

        A late packet counts when it is delivered or given up. Without the overdue steps, starving a slice
        looks best for half a second: with 48 copies the search ended with 149 violations instead of 5.
        """
        return (self.totals.utility - weights.violation * self.overdue_steps, -self.backlog_bytes)


@dataclass(frozen=True, slots=True)
class _Link:
    """A plan as a linked list, so that branches share their common beginning."""

    allocation: Allocation
    before: "_Link | None"


def clairvoyant(
    network: ForkableSimulator,
    scenario: Scenario,
    *,
    network_seed: int,
    steps: int,
    weights: UtilityWeights | None = None,
    search: Search | None = None,
) -> Plan:
    """Search the best plan for a placed scenario and a network seed. The search resets `network`.

    Raises:
        ValueError: the scenario is not placed.
        SimulatorError: the network failed.
    """
    network.reset(scenario, seed=network_seed)
    how, values = search or Search(), weights or UtilityWeights()
    branches = [_Branch(network, initial_allocation(scenario), None, Totals())]
    for step in range(steps):
        radius = how.radius if step else scenario.prbs  # the scenario's own shares may be far off
        tries = [
            (branch, allocation)
            for rank, branch in enumerate(branches)
            for allocation in _next(branch.allocation, scenario, radius if rank < how.hubs else 0)
        ]
        branches = _survivors(_tried(tries, scenario, values), how.width, values)
    best = max(branches, key=lambda branch: branch.totals.utility)
    return Plan(tuple(_unlinked(best.plan)), best.totals)


def _next(now: Allocation, scenario: Scenario, radius: int) -> Iterator[Allocation]:
    """The allocations within that distance per slice, the current allocation included."""
    for allocation in product(*(range(max(0, count - radius), count + radius + 1) for count in now)):
        if sum(allocation) <= scenario.prbs:
            yield allocation


def _tried(
    tries: list[tuple[_Branch, Allocation]], scenario: Scenario, weights: UtilityWeights
) -> list[_Branch]:
    """Each branch advanced by one step with its allocation, on a copy of its network."""
    copies = [branch.simulator.fork() for branch, _ in tries]
    for copy, (branch, allocation) in zip(copies, tries, strict=True):
        if branch.plan is None or allocation != branch.allocation:
            copy.apply(prb_policy(scenario, allocation))
    advanced: list[_Branch] = []
    intervals = advance_all(copies, scenario.decision_interval_ms)
    for copy, interval, (branch, allocation) in zip(copies, intervals, tries, strict=True):
        metrics = StepMetrics.of(interval, reconfigured=allocation != branch.allocation)
        overdue = _is_overdue(interval, scenario)
        advanced.append(
            _Branch(
                copy,
                allocation,
                _Link(allocation, branch.plan),
                branch.totals.plus(metrics, weights),
                branch.overdue_steps + 1 if overdue else 0,
                sum(measured.queue_bytes for measured in interval.slices.values()),
            )
        )
    return advanced


def _is_overdue(interval: Interval, scenario: Scenario) -> bool:
    """Whether the queue of a slice holds more than arrives within the deadline, so that a part is late."""
    for slice_ in scenario.slices:
        deadline_ms = slice_.sla.max_latency_ms
        measured = interval.slices[slice_.type]
        if deadline_ms is not None:
            share = min(1.0, deadline_ms / (interval.end_ms - interval.start_ms))
            if measured.queue_bytes > HEADER_ALLOWANCE * share * measured.flow.sent_bytes:
                return True
    return False


def _survivors(branches: list[_Branch], width: int, weights: UtilityWeights) -> list[_Branch]:
    """The best branch of each allocation, the best of them first, at most `width`."""
    best: dict[Allocation, _Branch] = {}
    for branch in sorted(branches, key=lambda branch: branch.merit(weights), reverse=True):
        best.setdefault(branch.allocation, branch)
    return list(best.values())[:width]


def _unlinked(link: _Link | None) -> list[Allocation]:
    allocations: list[Allocation] = []
    while link is not None:
        allocations.append(link.allocation)
        link = link.before
    return allocations[::-1]
