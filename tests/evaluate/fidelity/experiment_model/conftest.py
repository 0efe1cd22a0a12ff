"""Short traces for all tests of the measurement, a model that knows them, and a model that guesses."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sixgym.data.traces.manifest import Traces
from sixgym.evaluate.fidelity.experiment_model.figures import ExperimentFigures
from sixgym.evaluate.fidelity.experiment_model.held_out import ReplicatePair, read_held_out, read_pairs
from tests.evaluate.fidelity.experiment_model.prediction_samples import Knowing, Spread, make_traces, measured

EPISODES = 3


@pytest.fixture(scope="package")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces")
    make_traces(path, EPISODES)
    return path


@pytest.fixture(scope="package")
def traces(folder: Path) -> Traces:
    return read_held_out(folder)


@pytest.fixture(scope="package")
def pairs(folder: Path, traces: Traces) -> list[ReplicatePair]:
    return read_pairs(folder, traces, None)


@pytest.fixture(scope="package")
def knowing(traces: Traces, pairs: Sequence[ReplicatePair]) -> ExperimentFigures:
    return measured(traces, pairs, Knowing([pair.episode for pair in pairs]))


@pytest.fixture(scope="package")
def guessing(traces: Traces, pairs: Sequence[ReplicatePair]) -> ExperimentFigures:
    return measured(traces, pairs, Spread())
