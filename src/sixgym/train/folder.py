"""The folder of a training: one recipe, and no second training in it unless it is resumed."""

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
    """Check that a folder may be used for a recipe.

    Args:
        out: The folder.
        recipe: The recipe.
        resume: Go on with the training in the folder.
        may_change: Keys of the recipe that may differ when a training is resumed, as pydantic's `exclude`.

    Returns:
        Whether the folder holds a training of the recipe already.

    Raises:
        RecipeError: the folder holds the training of another recipe, or a training while `resume` is false.
    """
    stored = out / RECIPE_FILE
    if not stored.exists():
        return False
    if not resume:
        raise RecipeError(f"{out} holds a training already; resume it with --resume, or take another --out")
    exclude = dict(may_change or {})
    try:
        before = type(recipe).model_validate_json(stored.read_bytes())
    except ValidationError:  # a recipe of another kind
        before = None
    if before is None or before.model_dump(exclude=exclude) != recipe.model_dump(exclude=exclude):
        raise RecipeError(f"{out} holds a training of another recipe ({stored}); take another --out")
    return True


def write_recipe(out: Path, recipe: Recipe) -> None:
    """Store the recipe in the folder of its training. The folder is made if it is missing."""
    write_whole(out / RECIPE_FILE, recipe.model_dump_json(indent=1).encode())
