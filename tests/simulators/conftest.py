"""Checkpoints of the experiment model that know nothing, made once."""

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Tiny matrices are multiplied by one thread: several wait for each other on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """For intervals of 500 ms, as the shipped management scenarios have."""
    from tests.simulators.experiment_model.checkpoint import save_checkpoint

    return save_checkpoint(tmp_path_factory.mktemp("experiment-model"))


@pytest.fixture(scope="session")
def quick_checkpoint(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    """For intervals of 100 ms, as the small test networks have."""
    from tests.simulators.experiment_model.checkpoint import save_checkpoint

    return save_checkpoint(tmp_path_factory.mktemp("quick-experiment-model"), interval_ms=100)
