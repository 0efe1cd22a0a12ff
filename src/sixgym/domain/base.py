"""The base of all records: frozen, strict about unknown keys, finite numbers only."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class Record(BaseModel):
    """An immutable value that round-trips through JSON. An unknown key is an error."""

    # a validator is built when its record is first used: `sixgym run --help` takes 1.1 s in place of 1.4 s
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


Ratio = Annotated[float, Field(ge=0, le=1)]
"""A share between 0 and 1."""

Percent = Annotated[int, Field(ge=0, le=100)]
"""A whole percentage, as TS 28.541 writes ratios."""

NonNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""An identifier of a cell, group, device or node."""


def first_problem(error: ValidationError) -> str:
    """The place and the reason of the first problem of a validation, without the value, which may be huge."""
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(step) for step in first["loc"])
    return f"{place} {first['msg']}".strip()


def listed(names: Iterable[object]) -> str:
    """Names in one line, for the message of an error."""
    return ", ".join(str(name) for name in names) or "none"
