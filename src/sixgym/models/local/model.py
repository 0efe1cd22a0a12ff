"""Hugging Face checkpoints in this process; requests of several threads share a batch."""

import hashlib
import importlib.util
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sixgym.domain.extras import install_command
from sixgym.episodes.messages import Message, Sampled, Usage, prompt_beyond
from sixgym.models.chat import Completion, ModelError, ModelUnusableError, Sampling
from sixgym.models.local.batching import Batcher, BatcherClosedError, BatchTooLargeError
from sixgym.models.server.failure import printable

if TYPE_CHECKING:
    from sixgym.models.local.decoding import Continuation, Prompt


class LocalModel:
    """A causal language model in a local folder that writes its tool calls as text.

    Replies are greedy at temperature 0. Above, a reply is a function of the conversation, the temperature and
    the seed. The other conversations of a batch change it by rounding alone: on an accelerator in half
    precision two tokens that are almost equally likely may change places. The text of a message cannot spell
    control tokens. Every reply comes with its tokens and log-probabilities.
    """

    def __init__(self, path: Path, *, device: str = "auto", max_batch: int = 16) -> None:
        """Load the checkpoint and start the thread of its batches.

        Args:
            path: A folder as `save_pretrained` writes it, with safetensors and a chat template.
            device: Device as PyTorch names it; `auto` is an accelerator where there is one.
            max_batch: Most conversations at once; halved whenever a batch does not fit into memory.

        Raises:
            ModelUnusableError: the folder cannot be used, or PyTorch or transformers is missing.
        """
        if any(importlib.util.find_spec(module) is None for module in ("torch", "transformers")):
            raise ModelUnusableError(f"local models need PyTorch and transformers: {install_command('hf')}")
        from sixgym.models.local.checkpoint import load

        self._name = printable(path.resolve().name, 80)
        self._checkpoint = load(path, device)
        self._digest = _digest(path)  # now: a trainer may write new weights into the folder later
        self._closing = threading.Event()
        self._batcher: Batcher[Prompt, Continuation] = Batcher(
            self._work, max_batch=max_batch, name=f"model {self._name}"
        )

    @property
    def name(self) -> str:
        """The folder's name."""
        return self._name

    def digest(self) -> str:
        """SHA-256 of all files that decide what the model says, as loaded, in 12 hexadecimal digits."""
        return self._digest

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The next message of the assistant, at most as long as the model's context has room for.

        Raises:
            ModelError: the conversation leaves no room for a reply, or the model failed.
            ModelUnusableError: the request has native tools or calls, whose form differs from model to model.
        """
        from sixgym.models.local.decoding import Prompt

        if tools or any(message.calls or message.role == "tool" for message in messages):
            raise ModelUnusableError("a local model calls tools in its text only: choose the text style")
        template = self._checkpoint.template
        tokens = template.encode([{"role": message.role, "content": message.content} for message in messages])
        context = self._checkpoint.context
        room = sampling.max_tokens if context is None else context - len(tokens)
        if room < 1:
            raise ModelError(
                f"the conversation has {len(tokens)} tokens, and {self._name} takes {context} with its reply"
            )
        longest = min(room, sampling.max_tokens)
        reply = self._ask(Prompt(tokens, longest, sampling.temperature, sampling.seed))
        if not all(map(math.isfinite, reply.logprobs)):
            raise ModelError(
                f"{self._name} computes numbers that are not finite: its weights are damaged, or need "
                "another precision than they were saved in"
            )
        prefix, beyond = prompt_beyond(messages, tokens)
        return Completion(
            content=template.opened + template.text(reply.tokens),
            usage=Usage(prompt_tokens=len(tokens), completion_tokens=len(reply.tokens) + reply.ended),
            cut_off=not reply.ended,
            sampled=Sampled(
                model=self._name,
                weights=self._digest,
                temperature=sampling.temperature,
                prefix=prefix,
                prompt=beyond,
                tokens=reply.sampled,
                logprobs=reply.logprobs,
            ),
        )

    def close(self) -> None:
        """End the batch under way at its next token, and refuse all other requests."""
        self._closing.set()
        self._batcher.close()

    def _ask(self, prompt: "Prompt") -> "Continuation":
        try:
            return self._batcher.submit(prompt)
        except BatcherClosedError:
            raise ModelUnusableError(f"{self._name} was closed") from None
        except BatchTooLargeError as error:
            raise ModelError(f"{self._name} runs out of memory: {error}") from error
        except Exception as error:  # of any kind, from the thread of the batches
            raise ModelError(f"{self._name} failed: {type(error).__name__}: {error}") from error

    def _work(self, batch: "Sequence[Prompt]") -> "list[Continuation]":
        from sixgym.models.local.decoding import decode

        replies = decode(self._checkpoint, batch, self._closing.is_set)
        if self._closing.is_set():
            raise BatcherClosedError("closed")
        return replies


def _digest(folder: Path) -> str:
    total = hashlib.sha256()
    for file in sorted(folder.iterdir()):
        if file.suffix in {".json", ".jinja", ".model", ".safetensors", ".txt"}:
            with file.open("rb") as content:
                total.update(hashlib.file_digest(content, "sha256").digest())
            total.update(file.name.encode())
    return total.hexdigest()[:12]
