"""The folder of a training: it holds the training of one recipe, and goes on only if it is asked to."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sixgym.episodes.files import write_whole
from sixgym.train.recipe import Recipe, RecipeError

RECIPE_FILE = "recipe.json"


def check_folder(
    out: Path, recipe: Recipe, *, resume: bool, may_change: Mapping[str, Any] | None = None
) -> bool:
    """Check that a folder may be used for a recipe; whether it holds a training of the recipe already.

    Args:
        out: The folder.
        recipe: The recipe.
        resume: Go on with the training in the folder.
        may_change: Keys of the recipe that may differ when a training goes on, as pydantic's `exclude`.

    Raises:
        RecipeError: the folder holds a training and `resume` is false, or the training of another recipe.
    """
    stored = out / RECIPE_FILE
    if not stored.exists():
        return False
    if not resume:
        raise RecipeError(f"{out} holds a training already; --resume goes on with it, or take another --out")
    exclude = dict(may_change or {})
    try:
        before = type(recipe).model_validate_json(stored.read_bytes())
    except ValidationError:  # a recipe of another kind
        before = None
    if before is None or before.model_dump(exclude=exclude) != recipe.model_dump(exclude=exclude):
        raise RecipeError(f"{out} holds a training of another recipe ({stored}); take another --out")
    return True


def write_recipe(out: Path, recipe: Recipe) -> None:
    """Mark a folder as that of a recipe's training. The folder is made if it is missing."""
    write_whole(out / RECIPE_FILE, recipe.model_dump_json(indent=1).encode())
