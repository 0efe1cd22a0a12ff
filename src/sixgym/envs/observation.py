"""What an agent is shown."""

from dataclasses import dataclass

from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.episode import Outcome, Turn


@dataclass(frozen=True, slots=True)
class Exchange:
    """A past turn, what came back, and the state afterwards."""

    turn: Turn
    outcome: Outcome
    after: NetworkState


@dataclass(frozen=True, slots=True)
class Observation:
    """Everything an agent knows. It is told nothing of goals beyond intent and service level.

    Attributes:
        intent: What the operator wants, in words.
        sla: The service level the intent refers to.
        state: The six-dimensional state now.
        history: All turns so far, oldest first.
        uavs, cells, nodes: Names it may use in calls (`onboard` is always a node).
        service: Name of the managed group.
        steps_left: Calls it may still make.
    """

    intent: str
    sla: SlaSpec
    state: NetworkState
    history: tuple[Exchange, ...]
    uavs: tuple[str, ...]
    cells: tuple[str, ...]
    nodes: tuple[str, ...]
    service: str
    steps_left: int
