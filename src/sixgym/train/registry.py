"""The registry of training methods, and reading a recipe of any method. A new method joins `METHODS`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sixgym.train.drl_slicing.method import DRL_SLICING
from sixgym.train.experiment_model.method import EXPERIMENT_MODEL
from sixgym.train.method import Method
from sixgym.train.recipe import Recipe, read_recipe

METHODS: Mapping[str, Method] = {method.name: method for method in (DRL_SLICING, EXPERIMENT_MODEL)}
"""The methods by name, in the order of the help."""


def load_recipe(path: Path, changes: Sequence[str] = ()) -> Recipe:
    """A recipe of any method from a YAML file, with some keys changed.

    Args:
        path: The file.
        changes: Changes such as `seed=2` or `ppo.steps=512`; the value is YAML.

    Raises:
        RecipeError: the file, a key or a value cannot be used.
    """
    return read_recipe(path, changes, {name: method.recipe for name, method in METHODS.items()})


def method_of(recipe: Recipe) -> Method:
    """The method of a recipe."""
    return METHODS[recipe.kind]
