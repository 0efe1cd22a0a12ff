"""The traces in results/data: of the right places, readable, and what the shipped model has learned from."""

import hashlib
import json
import lzma
from itertools import islice
from pathlib import Path

import pytest

from sixgym.data.traces.manifest import MANIFEST, Traces, TracesError, read_manifest
from sixgym.data.traces.packing import unpack
from sixgym.domain.splits import HELD_OUT_SEEDS, TRAINING_SEEDS
from sixgym.run.replay import recorded_changes
from sixgym.simulators.experiment_model.loading import SHIPPED, read_card
from tests.repository import ROOT

DATA = ROOT / "results" / "data"
FILES = {"training": (TRAINING_SEEDS, 1), "held-out": (HELD_OUT_SEEDS, 2)}


def packed_manifest(name: str) -> dict[str, object]:
    """The manifest as it was packed."""
    with lzma.open(DATA / f"traces-{name}.jsonl.xz") as file:
        return json.loads(file.readline())


@pytest.mark.parametrize("name", FILES)
def test_stored_traces_are_of_their_split_and_can_be_played_again(name: str) -> None:
    seeds, replicates = FILES[name]
    traces, episodes = unpack(DATA / f"traces-{name}.jsonl.xz")
    assert traces.network.name == "ns3"
    assert set(traces.topology_seeds) == set(seeds)
    assert traces.replicates == replicates
    some = list(islice(episodes, 3))
    assert [episode.task.id for episode in some] == traces.task_ids[:3]
    for episode in some:
        assert episode.backend == traces.network
        assert episode.task.scenario.topology_seed in seeds
        assert len(recorded_changes(episode)) == len(episode.steps) + 1 == 21


def test_the_shipped_model_has_learned_from_the_stored_training_traces() -> None:
    manifest = packed_manifest("training")
    traces = Traces.model_validate(manifest)
    card = read_card(SHIPPED)
    assert card.traces == hashlib.sha256(json.dumps(manifest, indent=1).encode()).hexdigest()
    assert card.episodes == len(traces.jobs) >= 1_500
    assert card.network == f"{traces.network.name} {traces.network.version}"


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_from_when_replicates_were_called_twins_is_still_read(name: str, tmp_path: Path) -> None:
    manifest = packed_manifest(name)
    assert "twins" in manifest
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    assert read_manifest(tmp_path).replicates == FILES[name][1]


def test_a_folder_without_a_readable_manifest_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(TracesError, match=rf"{tmp_path} holds no traces: .*`sixgym traces --out {tmp_path}`"):
        read_manifest(tmp_path)
    (tmp_path / MANIFEST).write_text('{"network": 3}')
    with pytest.raises(TracesError, match=r"traces\.json: no manifest of traces: network"):
        read_manifest(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(TracesError, match="file holds no traces"):
        read_manifest(tmp_path / "file")
