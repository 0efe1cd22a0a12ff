"""What every executor owes its callers. A new form joins by one line in `FORMS`."""

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from sixgym.run.executor import (
    Done,
    Executor,
    ProcessExecutor,
    SerialExecutor,
    ThreadExecutor,
    WorkError,
    function_worker,
)
from tests.run.jobs import CHORES, Chore, Squarer, make_no_worker, square

FORMS: dict[str, Callable[[], Executor]] = {
    "serial": SerialExecutor,
    "one thread": lambda: ThreadExecutor(1),
    "three threads": lambda: ThreadExecutor(3),
    "one process": lambda: ProcessExecutor(1),
    "two processes": lambda: ProcessExecutor(2),
    "more processes than jobs": lambda: ProcessExecutor(len(CHORES) + 2),
}


@pytest.fixture(params=sorted(FORMS))
def executor(request: pytest.FixtureRequest) -> Executor:
    return FORMS[request.param]()


@pytest.fixture(autouse=True)
def no_worker_is_left() -> Iterator[None]:
    """Whatever a test does, no thread and no process outlives the work."""
    threads = set(threading.enumerate())
    yield
    assert multiprocessing.active_children() == []
    assert set(threading.enumerate()) <= threads


def test_every_job_comes_back_once_with_its_value(executor: Executor, tmp_path: Path) -> None:
    outcomes = list(executor.execute(partial(Squarer, tmp_path), CHORES))
    assert sorted(outcome.job.number for outcome in outcomes) == [job.number for job in CHORES]
    assert all(isinstance(outcome, Done) and outcome.value == outcome.job.number**2 for outcome in outcomes)


def test_a_worker_does_many_jobs_and_is_closed(executor: Executor, tmp_path: Path) -> None:
    list(executor.execute(partial(Squarer, tmp_path), CHORES))
    made, closed = (list(tmp_path.glob(f"{what}-*")) for what in ("made", "closed"))
    assert 1 <= len(made) == len(closed) <= len(CHORES)


def test_the_order_of_jobs_does_not_change_their_values(executor: Executor, tmp_path: Path) -> None:
    def values(jobs: list[Chore]) -> dict[Chore, int]:
        outcomes = executor.execute(partial(Squarer, tmp_path), jobs)
        return {outcome.job: outcome.value for outcome in outcomes if isinstance(outcome, Done)}

    assert values(CHORES) == values(CHORES[::-1])


def test_equal_jobs_are_done_as_often_as_they_are_given(executor: Executor) -> None:
    outcomes = executor.execute(function_worker(square), [3, 3, 3])
    assert [outcome.value for outcome in outcomes if isinstance(outcome, Done)] == [9, 9, 9]


def test_no_jobs_give_no_outcomes(executor: Executor, tmp_path: Path) -> None:
    assert list(executor.execute(partial(Squarer, tmp_path), [])) == []


def test_an_exception_of_a_worker_ends_the_work_and_names_the_job(executor: Executor, tmp_path: Path) -> None:
    done: list[int] = []
    outcomes = executor.execute(partial(Squarer, tmp_path), [*CHORES, Chore(7, "stumble", 9)])
    with pytest.raises(WorkError, match=r"(?s)Chore\(number=7.*stumbled"):
        done.extend(outcome.job.number for outcome in outcomes)
    assert set(done) <= {job.number for job in CHORES}


def test_a_work_error_of_a_worker_reaches_the_caller_word_for_word(
    executor: Executor, tmp_path: Path
) -> None:
    with pytest.raises(WorkError) as caught:
        list(executor.execute(partial(Squarer, tmp_path), [Chore(7, "give up", 9)]))
    assert str(caught.value) == "the budget is spent"


def test_a_worker_that_cannot_be_made_ends_the_work_with_its_reason(executor: Executor) -> None:
    with pytest.raises(WorkError, match="no room for a worker"):
        list(executor.execute(make_no_worker, CHORES))


def test_closing_the_generator_ends_the_workers(executor: Executor, tmp_path: Path) -> None:
    jobs = [Chore(number) for number in range(2_000)]
    outcomes = executor.execute(partial(Squarer, tmp_path), jobs)
    assert next(outcomes).job in jobs
    outcomes.close()
    assert len(list(tmp_path.glob("tries-*"))) < len(jobs)
    assert len(list(tmp_path.glob("made-*"))) == len(list(tmp_path.glob("closed-*")))
