"""The traces in results/data: of the right places, readable, and what the shipped model has learned from."""

import hashlib
from itertools import islice

import pytest

from sixgym.data.traces.packing import unpack
from sixgym.domain.splits import HELD_OUT_SEEDS, TRAINING_SEEDS
from sixgym.run.recorded_changes import recorded_changes
from sixgym.simulators.experiment_model.loading import SHIPPED, read_card
from tests.repository import ROOT

DATA = ROOT / "results" / "data"
FILES = {"training": TRAINING_SEEDS, "held-out": HELD_OUT_SEEDS}


@pytest.mark.parametrize("name", FILES)
def test_stored_traces_are_of_their_split_and_can_be_played_again(name: str) -> None:
    traces, episodes = unpack(DATA / f"traces-{name}.jsonl.xz")
    assert traces.network.name == "ns3"
    assert set(traces.topology_seeds) == set(FILES[name])
    some = list(islice(episodes, 3))
    assert [episode.task.id for episode in some] == traces.task_ids[:3]
    for episode in some:
        assert episode.backend == traces.network
        assert episode.task.scenario.topology_seed in FILES[name]
        assert len(recorded_changes(episode)) == len(episode.steps) + 1 == 21


def test_the_shipped_model_has_learned_from_the_stored_training_traces() -> None:
    traces, _ = unpack(DATA / "traces-training.jsonl.xz")
    card = read_card(SHIPPED)
    assert card.traces == hashlib.sha256(traces.model_dump_json(indent=1).encode()).hexdigest()
    assert card.episodes == len(traces.jobs) >= 1_500
    assert card.network == f"{traces.network.name} {traces.network.version}"
