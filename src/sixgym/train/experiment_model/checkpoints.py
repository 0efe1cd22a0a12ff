"""The checkpoint of a training: weights, optimizer state and progress, in one file."""

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
    """A line of progress, written with every checkpoint.

    Attributes:
        step: Number of optimizer steps so far.
        loss: Mean loss of the training batches since the last line, in nats per word.
        held_back: Loss on held-back topology seeds by kind of question, in nats per word.
    """

    step: int
    loss: float
    held_back: dict[str, float]


def write_checkpoint(
    path: Path,
    learner: Learner,
    optimizer: torch.optim.Optimizer,
    examples: str,
    progress: Sequence[TrainingProgress],
) -> None:
    """Write weights, the optimizer's state and the progress so far.

    Args:
        path: The file.
        learner: The model.
        optimizer: The optimizer of the model's weights, in their order.
        examples: Key of the examples, see `TraceExamples.key`.
        progress: The line of every checkpoint so far; this checkpoint's line is the last one.
    """
    files: Any = safetensors.torch
    tensors = {f"model.{name}": value.detach().cpu().contiguous() for name, value in learner.learning.items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": value.cpu() for name, value in state.items()}
    lines = "\n".join(one.model_dump_json() for one in progress)
    with replacing(path) as partial:
        files.save_file(tensors, partial, metadata={"progress": lines, "examples": examples})


def restore_checkpoint(
    path: Path, learner: Learner, optimizer: torch.optim.Optimizer, examples: str
) -> list[TrainingProgress]:
    """Restore model and optimizer from a checkpoint; the progress up to it, empty if there is no checkpoint.

    Raises:
        RecipeError: the checkpoint is damaged, or of another model, or of other examples.
    """
    if not path.exists():
        return []
    files: Any = safetensors.torch
    try:
        with files.safe_open(path, framework="pt") as file:
            metadata: dict[str, str] = file.metadata() or {}
        stored: dict[str, torch.Tensor] = files.load_file(path)
        progress = [TrainingProgress.model_validate_json(line) for line in metadata["progress"].splitlines()]
        with torch.no_grad():
            for name, value in learner.learning.items():
                value.copy_(_of_shape(stored[f"model.{name}"], value))
        optimizer.load_state_dict({**optimizer.state_dict(), "state": _states(stored)})
    except (safetensors.SafetensorError, ValueError, KeyError, RuntimeError) as error:
        raise RecipeError(
            f"{path} is damaged, or a checkpoint of another model ({error}); take another --out"
        ) from None
    if metadata["examples"] != examples:
        raise RecipeError(
            f"{path} is a checkpoint of other traces, or of another version of sixgym; take another --out"
        )
    return progress


def _of_shape(stored: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    if stored.shape != wanted.shape:
        raise ValueError(f"a tensor of shape {tuple(stored.shape)}, not {tuple(wanted.shape)}")
    return stored


def weights_of(learner: Learner) -> str:
    """SHA-256 of the weights in training."""
    digest = hashlib.sha256()
    for name, value in learner.learning.items():
        digest.update(name.encode())
        digest.update(value.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _states(stored: dict[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    """The optimizer's state by index of the weight."""
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in stored.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".")
            states.setdefault(int(index), {})[name] = value
    return states
