"""How a tool is declared: once, by a typed function, its effect and its docstring.

The signature gives the arguments' schema, the docstring is the prompt, and the effect is a
capability: what the function is handed and what it may hand back. A mismatch raises at import.

========================  ======================  =======================================
effect                    is handed               returns
========================  ======================  =======================================
``Effect.REASONING``      its arguments           a value
``Effect.OBSERVATION``    also a frozen Snapshot  a value
``Effect.COMMAND``        also a frozen Snapshot  an `Order`: commands the world carries out
``Effect.CONFIGURATION``  also a frozen Snapshot  a `Change` that only the simulator applies
========================  ======================  =======================================
"""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, Literal, TypeVar, cast, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError, create_model
from pydantic.fields import FieldInfo

from sixgym.domain.base import Record
from sixgym.domain.change import Change
from sixgym.domain.command import Command
from sixgym.domain.slices import NetworkState
from sixgym.domain.snapshot import Snapshot

PaperClass = Literal["observation", "reasoning", "configuration"]


class Effect(StrEnum):
    """What a tool may touch."""

    REASONING = "reasoning"
    OBSERVATION = "observation"
    COMMAND = "command"
    CONFIGURATION = "configuration"


class ToolError(Exception):
    """The agent's mistake. The message tells it what to do instead; the world is unchanged."""


ReplyT = TypeVar("ReplyT", bound=Record)


@dataclass(frozen=True, slots=True)
class Order(Generic[ReplyT]):
    """What a command tool hands back: the answer to the caller, and what the world is to do."""

    reply: ReplyT
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Tool:
    """A declared tool. `reply` turns the world after a configuration into the caller's answer."""

    name: str
    effect: Effect
    paper_class: PaperClass
    description: str
    arguments: type[Record]
    output: TypeAdapter[Any]
    function: Callable[..., Any]
    takes_snapshot: bool
    reply: Callable[[Snapshot], Record] | None

    def parse(self, raw: Mapping[str, Any] | str) -> dict[str, Any]:
        """Check raw arguments, a JSON text or a mapping of JSON values.

        Raises:
            ToolError: with every problem, its place and what is allowed.
        """
        try:
            model = self.arguments
            checked = model.model_validate_json(raw) if isinstance(raw, str) else model.model_validate(raw)
        except ValidationError as error:
            raise ToolError(f"{self.name}: {explain(error)}") from None
        return {name: getattr(checked, name) for name in model.model_fields}

    def run(self, arguments: Mapping[str, Any], snapshot: Snapshot) -> Any:
        """Call the function with checked arguments: a value, an `Order` or a `Change`.

        Raises:
            ToolError: the arguments make no sense in the present world.
        """
        if self.takes_snapshot:
            return self.function(snapshot, **arguments)
        return self.function(**arguments)


CATALOG: dict[str, Tool] = {}
"""Every declared tool by name, in the order of declaration."""

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


def tool(
    effect: Effect, *, paper: PaperClass, reply: Callable[[Snapshot], Record] | None = None
) -> Callable[[FunctionT], FunctionT]:
    """Declare a tool.

    The first parameter of a tool that looks at the world is `network: Snapshot`. All others are the
    caller's; the `Args:` section of the docstring describes them.

    Args:
        effect: What it may touch; decides what the signature has to look like.
        paper: Where 6GAgentGym's table IV files it.
        reply: Configuration only: the answer made from the world after the next interval; without
            it the answer is the NetworkState.

    Raises:
        TypeError: the signature does not fit the effect.
    """

    def declare(function: FunctionT) -> FunctionT:
        name = function.__name__
        if name in CATALOG:
            raise TypeError(f"tool {name} is declared twice")
        hints = get_type_hints(function, include_extras=True)
        returned = hints.pop("return", None)
        takes_snapshot = hints.get("network") is Snapshot
        if takes_snapshot and effect is Effect.REASONING:
            raise TypeError(f"{name}: a reasoning tool receives its arguments only, not a Snapshot")
        if reply is not None and effect is not Effect.CONFIGURATION:
            raise TypeError(f"{name}: only a configuration tool has a reply")
        summary, described = _docstring(function)
        CATALOG[name] = Tool(
            name=name,
            effect=effect,
            paper_class=paper,
            description=summary,
            arguments=_arguments_model(function, hints, described),
            output=TypeAdapter(_output(name, effect, returned, reply)),
            function=function,
            takes_snapshot=takes_snapshot,
            reply=(reply or _state) if effect is Effect.CONFIGURATION else None,
        )
        return function

    return declare


def find(name: str) -> Tool:
    """The tool of that name.

    Raises:
        ToolError: there is none; the message names the nearest.
    """
    known = CATALOG.get(name)
    if known is not None:
        return known
    import difflib

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
        else:
            reason = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
            parts.append(f"{place} {reason} (got {_short(problem['input'])})")
    return "; ".join(parts)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _state(snapshot: Snapshot) -> NetworkState:
    return snapshot.state


def _output(name: str, effect: Effect, returned: Any, reply: Callable[[Snapshot], Record] | None) -> Any:
    if effect is Effect.COMMAND:
        if get_origin(returned) is not Order:
            raise TypeError(f"{name}: a command tool returns Order[...], not {returned}")
        return get_args(returned)[0]
    if effect is Effect.CONFIGURATION:
        if returned != Change and returned not in get_args(Change):
            raise TypeError(f"{name}: a configuration tool returns a Change, not {returned}")
        return get_type_hints(reply or _state)["return"]
    if (
        returned is None
        or get_origin(returned) is Order
        or returned == Change
        or returned in get_args(Change)
    ):
        raise TypeError(f"{name}: a {effect.value} tool returns a value, not {returned}")
    return returned


def _arguments_model(
    function: Callable[..., Any], hints: Mapping[str, Any], described: Mapping[str, str]
) -> type[Record]:
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if hints[parameter.name] is Snapshot:
            continue
        if parameter.name not in described:
            raise TypeError(f"{function.__name__}: the docstring's Args do not describe {parameter.name}")
        default = ... if parameter.default is inspect.Parameter.empty else parameter.default
        field = cast(FieldInfo, Field(default, description=described[parameter.name]))
        fields[parameter.name] = (hints[parameter.name], field)
    name = "".join(part.title() for part in function.__name__.split("_")) + "Arguments"
    return create_model(name, __base__=_Arguments, **fields)


class _Arguments(Record):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)


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
