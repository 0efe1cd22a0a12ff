"""Models behind a server of the tests, and clocks that do not wait."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sixgym.episodes.messages import Message
from sixgym.models.chat import ChatModel, Completion, Sampling
from sixgym.models.server.client import Clock, ServerModel, ServerSettings
from tests.chat_server import Json, Reply

TOOL = {
    "type": "function",
    "function": {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}},
}


class Naps:
    """Takes the place of sleeping: `seconds` has how long it would have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @property
    def clock(self) -> Clock:
        return Clock(sleep=self.seconds.append, jitter=lambda: 1.0)


@contextmanager
def model_at(url: str, clock: Clock | None = None, **settings: Any) -> Generator[ServerModel]:
    chosen = ServerSettings.model_validate({"model": "scripted", "base_url": url, **settings})
    model = ServerModel(chosen, clock=clock or Naps().clock)
    try:
        yield model
    finally:
        model.close()


def ask(model: ChatModel, text: str = "hello") -> Completion:
    return model.complete([Message(role="user", content=text)], [TOOL], Sampling())


def one_after_another(*answers: Json | Reply) -> Any:
    """Each answer once, then the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]
