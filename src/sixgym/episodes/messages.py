"""What was said to a language model and what it said, as it is recorded."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sixgym.domain.base import Record

LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with lone surrogates as U+FFFD: JSON escapes can spell them, UTF-8 cannot."""
    return text if text.isascii() else LONE_SURROGATE.sub("\ufffd", text)


Text = Annotated[str, AfterValidator(storable)]
"""What an agent wrote, fit to be stored: one bad escape must not cost the episode."""


class WrittenCall(Record):
    """A tool call as a language model wrote it.

    Attributes:
        id: What the answer refers to; the server's or, where it gave none, ours.
        tool: Name.
        arguments: Text that should be a JSON object.
    """

    id: Text
    tool: Text
    arguments: Text


class Message(Record):
    """One message of a conversation, in the terms of the OpenAI chat completions API.

    Attributes:
        role: Who speaks.
        content: What is said.
        calls: Tool calls of an assistant's message.
        answers: In a message of role `tool`, the id of the call that it answers.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: Text = ""
    calls: tuple[WrittenCall, ...] = ()
    answers: Text | None = None


class Usage(Record):
    """What was asked of language models, in tokens."""

    prompt_tokens: Annotated[int, Field(ge=0)]
    completion_tokens: Annotated[int, Field(ge=0)]

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
        )
