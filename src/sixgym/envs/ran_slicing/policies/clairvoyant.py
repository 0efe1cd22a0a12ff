"""A plan for the slicing environment by one who knows the future: search on copies of the running network.

A copy of a running network holds the same random streams, so what it measures when it is advanced is
what will happen. The search keeps one copy per allocation that was held last, as dynamic programming
over allocations would: of two ways to hold the same allocation it keeps the one that earned more,
though the other's queues might have been worth more later. `Search` narrows it further. Its result is
a utility that was really earned; how far the optimum may lie above it, `slicing_bound` says.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Protocol, Self

from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.actions import Allocation, initial_allocation, prb_policy
from sixgym.envs.ran_slicing.metrics import StepMetrics, Totals, UtilityWeights
from sixgym.simulators.base import Simulator
from sixgym.simulators.batch import advance_all

HEADER_ALLOWANCE = 1.1
"""Bytes in a queue per byte of payload, at most: 542 for 512 and more."""


class Forkable(Simulator, Protocol):
    """A simulator whose running network can be copied."""

    def fork(self) -> Self:
        """An independent copy of the running network: it measures what the original would."""
        ...


@dataclass(frozen=True, slots=True)
class Search:
    """How far the search looks around.

    Attributes:
        width: Copies kept after each step, each with another allocation.
        radius: The best copy branches into all allocations that differ by up to so many PRBs per slice;
            in the first step into all there are.
        hubs: How many of the best copies branch.
    """

    width: int = 24
    radius: int = 3
    hubs: int = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """Allocations by step and what they earned on the network they were made for."""

    allocations: tuple[Allocation, ...]
    totals: Totals


@dataclass(slots=True)
class _Branch:
    simulator: Forkable
    allocation: Allocation
    plan: "_Link | None"
    totals: Totals
    overdue_steps: int = 0
    backlog_bytes: int = 0

    def merit(self, weights: UtilityWeights) -> tuple[float, int]:
        """What it earned, less a violation for each step that it has put off; then, less waiting.

        A late packet counts when it is delivered or given up, so without this starving looks best for
        half a second: with 48 copies the search ended with 149 violations instead of 5.
        """
        return (self.totals.utility - weights.violation * self.overdue_steps, -self.backlog_bytes)


@dataclass(frozen=True, slots=True)
class _Link:
    """A plan as a linked list, so that branches share what they have in common."""

    allocation: Allocation
    before: "_Link | None"


def clairvoyant(
    network: Forkable,
    scenario: Scenario,
    *,
    network_seed: int,
    steps: int,
    weights: UtilityWeights | None = None,
    search: Search | None = None,
) -> Plan:
    """Search the best plan for a placed scenario and a network seed. `network` is reset for it.

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
    """The allocations within that distance per slice, the present one among them."""
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
    """Whether in some slice more waits than arrives within the deadline, so that some of it is late."""
    for slice_ in scenario.slices:
        deadline_ms = slice_.sla.max_latency_ms
        measured = interval.slices[slice_.type]
        if deadline_ms is not None:
            share = min(1.0, deadline_ms / (interval.end_ms - interval.start_ms))
            if measured.queue_bytes > HEADER_ALLOWANCE * share * measured.flow.sent_bytes:
                return True
    return False


def _survivors(branches: list[_Branch], width: int, weights: UtilityWeights) -> list[_Branch]:
    """The best branch of each allocation, and of those the best, best first."""
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
