"""Trainings of the experiment model on a few episodes. Fixtures import its libraries, which are optional."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from sixgym.train.experiment_model.training import Training

Begin = Callable[..., "Training"]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Restore the number of threads, which a training sets and other tests share."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def examples(traces: Path, tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    from sixgym.train.experiment_model.training import EXAMPLES_FILE, Training
    from tests.train.experiment_model.samples import recipe

    out = tmp_path_factory.mktemp("examples")
    Training(recipe(traces), out)
    return out / EXAMPLES_FILE


@pytest.fixture
def begin(traces: Path, examples: Path, tmp_path: Path) -> Begin:
    """Begin or resume a training in a folder of the test."""

    from sixgym.train.experiment_model.training import Training
    from tests.train.experiment_model.samples import recipe, with_examples

    def training(name: str = "out", *changes: str, resume: bool = False) -> "Training":
        out = tmp_path / name
        if not out.exists():
            with_examples(examples, out)
        return Training(recipe(traces, *changes), out, resume=resume)

    return training
