"""The simulators that the contract is held against, and how the tests run them."""

from collections.abc import Callable, Sequence

from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.simulators.base import Simulator
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small

SIMULATORS: dict[str, Callable[[], Simulator]] = {"tti": TtiSimulator, "ns3": Ns3Simulator}
"""By name. A new simulator joins by one line here."""


def run(
    simulator: Simulator, changes: Sequence[Change] = (), *, seed: int = 1, scenario: Scenario | None = None
) -> Interval:
    """One second, after the changes and 300 ms in which they take effect."""
    simulator.reset(scenario or small(), seed=seed)
    for change in changes:
        simulator.apply(change)
    simulator.advance(300)
    return simulator.advance(1000)
