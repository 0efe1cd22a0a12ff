"""Strategies for arguments: anything at all, and anything that fits a tool's schema."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

from sixgym.tools.base import CATALOG
from sixgym.tools.schema import input_schema
from tests.tools.calls import CALLS

NAMES = {
    "uav": ["drone-1", "drone-2", "drone-3"],
    "other": ["drone-1", "drone-2"],
    "gnb": ["gnb-1", "gnb-2", "gnb-3"],
    "node": ["edge-1", "edge-2", "cloud", "onboard"],
    "group": ["drone", "camera", "robot", "sensor"],
    "id": ["drone", "scan-7"],
}
"""Names worth trying, by the argument that wants one."""

STRANGERS = ["nobody", "drone", "gnb-1", "a" * 64]
PLACES = [(150, 0, 50), (100, 60, 60), (-150, -100, 70), (0, 0, 50), (-200, 200, 0)]

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
ANY_TEXT = st.text(st.characters(codec=None), max_size=60)


def fitting(schema: dict[str, Any], key: str = "") -> st.SearchStrategy[Any]:
    """Values that fit a JSON Schema, ends of ranges included, and often make sense in the plant."""
    if "anyOf" in schema:
        return st.one_of([fitting(option, key) for option in schema["anyOf"]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    return OF_TYPE[schema["type"]](schema, key)


def _object(schema: dict[str, Any], _key: str) -> st.SearchStrategy[Any]:
    known = schema.get("properties", {})
    required = {name: fitting(known[name], name) for name in schema.get("required", ())}
    optional = {name: fitting(inner, name) for name, inner in known.items() if name not in required}
    drawn = st.fixed_dictionaries(required, optional=optional)
    return drawn | _places() if set(required) == {"x_m", "y_m", "z_m"} else drawn


def _places() -> st.SearchStrategy[dict[str, float]]:
    """Where drones are, and points in and around the plant."""
    around = st.tuples(st.floats(-450, 450), st.floats(-450, 450), st.floats(0, 130))
    drawn = st.sampled_from(PLACES) | around
    return drawn.map(lambda place: dict(zip(("x_m", "y_m", "z_m"), place, strict=True)))


def _array(schema: dict[str, Any], key: str) -> st.SearchStrategy[Any]:
    low, high = schema.get("minItems", 0), schema.get("maxItems", 4)
    inner = fitting(schema["items"], key.removesuffix("s"))
    return st.lists(inner, min_size=low, max_size=min(high, low + 3))


def _string(schema: dict[str, Any], key: str) -> st.SearchStrategy[Any]:
    if "pattern" in schema:
        return st.sampled_from(4 * NAMES.get(key, ["drone-1", "drone"]) + STRANGERS)
    return st.text(min_size=schema.get("minLength", 0), max_size=schema.get("maxLength", 20))


def _integer(schema: dict[str, Any], key: str) -> st.SearchStrategy[Any]:
    if key == "version":
        return st.integers(0, 12)
    return st.integers(schema.get("minimum", -(10**20)), schema.get("maximum", 10**20))


def _number(schema: dict[str, Any], _key: str) -> st.SearchStrategy[Any]:
    return st.floats(
        min_value=schema.get("minimum", schema.get("exclusiveMinimum")),
        max_value=schema.get("maximum", schema.get("exclusiveMaximum")),
        exclude_min="exclusiveMinimum" in schema,
        exclude_max="exclusiveMaximum" in schema,
        allow_nan=False,
        allow_infinity=False,
    )


OF_TYPE = {
    "object": _object,
    "array": _array,
    "string": _string,
    "integer": _integer,
    "number": _number,
    "boolean": lambda _schema, _key: st.booleans(),
    "null": lambda _schema, _key: st.none(),
}

WELL_TYPED = {name: fitting(input_schema(tool)) for name, tool in CATALOG.items()}


@st.composite
def mutated(draw: st.DrawFn, name: str) -> Any:
    """A sensible call in which one value, anywhere, was replaced by anything."""
    call = deepcopy(CALLS[name])
    places = list(_holders(call))
    if not places:
        return draw(JSON_VALUES)
    holder, key = draw(st.sampled_from(places))
    holder[key] = draw(JSON_VALUES)
    return call


def _holders(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a value, as its container and key."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield value, key
        yield from _holders(inner)
