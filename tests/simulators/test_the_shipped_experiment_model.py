"""The checkpoint that comes with the package: small, readable, learned from the right places, and of use."""

from pathlib import Path

import pytest

from sixgym.domain.faults import CellOutage
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.scenarios import load_scenario
from sixgym.simulators.experiment_model.loading import CARD, SHIPPED, identity, read_card
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.networks import MANAGEMENT_SCENARIOS

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


def test_a_recipe_of_the_repository_has_made_it() -> None:
    assert "experiment_model.yaml" in read_card(SHIPPED).command


def test_its_identity_is_the_version_of_the_network() -> None:
    simulator = make_simulator("experiment-model")
    assert (simulator.name, simulator.version) == ("experiment-model", identity(SHIPPED))
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
    foretold, simulated = (after_four(network, scenario) for network in ("experiment-model", "tti"))
    assert (
        abs(foretold.groups[scenario.managed].latency_ms - simulated.groups[scenario.managed].latency_ms) < 3
    )
    for group, flow in simulated.groups.items():
        assert foretold.groups[group].throughput_mbps == pytest.approx(flow.throughput_mbps, rel=0.3), group


def test_an_outage_of_every_cell_leaves_nobody_served() -> None:
    plain = load_scenario("uav-inspection")
    faults = tuple(CellOutage(cell=cell.id, start_ms=0, duration_ms=60_000) for cell in plain.cells)
    scenario = plain.model_copy(update={"faults": faults}).placed(51)
    simulator = make_simulator("experiment-model")
    simulator.reset(scenario, seed=1)
    for _ in range(3):
        interval = simulator.advance(scenario.decision_interval_ms)
    assert all(group.throughput_mbps < 0.05 for group in interval.groups.values())
    simulator.close()
