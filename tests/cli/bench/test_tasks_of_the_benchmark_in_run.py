"""`sixgym run --task` on tasks of the benchmark: they are taken as they are, and named as they are."""

import json
from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.cli import run as run_module
from sixgym.cli import task as task_module
from sixgym.episodes.store import read_episodes
from sixgym.episodes.task import make_task
from sixgym.scenarios import load_scenario
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks

ID = "L1-network-slicing-0007"


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    (task, *others) = sample_tasks(3)
    named = task.model_copy(update={"task": task.task.model_copy(update={"id": ID})})
    return write_tasks(tmp_path / "samples.json", [named, *others])


@pytest.fixture
def run(sixgym: Sixgym, tmp_path: Path) -> Sixgym:
    def invoke(*arguments: object) -> Any:
        return sixgym("run", "--network", "fluid", "--out", tmp_path / "runs", *arguments)

    return invoke


@pytest.mark.parametrize("task_id", [ID, "sample-002"])
def test_the_reference_plays_the_solution_of_a_task_of_any_set(
    run: Sixgym, task_file: Path, task_id: str
) -> None:
    result = run("--tasks", task_file, "--task", task_id, "--agent", "reference", "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["task"], summary["agent"], summary["success"]) == (task_id, "reference", True)
    assert "UAVs out of bounds < 1 in every interval" in result.stderr


def test_others_work_on_it_too(run: Sixgym, task_file: Path) -> None:
    result = run("--tasks", task_file, "--task", ID, "--agent", "null", "--json")
    assert json.loads(result.stdout)["success"] is False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--task", ID, "--seed", 1), "--seed: L1-network-slicing-0007 is a task of the benchmark and keeps"),
        (("--task", ID, "--intent", "Do better."), "keeps its words"),
        (("--task", ID, "--scenario", "ran-slicing"), "keeps its network; give --task alone"),
        (("--task", ID.lower()), f"names a task of the benchmark: the set has no task '{ID.lower()}'"),
        (("--task", ID.lower()), f"did you mean {ID}?"),
        ((), "--tasks needs --task ID"),
        (("--task", ID, "--agent", "reference", "--script", "calls.json"), "takes no script"),
    ],
)
def test_a_task_of_the_benchmark_is_taken_and_named_as_it_is(
    run: Sixgym, tmp_path: Path, task_file: Path, arguments: tuple[object, ...], words: str
) -> None:
    result = run("--tasks", task_file, *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("task_id", [ID, ID.lower()])
def test_without_a_set_an_id_of_the_benchmark_is_known_by_its_form(run: Sixgym, task_id: str) -> None:
    result = run("--task", task_id, "--scenario", "ran-slicing")
    assert result.exit_code == 2
    assert f"--scenario: {task_id} is a task of the benchmark" in result.stderr


def test_a_scenarios_own_task_may_have_such_a_name(run: Sixgym, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = load_scenario("ran-slicing")
    template = scenario.tasks[0].model_copy(update={"id": "l2-mine"})
    mine = scenario.model_copy(update={"tasks": (template,)})
    monkeypatch.setattr(task_module, "load_scenario", lambda _: mine)
    result = run("--scenario", "mine.yaml", "--task", "l2-mine", "--agent", "null", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["intent"] == make_task(mine, seed=1).intent


def test_the_reference_needs_a_task_of_the_benchmark(run: Sixgym) -> None:
    result = run("--agent", "reference")
    assert result.exit_code == 2
    assert "name it with --task ID; sixgym bench tasks lists the ids" in result.stderr


def test_a_set_that_is_not_there_is_named_once(run: Sixgym, sixgym: Sixgym) -> None:
    for result in (
        run("--tasks", "nope.json", "--task", ID),
        sixgym("bench", "tasks", "--tasks", "nope.json"),
        sixgym("bench", "holdout", "--against", "nope.jsonl"),
    ):
        assert result.exit_code == 2
        assert result.stderr.count("nope.json") == 1
        assert "No such file or directory" in result.stderr


def test_what_is_no_set_is_said_in_words(sixgym: Sixgym, tmp_path: Path, task_file: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{")
    assert ": no manifest of a task set: Invalid JSON" in sixgym("bench", "tasks", "--tasks", broken).stderr
    task_file.with_suffix(".jsonl.gz").write_bytes(b"no gzip")
    damaged = sixgym("bench", "tasks", "--tasks", task_file)
    assert "samples.jsonl.gz: Not a gzipped file" in damaged.stderr


def test_an_agents_name_makes_no_folder(run: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = NullAgent(name="meta/llama ../3")
    monkeypatch.setattr(run_module, "make_task_agent", lambda *_, **__: model)
    result = run("--json")
    assert result.exit_code == 0, result.output
    path = Path(json.loads(result.stdout)["episode"])
    assert path.parent == tmp_path / "runs"
    assert path.name.startswith("uav-inspection-meta-llama-..-3-1-")
    (stored,) = read_episodes(path)
    assert stored.agent == "meta/llama ../3"
    assert path.with_suffix(".parquet").exists()
