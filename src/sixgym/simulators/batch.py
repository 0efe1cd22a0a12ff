"""Many networks at once. Results and their order do not depend on the number of threads."""

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
    """Run every network for a duration; returns the intervals in the order of the simulators.

    Raises:
        SimulatorError: the error of the first simulator that failed. The others have advanced.
    """
    return _all([lambda simulator=simulator: simulator.advance(duration_ms) for simulator in simulators])


def reset_all(simulators: Sequence[Simulator], starts: Sequence[tuple[Scenario, int]]) -> list[Interval]:
    """Start every network with its placed scenario and seed; returns the intervals in the same order.

    Raises:
        SimulatorError: the error of the first simulator that failed.
        ValueError: a scenario is not placed.
    """
    return _all(
        [
            lambda simulator=simulator, scenario=scenario, seed=seed: simulator.reset(scenario, seed=seed)
            for simulator, (scenario, seed) in zip(simulators, starts, strict=True)
        ]
    )


def _all(jobs: Sequence[Callable[[], _Result]]) -> list[_Result]:
    """The jobs' results. Threads, because simulators wait for a process or compute without Python's lock."""
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
    """The result or the exception of every job: a failure does not stop the next jobs."""
    outcomes: list[_Result | Exception] = []
    for job in jobs:
        try:
            outcomes.append(job())
        except Exception as error:
            outcomes.append(error)
    return outcomes


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """The thread pool, kept because starting threads takes longer than a step; per process, for forks."""
    return ThreadPoolExecutor(threads, thread_name_prefix="sixgym")
