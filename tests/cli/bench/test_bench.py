"""`sixgym bench`: what is run, shown, printed, kept, and how it ends."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.agents.rules.reference import ReferenceAgent
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.episodes.store import read_episodes
from sixgym.evaluate.bench.store import RunFolder
from sixgym.scoring.result import Result
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks

CONTRACT = {"n", "success_rate", "ci95", "spl", "infrastructure_failures"}


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "samples.json", sample_tasks(15))


@pytest.fixture
def bench(sixgym: Sixgym, task_file: Path) -> Sixgym:
    """Runs `sixgym bench ARGUMENTS` over the samples, on the fluid network in this process."""

    def invoke(*arguments: object) -> Any:
        shared = ("--tasks", task_file, "--network", "fluid", "--workers", 1)
        return sixgym("bench", *shared, *arguments)

    return invoke


@pytest.fixture
def breaking_null(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three episodes of the null agent are finished, the third breaks."""

    def act(_self: NullAgent, _observation: Observation) -> Turn:
        if next(turns) % 3 == 0:
            raise ZeroDivisionError("oh no")
        return Turn(answer="nothing")

    turns = iter(range(100))
    monkeypatch.setattr(NullAgent, "act", act)


def results_of(run: Path) -> list[Result]:
    return [row.model_copy(update={"agent_s": 0.0, "world_s": 0.0}) for row in RunFolder(run).results()]


