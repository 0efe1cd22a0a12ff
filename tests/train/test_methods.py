"""The contract of a method of training: a recipe, a trainer, an extra, and a resume that changes nothing."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sixgym.cli.app import app
from sixgym.cli.errors import WRONG_USE
from sixgym.domain.extras import requirements
from sixgym.simulators import factory
from sixgym.train import registry
from sixgym.train.method import Method, TrainingRun
from sixgym.train.recipe import Count, Recipe, RecipeError
from sixgym.train.registry import METHODS, load_recipe, method_of
from tests.doubles import FluidSimulator
from tests.repository import ROOT
from tests.train.drl_slicing import samples as drl_slicing
from tests.train.experiment_model import samples as experiment_model

RECIPES = sorted((ROOT / "recipes").rglob("*.yaml"))


class ToyRecipe(Recipe):
    """A training that counts."""

    steps: Count


def count(recipe: ToyRecipe, run: TrainingRun) -> Sequence[str]:
    """Carry out a toy recipe."""
    with run.reporter.stage("counting", recipe.steps, "steps") as stage:
        for _ in range(recipe.steps):
            stage.advance()
    run.out.mkdir(parents=True)
    return [f"counted to {recipe.steps} by {run.command}"]


TOY = Method("toy", "a toy counts.", ToyRecipe, "plot", f"{__name__}:count")


SmallTraining = tuple[Path, Sequence[str]]


def small_drl_slicing(out: Path, _: pytest.FixtureRequest) -> SmallTraining:
    pytest.importorskip("stable_baselines3")
    drl_slicing.store_tasks(out)
    return drl_slicing.RECIPE, (*drl_slicing.SMALL, "ppo.iterations=1")


def small_experiment_model(_: Path, request: pytest.FixtureRequest) -> SmallTraining:
    pytest.importorskip("transformers")
    traces = request.getfixturevalue("traces")
    return experiment_model.RECIPE, (*experiment_model.SMALL, f"traces={traces}")


SMALL: Mapping[str, Callable[[Path, pytest.FixtureRequest], SmallTraining]] = {
    "drl-slicing": small_drl_slicing,
    "experiment-model": small_experiment_model,
}
"""A training of seconds for each method: the recipe and the changes to it. A new method adds its own here."""


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(registry, "METHODS", {**METHODS, "toy": TOY})
    path = tmp_path / "toy.yaml"
    path.write_text("kind: toy\nseed: 1\nsteps: 3\n", encoding="utf-8")
    return path


def test_a_new_method_is_trained_by_the_command_without_a_change_elsewhere(toy: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["train", str(toy), "--set", "steps=2", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert done.stdout == f"counted to 2 by sixgym train {toy.as_posix()} --set steps=2\n"
    assert "counting: 2 of 2 steps" in done.stderr


def test_keys_of_a_new_method_are_checked_and_named(toy: Path) -> None:
    refused = CliRunner().invoke(app, ["train", str(toy), "--set", "stepps=2"])
    assert refused.exit_code == WRONG_USE
    assert "stepps is no key of a recipe; did you mean steps?" in refused.stderr


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS.keys())
def test_a_method_has_a_recipe_in_the_repository_an_extra_and_a_trainer(method: Method) -> None:
    recipes = [path for path in RECIPES if isinstance(load_recipe(path), method.recipe)]
    assert recipes
    assert requirements(method.extra)
    for library in ("torch", "stable_baselines3", "transformers"):
        pytest.importorskip(library)
    module, _, function = method.trainer.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_shipped_recipe_begins_with_its_command_and_belongs_to_a_method(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first == f"# sixgym train {path.relative_to(ROOT).as_posix()}"
    recipe = load_recipe(path)
    assert method_of(recipe).name == recipe.kind
    assert load_recipe(path, ["seed=7"]).seed == 7


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(path: Path) -> None:
    with pytest.raises(RecipeError, match="sead is no key of a recipe; did you mean seed"):
        load_recipe(path, ["sead=7"])


def test_every_method_has_a_small_training_to_test() -> None:
    assert SMALL.keys() == METHODS.keys()


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


@pytest.mark.parametrize("method", METHODS)
def test_resuming_a_finished_training_changes_nothing(
    method: str, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", FluidSimulator)
    out = tmp_path / "out"
    recipe, changes = SMALL[method](out, request)
    command = ["train", str(recipe), *(f"--set={change}" for change in changes), "--out", str(out)]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    before = files(out)
    again = CliRunner().invoke(app, [*command, "--resume"])
    assert again.exit_code == 0, again.output
    assert again.stdout == first.stdout
    assert files(out) == before
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == WRONG_USE
    assert "resume it with --resume" in refused.stderr
