"""Checkpoints of a few kilobytes: random ones, and ones that say a line that was put into their weights."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

from sixgym.tools.schema import prompt

CHAT_TEMPLATE = """\
{% for message in messages %}<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TAGS = ("<think>", "</think>")


def save_tokenizer(
    folder: Path, added: tuple[str, ...] = (), chat_template: str | None = CHAT_TEMPLATE
) -> Any:
    """A byte-level tokenizer that knows the words of the agents' prompt; `added` are tokens, not special."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([prompt()], trainer)
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in (*TAGS, *added)])
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|endoftext|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>", "<|im_end|>"],
    )
    fast.chat_template = chat_template
    fast.save_pretrained(folder)
    return fast


def save_model(folder: Path, tokenizer: Any, line: tuple[str, ...] = (), context: int = 32768) -> None:
    """A Qwen2 of two layers; with a `line`, each of its tokens follows from the one before."""
    config = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        initializer_range=0.5,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    torch.manual_seed(0)
    model = transformers.Qwen2ForCausalLM(config)
    if line:
        _teach(model, [tokenizer.convert_tokens_to_ids(token) for token in line])
    model.save_pretrained(folder)


def save_checkpoint(folder: Path, line: tuple[str, ...] = (), **settings: Any) -> Path:
    """Both; what `line` is made of are tokens of its own, after the newline that opens a reply."""
    tokenizer = save_tokenizer(folder, tuple(token for token in line if token not in SPECIAL))
    save_model(folder, tokenizer, ("Ċ", *line) if line else (), **settings)
    return folder


def _teach(model: Any, tokens: list[int]) -> None:
    """Layers pass on what they are given, and the output looks for the token that comes before."""
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.lm_head.weight.zero_()
        for before, after in pairwise(tokens):
            model.lm_head.weight[after] = model.model.embed_tokens.weight[before]
