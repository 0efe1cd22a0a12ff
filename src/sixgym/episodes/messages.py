"""The record of a conversation with a language model: messages, who wrote them, and what was sampled."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from sixgym.domain.base import NonNegative, Record
from sixgym.episodes.storable import ExtraFields, Text

ENVIRONMENT = "environment"
"""Author of the system prompt, of the operator's intent as it is shown, and of what tools return."""

TokenId = Annotated[int, Field(ge=0)]


class Sampled(Record):
    """The tokens of one reply, as the model sampled them.

    The prompt is stored as the difference to the sampled message before it in the same conversation, so an
    episode grows with the length of its conversation and not with its square.

    The log-probabilities are those of the model itself: at temperature 1, before any filter. vLLM reports the
    same by default, they are defined for greedy replies too, and for a draw at temperature 1 they are those
    of the distribution that was drawn from. A trainer that wants an importance ratio against that
    distribution samples at temperature 1, or recomputes both sides at the recorded temperature.

    Attributes:
        model: Id of the model.
        weights: Digest of its weights; None where a server does not say.
        temperature: Temperature of the draw, 0 for greedy; None if the server chose it.
        prefix: Number of tokens that the prompt shares with the sequence (prompt, then sampled tokens) of the
            sampled message before it; 0 for the first.
        prompt: Token ids of the prompt beyond that prefix.
        tokens: Token ids that were sampled, with the one that ended the reply; a reply that was cut off
            has none of those.
        logprobs: Natural log-probability of each of `tokens`.
    """

    model: Text
    weights: Text | None = None
    temperature: NonNegative | None = None
    prefix: TokenId = 0
    prompt: tuple[TokenId, ...]
    tokens: tuple[TokenId, ...]
    logprobs: tuple[float, ...]

    @model_validator(mode="after")
    def _one_logprob_a_token(self) -> Self:
        if len(self.tokens) != len(self.logprobs):
            raise ValueError(f"{len(self.tokens)} tokens with {len(self.logprobs)} log-probabilities")
        return self


class WrittenCall(Record):
    """A tool call as a language model wrote it.

    Attributes:
        id: Name that the answer refers to: the server's, or ours where the server gave none.
        tool: Name of the tool.
        arguments: Text that should be a JSON object.
        extra: Fields of the provider, such as a signature of the model's thoughts, that go back as they came.
    """

    id: Text
    tool: Text
    arguments: Text
    extra: ExtraFields = Field(default_factory=dict[str, JsonValue])


class Message(Record):
    """One message of a conversation, in the terms of the OpenAI chat completions API.

    Author, extra fields and tokens are no part of the text that a model is shown.

    Attributes:
        role: Role of the speaker.
        content: Text of the message.
        calls: Tool calls of an assistant's message.
        answers: Id of the call that a message of role `tool` answers.
        author: Name of the writer: an agent's name, or `ENVIRONMENT`; None where it is not recorded.
        extra: Fields of the provider, such as its form of the reasoning, that go back as they came.
        sampled: Tokens of a message that a model sampled, where they are known.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: Text = ""
    calls: tuple[WrittenCall, ...] = ()
    answers: Text | None = None
    author: Text | None = None
    extra: ExtraFields = Field(default_factory=dict[str, JsonValue])
    sampled: Sampled | None = None


class Usage(Record):
    """Tokens that requests to language models took."""

    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]

    def __add__(self, other: "Usage") -> "Usage":
        """The sum of both."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )


def prompt_beyond(messages: Iterable[Message], prompt: Sequence[int]) -> tuple[int, tuple[int, ...]]:
    """How many tokens a prompt shares with the sequence of the last sampled message, and its tokens beyond.

    A conversation that lacks messages which its tokens refer to has no such sequence: the prompt is whole.

    Args:
        messages: The conversation that the prompt renders.
        prompt: Token ids of the whole prompt.
    """
    sequence: list[int] = []
    for sampled in (message.sampled for message in messages if message.sampled is not None):
        if sampled.prefix > len(sequence):
            return 0, tuple(prompt)
        sequence[sampled.prefix :] = [*sampled.prompt, *sampled.tokens]
    shared = next(
        (at for at, (one, other) in enumerate(zip(sequence, prompt, strict=False)) if one != other),
        min(len(sequence), len(prompt)),
    )
    return shared, tuple(prompt[shared:])
