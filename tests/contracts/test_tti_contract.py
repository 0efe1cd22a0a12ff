"""`tti` keeps the contract of simulators."""

import pytest

from sixgym.simulators.tti import TtiSimulator
from sixgym.testing import SimulatorContract, SimulatorStress


class TestTti(SimulatorContract):
    make = TtiSimulator


@pytest.mark.slow
class TestTtiUnderStress(SimulatorStress):
    make = TtiSimulator
