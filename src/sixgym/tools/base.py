"""The declaration of a tool: a typed function, its effect and its docstring, in one place.

The signature gives the schema of the arguments, and the docstring is the prompt. The effect is a capability:
it decides what the function receives and what it may return. A mismatch raises at import.

========================  ======================  ===========================================================
effect                    receives                returns
========================  ======================  ===========================================================
``Effect.REASONING``      its arguments           a record
``Effect.OBSERVATION``    also a frozen Snapshot  a record
``Effect.COMMAND``        also a frozen Snapshot  a `CommandResult`: a reply, and commands for the world
``Effect.CONFIGURATION``  also a frozen Snapshot  a `Change` that only the simulator applies
========================  ======================  ===========================================================
"""

import difflib
import inspect
import re
import reprlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from sixgym.domain.base import Record
from sixgym.domain.change import Change
from sixgym.domain.command import Command
from sixgym.domain.slices import NetworkState
from sixgym.domain.snapshot import Snapshot

PaperClass = Literal["observation", "reasoning", "configuration"]


class Effect(StrEnum):
    """What a tool may change."""

    REASONING = "reasoning"
    OBSERVATION = "observation"
    COMMAND = "command"
    CONFIGURATION = "configuration"


class ToolError(Exception):
    """A mistake of the agent. The message says what to do instead; the network is unchanged."""


ReplyT = TypeVar("ReplyT", bound=Record)


@dataclass(frozen=True, slots=True)
class CommandResult(Generic[ReplyT]):
    """The result of a command tool: the reply to the caller, and the commands for the world."""

    reply: ReplyT
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A declared tool. `reply` makes the answer of a configuration tool from the snapshot after it."""

    name: str
    effect: Effect
    paper_class: PaperClass
    row: int
    description: str
    arguments: type[Record]
    output: TypeAdapter[Any]
    function: Callable[..., Any]
    takes_snapshot: bool
    reply: Callable[[Snapshot], Record] | None

    def parse(self, raw: Mapping[str, Any] | str) -> dict[str, Any]:
        """Check raw arguments, a JSON text or a mapping of JSON values.

        An empty text stands for no arguments, as several model servers send it.

        Raises:
            ToolError: arguments are invalid; the message has every problem, its place and the remedy.
        """
        model = self.arguments
        try:
            if isinstance(raw, str):
                return vars(model.model_validate_json(raw if raw.strip() else "{}"))
            return vars(model.model_validate(raw))
        except ValidationError as error:
            raise ToolError(f"{self.name}: {explain(error)}") from None

    def run(self, arguments: Mapping[str, Any], snapshot: Snapshot) -> Any:
        """Call the function with checked arguments: a record, a `CommandResult` or a `Change`.

        Raises:
            ToolError: the network in its present state does not allow these arguments.
        """
        if self.takes_snapshot:
            return self.function(snapshot, **arguments)
        return self.function(**arguments)


CATALOG: dict[str, Tool] = {}
"""Every declared tool by name, in the order of 6GAgentGym's table IV, whatever the order of imports."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def tool(
    effect: Effect, *, paper: PaperClass, row: int, reply: Callable[[Snapshot], Record] | None = None
) -> Callable[[FunctionT], FunctionT]:
    """Declare a tool.

    The first parameter of a tool that reads the network is `network: Snapshot`. The caller gives all other
    parameters; the `Args:` section of the docstring describes them.

    Args:
        effect: What the tool may change; it decides the form of the signature.
        paper: Class of the tool in 6GAgentGym's table IV.
        row: Row of the tool in that table, and its place in the catalog.
        reply: For a configuration tool only: makes the answer from the snapshot after the next interval. The
            default answer is the NetworkState.

    Raises:
        TypeError: the signature does not fit the effect.
    """

    def declare(function: FunctionT) -> FunctionT:
        name = function.__name__
        for known in CATALOG.values():
            if known.name == name or known.row == row:
                raise TypeError(f"tool {name} (row {row}): {known.name} already holds row {known.row}")
        hints = get_type_hints(function, include_extras=True)
        returned = hints.pop("return", None)
        takes_snapshot = _takes_snapshot(name, effect, hints)
        if reply is not None and effect is not Effect.CONFIGURATION:
            raise TypeError(f"{name}: only a configuration tool has a reply")
        summary, described = _docstring(function)
        _file(
            Tool(
                name=name,
                effect=effect,
                paper_class=paper,
                row=row,
                description=summary,
                arguments=_arguments_model(function, hints, described),
                output=TypeAdapter(_output(name, effect, returned, reply or _state)),
                function=function,
                takes_snapshot=takes_snapshot,
                reply=(reply or _state) if effect is Effect.CONFIGURATION else None,
            )
        )
        return function

    return declare


