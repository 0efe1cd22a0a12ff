"""The waist between agents and networks."""

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
    """What a call did: its outcome, the states around the interval it took, and what was measured."""

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
        """Start a network; the state and interval at time 0."""
        ...

    def execute(self, call: ToolCall, fault: FaultEvent | None = None) -> Transition:
        """Carry out a call; it takes one decision interval of network time, whatever it is.

        A call that makes no sense gives an outcome with an error and changes nothing; time still
        passes. `fault` strikes in addition to the scenario's own.

        Raises:
            SimulatorError: the network broke. Never the agent's fault.
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
        """What is on the books of every UAV now: tasks, sensors, mailbox."""
        ...

    def close(self) -> None:
        """Free what runs behind it."""
        ...
