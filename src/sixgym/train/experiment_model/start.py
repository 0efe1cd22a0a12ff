"""The language model that a training starts from: a new one, or a pretrained one with all weights or LoRA."""

import importlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from sixgym.domain.extras import install_command
from sixgym.models.chat import ModelUnusableError
from sixgym.models.local.checkpoint import load_causal, no_progress_bar
from sixgym.simulators.experiment_model.encode.words import all_figures
from sixgym.simulators.experiment_model.engine.inference import Engine
from sixgym.train.experiment_model.recipe import Lora, ModelSize
from sixgym.train.recipe import RecipeError

CONTEXT = 512
"""Largest number of tokens in an example, for a model from scratch. Chosen, not measured; traces with a
longer example are refused."""

_INITIAL_STD = 0.02
"""Standard deviation of initial embeddings, the default of transformers for Llama (`initializer_range`)."""

_WAVES = 8
"""Number of waves that order the figures of a grid: the shortest one has 64 periods over the grid, and the
longest grid has 228 figures."""


class Learner:
    """A causal language model of transformers in training."""

    def __init__(self, model: Any, *, adapted: bool = False) -> None:
        """Prepare a model for training.

        Args:
            model: The model; a model of peft if `adapted`.
            adapted: Train a low-rank adaptation only; the weights of the model stay.
        """
        self.model = model
        self._adapted = adapted
        whole: Any = model.get_base_model() if adapted else model
        self._body: Any = whole.base_model
        self._head: Any = whole.get_output_embeddings()
        self.device: torch.device = self._head.weight.device
        self.dtype: torch.dtype = self._head.weight.dtype
        """Type of the saved weights."""
        self.context: int | None = whole.config.get_text_config().to_dict().get("max_position_embeddings")
        """Largest number of tokens in an example; None for no limit."""
        if not adapted:
            model.float()  # a step of the optimizer is below the resolution of half precision

    @property
    def learning(self) -> dict[str, torch.nn.Parameter]:
        """The weights in training, by name."""
        return {name: value for name, value in self.model.named_parameters() if value.requires_grad}

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """The last hidden state of every token."""
        with self.mixed():
            return self._body(input_ids=tokens, use_cache=False).last_hidden_state

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the next token, over the whole vocabulary."""
        with self.mixed():
            return torch.log_softmax(self._head(hidden).float(), -1)

    def save(self, folder: Path) -> None:
        """Write the model as transformers reads it; a low-rank adaptation is merged into the weights."""
        model = self.model.merge_and_unload() if self._adapted else self.model
        with no_progress_bar():
            model.to(self.dtype).save_pretrained(folder)

    def mixed(self) -> torch.autocast:
        """Half precision for arithmetic on an accelerator; full precision on a CPU."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu")


def from_scratch(size: ModelSize, tokenizer: Any) -> Learner:
    """A new model whose initial embeddings say which figures are near each other."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        tie_word_embeddings=True,
        max_position_embeddings=CONTEXT,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model: Any = LlamaForCausalLM(config)
    _order_figures(model.get_input_embeddings().weight, tokenizer.get_vocab())
    return Learner(model)


def pretrained(base: Path, lora: Lora | None) -> tuple[Learner, Any]:
    """The checkpoint in a folder, and its tokenizer.

    Raises:
        RecipeError: the checkpoint cannot be used, or a library is missing.
    """
    adapt = None if lora is None else _adaptation(lora)
    try:
        model, tokenizer = load_causal(base, "auto")
        Engine(model, tokenizer)  # raises where the tokenizer gives two words the same tokens
    except (ModelUnusableError, ValueError) as error:
        raise RecipeError(f"base: {error}") from None
    learner = Learner(model) if adapt is None else Learner(adapt(model), adapted=True)
    _check_parts(base, learner)
    return learner, tokenizer


# ---------------------------------------------------------------------- inside
def _adaptation(lora: Lora) -> Callable[[Any], Any]:
    """The function that adds a low-rank adaptation to a model."""
    try:
        peft: Any = importlib.import_module("peft")
    except ModuleNotFoundError as error:
        raise RecipeError(
            f"lora needs {error.name}, which is not installed: {install_command('lora')}"
        ) from None
    settings = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )

    def adapt(model: Any) -> Any:
        return peft.get_peft_model(model, settings)

    return adapt


def _check_parts(base: Path, learner: Learner) -> None:
    """Refuse an architecture that changes its logits after the last layer: the loss would not see that."""
    tokens = torch.tensor([[1, 2, 3]], device=learner.device)
    with torch.no_grad():
        parts = learner.scores(learner.hidden(tokens))
        with learner.mixed():
            whole = torch.log_softmax(learner.model(input_ids=tokens).logits.float(), -1)
    if not torch.allclose(parts, whole, rtol=0.05, atol=0.05):
        raise RecipeError(
            f"base: the architecture of {base} changes the logits after its last layer, which this training "
            "does not support; take another checkpoint"
        )


def _order_figures(weight: torch.Tensor, vocabulary: dict[str, int]) -> None:
    """Give near figures of a grid similar initial embeddings, by waves as in a positional encoding."""
    with torch.no_grad():
        for figure in all_figures():
            tokens = [vocabulary[word] for word in figure.words]
            position = torch.arange(len(tokens))[:, None]
            numbers = torch.arange(1, _WAVES + 1)
            angle = position * (math.pi * 2.0 ** (numbers - 1) / max(len(tokens), 2))
            waves = torch.cat([angle.sin() / numbers, angle.cos() / numbers], 1)
            projected = waves @ torch.randn(2 * _WAVES, weight.shape[1])
            weight[tokens] = _INITIAL_STD * (projected / projected.std() + torch.randn(weight.shape[1]))
