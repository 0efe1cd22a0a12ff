"""The contract of a simulator, and its error."""

from typing import Protocol, Self, runtime_checkable

from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario


class SimulatorError(RuntimeError):
    """The simulator is missing, has crashed, hangs or refuses a change. It is never a mistake of the agent.

    The message says what happened and what to do. The simulator is closed afterwards; `reset` starts a fresh
    one. Nothing falls back to another simulator.
    """


class Simulator(Protocol):
    """Physics of a placed scenario. An object runs one network at a time and may be reset often."""

    @property
    def name(self) -> str:
        """Name as users type it, such as `ns3`."""
        ...

    @property
    def version(self) -> str:
        """Version of the simulator and of its code here. Equal versions give equal results."""
        ...

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """Start the network, run its warm-up and return the measurements at its end.

        The interval covers the last `decision_interval_ms` of the warm-up and ends at time 0.
        `seed` drives traffic, fading and errors; places come from the scenario.

        Raises:
            SimulatorError: the simulator cannot be started.
            ValueError: the scenario is not placed.
        """
        ...

    def apply(self, change: Change) -> None:
        """Apply a change now, between two intervals.

        Raises:
            SimulatorError: the simulator has crashed, or the change names an object that does not exist.
        """
        ...

    def advance(self, duration_ms: int) -> Interval:
        """Run the network for a duration and return the measurements of it."""
        ...

    def close(self) -> None:
        """Stop the network and free its resources. Closing twice is allowed."""
        ...


@runtime_checkable
class ForkableSimulator(Simulator, Protocol):
    """A simulator whose running network can be copied. This part of the contract is optional.

    Group rollouts and plan searches continue one network in several ways. `tti` and the experiment model
    offer it; ns-3 does not, because its state lives in a process of its own.
    """

    def fork(self) -> Self:
        """An independent copy of the running network.

        The copy has the same future: equal calls bring equal intervals from both. A call on one, `close`
        included, does not affect the other.

        Raises:
            SimulatorError: no network is running.
        """
        ...
