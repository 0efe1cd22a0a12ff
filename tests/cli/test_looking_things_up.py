"""`sixgym tools`, `scenarios`, `agents`, `show`, `--help`: what a user can find out."""

import json
from pathlib import Path

import pytest

import sixgym as package
from sixgym.episodes.store import append_episode, write_parquet
from sixgym.scenarios import shipped_names
from sixgym.tools.base import CATALOG
from tests.cli.conftest import Sixgym
from tests.episodes.samples import Caller, sample_episode

COMMANDS = ("run", "simulate", "tools", "scenarios", "agents", "show", "doctor", "fidelity")


def test_tools_as_json_hold_schemas_effect_and_the_papers_class(sixgym: Sixgym) -> None:
    listed = json.loads(sixgym("tools", "--format", "json").stdout)
    assert [tool["name"] for tool in listed] == list(CATALOG)
    for tool in listed:
        assert set(tool) >= {"name", "effect", "paper_class", "description", "input_schema", "output_schema"}
        assert tool["input_schema"]["type"] == "object"


def test_tools_as_openai_specs_name_every_tool(sixgym: Sixgym) -> None:
    listed = json.loads(sixgym("tools", "--format", "openai").stdout)
    assert [spec["function"]["name"] for spec in listed] == list(CATALOG)


@pytest.mark.parametrize("form", ["table", "markdown"])
def test_tools_for_people_name_every_tool(sixgym: Sixgym, form: str) -> None:
    result = sixgym("tools", "--format", form)
    assert result.exit_code == 0
    assert all(name in result.stdout for name in CATALOG)


def test_scenarios_are_listed_with_their_tasks_and_faults(sixgym: Sixgym) -> None:
    listed = {entry["name"]: entry for entry in json.loads(sixgym("scenarios", "--json").stdout)}
    assert tuple(sorted(listed)) == shipped_names()
    uav = listed["uav-inspection"]
    assert (uav["cells"], uav["devices"], uav["uavs"]) == (3, 17, 4)
    assert uav["tasks"][0]["id"] == "uav-inspection/keep-control-link"
    assert [fault["kind"] for fault in uav["faults"]] == ["cell_power_drop"]
    shown = sixgym("scenarios").stdout
    assert all(name in shown for name in listed)


def test_agents_are_listed(sixgym: Sixgym) -> None:
    shown = sixgym("agents").stdout
    for name in ("null", "random", "spam", "scripted", "threshold", "mape-k", "reference"):
        assert name in shown
    assert "has to be one of the benchmark" in shown


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    path = tmp_path / "episode.jsonl"
    append_episode(path, sample_episode())
    return path


def test_a_stored_episode_is_shown_and_judged_again(sixgym: Sixgym, stored: Path) -> None:
    result = sixgym("show", stored)
    assert result.exit_code == 0
    assert "service level" in result.stdout
    assert "  3  read_telemetry" in result.stdout
    assert "there is no tool 'no_such_tool'" in result.stdout


def test_the_timeline_marks_threshold_fault_calls_and_window(sixgym: Sixgym, stored: Path) -> None:
    lines = sixgym("show", stored).stdout.splitlines()
    assert any("┄" in line for line in lines)
    assert any(line.strip().startswith("fault 1 ") and "━" in line for line in lines)
    (calls,) = (line for line in lines if line.strip().startswith("calls "))
    assert calls.count("!") == 2
    assert "o" in calls.removeprefix("    calls")
    (judged,) = (line for line in lines if line.strip().startswith("judged ") and "═" in line)
    assert len(judged.rstrip()) == len(calls)


def test_parquet_shows_as_jsonl_does(sixgym: Sixgym, stored: Path, tmp_path: Path) -> None:
    episode = sample_episode()
    append_episode(tmp_path / "one.jsonl", episode)
    write_parquet(tmp_path / "one.parquet", [episode])
    assert sixgym("show", tmp_path / "one.parquet").stdout == sixgym("show", tmp_path / "one.jsonl").stdout


def test_a_step_is_shown_in_full(sixgym: Sixgym, stored: Path) -> None:
    result = sixgym("show", stored, "--step", 1)
    assert result.exit_code == 0
    assert '"latency_ms"' in result.stdout
    assert "slice URLLC" in result.stdout


def test_a_step_announces_only_a_fault_that_is_new_in_it(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    episode = sample_episode(agent=Caller(*[("check_network_state", {})] * 8))
    append_episode(path, episode)
    struck = next(step.index for step in episode.steps if step.interval.faults) + 1
    shown = [sixgym("show", path, "--step", struck + offset).stdout for offset in (-1, 0, 1)]
    assert ["FAULT" in text for text in shown] == [False, True, False]
    assert ["active faults: none" in text for text in shown] == [True, False, False]


def test_a_file_with_several_episodes_lists_them_and_shows_the_chosen(sixgym: Sixgym, stored: Path) -> None:
    second = sample_episode()
    append_episode(stored, second)
    assert second.id in sixgym("show", stored).stdout
    assert "service level" in sixgym("show", stored, "--id", second.id).stdout
    assert sixgym("show", stored, "--step", 1).exit_code == 2
    assert sixgym("show", stored, "--id", "nobody").exit_code == 2


@pytest.mark.parametrize("number", [0, -1, 99])
def test_a_step_that_is_not_there_is_wrong_use(sixgym: Sixgym, stored: Path, number: int) -> None:
    result = sixgym("show", stored, "--step", number)
    assert result.exit_code == 2
    assert "steps 1 to 3" in result.stderr


@pytest.mark.parametrize("content", [b"", b"{}\n", b"nonsense\n", b'{"torn": '])
@pytest.mark.parametrize("name", ["e.jsonl", "e.parquet"])
def test_a_file_without_episodes_is_wrong_use(
    sixgym: Sixgym, tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / name).write_bytes(content)
    result = sixgym("show", tmp_path / name)
    assert result.exit_code == 2
    assert name in result.stderr


def test_a_missing_file_and_a_folder_are_wrong_use(sixgym: Sixgym, tmp_path: Path) -> None:
    assert sixgym("show", tmp_path / "nothing.jsonl").exit_code == 2
    assert sixgym("show", tmp_path).exit_code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(sixgym: Sixgym, command: str) -> None:
    result = sixgym(command, "--help")
    assert result.exit_code == 0
    assert command in result.stdout


@pytest.mark.parametrize("experiment", ["slicing", "management"])
def test_fidelity_helps_with_what_it_compares(sixgym: Sixgym, experiment: str) -> None:
    shown = sixgym("fidelity", experiment, "--help").stdout
    assert all(option in shown for option in ("--candidate", "--reference", "--seeds", "--refresh", "--out"))


@pytest.mark.parametrize("command", ["run", "simulate"])
def test_the_networks_are_named_with_what_they_are(sixgym: Sixgym, command: str) -> None:
    shown = sixgym(command, "--help").stdout
    assert all(f"{name}: " in shown for name in ("tti", "ns3"))
    assert "[default: tti]" in shown


def test_help_lists_every_command_and_version_is_the_packages(sixgym: Sixgym) -> None:
    shown = sixgym("--help").stdout
    assert all(command in shown for command in COMMANDS)
    assert sixgym("--version").stdout.strip() == f"sixgym {package.__version__}"


@pytest.mark.parametrize("arguments", [["frobnicate"], ["tools", "--format", "xml"], ["show"]])
def test_an_unknown_command_or_choice_is_wrong_use(sixgym: Sixgym, arguments: list[str]) -> None:
    assert sixgym(*arguments).exit_code == 2
