"""`sixgym bench --resume` with other options: a larger selection goes on, another one is named in words."""

import json
from pathlib import Path
from typing import Any

import pytest

from sixgym.evaluate.bench.store import RunFolder, RunManifest, differences, extends
from sixgym.tasks.selection import Selection
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import manifest_of, sample_tasks, write_tasks

ALL = sample_tasks(15)


@pytest.fixture
def bench(sixgym: Sixgym, tmp_path: Path) -> Sixgym:
    """Runs the random agent in one folder, on the fluid network."""
    task_file = write_tasks(tmp_path / "samples.json", ALL)
    shared = ("--agent", "random", "--network", "fluid", "--tasks", task_file, "--workers", 1)

    def invoke(*arguments: object, out: str = "run") -> Any:
        return sixgym("bench", *shared, "--out", tmp_path / out, *arguments)

    return invoke


def run_of(count: int, **changes: object) -> RunManifest:
    """A run of the first tasks, by the limit that chooses them."""
    limit = None if count == len(ALL) else count
    made = manifest_of(ALL[:count]).model_copy(update={"selection": Selection(limit=limit)})
    return made.model_copy(update=changes)


@pytest.mark.parametrize(
    ("stored", "asked", "goes_on"),
    [
        (run_of(3), run_of(6), True),
        (run_of(3), run_of(15), True),
        (run_of(3), run_of(3), False),
        (run_of(6), run_of(3), False),
        (run_of(3), run_of(6, trials=2), False),
        (run_of(3), run_of(6, agent="null"), False),
        (run_of(3), run_of(6, task_set_sha256="1" * 64), False),
        (run_of(3, selection=Selection(tier="L1")), run_of(6), False),
        (run_of(3), run_of(6, tasks=tuple(task.task.id for task in ALL[2:10])), False),
    ],
)
def test_a_run_goes_on_as_one_of_more_tasks_and_of_nothing_else(
    stored: RunManifest, asked: RunManifest, goes_on: bool
) -> None:
    assert extends(stored, asked) is goes_on


def test_other_selections_are_told_by_their_options() -> None:
    assert differences(run_of(6), run_of(3)) == ["--limit was 6 and is 3"]
    other = run_of(6, selection=Selection(tier="L1", domain="uav-control"), trials=2)
    assert differences(run_of(3), other) == [
        "--tier was not given and is L1",
        "--domain was not given and is uav-control",
        "--limit was 3 and is not given",
        "trials was 1 and is 2",
    ]
    assert differences(run_of(15), run_of(15, selection=Selection(limit=99))) == [], "the same tasks"


def test_figures_of_fewer_tasks_are_taken_away_and_the_start_is_kept(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.write_manifest(run_of(3))
    for name in ("results.jsonl", "report.json", "report.md"):
        folder.write(name, "")
    longer = folder.extend(run_of(6, started_at="later"))
    assert longer == folder.manifest() == run_of(6)
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]


def test_a_larger_limit_runs_what_is_missing_and_ends_as_if_it_had_been_given_at_once(
    bench: Sixgym, tmp_path: Path
) -> None:
    assert bench("--limit", 3).exit_code == 0
    longer = bench("--limit", 9, "--resume", "--json")
    assert longer.exit_code == 0, longer.output
    assert "3 of them stored already" in longer.stderr
    assert json.loads(longer.stdout)["overall"]["n"] == 9
    assert RunFolder(tmp_path / "run").manifest().selection == Selection(limit=9)
    assert bench("--limit", 9, out="whole").exit_code == 0
    ran, whole = (
        [row.model_copy(update={"agent_s": 0, "world_s": 0}) for row in RunFolder(tmp_path / name).results()]
        for name in ("run", "whole")
    )
    assert ran == whole


def test_a_smaller_limit_is_another_run(bench: Sixgym) -> None:
    assert bench("--limit", 6).exit_code == 0
    refused = bench("--limit", 3, "--resume")
    assert refused.exit_code == 2
    assert "holds another run: --limit was 6 and is 3" in refused.stderr
