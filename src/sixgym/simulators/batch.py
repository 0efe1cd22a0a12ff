"""Many networks at once. Results and their order do not depend on how the work is divided."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
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
    """The jobs' results. Threads, because a simulator is waited for or computes without Python's lock."""
    threads = min(len(jobs), os.cpu_count() or 1)
    if threads < 2:
        return [job() for job in jobs]
    shares = [jobs[len(jobs) * i // threads : len(jobs) * (i + 1) // threads] for i in range(threads)]
    pool = _pool(threads, os.getpid())
    running = [pool.submit(_outcomes, share) for share in shares]
    done = [outcome for future in running for outcome in future.result()]
    results: list[_Result] = []
    for outcome in done:
        if isinstance(outcome, Exception):
            raise outcome
        results.append(outcome)
    return results


def _outcomes(jobs: Sequence[Callable[[], _Result]]) -> list[_Result | Exception]:
    """What every job returned or raised: one that fails does not keep the next ones from their turn."""
    outcomes: list[_Result | Exception] = []
    for job in jobs:
        try:
            outcomes.append(job())
        except Exception as error:
            outcomes.append(error)
    return outcomes


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Kept for the next step, as starting threads takes longer than a step; a forked process has its own."""
    return ThreadPoolExecutor(threads, thread_name_prefix="sixgym")
