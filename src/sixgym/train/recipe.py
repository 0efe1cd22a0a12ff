"""Recipes: everything that a training depends on, in one YAML file. Its first line is the command."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, cast, get_args

import yaml
from pydantic import AfterValidator, Field, ValidationError

from sixgym.domain.base import Record
from sixgym.domain.splits import require_split

MAX_BYTES = 100_000
"""Largest recipe file in bytes: some hundred times the largest shipped one, and still read at once."""

Count = Annotated[int, Field(ge=1, le=10_000_000)]


def _training_seeds(seeds: tuple[int, ...]) -> tuple[int, ...]:
    for seed in seeds:
        require_split(seed, "training")
    return seeds


HeldBack = Annotated[tuple[int, ...], Field(min_length=1), AfterValidator(_training_seeds)]
"""Topology seeds of the training split that are kept for checks, so that a training does not learn from
them."""


class RecipeError(ValueError):
    """A recipe, or the folder of a training, cannot be used. The message names file, key and reason."""


class Recipe(Record):
    """The keys that the recipes of all methods have.

    Attributes:
        kind: Name of the method, see `sixgym.train.registry`.
        seed: Seed of all random draws of the training.
    """

    kind: str
    seed: Annotated[int, Field(ge=0, lt=2**31)]


def read_recipe(path: Path, changes: Sequence[str], kinds: Mapping[str, type[Recipe]]) -> Recipe:
    """A recipe from a YAML file, with some keys changed.

    Args:
        path: The file.
        changes: Changes such as `seed=2` or `ppo.steps=512`; the value is YAML.
        kinds: Recipe classes by name of the method.

    Raises:
        RecipeError: the file, a key or a value cannot be used.
    """
    values = _mapping(path)
    for change in changes:
        _set(values, change)
    kind = _kind(path, values, kinds)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{path}: {problem}" for problem in _problems(error, kind))) from None


def _mapping(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_BYTES} bytes, so it is no recipe")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: not a UTF-8 text file") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values")
    return cast("dict[str, Any]", data)


def _kind(path: Path, values: Mapping[str, Any], kinds: Mapping[str, type[Recipe]]) -> type[Recipe]:
    """The class of a recipe's kind."""
    known = f"there is {' and '.join(kinds)}"
    if "kind" not in values:
        raise RecipeError(f"{path}: kind is missing; {known}")
    name = str(values["kind"])
    if name not in kinds:
        near = difflib.get_close_matches(name, kinds, n=1)
        hint = f"did you mean {near[0]}?" if near else known
        raise RecipeError(f"{path}: kind: no method is called {name[:80]!r}; {hint}")
    return kinds[name]


def _set(values: dict[str, Any], change: str) -> None:
    """Carry out one `key=value`. The validation of the recipe refuses unknown keys."""
    key, equals, text = change.partition("=")
    if not equals or not key:
        raise RecipeError(f"--set {change}: give KEY=VALUE, such as ppo.steps=512")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise RecipeError(f"--set {change}: the value is not valid YAML") from None
    *parents, last = key.split(".")
    for parent in parents:
        inner = values.get(parent)
        if not isinstance(inner, dict):
            raise RecipeError(f"--set {change}: the recipe has no section {parent}{_other(parent, values)}")
        values = cast("dict[str, Any]", inner)
    values[last] = value


def _other(section: str, values: Mapping[str, Any]) -> str:
    """A hint for a section that a recipe has not, among the values around it."""
    near = difflib.get_close_matches(section, [key for key in values if isinstance(values[key], dict)], n=1)
    return f"; did you mean {near[0]}?" if near else f"; set it whole, such as {section}={{KEY: VALUE}}"


def _problems(error: ValidationError, kind: type[Record]) -> list[str]:
    """A line for every key that is unknown, missing or wrong."""
    found: list[str] = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            found.append(f"{key} is no key of a recipe{_hint(key, kind)}")
        elif problem["type"] == "missing":
            found.append(f"{key} is missing")
        else:
            reason = problem["msg"].removeprefix("Value error, ")
            found.append(f"{key}: {reason}" if key else reason)  # a rule between keys has no key of its own
    return found


def _hint(key: str, kind: type[Record]) -> str:
    near = difflib.get_close_matches(key, list(_keys(kind)), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _keys(kind: type[Record], prefix: str = "") -> Iterator[str]:
    """Every key of a recipe; the keys of a section as `section.key`."""
    for name, field in kind.model_fields.items():
        yield prefix + name
        # a section that may be left out is `X | None`
        for section in (field.annotation, *get_args(field.annotation)):
            if isinstance(section, type) and issubclass(section, Record):
                yield from _keys(section, f"{prefix}{name}.")
