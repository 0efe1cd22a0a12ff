"""`sixgym train`: what a recipe says, with a progress bar, and how good it has become."""

import os
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import typer

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.network import choose_simulator
from sixgym.cli.output.progress import metering
from sixgym.domain.extras import install_command
from sixgym.simulators.base import SimulatorError
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.recipe import DrlSlicingRecipe, RecipeError, load_recipe

EXTRAS = {"drl-slicing": "rl", "experiment-model": "hf"}
"""What a kind of recipe needs beside the package."""

PACKAGES = ("torch", "stable_baselines3", "transformers", "tokenizers", "safetensors")


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
    """Train what the recipe says, and say how good it is.

    Raises:
        CommandError: wrong use, a missing extra, or a network that failed; finished iterations are kept.
    """
    with wrong_use_on(RecipeError):
        recipe = load_recipe(request.recipe, request.changes)
    out = request.out or Path("runs") / request.recipe.stem
    with _extra_needed(EXTRAS[recipe.kind]):
        match recipe:
            case ExperimentModelRecipe():
                _train_experiment_model(recipe, request, out)
            case DrlSlicingRecipe():
                choose_simulator(recipe.network).close()
                _train_drl_slicing(recipe, request, out)


def command_of(request: TrainRequest) -> str:
    """The command that would do this again, less where and whether it was interrupted."""
    changes = [part for change in request.changes for part in ("--set", change)]
    return shlex.join(["sixgym", "train", request.recipe.as_posix(), *changes])


def _train_drl_slicing(recipe: DrlSlicingRecipe, request: TrainRequest, out: Path) -> None:
    from sixgym.train.drl_slicing.comparison import OTHERS, compare
    from sixgym.train.drl_slicing.tasks import TrainingTasks, draw_tasks, split_tasks
    from sixgym.train.drl_slicing.training import WEIGHTS_FILE, Iteration, prepare
    from sixgym.train.drl_slicing.training import train as train_agent

    with _failures_of(out):
        done = prepare(recipe, out, resume=request.resume)
        with metering(sys.stderr, "drawing", recipe.tasks, "tasks") as meter:
            tasks = draw_tasks(recipe, out / "tasks.jsonl", meter.advance)
        lessons, held = split_tasks(recipe, tasks)
        with metering(sys.stderr, "learning", recipe.ppo.iterations, "iterations", done) as meter:

            def report(iteration: Iteration) -> None:
                meter.say(
                    f"iteration {iteration.number}: return {iteration.mean_return:.3f}, "
                    f"success {iteration.success_rate:.0%} of {iteration.episodes}, exploring"
                )
                meter.advance()

            agent = train_agent(
                recipe,
                TrainingTasks(lessons),
                out,
                command=command_of(request),
                resume=True,
                on_iteration=report,
            )
        episodes = (1 + len(OTHERS)) * len(held)
        with metering(sys.stderr, "comparing", episodes, "tasks of an agent") as meter:
            standings = compare(agent, TrainingTasks(held), recipe, meter.advance)
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


def _train_experiment_model(recipe: ExperimentModelRecipe, request: TrainRequest, out: Path) -> None:
    # threads that spin while they wait take many times as long where cores have other work; read when torch
    # is imported
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from sixgym.train.experiment_model.checkpoints import TrainingProgress
    from sixgym.train.experiment_model.trace_examples import read_traces
    from sixgym.train.experiment_model.training import Training

    def held_back(progress: TrainingProgress) -> str:
        return ", ".join(f"{kind} {loss:.3f}" for kind, loss in progress.held_back.items())

    with _failures_of(out):
        traces = read_traces(Path(recipe.traces))
        with metering(sys.stderr, "reading", traces.episodes * traces.replicates, "episodes") as meter:
            training = Training(recipe, out, resume=request.resume, on_episode=meter.advance)
        while not training.done:
            if training.episodes_alone:
                with metering(sys.stderr, "going alone", training.episodes_alone, "episodes") as meter:
                    training.go_alone(meter.advance)
            with metering(sys.stderr, "learning", recipe.optimizer.steps, "steps", training.step) as meter:

                def report(progress: TrainingProgress, say: Callable[[str], None] = meter.say) -> None:
                    say(f"step {progress.step}: loss {progress.loss:.3f}; held back: {held_back(progress)}")

                training.learn(report, meter.advance)
        folder = training.save(command_of(request))
    typer.echo(f"loss on held-back places, in nats a word: {held_back(training.progress[-1])}")
    typer.echo(f"{folder}: try it with `--network experiment-model:{folder.as_posix()}`")


@contextmanager
def _extra_needed(extra: str) -> Generator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in PACKAGES:
            raise
        raise CommandError(
            f"training needs {error.name}, which is not installed: {install_command(extra)}", WORK_FAILED
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
