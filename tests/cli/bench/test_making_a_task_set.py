"""`sixgym bench make`, and tasks of the benchmark in `sixgym run`."""

import json
from pathlib import Path

import pytest

from sixgym.tasks.frozen import load_task_set
from sixgym.tasks.record import DOMAINS, TIERS
from tests.cli.conftest import Sixgym


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--out", "tasks.jsonl"), "name a .json file"),
        (("--out", "tasks.json", "--split", "everything"), "held-out or training"),
        (("--out", "tasks.json", "--prove", "omnet"), "omnet"),
    ],
)
def test_what_cannot_be_made_is_said_before_anything_is_drawn(
    sixgym: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = sixgym("bench", "make", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_frozen_set_is_not_made_over(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "set.json"
    path.write_text("{}")
    result = sixgym("bench", "make", "--out", path)
    assert result.exit_code == 2
    assert "not made again" in result.stderr
    assert path.read_text() == "{}"


@pytest.mark.slow
def test_a_set_from_training_seeds_can_be_made_and_run(sixgym: Sixgym, tmp_path: Path) -> None:
    path = tmp_path / "training.json"
    made = sixgym("bench", "make", "--per-cell", 1, "--split", "training", "--out", path, "--workers", 2)
    assert made.exit_code == 0
    tasks = load_task_set(path).tasks
    assert len(tasks) == len(DOMAINS) * len(TIERS)
    assert all(task.split == "training" for task in tasks)
    run = sixgym(
        "bench", "--agent", "reference", "--tasks", path, "--out", tmp_path / "run", "--workers", 1, "--json"
    )
    assert json.loads(run.stdout)["overall"]["success_rate"] == 1.0


def test_an_agent_works_on_a_task_of_the_benchmark(sixgym: Sixgym, tmp_path: Path) -> None:
    task = load_task_set().tasks[0].task
    result = sixgym("run", "--task", task.id, "--agent", "null", "--out", tmp_path, "--json")
    summary = json.loads(result.stdout)
    assert (summary["task"], summary["intent"], summary["success"]) == (task.id, task.intent, False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", "L1-network-slicing-9999"), "did you mean L1-network-slicing-"),
        (("--task", "L1-network-slicing-0000", "--intent", "Do better."), "keeps its words"),
    ],
)
def test_a_task_of_the_benchmark_is_taken_as_it_is(
    sixgym: Sixgym, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    result = sixgym("run", *arguments, "--out", tmp_path / "runs")
    assert result.exit_code == 2
    assert words in result.stderr
