"""Text and JSON values of unknown origin, made fit to be stored and to be read back unchanged."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, cast

from pydantic import AfterValidator, BeforeValidator, JsonValue

DEEPEST = 32
"""Levels of nesting that are stored. Pydantic reads JSON of up to 200 levels: this leaves room for the levels
of the episode around a value, and for episodes inside of episodes."""

LARGEST_EXTRA_BYTES = 1_000_000
"""Size of the extra fields of a message as JSON. The reasoning in a reply of 32,768 tokens is some 150 kB."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with lone surrogates as U+FFFD: JSON escapes can spell them, UTF-8 cannot."""
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def storable_value(value: JsonValue) -> JsonValue:
    """A JSON value in which every text is storable, keys included."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [storable_value(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): storable_value(item) for key, item in value.items()}
    return value


def is_deep(value: JsonValue, levels: int = DEEPEST) -> bool:
    """Whether a JSON value is nested more than `levels` deep."""
    if not isinstance(value, list | dict):
        return False
    inner = value if isinstance(value, list) else value.values()
    return levels == 0 or any(is_deep(item, levels - 1) for item in inner)


def storable_fields(fields: object) -> object:
    """The fields that can be stored as they are; a field that cannot be is left out as a whole.

    A field is left out if it is no JSON value, not finite, nested more than `DEEPEST` levels, or beyond
    `LARGEST_EXTRA_BYTES` together with the fields before it. What is no mapping is returned as it is.
    """
    if not isinstance(fields, Mapping):
        return fields
    kept: dict[str, JsonValue] = {}
    left = LARGEST_EXTRA_BYTES
    for name, value in cast("Mapping[object, object]", fields).items():
        try:
            plain = cast("JsonValue", json.loads(json.dumps(value, allow_nan=False)))
        except (TypeError, ValueError, RecursionError):
            continue
        if not isinstance(name, str) or is_deep(plain):
            continue
        field = {storable(name): storable_value(plain)}
        size = len(json.dumps(field, ensure_ascii=False).encode())
        if size <= left:
            kept |= field
            left -= size
    return kept


Text = Annotated[str, AfterValidator(storable)]
"""What an agent or a model wrote, fit to be stored: one bad escape must not cost the episode."""

ExtraFields = Annotated[dict[str, JsonValue], BeforeValidator(storable_fields)]
"""Fields of a provider that mean nothing here and are sent back as they came, see `storable_fields`."""
