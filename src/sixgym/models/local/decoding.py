"""Drawing the continuations of several prompts at once from a transformers model."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch

from sixgym.models.local.batching import BatchTooLargeError
from sixgym.models.local.checkpoint import Checkpoint

LOWEST_LOGPROB = -9999.0
"""Log-probability of a token of probability 0, as in vLLM: rounding may draw one, and JSON has no -inf."""

DECIMALS = 6
"""Of a stored log-probability. Another batch moves it by some 1e-6 in single precision, and half precision
keeps three digits."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, and how it is continued.

    Attributes:
        tokens: Token ids, at least one.
        max_tokens: Longest continuation.
        temperature: 0 is greedy; otherwise the whole distribution is drawn from.
        seed: Seed of the draw; None draws anew every time.
    """

    tokens: tuple[int, ...]
    max_tokens: int
    temperature: float
    seed: int | None


@dataclass(frozen=True, slots=True)
class Continuation:
    """The tokens that were drawn after a prompt.

    Attributes:
        tokens: Token ids without the one that ended the continuation.
        end: The token that ended it; None if it reached its length.
        logprobs: Log-probability of each token, the end included, at temperature 1.
    """

    tokens: tuple[int, ...]
    end: int | None
    logprobs: tuple[float, ...]

    @property
    def ended(self) -> bool:
        """Whether a token ended it, and not its length."""
        return self.end is not None

    @property
    def sampled(self) -> tuple[int, ...]:
        """All tokens that were drawn, the end included."""
        return self.tokens if self.end is None else (*self.tokens, self.end)


class _Draw:
    """A logits processor after which the largest logit is the token to take.

    Every row has its own temperature and its own random numbers, which depend on its prompt and seed alone.
    The other rows of a batch change a row only as far as rounding in the matrix products changes its logits.
    """

    def __init__(self, batch: Sequence[Prompt], device: torch.device) -> None:
        self._rows = torch.tensor([i for i, prompt in enumerate(batch) if prompt.temperature], device=device)
        drawn = [prompt for prompt in batch if prompt.temperature]
        self._temperatures = torch.tensor([[prompt.temperature] for prompt in drawn], device=device)
        steps = max((prompt.max_tokens for prompt in drawn), default=0)
        numbers = torch.zeros(len(drawn), steps)
        for row, prompt in zip(numbers, drawn, strict=True):
            row[: prompt.max_tokens] = torch.rand(prompt.max_tokens, generator=_generator(prompt))
        self._numbers = numbers.to(device)
        self._step = 0
        self._logprobs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        chosen = self._chosen(scores)
        token = chosen.argmax(-1, keepdim=True)  # as greedy decoding takes it
        # 0.3 ms a token for 49,152 logits on one core, where a model of 135 M parameters takes some 10 ms
        taken = scores.float().log_softmax(-1).gather(-1, token)
        self._logprobs.append(taken.squeeze(-1).clamp(min=LOWEST_LOGPROB))
        self._step += 1
        return chosen

    def logprobs(self) -> list[list[float]]:
        """Log-probabilities of the tokens taken so far, by row."""
        by_row: Any = torch.stack(self._logprobs, dim=1)
        return by_row.tolist()

    def _chosen(self, scores: torch.Tensor) -> torch.Tensor:
        if not len(self._rows) or self._step >= self._numbers.shape[1]:
            return scores
        logits = scores[self._rows].float() / self._temperatures
        sums = logits.softmax(-1).cumsum(-1)
        target = self._numbers[:, self._step, None] * sums[:, -1:]
        # rounding may put the target at the very end of the sums
        token = (sums <= target).sum(-1, keepdim=True).clamp(max=scores.shape[-1] - 1)
        chosen = torch.full_like(logits, -torch.inf).scatter_(-1, token, 0.0)
        return scores.index_copy(0, self._rows, chosen.to(scores.dtype))


class _Stop:
    """A stopping criterion: rows that have reached their length, or all rows once asked to give up."""

    def __init__(
        self, batch: Sequence[Prompt], width: int, device: torch.device, give_up: Callable[[], bool]
    ):
        self._longest = width + torch.tensor([prompt.max_tokens for prompt in batch], device=device)
        self._give_up = give_up

    def __call__(self, input_ids: torch.Tensor, scores: object, **_: object) -> torch.Tensor:
        if self._give_up():
            return torch.ones_like(self._longest, dtype=torch.bool)
        return self._longest <= input_ids.shape[1]


def decode(
    checkpoint: Checkpoint, batch: Sequence[Prompt], give_up: Callable[[], bool]
) -> list[Continuation]:
    """Continue prompts, padded on the left to the longest of them.

    Args:
        checkpoint: The model.
        batch: The prompts; at least one.
        give_up: Asked after every token; everything ends there once it returns true.

    Raises:
        BatchTooLargeError: the batch does not fit into memory.
    """
    rows: list[tuple[list[int], list[float]]] = []
    failure: str | None = None
    try:
        rows = _generate(checkpoint, batch, give_up)
    except (torch.OutOfMemoryError, MemoryError) as error:
        failure = str(error)
    except RuntimeError as error:
        if "not enough memory" not in str(error):  # how PyTorch says it without an accelerator
            raise
        failure = str(error)
    if failure is not None:  # out of the handler, where nothing keeps the tensors of the attempt alive
        if checkpoint.model.device.type == "cuda":
            torch.cuda.empty_cache()
        width = max(len(prompt.tokens) for prompt in batch)
        raise BatchTooLargeError(f"{len(batch)} conversations of up to {width} tokens: {failure}")
    ends = checkpoint.end_tokens
    return [
        _continuation(tokens[: prompt.max_tokens], logprobs, ends)
        for (tokens, logprobs), prompt in zip(rows, batch, strict=True)
    ]


@torch.inference_mode()
def _generate(
    checkpoint: Checkpoint, batch: Sequence[Prompt], give_up: Callable[[], bool]
) -> list[tuple[list[int], list[float]]]:
    """The new tokens of every row, filled up after its end, and their log-probabilities."""
    model, pad = checkpoint.model, checkpoint.pad_token
    device = cast("torch.device", model.device)
    width = max(len(prompt.tokens) for prompt in batch)
    padding = [width - len(prompt.tokens) for prompt in batch]
    rows = [[pad] * pads + list(prompt.tokens) for pads, prompt in zip(padding, batch, strict=True)]
    mask = [[0] * pads + [1] * (width - pads) for pads in padding]
    draw = _Draw(batch, device)
    out = model.generate(
        input_ids=torch.tensor(rows, device=device),
        attention_mask=torch.tensor(mask, device=device),
        max_new_tokens=max(prompt.max_tokens for prompt in batch),
        do_sample=False,
        eos_token_id=sorted(checkpoint.end_tokens) or None,
        pad_token_id=pad,
        logits_processor=[draw],
        stopping_criteria=[_Stop(batch, width, device, give_up)],
    )
    return list(zip(cast("list[list[int]]", out[:, width:].tolist()), draw.logprobs(), strict=True))


def _continuation(row: list[int], logprobs: list[float], end_tokens: frozenset[int]) -> Continuation:
    length = next((at for at, token in enumerate(row) if token in end_tokens), len(row))
    end = row[length] if length < len(row) else None
    kept = logprobs[: length if end is None else length + 1]
    return Continuation(tuple(row[:length]), end, tuple(round(value, DECIMALS) for value in kept))


def _generator(prompt: Prompt) -> torch.Generator:
    """The source of a row's random numbers: different prompts with one seed must not draw the same ones."""
    if prompt.seed is None:
        seed = os.urandom(8)
    else:
        text = f"{prompt.seed}:{prompt.tokens}"
        seed = hashlib.blake2b(text.encode(), digest_size=8).digest()
    # 63 bits: PyTorch takes signed seeds
    return torch.Generator().manual_seed(int.from_bytes(seed, "big") >> 1)
