"""`sixgym run`: what is asked for, shown, printed, stored, and how it ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.cli import run as run_module
from sixgym.episodes.store import read_episodes
from sixgym.scenarios import load_scenario
from sixgym.scoring.goals import judge
from tests.cli.conftest import Sixgym

CONTRACT = {
    "task",
    "scenario",
    "seed",
    "agent",
    "network",
    "steps",
    "success",
    "terminated",
    "truncated",
    "infrastructure_failure",
    "episode",
}
READ = {"tool": "check_network_state", "arguments": {}}


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "calls.json"
    calls = [
        READ,
        {"tool": "no_such_tool", "arguments": {}},
        {"tool": "check_network_state", "arguments": {"x": 1}},
    ]
    path.write_text(json.dumps(calls))
    return path


def run_json(sixgym: Sixgym, tmp_path: Path, *arguments: object) -> dict[str, Any]:
    result = sixgym("run", "--network", "fluid", "--out", tmp_path / "runs", "--json", *arguments)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_json_is_one_object_with_every_promised_key(sixgym: Sixgym, tmp_path: Path) -> None:
    summary = run_json(sixgym, tmp_path, "--agent", "null", "--seed", 5)
    assert set(summary) >= CONTRACT
    assert summary["task"] == "uav-inspection/keep-control-link"
    assert summary["scenario"] == "uav-inspection"
    assert (summary["seed"], summary["agent"], summary["network"]) == (5, "null", "fluid")
    assert (summary["steps"], summary["terminated"], summary["truncated"]) == (0, True, False)
    assert summary["infrastructure_failure"] is None


def test_the_stored_episode_grades_as_printed_in_both_formats(
    sixgym: Sixgym, tmp_path: Path, script: Path
) -> None:
    summary = run_json(sixgym, tmp_path, "--agent", "scripted", "--script", script)
    path = Path(summary["episode"])
    (stored,) = read_episodes(path)
    assert path == tmp_path / "runs" / f"{stored.id}.jsonl"
    assert list(read_episodes(path.with_suffix(".parquet"))) == [stored]
    assert judge(stored).success is summary["success"]
    assert len(stored.steps) == summary["steps"] == 3


def test_every_step_is_shown_with_call_effect_state_and_what_came_back(
    sixgym: Sixgym, tmp_path: Path, script: Path
) -> None:
    result = sixgym("run", "--network", "fluid", "--agent", "scripted", "--script", script, "--out", tmp_path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    (first,) = (line for line in lines if line.startswith("  1  "))
    assert "check_network_state  observation" in first
    states = [line for line in lines if line.strip().startswith("state ")]
    assert len(states) == 3
    for dimension in ("URLLC", "delay", "jitter", "loss", "throughput", "edge"):
        assert dimension in states[0]
    assert any("result  version=" in line for line in lines)
    assert any("error " in line and "there is no tool 'no_such_tool'" in line for line in lines)
    assert any("the network runs on from 1.5 s to 20 s" in line for line in lines)


def test_a_fault_is_shown_once_when_it_strikes(sixgym: Sixgym, tmp_path: Path) -> None:
    result = sixgym("run", "--network", "fluid", "--agent", "null", "--out", tmp_path)
    struck = [line for line in result.stdout.splitlines() if "FAULT" in line]
    faults = load_scenario("uav-inspection").faults
    assert len(struck) == len(faults) > 0
    for line, fault in zip(struck, faults, strict=True):
        assert f"{fault.kind} (" in line
        assert line.endswith(f"strikes at {fault.start_ms / 1e3:g} s")


def test_the_verdict_names_every_target_and_where_the_episode_is(sixgym: Sixgym, tmp_path: Path) -> None:
    result = sixgym("run", "--network", "fluid", "--agent", "null", "--out", tmp_path)
    assert "service level met" in result.stdout or "service level violated" in result.stdout
    assert "delay of drone < 40 ms" in result.stdout
    assert "loss of drone < 2 %" in result.stdout
    (stored,) = tmp_path.glob("*.jsonl")
    assert f"sixgym show {stored}" in result.stdout


def test_an_intent_in_other_words_changes_the_words_and_not_the_goal(sixgym: Sixgym, tmp_path: Path) -> None:
    plain = run_json(sixgym, tmp_path, "--agent", "null")
    other = run_json(sixgym, tmp_path, "--agent", "null", "--intent", "keep them flying")
    assert other["intent"] == "keep them flying"
    assert other["targets"] == plain["targets"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--task", "urban-slicing/keep-robots-thinking"),
        ("--scenario", "urban-slicing", "--task", "keep-robots-thinking"),
        ("--scenario", "urban-slicing", "--task", "urban-slicing/keep-robots-thinking"),
        ("--scenario", "urban-slicing"),
    ],
)
def test_a_task_is_found_by_its_full_or_its_short_name(
    sixgym: Sixgym, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    summary = run_json(sixgym, tmp_path, "--agent", "null", *arguments)
    assert summary["task"] == "urban-slicing/keep-robots-thinking"


def test_equal_seeds_give_equal_episodes_and_other_seeds_others(sixgym: Sixgym, tmp_path: Path) -> None:
    def record(seed: int) -> Any:
        path = run_json(sixgym, tmp_path, "--agent", "random", "--seed", seed)["episode"]
        return next(iter(read_episodes(Path(path)))).without_clock()

    assert record(3) == record(3)
    assert record(3) != record(4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scenario", "uav-inspektion"], "did you mean uav-inspection?"),
        (["--scenario", "no/such/file.yaml"], "no/such/file.yaml: cannot be read"),
        (["--agent", "mape"], "mape-k"),
        (["--network", "ns4"], "ns3"),
        (["--task", "win-the-war"], "keep-control-link"),
        (["--scenario", "ran-slicing", "--task", "uav-inspection/keep-control-link"], "another scenario"),
        (["--task", "uav-inspection/"], "names no task"),
        (["--task", ""], "names no task"),
        (["--intent", "  "], "--intent"),
        (["--agent", "scripted"], "needs a script"),
        (["--agent", "null", "--script", "calls.json"], "takes no script"),
        (["--agent", "scripted", "--script", "no-such.json"], "no-such.json"),
        (["--seed", "-1"], "--seed"),
        (["--seed", "one"], "--seed"),
        (["--surprise"], "--surprise"),
    ],
)
def test_wrong_use_is_explained_without_a_traceback_and_stores_nothing(
    sixgym: Sixgym, tmp_path: Path, arguments: list[str], message: str
) -> None:
    # options given last win, so the working ones come first
    result = sixgym("run", "--network", "fluid", "--out", tmp_path / "runs", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
    assert not list(tmp_path.rglob("*.jsonl"))


@pytest.mark.parametrize(
    "content", ["", "{", "{}", '[{"tool": 1}]', '[{"tool": "heartbeat"}]', "[1]", "\xff"]
)
def test_a_script_that_is_none_is_wrong_use(sixgym: Sixgym, tmp_path: Path, content: str) -> None:
    path = tmp_path / "calls.json"
    path.write_text(content, encoding="latin-1")
    result = sixgym("run", "--network", "fluid", "--agent", "scripted", "--script", path, "--out", tmp_path)
    assert result.exit_code == 2
    assert "calls.json" in result.stderr


def test_a_scenario_file_with_a_mistake_names_file_line_and_key(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\ndecision_interval: 500\n")
    result = sixgym("run", "--network", "fluid", "--scenario", path, "--out", tmp_path)
    assert result.exit_code == 2
    assert f"{path}:2: decision_interval: unknown key; did you mean decision_interval_ms?" in result.stderr


def test_an_output_folder_that_is_a_file_is_wrong_use(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    path.write_text("")
    result = sixgym("run", "--network", "fluid", "--agent", "null", "--out", path)
    assert result.exit_code == 2
    assert f"--out {path}" in result.stderr


@pytest.mark.parametrize(("network", "reason"), [("fragile", "broke"), ("missing", "does not start")])
def test_a_network_that_breaks_fails_the_work_and_keeps_the_episode(
    sixgym: Sixgym, tmp_path: Path, network: str, reason: str
) -> None:
    result = sixgym("run", "--network", network, "--agent", "null", "--out", tmp_path, "--json")
    assert result.exit_code == 1
    summary = json.loads(result.stdout)
    assert reason in summary["infrastructure_failure"]
    assert reason in result.stderr
    assert summary["success"] is False
    assert summary["targets"] == []
    (stored,) = read_episodes(Path(summary["episode"]))
    assert stored.infrastructure_failure == summary["infrastructure_failure"]


class _Interrupted(NullAgent):
    """The null agent, interrupted by Ctrl-C in its first turn."""

    def act(self, observation: object) -> Any:
        raise KeyboardInterrupt


def test_ctrl_c_keeps_what_is_finished(
    sixgym: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "make_task_agent", lambda *_, **__: _Interrupted())
    result = sixgym("run", "--network", "fluid", "--out", tmp_path)
    assert result.exit_code == 130
    (path,) = tmp_path.glob("*.jsonl")
    assert str(path) in result.stderr
    (stored,) = read_episodes(path)
    assert stored.infrastructure_failure == "interrupted"
    assert stored.initial is not None


def test_an_agents_words_cannot_steer_the_terminal(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "calls.json"
    path.write_text(json.dumps([{"tool": "\x1b[2J\x07tool", "arguments": {"a\x1b]0;x": "[red]b[/]\r\x9b"}}]))
    result = sixgym("run", "--network", "fluid", "--agent", "scripted", "--script", path, "--out", tmp_path)
    assert result.exit_code == 0
    assert "[red]b[/]" in result.stdout
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
