"""Training the DRL-Slicing agent with PPO of stable-baselines3, one iteration at a time.

Every iteration has its own seed and starts with a new episode. It depends only on the weights and the
optimizer state before it, so a resumed training ends with the same weights.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed

from sixgym._version import __version__
from sixgym.agents.learned.drl_slicing.actions import OUTPUTS
from sixgym.agents.learned.drl_slicing.agent import HIDDEN_LAYERS, WEIGHTS_FILE, DrlSlicingAgent, agent_from
from sixgym.agents.learned.drl_slicing.view import FEATURES
from sixgym.agents.learned.tensors import TensorFile, dump_tensors
from sixgym.domain.base import Record
from sixgym.episodes.files import replacing, write_whole
from sixgym.episodes.jsonl import append_lines
from sixgym.run.build import make_network
from sixgym.train.drl_slicing.environment import AdmissionEnv
from sixgym.train.drl_slicing.hybrid import HybridPolicy
from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.drl_slicing.tasks import TrainingTasks
from sixgym.train.folder import check_folder, write_recipe
from sixgym.train.recipe import RecipeError

PROGRESS_FILE = "progress.jsonl"
CHECKPOINTS = "checkpoint-*.zip"


class Iteration(Record):
    """Figures of one iteration of training, exploration included.

    Attributes:
        number: Number of the iteration, from 1.
        episodes: Number of episodes that ended in the iteration.
        mean_return: Mean return of these episodes; 0 without an episode.
        success_rate: Share of these episodes that met their goal; 0 without an episode.
        entropy: Entropy of the policy while it learned, in nats.
    """

    number: int
    episodes: int
    mean_return: float
    success_rate: float
    entropy: float


def train(
    recipe: DrlSlicingRecipe,
    tasks: TrainingTasks,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    on_iteration: Callable[[Iteration], None] | None = None,
) -> DrlSlicingAgent:
    """Train the agent, and write its weights and a checkpoint after every iteration into a folder.

    Args:
        recipe: The recipe.
        tasks: The tasks to learn from.
        out: Folder for checkpoint, progress and weights.
        command: The command that makes the weights, for their metadata.
        resume: Go on from the checkpoint in the folder.
        on_iteration: Called after every iteration.

    Raises:
        RecipeError: the folder holds the training of another recipe, or a training while `resume` is false.
        SimulatorError: the network does not work.
    """
    done = prepare(recipe, out, resume=resume)
    torch.set_num_threads(1)  # a network this small is slower on several threads
    backend = make_network(recipe.network)
    environment = AdmissionEnv(tasks, backend)
    try:
        model = _model(recipe, environment, _checkpoint_path(out, done) if done else None)
        for number in range(done + 1, recipe.ppo.iterations + 1):
            iteration = _iterate(model, environment, recipe, number)
            _save_checkpoint(model, out, iteration)
            if on_iteration is not None:
                on_iteration(iteration)
        provenance = {
            "command": command,
            "recipe": json.dumps(recipe.model_dump(mode="json"), separators=(",", ":")),
            "learning_seeds": ",".join(map(str, recipe.learning_seeds)),
            "tasks": f"{len(tasks.tasks)} tasks, SHA-256 {tasks.digest}",
            "network": f"{recipe.network} {backend.info.version}",
            "sixgym": __version__,
        }
        content = weights_of(model, provenance)
    finally:
        environment.close()
    write_whole(out / WEIGHTS_FILE, content)
    return agent_from(content, str(out / WEIGHTS_FILE))


def weights_of(model: PPO, provenance: dict[str, str]) -> bytes:
    """The weights of the actor as a safetensors file.

    Args:
        model: The trained model.
        provenance: Metadata of the file, such as the command and the recipe.
    """
    state = model.policy.state_dict()
    modules = [*(f"mlp_extractor.policy_net.{2 * layer}" for layer in range(HIDDEN_LAYERS)), "action_net"]
    tensors = {
        f"policy.{layer}.{part}": state[f"{module}.{part}"].numpy()
        for layer, module in enumerate(modules)
        for part in ("weight", "bias")
    }
    names = {"features": ",".join(FEATURES), "outputs": ",".join(OUTPUTS)}
    return dump_tensors(TensorFile(tensors, {**provenance, **names}))


def prepare(recipe: DrlSlicingRecipe, out: Path, *, resume: bool = False) -> int:
    """Make the folder ready for a training; the number of iterations that it holds already.

    Raises:
        RecipeError: the folder holds the training of another recipe, or `resume` is false.
    """
    done = max((int(path.stem.rpartition("-")[2]) for path in out.glob(CHECKPOINTS)), default=0)
    resumed = check_folder(out, recipe, resume=resume, may_change={"ppo": {"iterations"}})
    if resumed and done > recipe.ppo.iterations:
        raise RecipeError(
            f"{out} holds {done} iterations, more than the {recipe.ppo.iterations} of ppo.iterations; "
            "raise ppo.iterations, or take another --out"
        )
    write_recipe(out, recipe)
    return done


# ---------------------------------------------------------------------- inside
def _model(recipe: DrlSlicingRecipe, environment: AdmissionEnv, checkpoint: Path | None) -> PPO:
    if checkpoint is not None:
        return PPO.load(  # pyright: ignore[reportUnknownMemberType]  # its further arguments are untyped
            checkpoint, env=environment, device="cpu"
        )
    ppo = recipe.ppo
    return PPO(
        HybridPolicy,
        environment,
        learning_rate=ppo.learning_rate,
        n_steps=ppo.steps,
        batch_size=ppo.minibatch,
        n_epochs=ppo.epochs,
        gamma=ppo.discount,
        gae_lambda=ppo.gae_lambda,
        clip_range=ppo.clip_range,
        ent_coef=ppo.entropy_weight,
        vf_coef=ppo.value_weight,
        max_grad_norm=ppo.max_gradient_norm,
        policy_kwargs={"net_arch": list(ppo.hidden), "log_std_init": ppo.log_std},
        seed=recipe.seed,
        device="cpu",
    )


def _iterate(model: PPO, environment: AdmissionEnv, recipe: DrlSlicingRecipe, number: int) -> Iteration:
    # an episode has at least one decision, so no two iterations share an episode
    environment.start_at((number - 1) * recipe.ppo.steps)
    seeds = np.random.SeedSequence([recipe.seed, number])
    set_random_seed(int(seeds.generate_state(1)[0]))
    model.learn(recipe.ppo.steps)  # pyright: ignore[reportUnknownMemberType]  # its callbacks are untyped
    returns = [earned for earned, _ in environment.finished]
    return Iteration(
        number=number,
        episodes=len(returns),
        mean_return=float(np.mean(returns)) if returns else 0.0,
        success_rate=float(np.mean([success for _, success in environment.finished])) if returns else 0.0,
        entropy=-float(model.logger.name_to_value["train/entropy_loss"]),
    )


def _save_checkpoint(model: PPO, out: Path, iteration: Iteration) -> None:
    """Write the checkpoint, whole or not at all, then delete the earlier ones."""
    path = _checkpoint_path(out, iteration.number)
    with replacing(path) as partial, partial.open("wb") as file:
        model.save(file)
    append_lines(out / PROGRESS_FILE, [iteration.model_dump_json()])
    for other in out.glob(CHECKPOINTS):
        if other != path:
            other.unlink()


def _checkpoint_path(out: Path, number: int) -> Path:
    return out / f"checkpoint-{number:05d}.zip"
