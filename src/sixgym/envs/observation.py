"""The observation of an agent."""

from collections.abc import Sequence
from dataclasses import dataclass

from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.episode import Outcome, Task, Turn


@dataclass(frozen=True, slots=True)
class Exchange:
    """A past turn, its outcome, and the state after it."""

    turn: Turn
    outcome: Outcome
    after: NetworkState


@dataclass(frozen=True, slots=True)
class Observation:
    """All that an agent knows. Of the goal it knows the intent and the service level alone.

    Attributes:
        intent: Intent of the operator, in words.
        sla: Service level of the intent.
        state: Current six-dimensional state.
        start: State before the first call.
        history: All turns so far, oldest first.
        uavs, cells, nodes: Names for calls; `onboard` is always a node.
        service: Name of the managed group.
        steps_left: Calls that are left in the budget.
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
    """The observation of an agent in a task after these turns.

    Args:
        task: The task.
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
