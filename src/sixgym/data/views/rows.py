"""Episodes as rows of token ids for training, from the recorded tokens alone: no tokenizer is needed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message, Sampled


class Policy(NamedTuple):
    """The origin of sampled tokens.

    Attributes:
        author: Name of the agent; None in records without authors.
        model: Id of its model.
        weights: Digest of the weights; None where a server does not say.
        temperature: Temperature of the draw; None if the server chose it.
    """

    author: str | None
    model: str
    weights: str | None
    temperature: float | None


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One sequence of tokens of one policy.

    Attributes:
        episode: Id of the attempt that the tokens are from.
        policy: Origin of the tokens in the mask.
        ids: Token ids.
        mask: 1 for a token that the policy sampled, 0 for all that the environment, the operator, a tool or
            another agent wrote. A token that the model read again, in a later prompt, is 0 too.
        old_logprobs: Log-probability of every token in the mask at the time of the draw, see `Sampled`; 0.0
            elsewhere.
    """

    episode: str
    policy: Policy
    ids: tuple[int, ...]
    mask: tuple[int, ...]
    old_logprobs: tuple[float, ...]


def training_rows(episode: Episode, *, model: str | None = None) -> tuple[TokenRow, ...]:
    """The rows of an episode: those of earlier attempts, of this one, then of the agents that it called.

    An attempt gives one row for each policy as long as every prompt begins with all tokens before it. Where a
    chat template renders the past anew, a new row begins, and only tokens sampled after it are in its mask.
    So every sampled token is in the mask of exactly one row.

    Args:
        episode: The episode. Attempts without recorded tokens give no rows.
        model: Id of the model whose rows are wanted; None for all models.

    Raises:
        ValueError: an attempt lacks messages that its tokens refer to.
    """
    return tuple(
        row
        for attempt in episode.attempts()
        for policy in _policies(attempt.messages)
        if model is None or policy.model == model
        for row in _rows(attempt, policy)
    )


def _policies(messages: Sequence[Message]) -> tuple[Policy, ...]:
    """All policies of a conversation, in the order of their first replies."""
    found = (_policy(message, message.sampled) for message in messages if message.sampled is not None)
    return tuple(dict.fromkeys(found))


def _policy(message: Message, sampled: Sampled) -> Policy:
    return Policy(message.author, sampled.model, sampled.weights, sampled.temperature)


@dataclass(slots=True)
class _Sequence:
    """The row under construction."""

    ids: list[int] = field(default_factory=list[int])
    mask: list[int] = field(default_factory=list[int])
    logprobs: list[float] = field(default_factory=list[float])

    def go_on(self, tokens: Sequence[int], logprobs: Sequence[float] | None = None) -> None:
        """Add tokens, which are in the mask if they have log-probabilities."""
        self.ids += tokens
        self.mask += [int(logprobs is not None)] * len(tokens)
        self.logprobs += [0.0] * len(tokens) if logprobs is None else logprobs

    def row(self, attempt: Episode, policy: Policy) -> list[TokenRow]:
        """The sequence as a row; none if nothing is in its mask."""
        if not any(self.mask):
            return []
        return [TokenRow(attempt.id, policy, tuple(self.ids), tuple(self.mask), tuple(self.logprobs))]


def _rows(attempt: Episode, policy: Policy) -> list[TokenRow]:
    rows: list[TokenRow] = []
    sequence = _Sequence()
    for message in attempt.messages:
        sampled = message.sampled
        if sampled is None:
            continue
        before = len(sequence.ids)
        if sampled.prefix > before:
            raise ValueError(
                f"episode {attempt.id}: a prompt continues {sampled.prefix} tokens where the record has "
                f"{before}: messages before it are missing"
            )
        if sampled.prefix < before:
            rows += sequence.row(attempt, policy)
            kept = sequence.ids[: sampled.prefix]
            sequence = _Sequence()
            sequence.go_on(kept)
        sequence.go_on(sampled.prompt)
        own = _policy(message, sampled) == policy
        sequence.go_on(sampled.tokens, sampled.logprobs if own else None)
    return rows + sequence.row(attempt, policy)
