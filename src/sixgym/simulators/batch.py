"""Many networks at once. Results and their order do not depend on how the work is divided."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.simulators.base import Simulator

_Result = TypeVar("_Result")


def advance_all(simulators: Sequence[Simulator], duration_ms: int) -> list[Interval]:
    """Run every network for that long; what each measured, in the order given.

    Raises:
        SimulatorError: of the first in the order that failed. The others have advanced.
    """
    return _all([lambda simulator=simulator: simulator.advance(duration_ms) for simulator in simulators])


def reset_all(simulators: Sequence[Simulator], starts: Sequence[tuple[Scenario, int]]) -> list[Interval]:
    """Start every network with its placed scenario and seed; what each measured, in the order given.

    Raises:
        SimulatorError: of the first in the order that failed.
        ValueError: a scenario is not placed.
    """
    return _all(
        [
            lambda simulator=simulator, scenario=scenario, seed=seed: simulator.reset(scenario, seed=seed)
            for simulator, (scenario, seed) in zip(simulators, starts, strict=True)
        ]
    )


def _all(jobs: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """The jobs' results. Threads, because a simulator in a process of its own is waited for."""
    if len(jobs) < 2:
        return [job() for job in jobs]
    with ThreadPoolExecutor(min(len(jobs), os.cpu_count() or 1)) as pool:
        futures = [pool.submit(job) for job in jobs]
    return [future.result() for future in futures]
