"""The history of an agent as records: past calls with checked arguments and results, newest first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from sixgym.domain.slices import NetworkState
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall
from sixgym.tools.base import CATALOG, ToolError

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Event:
    """A past call.

    Attributes:
        call: The call as it was written.
        arguments: Checked arguments; empty if the schema of the tool refused them.
        result: Result, checked against the output type of the tool; None if the call was refused or the
            result is not of that type.
        refused: Whether an error came back.
        age: Age in steps; 1 is the last step.
        before, after: States around the call. The state before the first call is not known here, so both
            are `after`.
        thought: Thought of the turn.
    """

    call: ToolCall
    arguments: Mapping[str, Any]
    result: Any
    refused: bool
    age: int
    before: NetworkState
    after: NetworkState
    thought: str


@dataclass(frozen=True, slots=True)
class Memory:
    """The past calls, newest first, with the observation that holds them."""

    observation: Observation
    events: tuple[Event, ...]

    @classmethod
    def of(cls, observation: Observation) -> "Memory":
        """Read an observation's history."""
        return cls(observation, tuple(_events(observation)))

    def done(self, *tools: str) -> Iterator[Event]:
        """Calls of these tools that were carried out, newest first."""
        return (event for event in self.events if not event.refused and event.call.tool in tools)

    def results(self, tool: str, kind: type[ResultT], max_age: int) -> Iterator[tuple[Event, ResultT]]:
        """Readings of a tool, at most `max_age` steps old, newest first."""
        for event in self.done(tool):
            if event.age <= max_age and isinstance(event.result, kind):
                yield event, event.result

    def was_made(self, call: ToolCall, within: int) -> bool:
        """Whether an equal call was made during the last `within` steps."""
        return any(event.age <= within and event.call == call for event in self.events)

    def was_refused(self, call: ToolCall, within: int) -> bool:
        """Whether an equal call came back with an error during the last `within` steps."""
        return any(event.refused and event.age <= within and event.call == call for event in self.events)


def _events(observation: Observation) -> Iterator[Event]:
    history = observation.history
    for age in range(1, len(history) + 1):
        exchange = history[-age]
        call = exchange.turn.call
        if call is None:
            continue
        before = history[-age - 1].after if age < len(history) else exchange.after
        refused = not exchange.outcome.ok
        yield Event(
            call=call,
            arguments=_arguments(call),
            result=None if refused else _result(call.tool, exchange.outcome.result),
            refused=refused,
            age=age,
            before=before,
            after=exchange.after,
            thought=exchange.turn.thought,
        )


def _arguments(call: ToolCall) -> Mapping[str, Any]:
    tool = CATALOG.get(call.tool)
    if tool is None:
        return {}
    try:
        return tool.parse(call.arguments)
    except ToolError:
        return {}


def _result(name: str, raw: object) -> Any:
    tool = CATALOG.get(name)
    if tool is None:
        return None
    try:
        return tool.output.validate_python(raw)
    except ValidationError:
        return None
