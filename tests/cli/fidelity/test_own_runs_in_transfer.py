"""`sixgym fidelity transfer --runs`: agents that worked on the reference themselves."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from sixgym.evaluate.bench.store import RunFolder
from sixgym.scoring.result import Result
from tests.cli.conftest import Sixgym
from tests.cli.fidelity.conftest import AGENTS, PAGE, TASKS


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
    assert "Both are in closed loop" in page
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
    assert f"The table leaves out {unknown} episodes that were missed on slower only" in page
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


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"{}\n", mtime=0)])
def test_a_file_that_holds_no_grades_is_one_error(fidelity: Sixgym, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "rows.gz"
    path.write_bytes(content)
    result = fidelity(tmp_path / "out", "--no-replay", "--runs", path)
    assert result.exit_code == 2
    assert f"--runs: neither a run's folder nor graded rows: {path}" in result.stderr
