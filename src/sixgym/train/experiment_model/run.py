"""Carrying out a recipe of the experiment model: reading traces, learning in rounds, saving the model."""

from collections.abc import Callable
from pathlib import Path

from sixgym.train.experiment_model.checkpoints import TrainingProgress
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.experiment_model.trace_examples import read_traces
from sixgym.train.experiment_model.training import Training
from sixgym.train.method import TrainingRun


def run(recipe: ExperimentModelRecipe, run: TrainingRun) -> list[str]:
    """Train the model, see `sixgym.train.method.Trainer`."""
    reporter = run.reporter
    traces = read_traces(Path(recipe.traces))
    with reporter.stage("reading", traces.episodes * traces.replicates, "episodes") as stage:
        training = Training(recipe, run.out, resume=run.resume, on_episode=stage.advance)
    while not training.done:
        if training.rollouts_due:
            with reporter.stage("rolling out", training.rollouts_due, "episodes") as stage:
                training.roll_out(stage.advance)
        with reporter.stage("learning", recipe.optimizer.steps, "steps", training.step) as stage:

            def report(progress: TrainingProgress, say: Callable[[str], None] = stage.say) -> None:
                say(f"step {progress.step}: loss {progress.loss:.3f}; held back: {_held_back(progress)}")

            training.learn(report, stage.advance)
    folder = training.save(run.command)
    return [
        f"loss on held-back topology seeds, in nats per word: {_held_back(training.progress[-1])}",
        f"{folder}: try it with `--network experiment-model:{folder.as_posix()}`",
    ]


def _held_back(progress: TrainingProgress) -> str:
    return ", ".join(f"{kind} {loss:.3f}" for kind, loss in progress.held_back.items())
