"""Traces to train on, made once."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Traces of a few explorations of `tti`; read-only."""
    from tests.train.experiment_model.samples import explore

    return explore(tmp_path_factory.mktemp("traces"))
