"""A tiny experiment model with random weights: it knows nothing, only the grammar keeps its answers legal."""

from pathlib import Path
from typing import Any

import torch
import transformers

from sixgym.simulators.experiment_model.encode.words import words_digest
from sixgym.simulators.experiment_model.engine.vocabulary import make_tokenizer
from sixgym.simulators.experiment_model.loading import CARD, Card

INTERVAL_MS = 500


def random_model(tokenizer: Any, *, seed: int = 0, kind: type[Any] = transformers.LlamaConfig) -> Any:
    """A causal language model of one layer; weights are large, so that answers depend on questions."""
    config = kind(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=2048,
        initializer_range=0.3,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(seed)
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def card(interval_ms: int = INTERVAL_MS) -> Card:
    """Of a checkpoint that has learned nothing."""
    return Card(
        interval_ms=interval_ms,
        network="none 0",
        topology_seeds=(),
        episodes=0,
        questions=0,
        traces="0" * 64,
        words=words_digest(),
        recipe={},
        command="none: its weights are random",
        sixgym_version="0",
    )


def save_checkpoint(folder: Path, *, interval_ms: int = INTERVAL_MS, seed: int = 0) -> Path:
    """A whole checkpoint: model, tokenizer and card."""
    tokenizer = make_tokenizer()
    random_model(tokenizer, seed=seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / CARD).write_text(card(interval_ms).model_dump_json())
    return folder
