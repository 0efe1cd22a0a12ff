"""`sixgym fidelity transfer` after a stop, a crash or another version: what is kept, what is made again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.run.replay import ReplayAgent
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.cli.fidelity.conftest import AGENTS, EPISODES, PAGE, TASKS, Absent, written
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import write_tasks
from tests.evaluate.fidelity.transfer.replays import DyingSlower, SlowerFluid, mixed_tasks
from tests.repository import ROOT


def test_stored_rows_make_the_page_again_without_the_network(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert fidelity(out).exit_code == 0
    before = written(out)
    monkeypatch.setitem(factory.SIMULATORS, "slower", Absent)
    again = fidelity(out)
    assert again.exit_code == 0, again.output
    assert f"slower: {EPISODES} of {EPISODES} episodes are stored" in again.stderr
    assert written(out) == before


def test_rows_of_another_version_are_replayed_again_and_that_is_said(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert fidelity(out).exit_code == 0
    monkeypatch.setattr(SlowerFluid, "version", "slower-2")
    again = fidelity(out)
    assert again.exit_code == 0, again.output
    assert f"{EPISODES} rows in" in again.stderr
    assert "are not used: made by version slower-1, here is slower-2" in again.stderr
    assert f"0 of {EPISODES} episodes are stored" in again.stderr


def test_a_new_candidate_on_which_agents_do_the_same_needs_no_new_replays(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    assert fidelity(out).exit_code == 0
    monkeypatch.setattr(FluidSimulator, "version", "test-2")
    again = fidelity(out)
    assert again.exit_code == 0, again.output
    assert "made by version test, here is test-2" in again.stderr
    assert f"slower: {EPISODES} of {EPISODES} episodes are stored" in again.stderr


def test_rows_of_another_task_set_are_not_used(fidelity: Sixgym, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert fidelity(out).exit_code == 0
    (tmp_path / "later").mkdir()
    later = write_tasks(tmp_path / "later" / "samples.json", mixed_tasks(TASKS + 1))
    again = fidelity(out, "--tasks", later)
    assert again.exit_code == 0, again.output
    assert f"fluid: {EPISODES} rows in" in again.stderr
    assert "are not used: of task set" in again.stderr
    assert f"0 of {EPISODES + 3} episodes are stored" in again.stderr


def test_an_interrupted_replay_goes_on_and_ends_with_the_same_bytes(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert fidelity(whole).exit_code == 0
    turns = 0
    act = ReplayAgent.act

    def act_until_stopped(self: ReplayAgent, observation: Observation) -> Turn:
        nonlocal turns
        turns += 1
        if turns == 20:
            raise KeyboardInterrupt
        return act(self, observation)

    with monkeypatch.context() as patched:
        patched.setattr(ReplayAgent, "act", act_until_stopped)
        stopped = fidelity(out)
    assert stopped.exit_code == 130
    assert "the same command continues" in stopped.stderr
    assert not (out / f"{PAGE}.md").exists()
    resumed = fidelity(out)
    assert resumed.exit_code == 0, resumed.output
    assert f"fluid: {EPISODES} of {EPISODES} episodes are stored" in resumed.stderr
    assert f"slower: 0 of {EPISODES}" not in resumed.stderr
    assert written(out) == written(whole)


def test_what_broke_is_apart_and_tried_again(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    act = ReplayAgent.act

    def act_or_break(self: ReplayAgent, observation: Observation) -> Turn:
        if self.name == "null":
            raise ValueError("a bug of ours")
        return act(self, observation)

    with monkeypatch.context() as patched:
        patched.setattr(ReplayAgent, "act", act_or_break)
        first = fidelity(out, "--json")
    assert first.exit_code == 0, first.output
    figures = json.loads(first.stdout)
    assert [one["agent"] for one in figures["overall"]["agents"]] == ["random", "reference"]
    (reason,) = {one["reason"] for one in figures["failures"]}
    assert reason.startswith(f"stopped by ValueError('a bug of ours') at {Path(__file__).name}:")
    again = fidelity(out, "--json")
    assert f"{TASKS} of them broke and are tried again" in again.stderr
    assert json.loads(again.stdout)["failures"] == []


def test_a_network_that_does_not_start_ends_it_before_anything_is_lost(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setitem(factory.SIMULATORS, "slower", Absent)
        result = fidelity(tmp_path / "out")
    assert result.exit_code == 1
    assert "does not start" in result.stderr
    again = fidelity(tmp_path / "out")
    assert f"fluid: {EPISODES} of {EPISODES} episodes are stored" in again.stderr


# ---------------------------------------------------------------------- a real process
PROGRAM = """
from sixgym.cli import main
from sixgym.simulators import factory
from tests.doubles import FluidSimulator
from tests.evaluate.fidelity.transfer.replays import DyingSlower
factory.SIMULATORS.update(fluid=FluidSimulator, slower=DyingSlower)
main()
"""


def test_a_killed_command_goes_on_and_ends_with_the_same_bytes(
    fidelity: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    networks = ("--candidate", "fluid", "--reference", "slower", "--agents", AGENTS)
    options = (*networks, "--tasks", str(task_file), "--workers", "1", "--out", str(out))
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, "fidelity", "transfer", *options],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = fidelity(out)
    assert resumed.exit_code == 0, resumed.output
    assert f"fluid: {EPISODES} of {EPISODES} episodes are stored" in resumed.stderr
    assert f"slower: {DyingSlower.EPISODES} of {EPISODES} episodes are stored" in resumed.stderr
    assert fidelity(whole).exit_code == 0
    assert written(out) == written(whole)
