"""Simulators by the names users type. The only place that knows which ones there are."""

from collections.abc import Callable

from sixgym.simulators.base import Simulator


def _ns3() -> Simulator:
    from sixgym.simulators.ns3 import Ns3Simulator

    return Ns3Simulator()


def _tti() -> Simulator:
    from sixgym.simulators.tti import TtiSimulator

    return TtiSimulator()


SIMULATORS: dict[str, Callable[[], Simulator]] = {"tti": _tti, "ns3": _ns3}
"""What makes each simulator. Its module is imported when it is asked for, not before."""


def make_simulator(name: str) -> Simulator:
    """The simulator of that name, not started yet.

    Raises:
        ValueError: there is none; the message lists the known ones.
        SimulatorError: it is known, but not usable here.
    """
    if name not in SIMULATORS:
        raise ValueError(f"no network is called {name[:80]!r}; there is {', '.join(SIMULATORS)}")
    return SIMULATORS[name]()
