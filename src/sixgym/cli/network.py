"""Networks by name, with errors that tell a user what to do."""

from collections.abc import Generator
from contextlib import contextmanager

from sixgym.backends.simulated import SimulatedBackend
from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.episodes.episode import BackendInfo
from sixgym.run.build import make_network
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.simulators.factory import make_simulator


def choose_network(name: str) -> SimulatedBackend:
    """The network of that name, not started yet.

    Raises:
        CommandError: there is no network of that name, or this machine cannot use it.
    """
    with _usable(name):
        return make_network(name)


def choose_simulator(name: str) -> Simulator:
    """The simulator of that name, not started yet.

    Raises:
        CommandError: there is no simulator of that name, or this machine cannot use it.
    """
    with _usable(name):
        return make_simulator(name)


def network_info(name: str) -> BackendInfo:
    """Name and version of a network.

    Raises:
        CommandError: there is no network of that name, or this machine cannot use it.
    """
    network = choose_network(name)
    try:
        return network.info
    finally:
        network.close()


@contextmanager
def _usable(name: str) -> Generator[None]:
    with wrong_use_on(ValueError):
        try:
            yield
        except SimulatorError as error:
            raise CommandError(str(error), WORK_FAILED) from None
        except ImportError as error:
            raise CommandError(
                f"{name} cannot be loaded: {error}; `sixgym doctor` names the remedy", WORK_FAILED
            ) from None
