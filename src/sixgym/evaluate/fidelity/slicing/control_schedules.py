"""Control schedules: the allocations of PRBs to slices while two simulators are compared.

An allocation gives each slice a number of PRBs of the carrier, in the order of the scenario's slices.
The PRBs of a slice are its own (dedicated = min = max); PRBs without a slice stay idle.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, cycle, islice, repeat
from typing import Protocol

import numpy as np

from sixgym.domain.change import SetPrbPolicy
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.actions import prb_policy

Allocation = tuple[int, int]
"""PRBs of the first and of the second slice."""

STEP_MS = 100
"""Length of a decision step of the slicing paper, in ms."""


class ControlSchedule(Protocol):
    """A rule that gives an allocation for every interval."""

    @property
    def name(self) -> str:
        """Unique name that describes the allocations; a changed schedule has another name."""
        ...

    @property
    def interval_ms(self) -> int:
        """Time between two allocations, in ms; it divides `STEP_MS`."""
        ...

    def allocations(self, topology_seed: int, prbs: int) -> Iterator[Allocation]:
        """The allocation of each interval, without end."""
        ...


@dataclass(frozen=True, slots=True)
class StaticSchedule:
    """The same allocation all the time."""

    allocation: Allocation
    interval_ms: int = STEP_MS

    @property
    def name(self) -> str:
        """Such as `static 6+12`."""
        return f"static {_text(self.allocation)}"

    def allocations(self, topology_seed: int, prbs: int) -> Iterator[Allocation]:
        """The same allocation without end."""
        return repeat(self.allocation)


@dataclass(frozen=True, slots=True)
class RandomSchedule:
    """A new allocation in every step; all allocations that fit into the carrier are equally likely."""

    interval_ms: int = STEP_MS

    @property
    def name(self) -> str:
        """`random`."""
        return "random"

    def allocations(self, topology_seed: int, prbs: int) -> Iterator[Allocation]:
        """Allocations drawn by a generator with the topology seed."""
        rng = np.random.default_rng(topology_seed)
        while True:
            first, second = (int(n) for n in rng.integers(1, prbs, size=2))
            if first + second <= prbs:
                yield first, second


@dataclass(frozen=True, slots=True)
class AlternatingSchedule:
    """A quota step that repeats: too few PRBs for `hold_ms`, then plenty for the same time."""

    starved: Allocation
    ample: Allocation
    hold_ms: int
    interval_ms: int

    @property
    def name(self) -> str:
        """Such as `step 3+3 to 12+12 every 500 ms`."""
        return f"step {_text(self.starved)} to {_text(self.ample)} every {self.hold_ms} ms"

    @property
    def intervals_per_period(self) -> int:
        """Number of intervals from one reduction to the next."""
        return 2 * self.hold_ms // self.interval_ms

    def allocations(self, topology_seed: int, prbs: int) -> Iterator[Allocation]:
        """The allocations of the periods; a period begins with the starved one."""
        held = self.hold_ms // self.interval_ms
        return cycle(chain(repeat(self.starved, held), repeat(self.ample, held)))


STATIC_GRID: tuple[Allocation, ...] = (
    (3, 5),
    (4, 6),
    (6, 6),
    (5, 8),
    (8, 8),
    (6, 12),
    (12, 13),
    (18, 7),
)
"""Allocations from too few PRBs for either slice to more than the slices ever need."""

QUOTA_STEP = AlternatingSchedule(starved=(3, 3), ample=(12, 12), hold_ms=500, interval_ms=20)

SCHEDULES: tuple[ControlSchedule, ...] = (
    *(StaticSchedule(allocation) for allocation in STATIC_GRID),
    RandomSchedule(),
    QUOTA_STEP,
)
"""The schedules that the slicing experiment runs on every network."""


def changes(
    schedule: ControlSchedule, scenario: Scenario, topology_seed: int, intervals: int
) -> Iterator[SetPrbPolicy | None]:
    """The change to apply before each interval; None where the allocation does not change."""
    before: Allocation | None = None
    for allocation in islice(schedule.allocations(topology_seed, scenario.prbs), intervals):
        yield None if allocation == before else prb_policy(scenario, allocation)
        before = allocation


def _text(allocation: Allocation) -> str:
    return "+".join(str(prbs) for prbs in allocation)
