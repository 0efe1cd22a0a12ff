"""A plain function as a language model: for scripted policies, tests, and a user's own models."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion, Sampling


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """A model whose reply to a conversation is the value of a function.

    Attributes:
        name: Name for the record.
        answer: Function from the conversation to the reply. Several threads may call it at once.
    """

    name: str
    answer: Callable[[Sequence[Message]], Completion]

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The value of the function."""
        return self.answer(messages)

    def close(self) -> None:
        """Nothing to free."""
