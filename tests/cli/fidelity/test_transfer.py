"""`sixgym fidelity transfer` on fluid networks: what is played, replayed, kept, written, and how it ends."""

import gzip
import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sixgym.cli.fidelity.transfer import DEFAULT_LIMIT, Transfer
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.evaluate.bench.store import RunFolder
from sixgym.run.replay import ReplayAgent
from sixgym.scoring.result import Result
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import write_tasks
from tests.evaluate.fidelity.transfer.replays import DyingSlower, SlowerFluid, mixed_tasks
from tests.repository import ROOT

TASKS = 6
AGENTS = "null,random,reference"
EPISODES = TASKS * 3
PAGE = f"fidelity-transfer-samples-fluid-slower-{'-'.join(AGENTS.split(','))}"


class Absent(SlowerFluid):
    """The slower network where it is not installed."""

    def __init__(self) -> None:
        super().__init__(fail_on_reset=True)


@pytest.fixture(autouse=True)
def slower(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "slower", SlowerFluid)


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "samples.json", mixed_tasks(TASKS))


@pytest.fixture
def fidelity(sixgym: Sixgym, task_file: Path) -> Sixgym:
    """Runs `sixgym fidelity transfer ARGUMENTS` over the samples in this process."""

    def invoke(out: Path, *arguments: object) -> Any:
        networks = ("--candidate", "fluid", "--reference", "slower")
        shared = ("--tasks", task_file, "--workers", 1, "--agents", AGENTS, "--out", out)
        return sixgym("fidelity", "transfer", *networks, *shared, *arguments)

    return invoke


def written(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*") if path.is_file()}


def test_the_page_its_figures_and_the_rows_are_written(fidelity: Sixgym, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = fidelity(out, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert figures == json.loads((out / f"{PAGE}.json").read_text())
    by_agent = {one["agent"]: one for one in figures["overall"]["agents"]}
    assert list(by_agent) == AGENTS.split(",")
    assert (by_agent["null"]["candidate"], by_agent["null"]["reference"]) == (0.5, 0)
    assert (by_agent["reference"]["candidate"], by_agent["reference"]["reference"]) == (1, 0.5)
    assert len(figures["disagreements"]) == EPISODES / 2
    page = (out / f"{PAGE}.md").read_text()
    assert "sixgym fidelity transfer --candidate fluid --reference slower --agents null" in page
    assert f"sha256 {figures['task_set_sha256'][:12]}" in page
    assert "fluid test" in page
    assert "slower slower-1" in page
    assert set(written(out)) == {
        f"{PAGE}.md",
        f"{PAGE}.json",
        "data/transfer-samples-fluid.jsonl.gz",
        "data/transfer-samples-fluid-on-slower.jsonl.gz",
    }


def test_the_same_request_writes_the_same_bytes(fidelity: Sixgym, tmp_path: Path) -> None:
    for name in "ab":
        assert fidelity(tmp_path / name).exit_code == 0
    assert written(tmp_path / "a") == written(tmp_path / "b")


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
    assert "the same command goes on" in stopped.stderr
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


def test_agents_at_work_on_the_reference_itself_are_added(
    fidelity: Sixgym, sixgym: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    run = tmp_path / "run"
    bench = ("bench", "--tasks", task_file, "--workers", 1, "--agent", "random")
    assert sixgym(*bench, "--network", "slower", "--out", run).exit_code == 0
    result = fidelity(tmp_path / "out", "--runs", run, "--json")
    assert result.exit_code == 0, result.output
    (one,) = json.loads(result.stdout)["closed_loop"]["agents"]
    assert (one["agent"], one["n"], one["candidate"], one["reference"]) == ("random", TASKS, 0.5, 0)
    other = tmp_path / "other"
    assert sixgym(*bench, "--network", "fluid", "--out", other).exit_code == 0
    refused = fidelity(tmp_path / "out", "--runs", other)
    assert refused.exit_code == 2
    assert "network is fluid, not slower" in refused.stderr


def test_without_replay_the_agents_own_work_on_both_networks_is_compared(
    fidelity: Sixgym, sixgym: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    runs: list[object] = []
    for agent in AGENTS.split(","):
        run = tmp_path / agent
        bench = ("bench", "--tasks", task_file, "--workers", 1, "--agent", agent)
        assert sixgym(*bench, "--network", "slower", "--out", run).exit_code == 0
        runs += ["--runs", run]
    result = fidelity(tmp_path / "out", "--no-replay", *runs, "--json")
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout)
    assert not figures["replayed"]
    assert figures["closed_loop"] is None
    random = next(one for one in figures["overall"]["agents"] if one["agent"] == "random")
    assert (random["n"], random["candidate"], random["reference"]) == (TASKS, 0.5, 0)
    assert len(figures["disagreements"]) == sum(one["only_candidate"] for one in figures["overall"]["agents"])
    page = (tmp_path / "out" / f"{PAGE.replace('-null', '-closed-loop-null', 1)}.md").read_text()
    assert "closed loop on both" in page
    assert not list((tmp_path / "out" / "data").glob("*fluid-on-slower*"))
    missing = fidelity(tmp_path / "out", "--no-replay", *runs[:2])
    assert missing.exit_code == 2
    assert "--runs names none of random and reference" in missing.stderr


def rows_file(path: Path, rows: Sequence[Result]) -> Path:
    path.write_bytes(gzip.compress("".join(f"{row.model_dump_json()}\n" for row in rows).encode()))
    return path


def test_kept_grades_stand_for_the_runs_they_are_of(
    fidelity: Sixgym, sixgym: Sixgym, tmp_path: Path, task_file: Path
) -> None:
    rows: list[Result] = []
    runs: list[object] = []
    for agent in AGENTS.split(","):
        run = tmp_path / agent
        bench = ("bench", "--tasks", task_file, "--workers", 1, "--agent", agent)
        assert sixgym(*bench, "--network", "slower", "--out", run).exit_code == 0
        rows += RunFolder(run).results()
        runs += ["--runs", run]
    kept = rows_file(tmp_path / "rows.jsonl.gz", rows)
    whole, brief = (
        json.loads(fidelity(tmp_path / "out", "--no-replay", *given, "--json").stdout)
        for given in (runs, ["--runs", kept])
    )
    assert brief["overall"] == whole["overall"]
    unknown = sum(not one["decided"] for one in brief["disagreements"])
    page = next((tmp_path / "out").glob("*.md")).read_text()
    assert f"Of {unknown} of them, missed on slower only, no more than the grade was kept there" in page
    for short, long in zip(brief["disagreements"], whole["disagreements"], strict=True):
        assert short["task"] == long["task"]
        # a grade alone does not say which part was missed there
        assert [one["candidate"] for one in short["decided"]] == (
            [one["candidate"] for one in long["decided"]] if long["met_on"] == "reference" else []
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "slower 0"}, "version of the network is 0, not"),
        ({"network": "fluid 1"}, "network is fluid, not slower"),
        ({"task": "L9-nothing-0000"}, "task L9-nothing-0000 is none of the task set"),
        ({"grader": 99}, "grader is 99, not"),
    ],
)
def test_grades_of_something_else_are_refused(
    fidelity: Sixgym,
    sixgym: Sixgym,
    tmp_path: Path,
    task_file: Path,
    *,
    change: dict[str, object],
    words: str,
) -> None:
    run = tmp_path / "run"
    bench = ("bench", "--tasks", task_file, "--workers", 1, "--agent", "null", "--network", "slower")
    assert sixgym(*bench, "--out", run).exit_code == 0
    rows = [row.model_copy(update=change) for row in RunFolder(run).results()]
    result = fidelity(tmp_path / "out", "--no-replay", "--runs", rows_file(tmp_path / "rows.gz", rows))
    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}\n")])
