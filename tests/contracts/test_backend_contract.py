"""Every backend keeps the contract of backends."""

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.scenario import Scenario
from sixgym.run.build import make_network
from sixgym.scenarios import load_scenario
from sixgym.testing import BackendContract


class TestTti(BackendContract):
    def make(self) -> SimulatedBackend:
        return make_network("tti")


@pytest.mark.ns3
class TestNs3(BackendContract):
    def make(self) -> SimulatedBackend:
        return make_network("ns3")


class TestExperimentModel(BackendContract):
    def make(self) -> SimulatedBackend:
        return make_network("experiment-model-sampled")

    def scenario(self) -> Scenario:
        """The model was trained on intervals of 500 ms, and on fleets of UAVs."""
        return load_scenario("uav-inspection").model_copy(update={"faults": ()}).placed(1)
