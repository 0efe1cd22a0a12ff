"""Recipes: everything a training depends on, in one YAML file whose first line is its command."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from sixgym.domain.base import NonNegative, Positive, Record
from sixgym.domain.splits import TRAINING_SEEDS, require_split
from sixgym.tasks.record import Domain, Tier
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe

MAX_BYTES = 100_000

Count = Annotated[int, Field(ge=1, le=10_000_000)]
Discount = Annotated[float, Field(gt=0, le=1)]


class RecipeError(ValueError):
    """A recipe cannot be used. The message names the file or option, the key and the reason."""


class Ppo(Record):
    """Hyper-parameters of proximal policy optimisation (Schulman et al., 2017), on one network."""

    iterations: Count = Field(description="each collects steps, then learns from them")
    steps: Count = Field(description="decisions in an iteration")
    minibatch: Annotated[int, Field(ge=2)] = Field(description="decisions in a gradient step; divides steps")
    epochs: Count = Field(description="passes over an iteration's decisions")
    learning_rate: Positive
    discount: Discount = Field(description="gamma, per decision")
    gae_lambda: Discount
    clip_range: Positive
    entropy_weight: NonNegative
    value_weight: NonNegative
    max_gradient_norm: Positive
    hidden: tuple[Count, Count] = Field(description="units of the layers of actor and critic")
    log_std: Annotated[float, Field(ge=-5, le=2)] = Field(description="of the levels at the start")

    @model_validator(mode="after")
    def _whole_minibatches(self) -> Self:
        if self.steps % self.minibatch:
            raise ValueError(f"minibatch {self.minibatch} does not divide steps {self.steps}")
        return self


class DrlSlicingRecipe(Record):
    """How the agent `drl-slicing` is trained.

    Attributes:
        kind: Selects the trainer.
        seed: Of weights, exploration and choice of tasks.
        network: Name of the simulator.
        domains, tiers: Of the tasks to learn from, with equal probability.
        held_back: Topology seeds of the training split that are checked on and not learned from.
        tasks: How many to draw, held-back seeds included. The trained agent and three others are compared
            on all tasks of held-back seeds.
        ppo: Hyper-parameters.
    """

    kind: Literal["drl-slicing"]
    seed: Annotated[int, Field(ge=0, lt=2**31)]
    network: str
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    held_back: Annotated[tuple[int, ...], Field(min_length=1)]
    tasks: Count
    ppo: Ppo

    @field_validator("held_back")
    @classmethod
    def _for_training(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        for seed in seeds:
            require_split(seed, "training")
        if len(set(seeds)) == len(TRAINING_SEEDS):
            raise ValueError("all training seeds are held back, so none is left to learn from")
        return seeds

    @property
    def learning_seeds(self) -> tuple[int, ...]:
        """The topology seeds to learn from."""
        return tuple(seed for seed in TRAINING_SEEDS if seed not in self.held_back)


Recipe = DrlSlicingRecipe | ExperimentModelRecipe

KINDS: Mapping[str, type[DrlSlicingRecipe] | type[ExperimentModelRecipe]] = {
    "drl-slicing": DrlSlicingRecipe,
    "experiment-model": ExperimentModelRecipe,
}


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """A recipe from a YAML file, with some keys set otherwise.

    Args:
        path: The file.
        changes: Such as `seed=2` or `ppo.steps=512`; the value is YAML.

    Raises:
        RecipeError: file, key or value cannot be used.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise RecipeError(f"{path}: larger than {MAX_BYTES} bytes; that is no recipe")
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: not a UTF-8 text file") from None
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{path}: a recipe is a mapping of keys to values")
    values = cast("dict[str, Any]", data)
    for change in changes:
        _set(values, change)
    kind = _kind(path, values)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise RecipeError("\n".join(f"{path}: {problem}" for problem in _problems(error, kind))) from None


def _kind(path: Path, values: Mapping[str, Any]) -> type[DrlSlicingRecipe] | type[ExperimentModelRecipe]:
    """The class of a recipe's kind."""
    known = f"there is {' and '.join(KINDS)}"
    if "kind" not in values:
        raise RecipeError(f"{path}: kind is missing; {known}")
    name = str(values["kind"])
    if name not in KINDS:
        near = difflib.get_close_matches(name, KINDS, n=1)
        hint = f"did you mean {near[0]}?" if near else known
        raise RecipeError(f"{path}: kind: no trainer is called {name[:80]!r}; {hint}")
    return KINDS[name]


def _set(values: dict[str, Any], change: str) -> None:
    """Carry out one `key=value`; whether the key exists is for the validation to say."""
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
            raise RecipeError(f"--set {change}: the recipe has no section {parent}")
        values = cast("dict[str, Any]", inner)
    values[last] = value


def _problems(error: ValidationError, kind: type[Record]) -> list[str]:
    found: list[str] = []
    for problem in error.errors(include_url=False):
        place = ".".join(str(step) for step in problem["loc"])
        if problem["type"] == "extra_forbidden":
            found.append(f"{place} is no key of a recipe{_hint(place, kind)}")
        elif problem["type"] == "missing":
            found.append(f"{place} is missing")
        else:
            found.append(f"{place}: {problem['msg'].removeprefix('Value error, ')}")
    return found


def _hint(place: str, kind: type[Record]) -> str:
    near = difflib.get_close_matches(place, list(_keys(kind)), n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _keys(kind: type[Record], prefix: str = "") -> Iterator[str]:
    """Every key of a recipe, those of its sections with a dot."""
    for name, field in kind.model_fields.items():
        yield prefix + name
        for section in (
            field.annotation,
            *get_args(field.annotation),
        ):  # one that may be left out is `X | None`
            if isinstance(section, type) and issubclass(section, Record):
                yield from _keys(section, f"{prefix}{name}.")