def test_a_file_that_holds_no_grades_is_one_error(fidelity: Sixgym, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    result = fidelity(tmp_path / "out", "--no-replay", "--runs", path)
    assert result.exit_code == 2
    assert f"--runs: neither a run's folder nor graded rows: {path}" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--candidate", "ether"), "no network is called 'ether'"),
        (("--reference", "ether"), "no network is called 'ether'"),
        (("--agents", "null,nobody"), "no agent 'nobody' can be put to the test"),
        (("--agents", ""), "no agent '' can be put to the test"),
        (("--tasks", "/nowhere/at-all.json"), "/nowhere/at-all.json"),
        (("--runs", "/nowhere"), "/nowhere holds no run of the benchmark"),
        (("--limit", 0), "--limit"),
        (("--workers", 0), "--workers"),
    ],
)
def test_wrong_use_ends_before_anything_runs(
    fidelity: Sixgym, tmp_path: Path, arguments: tuple[object, ...], words: str
) -> None:
    result = fidelity(tmp_path / "out", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_named(fidelity: Sixgym) -> None:
    result = fidelity(Path("/dev/null/out"))
    assert result.exit_code == 2
    assert "/dev/null/out" in result.stderr


def test_only_the_experiment_of_the_documentation_has_the_plain_name() -> None:
    def stem(**changes: object) -> str:
        asked: dict[str, object] = {
            "candidate": "tti",
            "reference": "ns3",
            "agents": None,
            "limit": DEFAULT_LIMIT,
            "tasks": None,
            "runs": (),
            "replay": True,
        }
        return Transfer(**{**asked, **changes}).page_stem  # type: ignore[arg-type]

    assert stem() == "fidelity-transfer"
    for change in (
        {"limit": 30},
        {"agents": "null"},
        {"candidate": "ns3"},
        {"tasks": Path("mine.json")},
    ):
        assert stem(**change) != "fidelity-transfer"
    assert stem(agents="null, sub/agents.py:X") == "fidelity-transfer-null-sub-agents.py-X"


def test_a_page_that_could_not_be_written_is_known_before_anything_runs(
    fidelity: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def touch(_self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "touch", touch)
    result = fidelity(tmp_path / "out")
    assert result.exit_code == 2
    assert f"--out {tmp_path / 'out'}: cannot write there: Permission denied" in result.stderr
    assert written(tmp_path / "out") == {}


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
