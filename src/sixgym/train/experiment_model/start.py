"""The language model that a training starts from: a new one, or a pretrained one, whole or adapted."""

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
"""Most tokens of a example for a new model."""

_WAVES = 8


class Learner:
    """A causal language model of transformers that learns."""

    def __init__(self, model: Any, *, adapted: bool = False) -> None:
        """Take a model.

        Args:
            model: What learns; of peft, if it is adapted.
            adapted: Its weights stay, and what learns is a low-rank adaptation.
        """
        self.model = model
        self._adapted = adapted
        whole: Any = model.get_base_model() if adapted else model
        self._body: Any = whole.base_model
        self._head: Any = whole.get_output_embeddings()
        self.device: torch.device = self._head.weight.device
        self.dtype: torch.dtype = self._head.weight.dtype
        """In which it is saved."""
        self.context: int | None = whole.config.get_text_config().to_dict().get("max_position_embeddings")
        """Most tokens of a example; None if there is no limit."""
        if not adapted:
            model.float()  # a step is smaller than what half precision can tell apart

    @property
    def learning(self) -> dict[str, torch.nn.Parameter]:
        """The weights that are learned, by name."""
        return {name: value for name, value in self.model.named_parameters() if value.requires_grad}

    def hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """What the model makes of tokens, before it says what comes next."""
        with self.mixed():
            return self._body(input_ids=tokens, use_cache=False).last_hidden_state

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        """Log probabilities of all tokens."""
        with self.mixed():
            return torch.log_softmax(self._head(hidden).float(), -1)

    def save(self, folder: Path) -> None:
        """Write the model as transformers reads it; an adaptation becomes part of the weights."""
        model = self.model.merge_and_unload() if self._adapted else self.model
        with no_progress_bar():
            model.to(self.dtype).save_pretrained(folder)

    def mixed(self) -> torch.autocast:
        """Half precision where arithmetic is done on an accelerator."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type != "cpu")


def from_scratch(size: ModelSize, tokenizer: Any) -> Learner:
    """A model that knows nothing but which figures are near each other."""
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
        RecipeError: it cannot be used, or a library is missing.
    """
    adapt = None if lora is None else _adaptation(lora)
    try:
        model, tokenizer = load_causal(base, "auto")
        Engine(model, tokenizer)  # which has to tell all words apart
    except (ModelUnusableError, ValueError) as error:
        raise RecipeError(f"base: {error}") from None
    learner = Learner(model) if adapt is None else Learner(adapt(model), adapted=True)
    _check_parts(base, learner)
    return learner, tokenizer


# ---------------------------------------------------------------------- inside
def _adaptation(lora: Lora) -> Callable[[Any], Any]:
    """What turns a model into one of which a low-rank adaptation learns."""
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
    """Some architectures bend their logits after the last layer; a training would not see that."""
    tokens = torch.tensor([[1, 2, 3]], device=learner.device)
    with torch.no_grad():
        parts = learner.scores(learner.hidden(tokens))
        with learner.mixed():
            whole = torch.log_softmax(learner.model(input_ids=tokens).logits.float(), -1)
    if not torch.allclose(parts, whole, rtol=0.05, atol=0.05):
        raise RecipeError(
            f"base: {base} changes what its last layer says before it is a probability; such an architecture "
            "cannot be trained here"
        )


def _order_figures(weight: torch.Tensor, vocabulary: dict[str, int]) -> None:
    """Let figures that are near each other look alike from the start: waves over the grid."""
    with torch.no_grad():
        for figure in all_figures():
            tokens = [vocabulary[word] for word in figure.words]
            place = torch.arange(len(tokens))[:, None]
            numbers = torch.arange(1, _WAVES + 1)
            angle = place * (math.pi * 2.0 ** (numbers - 1) / max(len(tokens), 2))
            seen = torch.cat([angle.sin() / numbers, angle.cos() / numbers], 1)
            turned = seen @ torch.randn(2 * _WAVES, weight.shape[1])
            weight[tokens] = 0.02 * (turned / turned.std() + torch.randn(weight.shape[1]))