def test_json_is_one_object_with_every_promised_key(bench: Sixgym, tmp_path: Path) -> None:
    result = bench("--agent", "reference", "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["run"] == str(tmp_path / "run")
    assert list(report["tiers"]) == ["L1", "L2", "L3"]
    assert len(report["domains"]) == 5
    for summary in (report["overall"], *report["tiers"].values(), *report["domains"].values()):
        assert set(summary) >= CONTRACT
        low, high = summary["ci95"]
        assert 0 <= low <= summary["success_rate"] == 1 == high
        assert summary["spl"] == 1
        assert summary["infrastructure_failures"] == 0
    assert [report[part][name]["n"] for part, name in (("tiers", "L2"), ("domains", "uav-control"))] == [5, 3]
    assert "15 of 15 episodes, 15 met" in result.stderr


def test_the_table_has_tiers_domains_and_what_the_run_cost(bench: Sixgym, tmp_path: Path) -> None:
    result = bench("--agent", "null", "--out", tmp_path / "run", "--trials", 2)
    assert result.exit_code == 0, result.output
    for words in ("overall", "L1", "multi-agent-coordination", "pass^2 %", "broken", "tokens", "–"):
        assert words in result.stdout
    page = (tmp_path / "run" / "report.md").read_text()
    assert "| L2 | 10 | 0.0 [" in page
    assert "sixgym bench --agent null --network fluid --trials 2 --tasks" in page
    assert json.loads((tmp_path / "run" / "report.json").read_text())["overall"]["n"] == 30


def test_every_episode_is_stored_whole_and_can_be_shown(
    bench: Sixgym, sixgym: Sixgym, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    assert bench("--agent", "random", "--out", run, "--limit", 3, "--trials", 2).exit_code == 0
    for trial in range(2):
        episodes = list(read_episodes(run / f"episodes-{trial}.jsonl.gz"))
        assert len(episodes) == 3
        shown = sixgym("show", run / f"episodes-{trial}.jsonl.gz", "--id", episodes[1].id, "--step", 1)
        assert shown.exit_code == 0, shown.output
    calls = [
        [s.turn.call for s in e.steps]
        for t in range(2)
        for e in read_episodes(run / f"episodes-{t}.jsonl.gz")
    ]
    assert calls[:3] != calls[3:], "trials of a random agent are drawn anew"


def test_the_same_run_again_gives_the_same_results(bench: Sixgym, tmp_path: Path) -> None:
    for name in "ab":
        assert bench("--agent", "random", "--out", tmp_path / name).exit_code == 0
    assert results_of(tmp_path / "a") == results_of(tmp_path / "b")


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
    assert "--resume goes on" in stopped.stderr
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
    assert "is not empty; --resume goes on with its run, --out takes another" in refused.stderr


def test_an_agent_that_raises_costs_its_episodes_alone(
    bench: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def act(_self: NullAgent, observation: Observation) -> Turn:
        if "gnb-1" in observation.cells and not observation.history and next(turns) % 5 == 0:
            raise ZeroDivisionError("oh no")
        return Turn(answer="nothing")

    turns = iter(range(100))
    with monkeypatch.context() as patched:
        patched.setattr(NullAgent, "act", act)
        result = bench("--agent", "null", "--out", tmp_path / "run", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["overall"]["n"], report["overall"]["infrastructure_failures"]) == (15, 3)
    assert "stopped by ZeroDivisionError('oh no')" in report["failures"]["sample-000 trial 0"]
    healed = bench("--agent", "null", "--out", tmp_path / "run", "--json", "--resume")
    assert json.loads(healed.stdout)["overall"]["infrastructure_failures"] == 0


def test_a_network_that_breaks_every_episode_is_no_result(
    bench: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", lambda: FluidSimulator(fail_after=3))
    result = bench("--agent", "null", "--out", tmp_path / "run", "--limit", 2, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["overall"]["infrastructure_failures"] == 2
    assert "every episode broke on our side" in result.stderr


def test_a_network_that_does_not_start_ends_the_run_before_it_begins(
    bench: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", lambda: FluidSimulator(fail_on_reset=True))
    run = tmp_path / "run"
    result = bench("--agent", "null", "--out", run)
    assert result.exit_code == 1
    assert "the test simulator does not start" in result.stderr
    assert RunFolder(run).is_empty


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--agent NAME says which agent is tested"),
        (("--agent", "nobody"), "no agent 'nobody' can be put to the test; Known: null"),
        (("--agent", "scripted"), "no agent 'scripted'"),
        (("--agent", "null", "--network", "ether"), "no network is called 'ether'"),
        (("--agent", "null", "--tier", "L9"), "--tier is one of L1, L2, L3, not 'L9'"),
        (("--agent", "null", "--domain", "sea"), "--domain is one of network-slicing"),
        (("--agent", "null", "--tasks", "/nowhere/at-all.json"), "/nowhere/at-all.json"),
        (("--agent", "null", "--out", "/dev/null/run"), "/dev/null/run: cannot be used as a folder"),
    ],
)
def test_wrong_use_is_one_clear_line_and_status_2(
    bench: Sixgym, arguments: tuple[object, ...], words: str
) -> None:
    result = bench(*arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--workers", "--trials", "--limit"])
def test_a_number_below_one_is_wrong_use(bench: Sixgym, option: str) -> None:
    result = bench("--agent", "null", option, 0)
    assert result.exit_code == 2
    assert option in result.stderr


def test_grading_again_changes_nothing_or_says_what(
    bench: Sixgym, sixgym: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    run = tmp_path / "run"
    assert bench("--agent", "reference", "--out", run).exit_code == 0
    before = (run / "results.jsonl").read_bytes()
    same = sixgym("bench", "grade", run, "--tasks", task_file)
    assert same.exit_code == 0, same.output
    assert "15 episodes graded again, 0 verdicts changed" in same.stderr
    assert (run / "results.jsonl").read_bytes() == before
    rows = before.decode().splitlines()
    (run / "results.jsonl").write_text(
        "\n".join([rows[0].replace('"success":true', '"success":false'), *rows[1:]])
    )
    changed = sixgym("bench", "grade", run, "--tasks", task_file)
    assert "1 verdicts changed" in changed.stderr
    assert "sample-000 trial 0: met now" in changed.stderr
    assert (run / "results.jsonl").read_bytes() == before


def test_grading_asks_for_the_set_that_was_run(bench: Sixgym, sixgym: Sixgym, tmp_path: Path) -> None:
    assert bench("--agent", "null", "--out", tmp_path / "run").exit_code == 0
    other = write_tasks(tmp_path / "other.json", sample_tasks(4))
    result = sixgym("bench", "grade", tmp_path / "run", "--tasks", other)
    assert result.exit_code == 2
    assert "was run on task set" in result.stderr


@pytest.mark.usefixtures("breaking_null")
@pytest.mark.parametrize("command", ["bench", "grade"])
def test_what_broke_on_our_side_can_be_left_out_and_that_is_said(
    bench: Sixgym, sixgym: Sixgym, tmp_path: Path, task_file: Path, command: str
) -> None:
    run, shared = tmp_path / "run", ("--exclude-infrastructure", "--json")
    arguments = ("--agent", "null", "--trials", 2, "--out", run)
    if command == "bench":
        result = bench(*arguments, *shared)
    else:
        assert bench(*arguments).exit_code == 0
        assert "count as failed" in (run / "report.md").read_text()
        result = sixgym("bench", "grade", run, "--tasks", task_file, *shared)
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["exclude_infrastructure"] is True
    assert (report["overall"]["n"], report["overall"]["infrastructure_failures"]) == (20, 10)
    assert sum(summary["n"] for summary in report["tiers"].values()) == 20
    assert sum(cell["n"] for cells in report["cells"].values() for cell in cells.values()) == 20
    assert "are left out of all other figures" in (run / "report.md").read_text()
    assert len(RunFolder(run).results()) == 30


def test_where_everything_broke_nothing_is_left_and_the_work_has_failed(
    bench: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", lambda: FluidSimulator(fail_after=3))
    arguments = ("--agent", "null", "--out", tmp_path / "run", "--limit", 2)
    result = bench(*arguments, "--exclude-infrastructure")
    assert result.exit_code == 1
    assert "every episode broke on our side" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--tasks", "t.json", "tasks"), "--tasks: goes after tasks"),
        (("--json", "compare", "a", "b"), "--json: goes after compare"),
        (("--limit", 1, "grade", "run"), "--limit: bench grade has no such option"),
    ],
)
def test_an_option_before_a_subcommand_is_refused_instead_of_lost(
    sixgym: Sixgym, arguments: tuple[object, ...], words: str
) -> None:
    result = sixgym("bench", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr


def test_two_runs_are_compared_task_by_task(bench: Sixgym, sixgym: Sixgym, tmp_path: Path) -> None:
    for agent in ("reference", "null"):
        assert bench("--agent", agent, "--out", tmp_path / agent).exit_code == 0
    result = sixgym("bench", "compare", tmp_path / "reference", tmp_path / "null", "--json")
    assert result.exit_code == 0, result.output
    compared = json.loads(result.stdout)
    assert compared["overall"]["success_difference"] == 1
    assert (compared["overall"]["won"], compared["tiers"]["L3"]["won"]) == (15, 5)
    assert "first, reference on fluid, less second, null on fluid" in result.stderr


@pytest.mark.parametrize("command", [("grade",), ("compare", "nowhere")])
def test_what_is_no_run_is_neither_graded_nor_compared(
    sixgym: Sixgym, tmp_path: Path, command: tuple[str, ...]
) -> None:
    result = sixgym("bench", *command, tmp_path)
    assert result.exit_code == 2
    assert "holds no run of the benchmark" in result.stderr


def test_tasks_are_listed_and_one_is_shown_whole(sixgym: Sixgym, task_file: Path) -> None:
    listed = sixgym("bench", "tasks", "--tasks", task_file, "--tier", "L2")
    assert listed.exit_code == 0, listed.output
    assert "5 of 15 tasks of samples 1" in listed.stdout
    found = json.loads(sixgym("bench", "tasks", "--tasks", task_file, "--limit", 3, "--json").stdout)
    assert {task["tier"] for task in found["tasks"]} == {"L1", "L2", "L3"}
    shown = sixgym("bench", "tasks", "--tasks", task_file, "--show", "sample-002")
    for words in (
        "L1, uav-control",
        "the answer says 42",
        "UAVs out of bounds < 1",
        "solution 3",
        "answer: 42",
    ):
        assert words in shown.stdout
    unknown = sixgym("bench", "tasks", "--tasks", task_file, "--show", "sample-999")
    assert unknown.exit_code == 2
    assert "the set has no task 'sample-999'; did you mean sample-0" in unknown.stderr


def test_holdout_reports_what_training_texts_repeat(sixgym: Sixgym, tmp_path: Path, task_file: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    intent = sample_tasks(1)[0].task.intent
    corpus.write_text("".join(json.dumps({"text": text, "seed": 3}) + "\n" for text in (intent, "Fly home.")))
    result = sixgym("bench", "holdout", "--against", corpus, "--tasks", task_file, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["held_out"] is False
    assert sixgym("bench", "holdout", "--against", tmp_path / "none.jsonl").exit_code == 2


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


@pytest.mark.ns3
def test_the_reference_is_graded_on_packet_level_ns3(sixgym: Sixgym, tmp_path: Path, task_file: Path) -> None:
    shared = ("--tasks", task_file, "--limit", 1, "--network", "ns3", "--workers", 1, "--json")
    result = sixgym("bench", "--agent", "reference", "--out", tmp_path / "run", *shared)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["overall"]["success_rate"] == 1
