"""`sixgym bench tasks` and `holdout`: what a task set holds."""

import json
from pathlib import Path

from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks


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
