"""Small trainings of the experiment model, and traces of `tti` to train on."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sixgym.data.traces.collection import Collector
from sixgym.data.traces.exploration import tool_probabilities
from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces
from sixgym.episodes.episode import BackendInfo
from sixgym.train.experiment_model.checkpoints import TrainingProgress
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.experiment_model.training import EXAMPLES_FILE, Training
from sixgym.train.registry import load_recipe
from tests.repository import ROOT

RECIPE = ROOT / "recipes" / "agentgym" / "experiment_model.yaml"
TOPOLOGY_SEEDS = (1, 2)
EPISODES = 4
"""Number of explorations: three of the first topology seed and one of the second, which is held back."""

SMALL = (
    "threads=1",
    "held_back=[2]",
    "model={hidden: 16, layers: 1, heads: 2, feed_forward: 16}",
    "optimizer.steps=8",
    "optimizer.batch_tokens=1024",
    "optimizer.learning_rate=0.01",
    "optimizer.warm_up=0",
    "own_history={every: 4, episodes: 1}",
    "checkpoint_every=3",
)
"""Two rounds of four steps; checkpoints at steps 3, 4, 6 and 8."""


def explore(folder: Path) -> Path:
    """Record traces of a few explorations; the folder."""
    collector = Collector("tti", TOPOLOGY_SEEDS, folder)
    traces = Traces(
        network=BackendInfo(name="tti", version="7"),
        topology_seeds=TOPOLOGY_SEEDS,
        episodes=EPISODES,
        replicates=1,
        probabilities=dict(tool_probabilities()),
        sixgym_version="0",
        command="sixgym traces",
    )
    TracesFolder(folder).open(traces, resume=False)
    for job in traces.jobs:
        assert collector.do(job) is None
    collector.close()
    return folder


def recipe(traces: Path, *changes: str) -> ExperimentModelRecipe:
    loaded = load_recipe(RECIPE, [*SMALL, f"traces={traces}", *changes])
    assert isinstance(loaded, ExperimentModelRecipe)
    return loaded


def nothing(*_: object) -> None:
    """Ignore a report."""


def train_to_end(
    training: Training,
    on_step: Callable[[], None] = nothing,
    on_episode: Callable[[], None] = nothing,
) -> list[TrainingProgress]:
    """Train to the last step; the reported progress."""
    seen: list[TrainingProgress] = []
    while not training.done:
        if training.rollouts_due:
            training.roll_out(on_episode)
        training.learn(seen.append, on_step)
    return seen


def with_examples(examples: Path, out: Path) -> Path:
    """A folder that holds examples already, so that they are not made again."""
    out.mkdir()
    shutil.copy(examples, out / EXAMPLES_FILE)
    return out


def weights(training: Training) -> dict[str, Any]:
    return {name: value.detach().clone() for name, value in training.learner.learning.items()}
