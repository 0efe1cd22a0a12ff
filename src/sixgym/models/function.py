"""A plain function as a language model: for scripted policies, tests, and models of one's own."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion, Sampling


@dataclass(frozen=True, slots=True)
class FunctionModel:
    """Answers with what a function makes of the conversation.

    Attributes:
        name: Name for the record.
        answer: Called with the conversation; it has to be safe to call from threads.
    """

    name: str
    answer: Callable[[Sequence[Message]], Completion]

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """What the function says."""
        return self.answer(messages)

    def close(self) -> None:
        """Nothing to free."""
