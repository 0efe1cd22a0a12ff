"""The contract of a language model: messages and tools in, a completion out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol

from pydantic import Field, JsonValue

from sixgym.domain.base import Record
from sixgym.episodes.messages import Message, Sampled, Usage, WrittenCall


class ModelError(RuntimeError):
    """A request failed for good, after all retries. Its episode becomes an infrastructure failure."""


class ModelUnusableError(ModelError):
    """No request will succeed: a wrong key, no such model, a budget that is spent. The run stops."""


class Sampling(Record):
    """How a completion is drawn."""

    temperature: Annotated[float, Field(ge=0, le=2)] = Field(default=0.0, description="0 is greedy")
    max_tokens: Annotated[int, Field(ge=1)] = Field(default=2048, description="longest completion, in tokens")
    seed: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="seed of the draw, for models that take one"
    )


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's reply.

    Attributes:
        content: The text.
        reasoning: Text that the server kept apart as reasoning.
        calls: Native tool calls, in order.
        usage: Tokens of the request; None if the server does not say.
        cut_off: The reply reached the longest completion allowed and ends in the middle.
        extra: Fields of the provider that go back with the reply as they came.
        sampled: Tokens of the reply, where the model tells them.
    """

    content: str
    reasoning: str = ""
    calls: tuple[WrittenCall, ...] = ()
    usage: Usage | None = None
    cut_off: bool = False
    extra: Mapping[str, JsonValue] = field(default_factory=dict[str, JsonValue])
    sampled: Sampled | None = None


class ChatModel(Protocol):
    """A language model: behind a server, in this process, or a plain function. Safe to use from threads."""

    @property
    def name(self) -> str:
        """Name for the record."""
        ...

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The next message of the assistant.

        Args:
            messages: The conversation so far.
            tools: As in an OpenAI request (`tools.schema.openai_specs`); none if calls are written as text.
            sampling: How the reply is drawn.

        Raises:
            ModelError: the request failed for good.
            ModelUnusableError: every other request will fail as well.
        """
        ...

    def close(self) -> None:
        """Free connections and memory."""
        ...
