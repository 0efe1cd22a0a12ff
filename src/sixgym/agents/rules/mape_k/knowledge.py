"""The knowledge of the MAPE-K agent as data: stages of reads and condition -> action rules.

The agent goes through the stages in order. In each stage a read that is due comes first, then the first rule
whose conditions hold. A string `$name` in an action's arguments stands for the fact of that name
(`facts.FACTS`). `knowledge.yaml` is the table that comes with the package.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar, cast

import yaml
from pydantic import Field, JsonValue, ValidationError, model_validator

from sixgym.agents.rules.mape_k.facts import FACTS
from sixgym.domain.base import Name, Record
from sixgym.episodes.episode import ToolCall
from sixgym.tools.base import CATALOG, explain

Facts = Mapping[str, JsonValue]

Symptom = Literal[
    "outage",
    "weak-signal",
    "handover-failure",
    "interference",
    "congestion",
    "surge",
    "backhaul",
    "edge-overload",
    "battery",
    "loss",
    "jitter",
    "slice-mismatch",
    "last-resort",
    "book-keeping",
]


Reason = Annotated[str, Field(min_length=10, max_length=300)]
"""A reason in the words of a network engineer."""


class KnowledgeError(ValueError):
    """A knowledge file cannot be used. The message names the file, the entry and the reason."""


class Condition(Record):
    """A test of one fact. It fails when the fact is unknown."""

    fact: str
    above: float | None = None
    below: float | None = None
    equals: bool | float | str | None = None

    @model_validator(mode="after")
    def _tests_a_known_fact(self) -> Self:
        kind = FACTS[_known(self.fact, FACTS, "fact")].kind
        compares = self.above is not None or self.below is not None
        if compares == (self.equals is not None):
            raise ValueError(f"{self.fact} needs either above/below or equals")
        if kind == "record":
            raise ValueError(f"{self.fact} is a record; refer to it instead of testing it")
        if compares and kind != "number":
            raise ValueError(f"{self.fact} is a {kind}; compare it with equals")
        if self.above is not None and self.below is not None and self.above >= self.below:
            raise ValueError(f"{self.fact} cannot be above {self.above:g} and below {self.below:g}")
        return self

    def holds(self, facts: Facts) -> bool:
        """Whether the fact is known and passes."""
        value = facts.get(self.fact)
        if value is None:
            return False
        if self.equals is not None:
            return value == self.equals
        number = cast(float, value)
        over = self.above is None or number > self.above
        return over and (self.below is None or number < self.below)


class Action(Record):
    """A tool call with references to facts."""

    tool: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_the_tool(self) -> Self:
        fields = CATALOG[_known(self.tool, CATALOG, "tool")].arguments.model_fields
        for name in self.arguments:
            _known(name, fields, f"argument of {self.tool}")
        for name, field in fields.items():
            if field.is_required() and name not in self.arguments:
                raise ValueError(f"{self.tool} needs the argument {name}")
        for reference in self.references:
            _known(reference, FACTS, "fact")
        return self

    @property
    def references(self) -> tuple[str, ...]:
        """Facts that the arguments refer to."""
        return tuple(_references(self.arguments))

    def call(self, facts: Facts) -> ToolCall | None:
        """The call with the facts filled in; None while one of them is unknown."""
        if any(name not in facts for name in self.references):
            return None
        arguments = cast("dict[str, JsonValue]", _filled(self.arguments, facts))
        return ToolCall(tool=self.tool, arguments=arguments)


class Read(Record):
    """A read that is due under these conditions."""

    id: Name
    when: tuple[Condition, ...] = ()
    do: Action
    because: Reason


class Rule(Record):
    """A rule of the table: conditions, an action and a reason."""

    id: Name
    symptom: Symptom
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    do: Action
    because: Reason
    cooldown: Annotated[int, Field(ge=0)] = Field(
        default=0, description="steps to wait before the rule acts again"
    )
    at_most: Annotated[int, Field(ge=1)] | None = Field(default=None, description="times per episode")


class Stage(Record):
    """A stage of the triage: its reads, then its rules."""

    name: str
    reads: tuple[Read, ...] = ()
    rules: tuple[Rule, ...] = ()


class Knowledge(Record):
    """The whole table. The last read of the last stage is what the agent does when nothing else is due."""

    stages: Annotated[tuple[Stage, ...], Field(min_length=1)]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """All rules in order of priority; rule 1 is the first."""
        return tuple(rule for stage in self.stages for rule in stage.rules)

    @property
    def watch(self) -> Read:
        """The read that is made when nothing else is due."""
        return self.stages[-1].reads[-1]

    @model_validator(mode="after")
    def _is_usable(self) -> Self:
        entries = [*self.rules, *(read for stage in self.stages for read in stage.reads)]
        ids = [entry.id for entry in entries]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"used twice as an id: {', '.join(twice)}")
        last = self.stages[-1].reads
        if not last or last[-1].when or last[-1].do.references:
            raise ValueError("the last stage has to end with a read without conditions and references")
        return self


def load_knowledge(path: Path) -> Knowledge:
    """Read and check a knowledge file.

    Raises:
        KnowledgeError: the file is missing or not YAML, or an entry names an unknown fact, tool or argument.
    """
    try:
        return _parse(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise KnowledgeError(f"{path}: {error.strerror}") from None


@lru_cache(maxsize=1)
def shipped_knowledge() -> Knowledge:
    """The table of 50 rules that comes with the package."""
    resource = files("sixgym.agents.rules.mape_k") / "knowledge.yaml"
    return _parse(resource.read_text(encoding="utf-8"), "knowledge.yaml")


def _parse(text: str, source: str) -> Knowledge:
    try:
        raw: object = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KnowledgeError(f"{source}: not valid YAML: {error}") from None
    for place, model, entry in _entries(raw, source):
        _check(model, entry, place)
    return _check(Knowledge, raw, source)


def _entries(raw: object, source: str) -> Iterator[tuple[str, type[Record], object]]:
    """Every read and rule with its place in the file, for error messages."""
    for number, stage in enumerate(_items(raw, "stages")):
        for key, model in (("reads", Read), ("rules", Rule)):
            for index, entry in enumerate(_items(stage, key)):
                yield f"{source}: stages[{number}].{key}[{index}]{_label(entry)}", model, entry


def _items(raw: object, key: str) -> list[object]:
    found = cast("dict[str, object]", raw).get(key) if isinstance(raw, dict) else None
    return cast("list[object]", found) if isinstance(found, list) else []


RecordT = TypeVar("RecordT", bound=Record)


def _check(model: type[RecordT], raw: object, place: str) -> RecordT:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        raise KnowledgeError(f"{place}: {explain(error)}") from None


def _label(entry: object) -> str:
    name = cast("dict[str, object]", entry).get("id") if isinstance(entry, dict) else None
    return f" ({name})" if name is not None else ""


def _known(name: str, known: Iterable[str], what: str) -> str:
    names = list(known)
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(names))}"
    raise ValueError(f"{name} is no {what}; {hint}")


def _references(value: JsonValue) -> Iterator[str]:
    if isinstance(value, str) and value.startswith("$"):
        yield value[1:]
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)


def _filled(value: JsonValue, facts: Facts) -> JsonValue:
    if isinstance(value, str) and value.startswith("$"):
        return facts[value[1:]]
    if isinstance(value, dict):
        return {key: _filled(inner, facts) for key, inner in value.items()}
    if isinstance(value, list):
        return [_filled(inner, facts) for inner in value]
    return value
