"""Forms of the catalog: a JSON list, OpenAI tool specs, a Markdown page, a compact prompt.

All of them are deterministic and derived from signatures, types and docstrings alone.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from sixgym.tools.base import CATALOG, Effect, Tool

Schema = Mapping[str, Any]

UNITS = {
    "_m": "m",
    "_s": "s",
    "_ms": "ms",
    "_mps": "m/s",
    "_dbm": "dBm",
    "_db": "dB",
    "_mbps": "Mbit/s",
    "_j": "J",
    "_w": "W",
    "_kg": "kg",
    "_bytes": "byte",
    "_percent": "%",
    "megacycles": "megacycle",
    "megacycles_per_s": "megacycle/s",
}
"""Unit by the ending of a name."""


def json_specs() -> list[dict[str, Any]]:
    """Every tool with name, effect, paper_class, description, input_schema and output_schema."""
    return [
        {
            "name": tool.name,
            "effect": tool.effect.value,
            "paper_class": tool.paper_class,
            "description": tool.description,
            "input_schema": input_schema(tool),
            "output_schema": self_contained(tool.output.json_schema(mode="serialization")),
        }
        for tool in CATALOG.values()
    ]


def openai_specs() -> list[dict[str, Any]]:
    """Every tool as an entry of `tools` in an OpenAI chat completion request."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.name,
                "description": tool.description,
                "parameters": input_schema(tool),
            },
        }
        for tool in CATALOG.values()
    ]


def input_schema(tool: Tool) -> dict[str, Any]:
    """JSON Schema of a tool's arguments, without references and titles."""
    return self_contained(tool.arguments.model_json_schema())


def self_contained(schema: Schema) -> dict[str, Any]:
    """The schema in the dialect that every model server reads.

    References are replaced by their targets, titles are dropped, and tuples of one type become arrays of
    fixed length, because several servers know neither `$ref` nor `prefixItems`.
    """
    return cast("dict[str, Any]", _inlined(schema, schema.get("$defs", {})))


