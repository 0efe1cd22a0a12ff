"""`sixgym bench` over small tasks on the fluid network."""

from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.rules.null import NullAgent
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.evaluate.bench.store import RunFolder
from sixgym.scoring.result import Result
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "samples.json", sample_tasks(15))


@pytest.fixture
def bench(sixgym: Sixgym, task_file: Path) -> Sixgym:
    """Runs `sixgym bench ARGUMENTS` over the samples, on the fluid network in this process."""

    def invoke(*arguments: object) -> Any:
        shared = ("--tasks", task_file, "--network", "fluid", "--workers", 1)
        return sixgym("bench", *shared, *arguments)

    return invoke


@pytest.fixture
def breaking_null(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of three episodes of the null agent are finished, the third breaks."""

    def act(_self: NullAgent, _observation: Observation) -> Turn:
        if next(turns) % 3 == 0:
            raise ZeroDivisionError("oh no")
        return Turn(answer="nothing")

    turns = iter(range(100))
    monkeypatch.setattr(NullAgent, "act", act)


def results_of(run: Path) -> list[Result]:
    """The graded rows of a run, without wall-clock times."""
    return [row.model_copy(update={"agent_s": 0.0, "world_s": 0.0}) for row in RunFolder(run).results()]
