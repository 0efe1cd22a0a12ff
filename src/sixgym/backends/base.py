"""The interface between environments and networks."""

from dataclasses import dataclass
from typing import Protocol

from sixgym.domain.faults import FaultEvent
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState
from sixgym.episodes.episode import BackendInfo, Outcome, ToolCall


@dataclass(frozen=True, slots=True)
class Transition:
    """The effect of a call: its outcome, the states before and after its interval, and the measurements."""

    outcome: Outcome
    before: NetworkState
    after: NetworkState
    interval: Interval


class Backend(Protocol):
    """A network that answers tool calls: simulated, learned or replayed."""

    @property
    def info(self) -> BackendInfo:
        """Name and version, for the record."""
        ...

    def reset(self, scenario: Scenario, *, seed: int) -> tuple[NetworkState, Interval]:
        """Start a network; its state and interval at time 0."""
        ...

    def execute(self, call: ToolCall, fault: FaultEvent | None = None) -> Transition:
        """Carry out a call. Every call takes one decision interval of network time.

        An invalid call brings an outcome with an error and changes nothing; the time passes all the same.

        Args:
            call: The call.
            fault: A fault that strikes in addition to the faults of the scenario.

        Raises:
            SimulatorError: the network broke, which is never the agent's fault.
        """
        ...

    def idle(self) -> Interval:
        """Let one decision interval pass without a call."""
        ...

    @property
    def state(self) -> NetworkState:
        """The six-dimensional state now."""
        ...

    @property
    def ledger(self) -> Ledger:
        """The current ledger of every UAV: tasks, sensors, inbox."""
        ...

    def close(self) -> None:
        """Stop the network and free its resources. `reset` starts it again."""
        ...
