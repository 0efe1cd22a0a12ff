"""Failures of one request, and failures that end the run: each is one clear error."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.models.chat import Completion, ModelError, ModelUnusableError
from sixgym.models.server.client import Clock
from tests.chat_server import ChatServer, Reply, refuse, say
from tests.models.server.asking import Naps, ask, model_at
from tests.models.server.test_wire import ANY_JSON


# ---------------------------------------------------------------------- failures of the request
def test_a_refused_request_is_an_error_with_the_servers_reason() -> None:
    reason = "too long\r\n\x1b[31mred\u202e " + "a" * 5000
    with ChatServer(lambda _: refuse(400, reason)) as server:
        with model_at(server.url) as model, pytest.raises(ModelError) as caught:
            ask(model)
        assert len(server.requests) == 1
    assert not isinstance(caught.value, ModelUnusableError)
    text = str(caught.value)
    assert "refused the request (400): too long [31mred aaa" in text
    assert text.isprintable()
    assert len(text) < 500


@pytest.mark.parametrize(
    "body",
    [
        {"detail": "no such thing"},
        {"message": "no such thing"},
        {"error": "no such thing"},
        {"detail": [{"msg": "no such thing"}]},
        b"no such thing",
        {"error": {"message": {"text": "no such thing"}}},
    ],
    ids=str,
)
def test_servers_give_reasons_in_several_ways(body: Any) -> None:
    with (
        ChatServer(lambda _: Reply(body, status=422)) as server,
        model_at(server.url) as model,
        pytest.raises(ModelError, match="no such thing"),
    ):
        ask(model)


def test_an_endless_reply_is_given_up_at_its_largest() -> None:
    with ChatServer(lambda _: Reply(b" " * 50_000, endless=True)) as server:
        with (
            model_at(server.url, largest_reply_bytes=300_000) as model,
            pytest.raises(ModelError, match="sent more than 300000 bytes"),
        ):
            ask(model)
        assert len(server.requests) == 1


def test_an_endless_error_is_given_up_at_its_largest() -> None:
    with (
        ChatServer(lambda _: Reply(b"x" * 50_000, status=400, endless=True)) as server,
        model_at(server.url, largest_reply_bytes=300_000) as model,
        pytest.raises(ModelError, match="sent more than 300000 bytes"),
    ):
        ask(model)


def test_a_packed_reply_is_not_unpacked() -> None:
    with (
        ChatServer(lambda _: Reply(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})) as server,
        model_at(server.url) as model,
        pytest.raises(ModelError, match="compressed its reply"),
    ):
        ask(model)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"choices": []},
        {"choices": [{"message": {"tool_calls": [{"id": "a"}]}}]},
        {"choices": 5},
    ],
    ids=str,
)
def test_a_reply_that_is_no_completion_is_an_error(body: Any) -> None:
    with (
        ChatServer(lambda _: Reply(body)) as server,
        model_at(server.url) as model,
        pytest.raises(ModelError, match="no chat completion"),
    ):
        ask(model)


def test_any_json_is_a_completion_or_a_model_error() -> None:
    bodies: list[Any] = []
    with (
        ChatServer(lambda _: Reply(bodies[-1])) as server,
        model_at(server.url, retries=0) as model,
    ):

        @given(body=ANY_JSON)
        @settings(max_examples=60)
        def check(body: Any) -> None:
            bodies.append(body)
            with suppress(ModelError):
                assert isinstance(ask(model), Completion)

        check()


def test_any_bytes_are_a_completion_or_a_model_error() -> None:
    statuses = st.sampled_from([b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 400 No\r\n", b"HTTP/1.1 101 X\r\n"])
    headers = st.sampled_from(
        [
            b"",
            b"\r\n",
            b"Content-Length: 5\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\n",
            b"Content-Type: application/json; charset=rot13\r\n\r\n",
            b"Content-Type: a/b; charset=hex\r\n\r\n",
            b"Set-Cookie: \xff=\x01\r\n\r\n",
            b"Location: http://\xff/\r\n\r\n",
            b"Retry-After: \xb2\r\n\r\n",
        ]
    )
    sent: list[bytes] = []
    with (
        ChatServer(lambda _: Reply(sent[-1], raw=True)) as server,
        model_at(server.url, retries=0, timeout_s=5) as model,
    ):

        @given(status=statuses, header=headers, body=st.binary(max_size=60))
        @settings(max_examples=80)
        def check(status: bytes, header: bytes, body: bytes) -> None:
            sent.append(status + header + body)
            with pytest.raises(ModelError) as caught:
                ask(model)
            assert str(caught.value).isprintable()

        check()


@pytest.mark.parametrize("status", [101, 204, 299, 300, 304, 418, 451, 599, 600, 999])
def test_any_status_is_a_model_error(status: int) -> None:
    with (
        ChatServer(lambda _: Reply({}, status=status)) as server,
        model_at(server.url, retries=1) as model,
        pytest.raises(ModelError),
    ):
        ask(model)


# ---------------------------------------------------------------------- failures of the run
@pytest.mark.parametrize(
    ("failure", "sentence"),
    [
        (refuse(401), "refused the key .401.: set OPENAI_API_KEY"),
        (refuse(403), "refused the key .403."),
        (refuse(402), "wants a payment first"),
        (refuse(429, code="insufficient_quota"), "wants a payment first .429."),
        (
            refuse(404, "model `x` not found"),
            "has no chat model scripted .404.: check its name.*/v1: model `x`",
        ),
        (refuse(400, code="model_not_found"), "has no chat model scripted"),
        (refuse(405), "has no chat model"),
        (Reply(status=307, headers={"Location": "http://127.0.0.1:1/"}), "sends requests elsewhere .307."),
        (refuse(400, '"auto" needs --enable-auto-tool-choice'), "takes no tool calls"),
        (refuse(400, "library/x does not support tools"), "takes no tool calls"),
    ],
    ids=str,
)
def test_what_no_request_can_get_past_stops_the_run(failure: Reply, sentence: str) -> None:
    with ChatServer(lambda _: failure) as server:
        with model_at(server.url) as model, pytest.raises(ModelUnusableError, match=sentence):
            ask(model)
        assert len(server.requests) == 1


def test_a_redirection_is_not_followed() -> None:
    with ChatServer(lambda _: say("trap")) as trap:
        elsewhere = Reply(status=307, headers={"Location": f"{trap.url}/chat/completions"})
        with (
            ChatServer(lambda _: elsewhere) as server,
            model_at(server.url) as model,
            pytest.raises(ModelUnusableError, match="sends requests elsewhere"),
        ):
            ask(model)
        assert trap.requests == []


def test_a_server_that_is_not_there_stops_the_run() -> None:
    with ChatServer(lambda _: say("hi")) as server:
        url = server.url
    naps = Naps()
    with model_at(url, naps.clock) as model, pytest.raises(ModelUnusableError, match="is it running"):
        ask(model)
    assert naps.seconds == []


def test_a_server_that_goes_away_later_costs_the_request() -> None:
    naps = Naps()
    with ChatServer(lambda _: say("hi")) as server, model_at(server.url, naps.clock, retries=2) as model:
        ask(model)
        server.close()
        with pytest.raises(ModelError, match="cannot be reached") as caught:
            ask(model)
    assert not isinstance(caught.value, ModelUnusableError)
    assert len(naps.seconds) == 2


def test_a_server_that_comes_back_is_found_again() -> None:
    with ChatServer(lambda _: say("first")) as server:
        first = server
        revived: list[ChatServer] = []

        def revive(_: float) -> None:
            if not revived:
                revived.append(ChatServer(lambda _: say("second"), port=first.port))
                revived[0].__enter__()

        with model_at(first.url, Clock(sleep=revive)) as model:
            ask(model)
            first.close()
            try:
                assert ask(model).content == "second"
            finally:
                revived[0].close()
