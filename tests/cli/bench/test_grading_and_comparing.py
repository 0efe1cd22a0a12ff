"""`sixgym bench grade` and `compare`: what is said of finished runs."""

import json
from pathlib import Path

import pytest

from sixgym.evaluate.bench.store import RunFolder
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks


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