def find(name: str) -> Tool:
    """The tool with a name.

    Raises:
        ToolError: the name is unknown; the message has the nearest names.
    """
    known = CATALOG.get(name)
    if known is not None:
        return known
    near = difflib.get_close_matches(name, CATALOG, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(CATALOG)}"
    raise ToolError(f"there is no tool {name[:80]!r}; {hint}")


def explain(error: ValidationError) -> str:
    """All problems of a validation error in one line: place, reason, and what was given."""
    parts: list[str] = []
    for problem in error.errors(include_url=False)[:8]:
        place = ".".join(str(step) for step in problem["loc"]) or "arguments"
        if problem["type"] == "missing":
            parts.append(f"{place} is missing")
        elif problem["type"] == "extra_forbidden":
            parts.append(f"{place} is not an argument")
        elif problem["type"] == "json_invalid":
            parts.append(f"not valid JSON ({problem['msg'].removeprefix('Invalid JSON: ')})")
        elif problem["type"] == "value_error":
            parts.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}")
        else:
            reason = _IN_JSON.get(problem["type"], problem["msg"].removeprefix("Input "))
            parts.append(f"{place} {reason} (got {_short(problem['input'])})")
    return "; ".join(parts)


_IN_JSON = {
    "model_type": "should be an object",
    "dict_type": "should be an object",
    "list_type": "should be a valid array",
    "tuple_type": "should be a valid array",
}
"""Reasons in the terms of JSON, which callers write."""


def _short(value: object) -> str:
    # bounded in depth and length, so that a nested or huge argument costs nothing
    return _REPR.repr(value)


_REPR = reprlib.Repr()
_REPR.maxlevel, _REPR.maxdict, _REPR.maxlist, _REPR.maxstring, _REPR.maxlong = 2, 3, 3, 60, 30


def _file(declared: Tool) -> None:
    """Insert a tool at its place."""
    CATALOG[declared.name] = declared
    for later in [known for known in CATALOG.values() if known.row > declared.row]:
        CATALOG[later.name] = CATALOG.pop(later.name)


def _state(snapshot: Snapshot) -> NetworkState:
    return snapshot.state


def _takes_snapshot(name: str, effect: Effect, hints: Mapping[str, Any]) -> bool:
    """Whether the function reads the network, by its parameter `network: Snapshot`."""
    for parameter, hint in hints.items():
        if hint is Snapshot or Snapshot in get_args(hint):
            if effect is Effect.REASONING:
                raise TypeError(f"{name}: a reasoning tool receives its arguments only, not a Snapshot")
            if parameter != "network" or hint is not Snapshot:
                raise TypeError(f"{name}: the world comes in as `network: Snapshot`, not as {parameter}")
    return hints.get("network") is Snapshot


def _output(name: str, effect: Effect, returned: Any, reply: Callable[[Snapshot], Record]) -> type[Record]:
    """The record that the caller receives, from the return type that the effect requires."""
    if effect is Effect.COMMAND:
        if get_origin(returned) is not CommandResult:
            raise TypeError(f"{name}: a command tool returns CommandResult[...], not {returned}")
        returned = get_args(returned)[0]
    elif effect is Effect.CONFIGURATION:
        if returned != Change and returned not in get_args(Change):
            raise TypeError(f"{name}: a configuration tool returns a Change, not {returned}")
        returned = get_type_hints(reply)["return"]
    if not (isinstance(returned, type) and issubclass(returned, Record)):
        raise TypeError(f"{name}: a {effect.value} tool answers with a Record, not {returned}")
    return returned


def _arguments_model(
    function: Callable[..., Any], hints: Mapping[str, Any], described: Mapping[str, str]
) -> type[Record]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise TypeError(f"{function.__name__}: the type of {parameter.name} is missing")
        if hints[parameter.name] is Snapshot:
            continue
        if parameter.name not in described:
            raise TypeError(f"{function.__name__}: the docstring's Args do not describe {parameter.name}")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        field = cast(FieldInfo, Field(default, description=described[parameter.name]))
        fields[parameter.name] = (hints[parameter.name], field)
    name = "".join(part.title() for part in function.__name__.split("_")) + "Arguments"
    return create_model(name, __base__=Record, **fields)


def _docstring(function: Callable[..., Any]) -> tuple[str, dict[str, str]]:
    """The docstring without its sections, and the descriptions of its `Args:`."""
    text = inspect.getdoc(function)
    if not text:
        raise TypeError(f"{function.__name__}: a tool's docstring is its prompt; write one")
    prose, _, sections = text.partition("\nArgs:\n")
    arguments = re.split(r"\n(?=\S)", sections, maxsplit=1)[0]
    found: dict[str, str] = {}
    for match in re.finditer(r"^    (\w+): (.*(?:\n {8,}.*)*)", arguments, flags=re.MULTILINE):
        found[match[1]] = re.sub(r"\s+", " ", match[2]).strip()
    prose = re.split(r"\n(?:Raises|Returns):\n", prose, maxsplit=1)[0]
    return re.sub(r"(?<!\n)\n(?!\n)", " ", prose).strip(), found
