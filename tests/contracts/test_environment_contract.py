"""The environment keeps its contract on every network."""

import pytest

from sixgym.envs.environment import Environment
from sixgym.run.build import make_environment
from sixgym.testing import EnvironmentContract


class TestOnTti(EnvironmentContract):
    def make(self) -> Environment:
        return make_environment("tti")


@pytest.mark.ns3
class TestOnNs3(EnvironmentContract):
    def make(self) -> Environment:
        return make_environment("ns3")
