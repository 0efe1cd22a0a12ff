"""Conformance suites for simulators, backends, environments and agents of your own. They need pytest.

A suite is a class of tests. A subclass in a test module says what is tested, and pytest does the rest::

    import sixgym.testing


    class TestMine(sixgym.testing.SimulatorContract):
        make = MySimulator
"""

import pytest

# so that a failed assertion of a suite shows its values, as in a test module
pytest.register_assert_rewrite(
    "sixgym.testing.agent",
    "sixgym.testing.backend",
    "sixgym.testing.environment",
    "sixgym.testing.simulator",
    "sixgym.testing.simulator_bookkeeping",
    "sixgym.testing.simulator_faults",
    "sixgym.testing.simulator_fork",
)

from sixgym.testing.agent import AgentContract  # noqa: E402
from sixgym.testing.backend import BackendContract  # noqa: E402
from sixgym.testing.environment import EnvironmentContract  # noqa: E402
from sixgym.testing.networks import small, small_task  # noqa: E402
from sixgym.testing.simulator import SimulatorContract  # noqa: E402
from sixgym.testing.simulator_bookkeeping import SimulatorBookkeeping  # noqa: E402
from sixgym.testing.simulator_faults import SimulatorStress  # noqa: E402
from sixgym.testing.simulator_fork import ForkContract  # noqa: E402

__all__ = [
    "AgentContract",
    "BackendContract",
    "EnvironmentContract",
    "ForkContract",
    "SimulatorBookkeeping",
    "SimulatorContract",
    "SimulatorStress",
    "small",
    "small_task",
]
