"""A folder as `save_pretrained` of transformers writes it: weights, tokenizer and chat template.

No code in the folder is run, no pickle is read, and nothing is fetched.
"""

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from transformers.utils import logging

from sixgym.models.chat import ModelUnusableError
from sixgym.models.local.template import Template, template_of

PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")

BUILT_IN = (None, "eager", "sdpa")
"""Implementations of attention that transformers does not fetch from elsewhere."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A language model that is ready to chat.

    Attributes:
        model: The causal language model of transformers.
        template: Its tokenizer and chat template.
        end_tokens: Ids of the tokens that end a reply.
        pad_token: Id of the token that fills up short prompts.
        context: Most tokens of a conversation; None if the model has no limit.
    """

    model: Any
    template: Template
    end_tokens: frozenset[int]
    pad_token: int
    context: int | None


def load(folder: Path, device: str) -> Checkpoint:
    """Load a checkpoint.

    Args:
        folder: Folder of the checkpoint.
        device: Device as PyTorch names it; `auto` is an accelerator where there is one.

    Raises:
        ModelUnusableError: the folder cannot be used. The message has the reason and the remedy.
    """
    model, tokenizer = load_causal(folder, device)
    template = _template(folder, tokenizer)
    ends = template.end_tokens | set(_listed(model.generation_config.eos_token_id))
    # presets of the folder (top_k, penalties) would change the distribution that is asked for
    model.generation_config = transformers.GenerationConfig()
    return Checkpoint(
        model=model,
        template=template,
        end_tokens=ends,
        pad_token=min(ends, default=0) if template.pad_token is None else template.pad_token,
        context=model.config.get_text_config().to_dict().get("max_position_embeddings"),
    )


def load_causal(folder: Path, device: str) -> tuple[Any, Any]:
    """The causal language model in a folder, ready to generate, and its tokenizer.

    Raises:
        ModelUnusableError: the folder cannot be used. The message has the reason and the remedy.
    """
    _check_files(folder)
    _check_config(folder)
    tokenizer = _load_tokenizer(folder)
    model = _load_model(folder, _device(device))
    known = cast("int", model.get_input_embeddings().num_embeddings)
    if len(tokenizer) > known:
        raise ModelUnusableError(
            f"{folder}: its tokenizer has {len(tokenizer)} tokens and its model {known}: "
            "save both from where they were used together"
        )
    return model, tokenizer


def _check_files(folder: Path) -> None:
    if not folder.is_dir():
        raise ModelUnusableError(f"{folder} is no folder: name one that holds a Hugging Face checkpoint")
    if (folder / "adapter_config.json").exists():
        raise ModelUnusableError(
            f"{folder} holds a LoRA adapter: merge it into its model (peft: merge_and_unload()), save that"
        )
    if not (folder / "config.json").is_file():
        raise ModelUnusableError(
            f"{folder} has no config.json: name a folder that save_pretrained() has written"
        )
    if any(folder.glob("*.safetensors")):
        return
    if any(True for pattern in PICKLES for _ in folder.glob(pattern)):
        raise ModelUnusableError(
            f"{folder} has its weights only as a pickle, which may run code when it is read: where you trust "
            "it, load it with transformers and save it with save_pretrained()"
        )
    raise ModelUnusableError(f"{folder} has no weights: save_pretrained() writes them to *.safetensors files")


def _check_config(folder: Path) -> None:
    path = folder / "config.json"
    try:
        config = cast("object", json.loads(path.read_bytes()))
    except ValueError as error:
        raise ModelUnusableError(f"{path} is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise ModelUnusableError(f"{path} is no JSON object")
    for key, value in _entries(cast("object", config)):
        if key == "auto_map":
            raise ModelUnusableError(f"{path} asks for code of its own (auto_map), which is not run")
        if key.endswith("_implementation") and value not in BUILT_IN:
            raise ModelUnusableError(
                f"{path} asks for {value!r} as {key}, which may be code from elsewhere: remove that entry"
            )


def _entries(value: object) -> Iterator[tuple[str, object]]:
    """Every key in JSON, however deep, with its value."""
    if isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield key, inner
            yield from _entries(inner)
    elif isinstance(value, list):
        for inner in cast("list[object]", value):
            yield from _entries(inner)


def _load_tokenizer(folder: Path) -> Any:
    auto: Any = transformers.AutoTokenizer
    try:
        return auto.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a broken folder makes the library raise errors of any kind
        raise ModelUnusableError(
            f"{folder}: its tokenizer cannot be loaded, save it there too: {_brief(error)}"
        ) from error


def _template(folder: Path, tokenizer: Any) -> Template:
    if not tokenizer.chat_template:
        raise ModelUnusableError(
            f"{folder} has no chat template: take a checkpoint tuned for chat, or add chat_template.jinja"
        )
    try:
        return template_of(tokenizer)
    except ModelUnusableError as error:
        raise ModelUnusableError(f"{folder}: {error}") from None
    except Exception as error:  # a template is a program: it may raise anything
        raise ModelUnusableError(
            f"{folder}: its chat template does not render a system message, a user's and an assistant's: "
            f"{_brief(error)}"
        ) from error


def _load_model(folder: Path, device: torch.device) -> Any:
    auto: Any = transformers.AutoModelForCausalLM
    try:
        with no_progress_bar():
            model, loaded = auto.from_pretrained(
                str(folder),
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                # half precision without an accelerator is slow, and its rounding changes replies
                dtype=torch.float32 if device.type == "cpu" else "auto",
                output_loading_info=True,
            )
        model = model.to(device).eval()
    except Exception as error:  # a broken folder makes the library raise errors of any kind
        raise ModelUnusableError(
            f"{folder} cannot be loaded as a causal language model: {_brief(error)}"
        ) from error
    if missing := sorted(loaded["missing_keys"]):  # they would be random
        raise ModelUnusableError(
            f"{folder} lacks {len(missing)} of its tensors, such as {missing[0]}: is it complete?"
        )
    return model


@contextmanager
def no_progress_bar() -> Generator[None, None, None]:
    """Without the library's own progress bar, which would write over other progress bars."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise ModelUnusableError(f"PyTorch knows no device {name!r}: {_brief(error)}") from None


def _listed(value: int | list[int] | None) -> list[int]:
    if value is None:
        return []
    return [value] if isinstance(value, int) else value


def _brief(error: Exception) -> str:
    """The first line of a library's message."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]
