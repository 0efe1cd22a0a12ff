"""The checkpoint that comes with the package: small, readable, learned from the right places, and of use."""

from pathlib import Path

import pytest

from sixgym.domain.faults import CellOutage
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.scenarios import load_scenario
from sixgym.simulators.experiment_model.encode.words import figure_words
from sixgym.simulators.experiment_model.engine.language import AnswerLanguage
from sixgym.simulators.experiment_model.engine.vocabulary import WORDS
from sixgym.simulators.experiment_model.loading import CARD, SHIPPED, identity, read_card, source_digest
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.build.networks import MANAGEMENT_SCENARIOS
from sixgym.train.registry import load_recipe
from tests.repository import ROOT

RECIPE = ROOT / "recipes" / "agentgym" / "experiment_model.yaml"
MOST_BYTES = 20_000_000


def files() -> list[Path]:
    return sorted(path for path in SHIPPED.rglob("*") if path.is_file())


def test_it_is_small_and_holds_no_pickle() -> None:
    assert sum(path.stat().st_size for path in files()) <= MOST_BYTES
    assert {path.suffix for path in files()} <= {".json", ".safetensors"}


def test_it_has_learned_from_training_places_alone() -> None:
    card = read_card(SHIPPED)
    assert card.network.startswith("ns3 ")
    assert set(card.topology_seeds) <= set(TRAINING_SEEDS)
    assert card.episodes * 20 >= 30_000


def test_the_recipe_of_the_repository_has_made_it() -> None:
    card = read_card(SHIPPED)
    assert card.recipe == load_recipe(RECIPE).model_dump(mode="json")
    assert card.command == f"sixgym train {RECIPE.relative_to(ROOT)}"


def test_its_tokenizer_has_a_token_for_every_word_that_it_is_asked_in() -> None:
    transformers = pytest.importorskip("transformers")
    language = AnswerLanguage(transformers.AutoTokenizer.from_pretrained(SHIPPED))
    assert {word for word in (*WORDS, *figure_words()) if len(language.tokens(word)) != 1} == set()


def test_its_identity_is_in_the_version_of_the_network_together_with_that_of_the_code() -> None:
    simulator = make_simulator("experiment-model")
    assert (simulator.name, simulator.version) == (
        "experiment-model",
        f"{identity(SHIPPED)}+{source_digest()}",
    )
    assert (SHIPPED / CARD).exists()


def after_four(network: str, scenario: Scenario) -> Interval:
    simulator = make_simulator(network)
    interval = simulator.reset(scenario, seed=1)
    for _ in range(4):
        interval = simulator.advance(scenario.decision_interval_ms)
    simulator.close()
    return interval


@pytest.mark.parametrize("name", MANAGEMENT_SCENARIOS)
def test_a_healthy_network_carries_what_it_carries_when_simulated(name: str) -> None:
    scenario = load_scenario(name).model_copy(update={"faults": ()}).placed(51)
    predictions, simulated = (after_four(network, scenario) for network in ("experiment-model", "tti"))
    assert (
        abs(predictions.groups[scenario.managed].latency_ms - simulated.groups[scenario.managed].latency_ms)
        < 3
    )
    for group, flow in simulated.groups.items():
        assert predictions.groups[group].throughput_mbps == pytest.approx(flow.throughput_mbps, rel=0.3), (
            group
        )


def test_an_outage_of_every_cell_leaves_no_device_served() -> None:
    plain = load_scenario("uav-inspection")
    faults = tuple(CellOutage(cell=cell.id, start_ms=0, duration_ms=60_000) for cell in plain.cells)
    scenario = plain.model_copy(update={"faults": faults}).placed(51)
    simulator = make_simulator("experiment-model")
    simulator.reset(scenario, seed=1)
    interval = [simulator.advance(scenario.decision_interval_ms) for _ in range(3)][-1]
    assert all(group.throughput_mbps < 0.05 for group in interval.groups.values())
    simulator.close()
