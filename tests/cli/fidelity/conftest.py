"""`sixgym fidelity transfer` over small tasks: agents work on `fluid`, and `slower` is the reference."""

from pathlib import Path
from typing import Any

import pytest

from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import write_tasks
from tests.evaluate.fidelity.transfer.replays import SlowerFluid, mixed_tasks

TASKS = 6

AGENTS = "null,random,reference"

EPISODES = TASKS * 3

PAGE = f"fidelity-transfer-samples-fluid-slower-{'-'.join(AGENTS.split(','))}"


class Absent(SlowerFluid):
    """The slower network where it is not installed."""

    def __init__(self) -> None:
        super().__init__(fail_on_reset=True)


@pytest.fixture
def slower(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slower network."""
    monkeypatch.setitem(factory.SIMULATORS, "slower", SlowerFluid)


@pytest.fixture
def task_file(tmp_path: Path) -> Path:
    return write_tasks(tmp_path / "samples.json", mixed_tasks(TASKS))


@pytest.fixture
def fidelity(slower: None, sixgym: Sixgym, task_file: Path) -> Sixgym:
    """Runs `sixgym fidelity transfer ARGUMENTS` over the samples in this process."""

    def invoke(out: Path, *arguments: object) -> Any:
        networks = ("--candidate", "fluid", "--reference", "slower")
        shared = ("--tasks", task_file, "--workers", 1, "--agents", AGENTS, "--out", out)
        return sixgym("fidelity", "transfer", *networks, *shared, *arguments)

    return invoke


def written(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*") if path.is_file()}
