"""Simulators by the names users type. No other module lists them."""

from collections.abc import Callable

from sixgym.simulators.base import Simulator


def _ns3() -> Simulator:
    from sixgym.simulators.ns3 import Ns3Simulator

    return Ns3Simulator()


def _tti() -> Simulator:
    from sixgym.simulators.tti import TtiSimulator

    return TtiSimulator()


def _experiment_model(folder: str | None) -> Simulator:
    from sixgym.simulators.experiment_model import open_simulator

    return open_simulator(folder, sampled=False)


def _experiment_model_sampled(folder: str | None) -> Simulator:
    from sixgym.simulators.experiment_model import open_simulator

    return open_simulator(folder, sampled=True)


SIMULATORS: dict[str, Callable[[], Simulator]] = {
    "tti": _tti,
    "ns3": _ns3,
    "experiment-model": lambda: _experiment_model(None),
    "experiment-model-sampled": lambda: _experiment_model_sampled(None),
}
"""Makers of the simulators by name. A simulator's module is imported when the simulator is made."""

FROM_FOLDERS: dict[str, Callable[[str], Simulator]] = {
    "experiment-model": _experiment_model,
    "experiment-model-sampled": _experiment_model_sampled,
}
"""Makers of the simulators that take a folder, as in `experiment-model:runs/mine`."""


def make_simulator(name: str) -> Simulator:
    """The simulator with a name, not started yet.

    Args:
        name: A name in `SIMULATORS`, or a name in `FROM_FOLDERS` with a colon and a folder.

    Raises:
        ValueError: the name is unknown; the message lists the known names.
        SimulatorError: the simulator cannot be used here.
    """
    kind, colon, folder = name.partition(":")
    if colon and folder and kind in FROM_FOLDERS:
        return FROM_FOLDERS[kind](folder)
    if name not in SIMULATORS:
        raise ValueError(f"no network is called {name[:80]!r}; there is {', '.join(SIMULATORS)}")
    return SIMULATORS[name]()
