"""`sixgym train`: carrying out a recipe of any training method, with progress and resume."""

import shlex
import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.output.progress import Meter, metering
from sixgym.domain.extras import install_command
from sixgym.simulators.base import SimulatorError
from sixgym.train.method import Method, TrainingRun
from sixgym.train.recipe import Recipe, RecipeError
from sixgym.train.registry import METHODS, load_recipe, method_of


class TerminalReporter:
    """Shows the stages of a training on standard error, see `sixgym.train.method.Reporter`."""

    def stage(self, doing: str, total: int, unit: str, done: int = 0) -> AbstractContextManager[Meter]:
        """Show a stage with a progress bar, or with lines of text if standard error is no terminal."""
        return metering(sys.stderr, doing, total, unit, done)


def command_of(recipe: Path, changes: list[str]) -> str:
    """The command that makes the result of a recipe again, without `--resume` and `--out`."""
    sets = [part for change in changes for part in ("--set", change)]
    return shlex.join(["sixgym", "train", recipe.as_posix(), *sets])


def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as those in recipes/.")],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Change a key of the recipe; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Resume the training in DIR.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder for checkpoint and weights  (runs/RECIPE).")
    ] = None,
) -> None:
    """Train what a recipe says: an agent, or the experiment model.

    DIR gets a checkpoint and a line of progress at regular steps, and the weights at the end. --resume goes
    on from the last checkpoint of a stopped training, and ends with the same weights (on one thread) as
    without the stop. The key `kind` of a recipe names its method:
    """
    with wrong_use_on(RecipeError):
        loaded = load_recipe(recipe, changes or [])
    folder = out or Path("runs") / recipe.stem
    run = TrainingRun(folder, resume, command_of(recipe, changes or []), TerminalReporter())
    for line in _trained(method_of(loaded), loaded, run):
        typer.echo(line)


train.__doc__ = (
    f"{train.__doc__}"
    + "".join(f"\n\n    {name}: {one.summary} Needs the extra {one.extra}." for name, one in METHODS.items())
    + """

    - `sixgym train recipes/agentgym/drl_slicing.yaml`
    - `sixgym train recipes/agentgym/drl_slicing.yaml --set seed=2 --set ppo.iterations=10 --out runs/two`
    - `sixgym train recipes/agentgym/experiment_model.yaml --set traces=traces/mine --out runs/mine`
    """
)


def _trained(method: Method, recipe: Recipe, run: TrainingRun) -> list[str]:
    """The lines that describe the result.

    Raises:
        CommandError: wrong use, a missing extra, or a network that failed. Checkpoints are kept.
    """
    try:
        return list(method.run(recipe, run))
    except RecipeError as error:
        raise CommandError(str(error), WRONG_USE) from None
    except SimulatorError as error:
        raise CommandError(
            f"{error}; {run.out} keeps the finished part, resume it with --resume", WORK_FAILED
        ) from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "sixgym":
            raise
        raise CommandError(
            f"training needs {error.name}, which is not installed: {install_command(method.extra)}",
            WORK_FAILED,
        ) from None
    except OSError as error:
        raise CommandError(f"--out {run.out}: {error.strerror}", WRONG_USE) from None
