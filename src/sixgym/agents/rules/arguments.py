"""Arguments for any tool, drawn from its JSON Schema.

Names and states come from the observation, so that a drawn call is a call of a careless operator, and not
one that every check refuses.
"""

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, cast

from pydantic import JsonValue

from sixgym.envs.observation import Observation
from sixgym.tools.base import CATALOG, Tool, ToolError

Schema = Mapping[str, Any]

ATTEMPTS = 50
"""Draws until the rules between fields are given up: an ordered triple passes one draw in six."""

_FIELD_M = 300.0
_LARGEST = 100.0
_LONGEST = 3
_WORD = 12


@lru_cache(maxsize=64)
def schema_of(tool: str) -> Schema:
    """The JSON Schema of a tool's arguments."""
    return CATALOG[tool].arguments.model_json_schema()


def draw_arguments(tool: Tool, observation: Observation, rng: random.Random) -> dict[str, JsonValue]:
    """Arguments that the tool's own validation accepts, as JSON values.

    After `ATTEMPTS` refused drafts the last draft is returned. It fits the schema, and breaks a rule between
    fields that a schema cannot express.
    """
    schema = schema_of(tool.name)
    drawer = _Drawer(observation, rng, schema.get("$defs", {}))
    draft: dict[str, JsonValue] = {}
    for _ in range(ATTEMPTS):
        draft = cast("dict[str, JsonValue]", drawer.value(schema, "arguments"))
        try:
            tool.parse(draft)
        except ToolError:
            continue
        break
    return draft


@dataclass(frozen=True, slots=True)
class _Drawer:
    observation: Observation
    rng: random.Random
    definitions: Mapping[str, Schema]

    def value(self, schema: Schema, key: str) -> JsonValue:
        if "$ref" in schema:
            name = str(schema["$ref"]).rsplit("/", 1)[-1]
            known = self._known_record(name)
            return self.value(self.definitions[name], key) if known is None else known
        if "const" in schema:
            return cast(JsonValue, schema["const"])
        if "enum" in schema:
            return cast(JsonValue, self.rng.choice(cast("Sequence[Any]", schema["enum"])))
        for union in ("anyOf", "oneOf", "allOf"):
            if union in schema:
                return self.value(self.rng.choice(cast("Sequence[Schema]", schema[union])), key)
        return self._of_type(schema, key)

    def _of_type(self, schema: Schema, key: str) -> JsonValue:
        match schema.get("type"):
            case "object":
                return self._object(schema, key)
            case "array":
                return self._array(schema, key)
            case "string":
                return self._string(schema, key)
            case "integer" | "number":
                return self._number(schema)
            case "boolean":
                return self.rng.random() < 0.5
            case _:
                return None

    def _known_record(self, name: str) -> JsonValue:
        """A plausible record of the type of that name: values of the observation, or a point nearby."""
        if name == "NetworkState":
            return self.observation.state.model_dump(mode="json")
        if name == "SlaSpec":
            return self.observation.sla.model_dump(mode="json")
        if name == "Position":
            x_m, y_m = (round(self.rng.uniform(-_FIELD_M, _FIELD_M), 1) for _ in range(2))
            return {"x_m": x_m, "y_m": y_m, "z_m": round(self.rng.uniform(20.0, 120.0), 1)}
        return None

    def _object(self, schema: Schema, key: str) -> dict[str, JsonValue]:
        properties = cast("Mapping[str, Schema]", schema.get("properties", {}))
        required = cast("Sequence[str]", schema.get("required", ()))
        drawn: dict[str, JsonValue] = {
            name: self.value(inner, name)
            for name, inner in properties.items()
            if name in required or self.rng.random() < 0.5
        }
        extra = schema.get("additionalProperties")
        if isinstance(extra, Mapping):
            names = self._names(key)
            for name in self.rng.sample(names, k=min(len(names), _LONGEST)):
                drawn[name] = self.value(cast(Schema, extra), name)
        return drawn

    def _array(self, schema: Schema, key: str) -> list[JsonValue]:
        prefix = cast("Sequence[Schema]", schema.get("prefixItems", ()))
        if prefix:
            return [self.value(item, key) for item in prefix]
        low = int(schema.get("minItems", 0))
        high = min(int(schema.get("maxItems", _LONGEST)), max(low, _LONGEST))
        items = cast(Schema, schema.get("items", {"type": "null"}))
        return [self.value(items, key) for _ in range(self.rng.randint(low, high))]

    def _string(self, schema: Schema, key: str) -> str:
        names = self._names(key)
        if names:
            return self.rng.choice(names)
        low, high = int(schema.get("minLength", 1)), int(schema.get("maxLength", _WORD))
        length = self.rng.randint(max(low, 1), max(low, min(high, _WORD)))
        return "".join(self.rng.choices(string.ascii_lowercase, k=length))

    def _number(self, schema: Schema) -> int | float:
        low, high = _bounds(schema)
        if schema["type"] == "integer":
            return self.rng.randint(int(low), int(high))
        return round(self.rng.uniform(low, high), 3)

    def _names(self, key: str) -> list[str]:
        """The names for a field of that name; none for a field of free text."""
        seen = self.observation
        for hints, names in (
            (("uav", "recipient", "member", "ids", "device"), seen.uavs or (f"{seen.service}-1",)),
            (("cell", "gnb"), seen.cells),
            (("node", "load"), seen.nodes),
            (("group", "service"), (seen.service,)),
        ):
            if any(hint in key for hint in hints):
                return list(names)
        return []


def _bounds(schema: Schema) -> tuple[float, float]:
    """Lowest and highest value to draw. An open end is `_LARGEST` away."""
    step = 1 if schema.get("type") == "integer" else 1e-3
    low = schema["minimum"] if "minimum" in schema else schema.get("exclusiveMinimum", -_LARGEST) + step
    widest = max(low, 0.0) + _LARGEST
    high = schema["maximum"] if "maximum" in schema else schema.get("exclusiveMaximum", widest) - step
    return low, max(low, high)
