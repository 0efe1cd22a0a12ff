"""A run that is stopped keeps what is finished, and `--resume` completes it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sixgym.agents.rules.reference import ReferenceAgent
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.evaluate.bench.store import RunFolder
from tests.cli.bench.conftest import results_of
from tests.cli.conftest import Sixgym


def test_a_stopped_run_keeps_its_episodes_and_resumes_to_the_same_result(
    bench: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    arguments = ("--agent", "reference", "--trials", 2, "--out")
    assert bench(*arguments, whole).exit_code == 0
    acts = 0
    act = ReferenceAgent.act

    def act_until_stopped(self: ReferenceAgent, observation: Observation) -> Turn:
        nonlocal acts
        acts += 1
        if acts == 30:
            raise KeyboardInterrupt
        return act(self, observation)

    with monkeypatch.context() as patched:
        patched.setattr(ReferenceAgent, "act", act_until_stopped)
        stopped = bench(*arguments, run)
    assert stopped.exit_code == 130
    assert "--resume continues" in stopped.stderr
    kept = sum(1 for _ in RunFolder(run).episodes(2))
    assert 0 < kept < 30
    assert not (run / "results.jsonl").exists()
    resumed = bench(*arguments, run, "--resume")
    assert resumed.exit_code == 0, resumed.output
    assert f"{kept} of them stored already" in resumed.stderr
    assert results_of(run) == results_of(whole)
    assert sum(1 for _ in RunFolder(run).episodes(2)) == 30
    again = bench(*arguments, run, "--resume", "--json")
    assert json.loads(again.stdout)["overall"]["n"] == 30


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (("--agent", "null"), "agent was reference and is null"),
        (("--trials", 2), "trials was 1 and is 2"),
        (("--limit", 3), "--limit was not given and is 3"),
    ],
)
def test_another_run_is_not_resumed(
    bench: Sixgym, tmp_path: Path, changed: tuple[object, ...], words: str
) -> None:
    assert bench("--agent", "reference", "--out", tmp_path / "run").exit_code == 0
    refused = bench("--agent", "reference", *changed, "--out", tmp_path / "run", "--resume")
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_a_folder_with_something_in_it_is_not_overwritten(bench: Sixgym, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    refused = bench("--agent", "null", "--out", tmp_path)
    assert refused.exit_code == 2
    assert "is not empty: --resume continues its run, --out takes another folder" in refused.stderr


# ---------------------------------------------------------------------- real processes
def start(task_file: Path, run: Path, *arguments: str) -> subprocess.Popen[bytes]:
    program = "from sixgym.cli import main; main()"
    options = ["--agent", "random", "--tasks", str(task_file), "--workers", "2", "--out", str(run)]
    return subprocess.Popen([sys.executable, "-c", program, "bench", *options, *arguments])


def stored(run: Path) -> int:
    return sum(1 for _ in RunFolder(run).episodes(1))


def stop(process: subprocess.Popen[bytes], run: Path, episodes: int, how: signal.Signals) -> int:
    """Stop a run once that many episodes are stored; its exit status."""
    while stored(run) < episodes:
        assert process.poll() is None, "it should be stopped in the middle"
        time.sleep(0.02)
    process.send_signal(how)
    return process.wait()


def test_a_run_of_processes_that_was_stopped_twice_finishes_as_one_that_was_not(
    sixgym: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    run, whole = tmp_path / "run", tmp_path / "whole"
    assert stop(start(task_file, run), run, 3, signal.SIGKILL) == -signal.SIGKILL
    assert stop(start(task_file, run, "--resume"), run, 7, signal.SIGTERM) == 130
    assert start(task_file, run, "--resume").wait() == 0
    shared = ("--tasks", task_file, "--workers", 1)
    assert sixgym("bench", "--agent", "random", *shared, "--out", whole).exit_code == 0
    assert results_of(run) == results_of(whole)


def children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the workers in /proc")
def test_a_worker_that_is_killed_costs_nothing(tmp_path: Path, task_file: Path) -> None:
    run = tmp_path / "run"
    process = start(task_file, run)
    while stored(run) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    os.kill(children(process.pid)[-1], signal.SIGKILL)
    assert process.wait() == 0
    rows = results_of(run)
    assert len(rows) == 15
    assert not any(row.infrastructure_failure for row in rows)
