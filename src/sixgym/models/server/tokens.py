"""Token ids and log-probabilities in a reply, in the form of vLLM 0.10.2 and later.

A request asks for them with `return_token_ids` and `logprobs`. The reply then has `prompt_token_ids`, and its
choice has `token_ids`, the end token included, and `logprobs.content`, an entry a token. Servers of another
form, and damaged lists, give no tokens; the reply itself is not affected.
"""

from collections.abc import Sequence
from typing import Any, cast

from sixgym.episodes.messages import Message, Sampled, prompt_beyond

REQUEST = {"return_token_ids": True, "logprobs": True}
"""Parameters that ask for tokens. Other servers may refuse a request with them."""

_VOCABULARY = 2**31  # servers keep token ids in 32 bits
_LOWEST = -1e5  # vLLM writes -9999 for a probability of 0


def sampled(
    data: Any, messages: Sequence[Message], *, model: str, temperature: float | None
) -> Sampled | None:
    """The tokens of a reply's first choice; None if the reply does not have them all.

    Args:
        data: The reply, from `read_json`, which is a chat completion.
        messages: The conversation that it continues.
        model: Name of the model in the request, for a reply that names none.
        temperature: Temperature in the request; None if the server chose it.
    """
    choice = data["choices"][0]
    prompt, tokens = _ids(data.get("prompt_token_ids")), _ids(choice.get("token_ids"))
    logprobs = _logprobs(choice.get("logprobs"))
    if prompt is None or tokens is None or logprobs is None or len(tokens) != len(logprobs):
        return None
    name = data.get("model")
    prefix, beyond = prompt_beyond(messages, prompt)
    return Sampled(
        model=name if isinstance(name, str) and name else model,
        temperature=temperature,
        prefix=prefix,
        prompt=beyond,
        tokens=tuple(tokens),
        logprobs=tuple(logprobs),
    )


def _ids(value: Any) -> list[int] | None:
    if not isinstance(value, list):
        return None
    ids = cast("list[Any]", value)
    return ids if all(type(token) is int and 0 <= token < _VOCABULARY for token in ids) else None


def _logprobs(value: Any) -> list[float] | None:
    if not isinstance(value, dict):
        return None
    entries = cast("dict[str, Any]", value).get("content")
    if entries is None:  # of an empty reply
        return []
    if not isinstance(entries, list):
        return None
    found: list[float] = []
    for entry in cast("list[Any]", entries):
        logprob = cast("dict[str, Any]", entry).get("logprob") if isinstance(entry, dict) else None
        if isinstance(logprob, bool) or not isinstance(logprob, int | float):
            return None
        if not _LOWEST <= logprob <= 0:
            return None
        found.append(float(logprob))
    return found
