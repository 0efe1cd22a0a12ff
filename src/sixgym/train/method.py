"""A method of training: the record that describes it, and the context of a run."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, cast

from sixgym.train.recipe import Recipe


class TrainingStage(Protocol):
    """The progress of one stage of a training."""

    def advance(self) -> None:
        """Count one more unit as done."""
        ...

    def say(self, line: str) -> None:
        """Show a line of text."""
        ...


class Reporter(Protocol):
    """Shows the progress of a training, stage by stage."""

    def stage(
        self, doing: str, total: int, unit: str, done: int = 0
    ) -> AbstractContextManager[TrainingStage]:
        """Show a stage of the training until the context is left.

        Args:
            doing: Name of the activity, such as `learning`.
            total: Number of units in the stage.
            unit: Name of the units, such as `steps`.
            done: Number of units that an interrupted training has done already.
        """
        ...


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """The context in which a recipe is carried out.

    Attributes:
        out: Folder for checkpoints, progress and weights.
        resume: Go on with the training in the folder.
        command: The command that makes the result again, for the metadata of the weights.
        reporter: Display of the progress.
    """

    out: Path
    resume: bool
    command: str
    reporter: Reporter


Trainer = Callable[[Any, TrainingRun], Sequence[str]]
"""Carries out a recipe of its method; returns the lines that describe the result.

Raises:
    RecipeError: the recipe or the folder cannot be used.
    SimulatorError: the network does not work. Checkpoints are kept, and `resume` goes on from the last one.
    ModuleNotFoundError: a library of the method's extra is missing.
"""


@dataclass(frozen=True, slots=True)
class Method:
    """A method of training: the class of its recipes, and the function that carries them out.

    Reading a recipe imports neither the function nor the libraries that the function needs.

    Attributes:
        name: Name of the method, and `kind` of its recipes.
        summary: What the method trains, and from which data, in one sentence for the help.
        recipe: Class of the method's recipes.
        extra: Extra of this package with the libraries of the method.
        trainer: `MODULE:FUNCTION` of the method's `Trainer`.
        environment: Environment variables that the libraries read when they are imported. A variable that
            the user has set stays as it is.
    """

    name: str
    summary: str
    recipe: type[Recipe]
    extra: str
    trainer: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, recipe: Recipe, run: TrainingRun) -> Sequence[str]:
        """Carry out a recipe of this method, see `Trainer`."""
        for name, value in self.environment.items():
            os.environ.setdefault(name, value)
        module, _, function = self.trainer.partition(":")
        trainer = cast("Trainer", getattr(import_module(module), function))
        return trainer(recipe, run)
