"""Training the DRL-Slicing agent with PPO of stable-baselines3, one iteration at a time.

Every iteration starts from its own seed with fresh episodes, so what it does depends on the weights
and optimiser state before it and on nothing else: a resumed training ends with the same weights.
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from stable_baselines3 import PPO
from stable_baselines3.common.utils import set_random_seed

import sixgym
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
from sixgym.train.drl_slicing.tasks import TrainingTasks
from sixgym.train.recipe import DrlSlicingRecipe, RecipeError

RECIPE_FILE = "recipe.json"
PROGRESS_FILE = "progress.jsonl"
CHECKPOINTS = "checkpoint-*.zip"


class Iteration(Record):
    """What an iteration of training saw, exploration included.

    Attributes:
        number: From 1.
        episodes: Finished in it.
        mean_return: Of those; 0 if there is none.
        success_rate: Likewise.
        entropy: Of the policy when it learned, in nats.
    """

    number: int
    episodes: int
    mean_return: float
    success_rate: float
    entropy: float


def train(
    recipe: DrlSlicingRecipe,
    lessons: TrainingTasks,
    out: Path,
    *,
    command: str,
    resume: bool = False,
    on_iteration: Callable[[Iteration], None] | None = None,
) -> DrlSlicingAgent:
    """Train the agent, and write its weights and a checkpoint after every iteration into a folder.

    Args:
        recipe: How to do it.
        lessons: What to learn from.
        out: Folder for checkpoint, progress and weights.
        command: What made the weights, for their metadata.
        resume: Go on from the folder's checkpoint, if it has one.
        on_iteration: Called after every iteration.

    Raises:
        RecipeError: the folder holds another recipe's training, or one and `resume` is false.
        SimulatorError: the network does not work.
    """
    done = prepare(recipe, out, resume=resume)
    torch.set_num_threads(1)  # so small a network is slower on more
    backend = make_network(recipe.network)
    environment = AdmissionEnv(lessons, backend)
    try:
        model = _model(recipe, environment, _checkpoint(out, done) if done else None)
        for number in range(done + 1, recipe.ppo.iterations + 1):
            iteration = _iterate(model, environment, recipe, number)
            _keep(model, out, iteration)
            if on_iteration is not None:
                on_iteration(iteration)
        provenance = {
            "command": command,
            "recipe": json.dumps(recipe.model_dump(mode="json"), separators=(",", ":")),
            "learning_seeds": ",".join(map(str, recipe.learning_seeds)),
            "lessons": f"{len(lessons.tasks)} tasks, SHA-256 {lessons.digest}",
            "network": f"{recipe.network} {backend.info.version}",
            "sixgym": sixgym.__version__,
        }
        content = weights_of(model, provenance)
    finally:
        environment.close()
    write_whole(out / WEIGHTS_FILE, content)
    return agent_from(content, str(out / WEIGHTS_FILE))


def weights_of(model: PPO, provenance: dict[str, str]) -> bytes:
    """The actor's weights as a safetensors file."""
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
    """Make the folder ready; the number of iterations already done.

    Raises:
        RecipeError: as `train`.
    """
    stored = out / RECIPE_FILE
    done = max((int(path.stem.rpartition("-")[2]) for path in out.glob(CHECKPOINTS)), default=0)
    if stored.exists() and not resume:
        raise RecipeError(f"{out} holds a training already; --resume goes on with it, or take another --out")
    if stored.exists():
        if not _goes_on(stored, recipe):
            raise RecipeError(f"{out} holds a training of another recipe ({stored}); take another --out")
        if done > recipe.ppo.iterations:
            raise RecipeError(f"{out} holds {done} iterations, more than ppo.iterations asks for")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(stored, recipe.model_dump_json(indent=1).encode())
    return done


# ---------------------------------------------------------------------- inside
def _goes_on(stored: Path, recipe: DrlSlicingRecipe) -> bool:
    """Whether a stored recipe is this one, but for the number of iterations."""
    try:
        before = DrlSlicingRecipe.model_validate_json(stored.read_text(encoding="utf-8"))
    except ValidationError:  # of another kind
        return False
    return _less_iterations(before) == _less_iterations(recipe)


def _less_iterations(recipe: DrlSlicingRecipe) -> dict[str, object]:
    """The recipe without what may change when a training goes on."""
    return recipe.model_dump(exclude={"ppo": {"iterations"}})


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
    # an episode has at least one decision, so no two iterations share one before the tasks repeat
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


def _keep(model: PPO, out: Path, iteration: Iteration) -> None:
    """Write the checkpoint, whole or not at all, then drop those before it."""
    path = _checkpoint(out, iteration.number)
    with replacing(path) as partial, partial.open("wb") as file:
        model.save(file)
    append_lines(out / PROGRESS_FILE, [iteration.model_dump_json()])
    for other in out.glob(CHECKPOINTS):
        if other != path:
            other.unlink()


def _checkpoint(out: Path, number: int) -> Path:
    return out / f"checkpoint-{number:05d}.zip"
