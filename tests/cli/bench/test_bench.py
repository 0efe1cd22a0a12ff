"""`sixgym bench`: what is run, shown, printed, kept, and how it ends."""

import json
from pathlib import Path

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.episodes.store import read_episodes
from sixgym.evaluate.bench.store import RunFolder
from sixgym.simulators import factory
from tests.cli.bench.conftest import results_of
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator

CONTRACT = {"n", "success_rate", "ci95", "spl", "infrastructure_failures"}


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


@pytest.mark.ns3
def test_the_reference_is_graded_on_packet_level_ns3(sixgym: Sixgym, tmp_path: Path, task_file: Path) -> None:
    shared = ("--tasks", task_file, "--limit", 1, "--network", "ns3", "--workers", 1, "--json")
    result = sixgym("bench", "--agent", "reference", "--out", tmp_path / "run", *shared)
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["overall"]["success_rate"] == 1
