"""Threads stop when the work stops, and are woken where they wait."""

import threading
import time

import pytest

from sixgym.run.executor import ThreadExecutor, WorkError


class Host:
    """A worker whose jobs wait for one another: none is done before all workers have one."""

    def __init__(self, table: threading.Barrier, closed: list[str]) -> None:
        self.table, self.closed = table, closed

    def do(self, job: int) -> int:
        self.table.wait(30)
        return job**2

    def close(self) -> None:
        self.closed.append(threading.current_thread().name)


def test_threads_work_at_the_same_time_and_every_job_is_done_once() -> None:
    closed: list[str] = []
    table = threading.Barrier(4)
    outcomes = list(ThreadExecutor(4).execute(lambda: Host(table, closed), range(12)))
    assert sorted((outcome.job, outcome.value) for outcome in outcomes) == [(n, n**2) for n in range(12)]
    assert len(set(closed)) == 4


class Fragile:
    """A worker that keeps what it was given and fails at the third job."""

    def __init__(self, begun: list[int]) -> None:
        self.begun = begun

    def do(self, job: int) -> int:
        self.begun.append(job)
        if job == 2:
            raise ValueError("a bug of ours")
        time.sleep(job / 1000)
        return job

    def close(self) -> None:
        self.begun.append(-1)


def test_after_an_error_in_a_thread_no_other_job_begins() -> None:
    begun: list[int] = []
    done: list[int] = []
    with pytest.raises(WorkError, match=r"2: ValueError\('a bug of ours'\)"):
        done.extend(outcome.value for outcome in ThreadExecutor(1).execute(lambda: Fragile(begun), range(9)))
    assert (begun, done) == ([0, 1, 2, -1], [0, 1])


def test_closing_the_generator_lets_no_thread_begin_another_job() -> None:
    begun: list[int] = []
    outcomes = ThreadExecutor(1).execute(lambda: Fragile(begun), [5] * 1_000)
    next(outcomes)
    outcomes.close()
    assert begun[-1] == -1
    assert len(begun) < 1_000


class Sleeper:
    """Waits until it is woken; closing it fails."""

    def __init__(self, awake: threading.Event) -> None:
        self.awake = awake

    def do(self, job: int) -> int:
        if job == 0:
            raise WorkError("the budget is spent")
        self.awake.wait()
        return job

    def close(self) -> None:
        pass


def test_threads_that_wait_are_woken_when_the_work_stops() -> None:
    awake = threading.Event()
    with pytest.raises(WorkError, match="the budget is spent"):
        list(ThreadExecutor(8, awake.set).execute(lambda: Sleeper(awake), range(8)))
    assert awake.is_set()
    assert not [thread for thread in threading.enumerate() if "work" in thread.name]


class Untidy(Sleeper):
    """Cannot be closed."""

    def close(self) -> None:
        raise OSError("it is stuck")


class Quitter(Sleeper):
    """Ends its thread by an exception that is no error."""

    def do(self, job: int) -> int:
        raise SystemExit(job)


@pytest.mark.parametrize("kind", [Untidy, Quitter])
def test_a_thread_that_ends_in_any_way_ends_the_work(kind: type[Sleeper]) -> None:
    with pytest.raises(WorkError):
        list(ThreadExecutor(1).execute(lambda: kind(threading.Event()), range(1)))
