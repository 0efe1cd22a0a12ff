"""Executors do every job once, whoever dies."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from sixgym.run.executor import (
    MOST_BROKEN_IN_A_ROW,
    Broken,
    Done,
    WorkError,
    execute,
    execute_in_threads,
)
from tests.repository import ROOT
from tests.run.jobs import Chore, Squarer, make_no_worker

CHORES = [Chore(number) for number in range(7)]


def finished(folder: Path, jobs: list[Chore], workers: int) -> tuple[dict[int, int], dict[int, str]]:
    """Squares of what was done, reasons of what broke; every job is over once."""
    done: dict[int, int] = {}
    broken: dict[int, str] = {}
    for outcome in execute(partial(Squarer, folder), jobs, workers):
        assert outcome.job.number not in {**done, **broken}
        match outcome:
            case Done(job, value):
                done[job.number] = value
            case Broken(job, reason):
                broken[job.number] = reason
    assert {**done, **broken}.keys() == {job.number for job in jobs}
    assert multiprocessing.active_children() == []
    return done, broken


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_every_job_is_done_whatever_the_number_of_workers(tmp_path: Path, workers: int) -> None:
    done, broken = finished(tmp_path, CHORES, workers)
    assert done == {number: number**2 for number in range(7)}
    assert not broken
    assert len(list(tmp_path.glob("closed-*"))) == min(workers, len(CHORES))


def test_the_job_of_a_worker_that_was_killed_is_done_by_another(tmp_path: Path) -> None:
    done, broken = finished(tmp_path, [*CHORES, Chore(7, "kill", 1)], 2)
    assert done[7] == 49
    assert not broken


def test_a_job_that_kills_two_workers_is_broken_and_the_rest_goes_on(tmp_path: Path) -> None:
    done, broken = finished(tmp_path, [Chore(7, "kill", 9), Chore(8, "leave", 9), *CHORES], 2)
    assert broken == {
        7: "a worker was killed by SIGKILL",
        8: "a worker ended with exit status 3",
    }
    assert done == {number: number**2 for number in range(7)}


def test_workers_that_all_die_stop_the_work(tmp_path: Path) -> None:
    deadly = [Chore(number, "kill", 9) for number in range(40)]
    with pytest.raises(WorkError, match="do not survive: a worker was killed by SIGKILL"):
        finished(tmp_path, deadly, 2)
    assert len(list(tmp_path.glob("tries-*"))) <= MOST_BROKEN_IN_A_ROW + 2
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_stops_the_work_after_what_was_done(tmp_path: Path, workers: int) -> None:
    done: list[int] = []
    outcomes = execute(partial(Squarer, tmp_path), [*CHORES, Chore(7, "stumble", 9)], workers)
    with pytest.raises(WorkError, match="stumbled"):
        done.extend(outcome.job.number for outcome in outcomes)
    assert set(done) <= set(range(7))
    assert len(done) >= len(CHORES) - workers + 1
    assert multiprocessing.active_children() == []


def test_a_worker_that_cannot_be_made_says_why() -> None:
    with pytest.raises(WorkError, match="nobody wants the job"):
        list(execute(make_no_worker, CHORES, 2))


def test_closing_the_generator_ends_workers_in_the_middle_of_a_job(tmp_path: Path) -> None:
    outcomes = execute(partial(Squarer, tmp_path), [Chore(7, "sleep", 9), *CHORES], 2)
    assert next(outcomes).job.number != 7
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_workers_end_when_whoever_sends_jobs_was_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from functools import partial\n"
        "from sixgym.run.executor import execute\n"
        "from tests.run.jobs import Chore, Squarer\n"
        "if __name__ == '__main__':\n"
        "    make_worker = partial(Squarer, pathlib.Path(sys.argv[1]))\n"
        "    for _ in execute(make_worker, [Chore(n) for n in range(10**6)], 2):\n"
        "        print(end='', flush=True)\n"
    )
    script = tmp_path / "endless.py"
    script.write_text(program)
    root = ROOT
    environment = {**os.environ, "PYTHONPATH": f"{root}:{os.environ.get('PYTHONPATH', '')}"}
    parent = subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment)
    while len(list(tmp_path.glob("tries-*"))) < 5:
        assert parent.poll() is None
        time.sleep(0.05)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    while len(list(tmp_path.glob("closed-*"))) < 2:
        time.sleep(0.05)


def nothing() -> None:
    pass


class Host:
    """A worker whose jobs meet at a table: nobody is done before processes has come."""

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
    outcomes = list(execute_in_threads(lambda: Host(table, closed), range(12), 4, nothing))
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


def test_an_error_in_a_thread_stops_the_work_and_nobody_begins_another_job() -> None:
    begun: list[int] = []
    done: list[int] = []
    with pytest.raises(WorkError, match=r"2: ValueError\('a bug of ours'\)"):
        done.extend(
            outcome.value for outcome in execute_in_threads(lambda: Fragile(begun), range(9), 1, nothing)
        )
    assert (begun, done) == ([0, 1, 2, -1], [0, 1])


def test_whoever_has_enough_of_the_threads_closes_them() -> None:
    begun: list[int] = []
    outcomes = execute_in_threads(lambda: Fragile(begun), [5] * 1_000, 1, nothing)
    next(outcomes)
    outcomes.close()
    assert begun[-1] == -1
    assert len(begun) < 1_000


def test_threads_that_cannot_be_made_stop_the_work() -> None:
    def make_worker() -> Fragile:
        raise OSError("no room")

    with pytest.raises(WorkError, match="a worker could not be made"):
        list(execute_in_threads(make_worker, range(3), 2, nothing))


def test_no_jobs_need_no_thread() -> None:
    assert list(execute_in_threads(lambda: Fragile([]), [], 3, nothing)) == []


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


def test_whoever_waits_is_woken_when_the_work_stops() -> None:
    awake = threading.Event()
    with pytest.raises(WorkError, match="the budget is spent"):
        list(execute_in_threads(lambda: Sleeper(awake), range(8), 8, awake.set))
    assert awake.is_set()
    assert not [thread for thread in threading.enumerate() if "work" in thread.name]


class Untidy(Sleeper):
    """Cannot be closed."""

    def close(self) -> None:
        raise OSError("it is stuck")


class Quitter(Sleeper):
    """Ends its thread as nobody should."""

    def do(self, job: int) -> int:
        raise SystemExit(job)


@pytest.mark.parametrize("kind", [Untidy, Quitter])
def test_a_thread_that_ends_in_any_way_is_heard_of(kind: type[Sleeper]) -> None:
    with pytest.raises(WorkError):
        list(execute_in_threads(lambda: kind(threading.Event()), range(1), 1, nothing))
