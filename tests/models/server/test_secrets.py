import logging
from collections.abc import Iterator
from typing import Any

import pytest

from sixgym.models.chat import ModelError
from sixgym.models.server.client import Clock
from tests.chat_server import ChatServer, Json, Reply, call, refuse, say
from tests.models.server.asking import ask, model_at

KEY = "sk-marker-0123456789abcdef"
SHORTENED = "x" * 280 + KEY  # a reason is cut in the middle of the key


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "reply",
    [
        refuse(401, f"Incorrect API key provided: {KEY}"),
        refuse(400, SHORTENED),
        refuse(404, KEY),
        refuse(429, KEY, retry_after=KEY),
        refuse(500, KEY),
        refuse(400, f"{KEY}", param="temperature", code="unsupported_value"),
        Reply(f"Authorization: Bearer {KEY}".encode(), status=400),
        Reply(f"Authorization: Bearer {KEY}".encode()),
        Reply(b'{"error": {"message": "\\u0073k-marker-0123456789abcdef"}}', status=400),
        Reply({"error": {"message": KEY}}),
        Reply({"choices": [{"message": {"content": 5, KEY: KEY}}]}),
        Reply({"choices": KEY}),
        Reply(KEY.encode(), drop="before"),
        Reply(KEY.encode(), drop="within"),
        Reply(KEY.encode(), headers={"Content-Encoding": KEY}),
        Reply(b"", headers={"Content-Length": KEY}),
        Reply(KEY.encode(), headers={"Bad Header " + KEY: KEY}),
        Reply(status=302, headers={"Location": f"http://127.0.0.1:1/{KEY}"}),
        Reply(KEY.encode() * 1000, endless=True),
        Reply(silent=True),
        say(KEY, reasoning=KEY, calls=[call(KEY, {KEY: KEY}, id=KEY), call("a", KEY, id=None)]),
    ],
    ids=range(21),
)
def test_the_key_is_in_no_error_no_record_and_no_log(
    reply: Json | Reply, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    # at DEBUG, httpcore2 logs the headers that it receives, and these have it from the server
    echoed = isinstance(reply, Reply) and KEY in str(reply.headers)
    caplog.set_level(logging.INFO if echoed else logging.DEBUG)
    texts: list[Any] = []
    with ChatServer(lambda _: reply) as server:
        with model_at(
            server.url, Clock(sleep=lambda _: None), retries=1, timeout_s=0.3, largest_reply_bytes=20_000
        ) as model:
            texts.append(repr(model))
            try:
                texts.append(repr(ask(model)))
            except ModelError as error:
                for link in chain(error):
                    texts += [repr(link), repr(vars(link)), repr(link.args)]
                    assert isinstance(link, ModelError)  # those of libraries refer to the request
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    texts.append(caplog.text)
    assert len(texts) >= 3
    assert not any(KEY in text or "sk-marker" in text for text in texts)


def test_what_stands_for_no_key_is_not_blotted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "EMPTY")
    with ChatServer(lambda _: say("the queue is EMPTY")) as server, model_at(server.url) as model:
        assert ask(model).content == "the queue is EMPTY"
