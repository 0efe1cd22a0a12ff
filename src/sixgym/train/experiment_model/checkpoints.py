"""Where a training has come to, in one file that is there whole or not at all."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import safetensors.torch
import torch

from sixgym.domain.base import Record
from sixgym.episodes.files import replacing
from sixgym.train.experiment_model.start import Learner
from sixgym.train.recipe import RecipeError


class TrainingProgress(Record):
    """What was learned up to a step.

    Attributes:
        step: Optimizer steps so far.
        loss: Of the words learned from since the last report, in nats a word.
        held_back: Loss on held-back places by kind of question, in nats a word.
    """

    step: int
    loss: float
    held_back: dict[str, float]


def keep(
    path: Path,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    examples: str,
    progress: Sequence[TrainingProgress],
) -> None:
    """Write weights, the optimizer's state and the progress so far.

    Args:
        path: Where to.
        learner: Whose weights.
        optimizer: Of those weights, in their order.
        examples: Key of what was learned from.
        progress: Of every checkpoint so far, this one the last.
    """
    files: Any = safetensors.torch
    tensors = {f"model.{name}": value.detach().cpu().contiguous() for name, value in learner.learning.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value.cpu() for name, value in state.items()}
    lines = "\n".join(one.model_dump_json() for one in progress)
    with replacing(path) as partial:
        files.save_file(tensors, partial, metadata={"progress": lines, "examples": examples})


def take(
    path: Path, learner: Learner, optimizer: torch.optim.Optimizer, examples: str
) -> list[TrainingProgress]:
    """Go on from a file that `keep` wrote, if there is one; the progress up to it.

    Raises:
        RecipeError: it is damaged, of another model or of other examples.
    """
    if not path.exists():
        return []
    files: Any = safetensors.torch
    try:
        with files.safe_open(path, framework="pt") as file:
            beside: dict[str, str] = file.metadata() or {}
        stored: dict[str, torch.Tensor] = files.load_file(path)
        progress = [TrainingProgress.model_validate_json(line) for line in beside["progress"].splitlines()]
        with torch.no_grad():
            for name, value in learner.learning.items():
                value.copy_(_as_large(stored[f"model.{name}"], value))
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _states(stored)})
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise RecipeError(f"{path} is no checkpoint of this training ({error}); take another --out") from None
    if beside["examples"] != examples:
        raise RecipeError(
            f"{path} has learned from other traces, or by another version of sixgym; take another --out"
        )
    return progress


def _as_large(stored: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if stored.shape != wanted.shape:
        raise ValueError(f"a tensor of {tuple(stored.shape)} where the model has {tuple(wanted.shape)}")
    return stored


def weights_of(learner: Learner) -> str:
    """SHA-256 of the weights that are learned."""
    digest = hashlib.sha256()
    for name, value in learner.learning.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _states(stored: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    """The optimizer's state by number of the weight."""
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in stored.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            states.setdefault(int(index), {})[name] = value
    return states
