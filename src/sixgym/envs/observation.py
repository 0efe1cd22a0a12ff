"""What an agent is shown."""

from collections.abc import Sequence
from dataclasses import dataclass

from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.episode import Outcome, Task, Turn


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
        start: That before the first call.
        history: All turns so far, oldest first.
        uavs, cells, nodes: Names it may use in calls (`onboard` is always a node).
        service: Name of the managed group.
        steps_left: Calls it may still make.
    """

    intent: str
    sla: SlaSpec
    state: NetworkState
    start: NetworkState
    history: tuple[Exchange, ...]
    uavs: tuple[str, ...]
    cells: tuple[str, ...]
    nodes: tuple[str, ...]
    service: str
    steps_left: int


def observe(task: Task, start: NetworkState, history: Sequence[Exchange]) -> Observation:
    """What an agent is shown of a task after these turns.

    Args:
        task: What it works on.
        start: The state before the first call.
        history: All turns so far, oldest first.
    """
    scenario = task.scenario
    uavs = (name for group in scenario.groups if group.airframe for name in group.device_ids)
    return Observation(
        intent=task.intent,
        sla=task.sla,
        state=history[-1].after if history else start,
        start=start,
        history=tuple(history),
        uavs=tuple(sorted(uavs)),
        cells=tuple(cell.id for cell in scenario.cells),
        nodes=(*(node.id for node in scenario.compute), "onboard"),
        service=scenario.managed,
        steps_left=task.max_steps - len(history),
    )
