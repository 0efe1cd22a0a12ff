"""Worker processes that die cost no job."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from sixgym.run.executor import MOST_BROKEN_IN_A_ROW, Broken, Done, ProcessExecutor, WorkError
from tests.repository import ROOT
from tests.run.jobs import CHORES, Chore, Squarer


def finished(folder: Path, jobs: list[Chore], workers: int = 2) -> tuple[dict[int, int], dict[int, str]]:
    """Squares of what was done, reasons of what broke; every job is over once."""
    done: dict[int, int] = {}
    broken: dict[int, str] = {}
    for outcome in ProcessExecutor(workers).execute(partial(Squarer, folder), jobs):
        assert outcome.job.number not in {**done, **broken}
        match outcome:
            case Done(job, value):
                done[job.number] = value
            case Broken(job, reason):
                broken[job.number] = reason
    assert {**done, **broken}.keys() == {job.number for job in jobs}
    assert multiprocessing.active_children() == []
    return done, broken


def test_no_more_processes_start_than_there_are_jobs(tmp_path: Path) -> None:
    finished(tmp_path, CHORES, workers=9)
    assert len(list(tmp_path.glob("closed-*"))) == len(CHORES)


def test_the_job_of_a_worker_that_was_killed_is_done_by_another(tmp_path: Path) -> None:
    done, broken = finished(tmp_path, [*CHORES, Chore(7, "kill", 1)])
    assert done[7] == 49
    assert not broken


def test_a_job_that_kills_two_workers_is_broken_and_the_rest_goes_on(tmp_path: Path) -> None:
    done, broken = finished(tmp_path, [Chore(7, "kill", 9), Chore(8, "leave", 9), *CHORES])
    assert broken == {
        7: "a worker was killed by SIGKILL",
        8: "a worker ended with exit status 3",
    }
    assert done == {number: number**2 for number in range(7)}


def test_workers_that_all_die_stop_the_work(tmp_path: Path) -> None:
    deadly = [Chore(number, "kill", 9) for number in range(40)]
    with pytest.raises(WorkError, match="do not survive: a worker was killed by SIGKILL"):
        finished(tmp_path, deadly)
    assert len(list(tmp_path.glob("tries-*"))) <= MOST_BROKEN_IN_A_ROW + 2
    assert multiprocessing.active_children() == []


def test_closing_the_generator_ends_a_worker_in_the_middle_of_a_job(tmp_path: Path) -> None:
    outcomes = ProcessExecutor(2).execute(partial(Squarer, tmp_path), [Chore(7, "sleep", 9), *CHORES])
    assert next(outcomes).job.number != 7
    outcomes.close()
    assert multiprocessing.active_children() == []


def test_workers_end_when_the_process_that_sends_jobs_was_killed(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys\n"
        "from functools import partial\n"
        "from sixgym.run.executor import ProcessExecutor\n"
        "from tests.run.jobs import Chore, Squarer\n"
        "if __name__ == '__main__':\n"
        "    make_worker = partial(Squarer, pathlib.Path(sys.argv[1]))\n"
        "    for _ in ProcessExecutor(2).execute(make_worker, [Chore(n) for n in range(10**6)]):\n"
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
