"""Tables on terminals of 80 columns: figures are whole, or they are other figures."""

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks

STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "samples.json", sample_tasks(15))


@pytest.fixture
def runs(sixgym: Sixgym, tmp_path: Path, task_file: Path) -> tuple[Path, Path]:
    """Two runs over the same tasks: one solves every task, the other none."""
    shared = ("--tasks", task_file, "--network", "fluid", "--workers", 1, "--trials", 2)
    for agent in ("reference", "null"):
        assert sixgym("bench", "--agent", agent, *shared, "--out", tmp_path / agent).exit_code == 0
    return tmp_path / "reference", tmp_path / "null"


def shown_on(monkeypatch: pytest.MonkeyPatch, width: int, sixgym: Sixgym, *arguments: object) -> list[str]:
    """The lines that a terminal of that width shows."""
    with monkeypatch.context() as terminal:
        terminal.setenv("FORCE_COLOR", "1")
        terminal.setenv("COLUMNS", str(width))
        result = sixgym(*arguments)
    assert result.exit_code == 0, result.output
    return STYLE.sub("", result.stdout).splitlines()


def table_of(lines: list[str]) -> list[str]:
    """Without the last line, which is a path of any length."""
    return [line for line in lines if not line.startswith("run ")]


@pytest.mark.parametrize("width", [60, 80])
def test_no_figure_of_a_run_is_cut(
    sixgym: Sixgym, monkeypatch: pytest.MonkeyPatch, runs: tuple[Path, Path], task_file: Path, width: int
) -> None:
    lines = shown_on(monkeypatch, width, sixgym, "bench", "grade", runs[0], "--tasks", task_file)
    assert "…" not in "".join(lines)
    assert max(map(len, table_of(lines))) <= width
    if width == 80:
        whole = re.compile(r"multi-agent-coordination +6  100\.0 \[\d+\.\d, 100\.0\]  100\.0 \[")
        assert any(whole.match(line) for line in lines)


def test_a_narrow_table_says_how_good_and_then_how(
    sixgym: Sixgym, monkeypatch: pytest.MonkeyPatch, runs: tuple[Path, Path], task_file: Path
) -> None:
    grade = ("bench", "grade", runs[0], "--tasks", task_file)
    narrow, wide = (shown_on(monkeypatch, width, sixgym, *grade) for width in (80, 130))
    heads = [line.split() for line in narrow if "%" in line and "95 %" not in line]
    assert heads == [
        ["n", "success", "%", "SPL", "%"],
        ["pass^2", "%", "valid", "%", "unsafe", "%", "broken", "calls", "tokens", "s"],
    ]
    (head,) = (line.split() for line in wide if "SPL %" in line)
    assert head == heads[0] + heads[1]
    assert sum(line.startswith("overall ") for line in narrow) == 2
    overall = next(place for place, line in enumerate(wide) if line.startswith("overall "))
    assert not wide[overall + 1].strip(), "tiers are set off from everything"


@pytest.mark.parametrize("width", [80, 130])
def test_no_figure_of_a_comparison_is_cut_and_both_runs_are_named(
    sixgym: Sixgym, monkeypatch: pytest.MonkeyPatch, runs: tuple[Path, Path], width: int
) -> None:
    lines = shown_on(monkeypatch, width, sixgym, "bench", "compare", *runs)
    assert lines[0].strip() == "first, reference on fluid, less second, null on fluid"
    assert "…" not in "".join(lines)
    assert max(map(len, lines)) <= width
    assert any("+100.0 [" in line for line in lines)
    assert sum(line.startswith("overall ") for line in lines) == (2 if width == 80 else 1)


def test_ids_of_tasks_are_whole_and_intents_have_room(
    sixgym: Sixgym, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    long_id = "L1-multi-agent-coordination-0000"
    (task,) = sample_tasks(1)
    named = task.model_copy(update={"task": task.task.model_copy(update={"id": long_id})})
    listed = ("bench", "tasks", "--tasks", write_tasks(tmp_path / "long.json", [named]))
    lines = shown_on(monkeypatch, 80, sixgym, *listed)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith(f"{long_id} ") for line in lines)
    first = task.task.intent[:20]
    assert any(first in line for line in lines)
    assert "uav-inspection" in "".join(shown_on(monkeypatch, 130, sixgym, *listed))
