"""`ns3` keeps the contract of simulators."""

import pytest

from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.testing import SimulatorContract, SimulatorStress

pytestmark = pytest.mark.ns3


class TestNs3(SimulatorContract):
    make = Ns3Simulator


@pytest.mark.slow
class TestNs3UnderStress(SimulatorStress):
    make = Ns3Simulator