def _inlined(value: Any, definitions: Schema) -> Any:
    if isinstance(value, list):
        return [_inlined(item, definitions) for item in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    node = cast("dict[str, Any]", value)
    if "$ref" in node:
        definition = definitions[node["$ref"].rsplit("/", 1)[1]]
        # an enum's docstring speaks to developers; its values speak for themselves
        kept = {
            key: item
            for key, item in definition.items()
            if not ("enum" in definition and key == "description")
        }
        node = {**kept, **{key: item for key, item in node.items() if key != "$ref"}}
    result: dict[str, Any] = {}
    for key, item in node.items():
        if key == "properties":
            result[key] = {name: _inlined(inner, definitions) for name, inner in item.items()}
        elif key == "prefixItems":
            first, *others = (_inlined(inner, definitions) for inner in item)
            if any(other != first for other in others):
                raise TypeError("a tuple of several types has no portable schema; use a record")
            result["items"] = first
        elif key not in {"title", "$defs"}:
            result[key] = item if key in {"default", "enum", "required"} else _inlined(item, definitions)
    return result


# ---------------------------------------------------------------------- for people
def markdown() -> str:
    """A reference page: tools by effect with their arguments, then the types these are made of."""
    lines = ["# Tools", "", f"{len(CATALOG)} tools. Derived from their declarations.", ""]
    for effect in (Effect.OBSERVATION, Effect.REASONING, Effect.COMMAND, Effect.CONFIGURATION):
        tools = [tool for tool in CATALOG.values() if tool.effect is effect]
        lines += [f"## {effect.value.capitalize()} ({len(tools)})", ""]
        for tool in tools:
            lines += [f"### {tool.name}", "", tool.description, ""]
            lines += [f"Returns `{_returns(tool)}`. Filed under {tool.paper_class} in the paper.", ""]
            lines += _table(tool.arguments.model_json_schema())
    lines += ["## Types", ""]
    for name, schema in _types().items():
        lines += [f"### {name}", "", _first_line(schema.get("description", "")), ""]
        lines += _table(schema) if "properties" in schema else [_type(schema), ""]
    return "\n".join(lines).rstrip() + "\n"


def _table(schema: Schema) -> list[str]:
    rows = [
        f"| `{field.name}` | {field.type} | {field.unit} | {field.range} | {field.default} | {field.text} |"
        for field in _fields(schema)
    ]
    if not rows:
        return []
    return ["| name | type | unit | range | default | meaning |", "|---|---|---|---|---|---|", *rows, ""]


# ---------------------------------------------------------------------- for language models
def prompt() -> str:
    """A compact catalog for a system prompt: a signature and a sentence per tool, then the types."""
    lines: list[str] = []
    for tool in CATALOG.values():
        arguments = _signatures(tool.arguments.model_json_schema())
        lines.append(f"{tool.name}({arguments}) -> {_returns(tool)}: {_first_line(tool.description)}")
    lines.append("")
    for name, schema in _types().items():
        body = f"{{{_signatures(schema)}}}" if "properties" in schema else f"= {_type(schema)}"
        lines.append(f"{name} {body}")
    return "\n".join(lines) + "\n"


def _signatures(schema: Schema) -> str:
    return ", ".join(field.signature for field in _fields(schema))


def _types() -> dict[str, Schema]:
    """Records and enumerations that arguments are made of, by name."""
    found: dict[str, Schema] = {}
    for tool in CATALOG.values():
        found |= tool.arguments.model_json_schema().get("$defs", {})
    return dict(sorted(found.items()))


class _Field:
    """A property of a schema, in words."""

    def __init__(self, name: str, schema: Schema, *, required: bool) -> None:
        options = [option for option in schema.get("anyOf", [schema]) if option.get("type") != "null"]
        self.name = name
        self.type = _type(options[0])
        self.unit = _unit(name)
        self.range = _range(options[0])
        self.default = "" if required else _literal(schema.get("default"))
        self.text = schema.get("description", "").replace("\n", " ").replace("|", "\\|")

    @property
    def signature(self) -> str:
        limits = f" {self.range}" if self.range and self.type != "name" else ""
        return f"{self.name}: {self.type}{limits}" + (f" = {self.default}" if self.default else "")


def _fields(schema: Schema) -> Iterator[_Field]:
    required = schema.get("required", ())
    for name, item in schema.get("properties", {}).items():
        yield _Field(name, item, required=name in required)


def _type(schema: Schema) -> str:
    if "enum" in schema:
        return " or ".join(str(value) for value in schema["enum"])
    if "$ref" in schema:
        return schema["$ref"].rsplit("/", 1)[1]
    if schema.get("type") == "array":
        inner = schema.get("items") or schema["prefixItems"][0]
        return f"list of {_type(inner)}"
    return "name" if "pattern" in schema else str(schema.get("type", "value"))


def _range(schema: Schema) -> str:
    if schema.get("type") == "array":
        low, high = schema.get("minItems", 0), schema.get("maxItems")
        return f"{low}" if low == high else f"{low}..{'' if high is None else high}"
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{low:.12g}..{high:.12g}"
    parts = [
        f"{sign} {schema[key]:.12g}"
        for key, sign in (
            ("minimum", ">="),
            ("exclusiveMinimum", ">"),
            ("maximum", "<="),
            ("exclusiveMaximum", "<"),
        )
        if key in schema
    ]
    return " and ".join(parts)


def _unit(name: str) -> str:
    matches = [ending for ending in UNITS if name.endswith(ending)]
    return UNITS[max(matches, key=len)] if matches else ""


def _literal(value: object) -> str:
    if isinstance(value, dict):
        return "empty"
    return {"None": "none", "True": "true", "False": "false", "[]": "empty"}.get(str(value), str(value))


def _returns(tool: Tool) -> str:
    return tool.output.json_schema(mode="serialization")["title"]


def _first_line(text: str) -> str:
    return re.split(r"\n", text, maxsplit=1)[0]
