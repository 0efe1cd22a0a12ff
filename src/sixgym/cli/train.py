"""`sixgym train`: what a recipe says, with a progress bar, and how the trained agent compares."""

import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.run import choose_simulator
from sixgym.simulators.base import SimulatorError
from sixgym.train.recipe import DrlSlicingRecipe, RecipeError, load_recipe

EXTRA = ("torch", "stable_baselines3")


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """What the command line asked for, unchecked.

    Attributes:
        recipe: File of the recipe.
        changes: Keys to set otherwise, KEY=VALUE.
        resume: Go on with the training in the folder.
        out: Folder; None for one named after the recipe.
    """

    recipe: Path
    changes: tuple[str, ...]
    resume: bool
    out: Path | None


def train(request: TrainRequest) -> None:
    """Train what the recipe says, then compare it with others.

    Raises:
        CommandError: wrong use, a missing extra, or a network that failed; finished iterations are kept.
    """
    with wrong_use_on(RecipeError):
        recipe = load_recipe(request.recipe, request.changes)
    choose_simulator(recipe.network).close()
    out = request.out or Path("runs") / request.recipe.stem
    with _extra_needed():
        _train_drl_slicing(recipe, request, out)


def command_of(request: TrainRequest) -> str:
    """The command that would do this again, less where and whether it was interrupted."""
    changes = [part for change in request.changes for part in ("--set", change)]
    return shlex.join(["sixgym", "train", request.recipe.as_posix(), *changes])


def _train_drl_slicing(recipe: DrlSlicingRecipe, request: TrainRequest, out: Path) -> None:
    from sixgym.train.comparison import OTHERS, compare
    from sixgym.train.drl_slicing import WEIGHTS_FILE, Iteration, prepare
    from sixgym.train.drl_slicing import train as train_agent
    from sixgym.train.drl_slicing_tasks import Lessons, draw_tasks, split_tasks

    with _failures_of(out), _progress() as bars:
        done = prepare(recipe, out, resume=request.resume)
        tasks = draw_tasks(recipe, out / "tasks.jsonl", _bar(bars, "drawing tasks", recipe.tasks))
        lessons, held = split_tasks(recipe, tasks)
        advance = _bar(bars, "learning", recipe.ppo.iterations, done)

        def report(iteration: Iteration) -> None:
            advance()
            bars.console.print(
                f"iteration {iteration.number}: return {iteration.mean_return:.3f}, "
                f"success {iteration.success_rate:.0%} of {iteration.episodes}, exploring",
                highlight=False,
            )

        agent = train_agent(
            recipe,
            Lessons(lessons),
            out,
            command=command_of(request),
            resume=True,
            on_iteration=report,
        )
        agents = 1 + len(OTHERS)
        standings = compare(agent, Lessons(held), recipe, _bar(bars, "comparing", agents * len(held)))
    for name, standing in standings.items():
        low, high = standing.interval
        typer.echo(
            f"{name:12} mean return {standing.mean_return:.3f} ({low:.3f} to {high:.3f})  "
            f"success {standing.success_rate:.1%}"
        )
        if name != agent.name:
            gain, low, high = standings[agent.name].gain_over(standing)
            typer.echo(f"{'':12} {agent.name} gains {gain:+.3f} ({low:+.3f} to {high:+.3f}) over it")
    low, high = standings[agent.name].interval
    typer.echo(
        f"{out / WEIGHTS_FILE}: mean return {standings[agent.name].mean_return:.3f} "
        f"(95 % {low:.3f} to {high:.3f}) on {len(held)} held-back training tasks"
    )


def _progress() -> Progress:
    console = Console(file=sys.stderr)
    return Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    )


def _bar(bars: Progress, what: str, total: int, done: int = 0) -> Callable[[], None]:
    bar = bars.add_task(what, total=total, completed=done)
    return lambda: bars.advance(bar)


@contextmanager
def _extra_needed() -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in EXTRA:
            raise
        raise CommandError(
            f"training needs {error.name}, which is not installed: pip install 'sixgym[rl]'", WORK_FAILED
        ) from None


@contextmanager
def _failures_of(out: Path) -> Generator[None]:
    try:
        yield
    except RecipeError as error:
        raise CommandError(str(error), WRONG_USE) from None
    except SimulatorError as error:
        raise CommandError(f"{error}; {out} keeps what is finished: --resume", WORK_FAILED) from None
    except OSError as error:
        raise CommandError(f"--out {out}: {error.strerror}", WRONG_USE) from None
