import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion, ModelError, ModelUnusableError, Sampling
from sixgym.models.server.client import Clock, ServerModel, ServerSettings
from sixgym.models.server.gate import Gate
from tests.chat_server import ChatServer, Json, Reply, call, refuse, say
from tests.models.server.asking import Naps, ask, model_at
from tests.models.server.test_wire import ANY_JSON


def one_after_another(*answers: Json | Reply) -> Any:
    """Each answer once, then the last for ever."""
    left = list(answers)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


# ---------------------------------------------------------------------- what is asked and answered
def test_a_conversation_with_tools_goes_over_http_and_back() -> None:
    with ChatServer(lambda _: say("on it", calls=[call("look", {}, "a"), call("look", {}, "b")])) as server:
        with model_at(server.url) as model:
            answer = ask(model, "Größe ✓")
        assert [written.id for written in answer.calls] == ["a", "b"]
        asked = server.requests[0]
        assert asked.path == "/v1/chat/completions"
        assert asked.json["messages"] == [{"role": "user", "content": "Größe ✓"}]
        assert asked.json["model"] == "scripted"
        assert asked.json["temperature"] == 0


def test_the_same_conversation_is_the_same_bytes() -> None:
    with ChatServer(lambda _: say("hi")) as server:
        for _ in range(2):
            with model_at(server.url) as model:
                ask(model)
        first, second = server.requests
        assert first.body == second.body


def test_threads_get_the_answers_to_their_own_requests() -> None:
    threads, each = 32, 5
    with (
        ChatServer(lambda request: say("re " + request["messages"][0]["content"])) as server,
        model_at(server.url) as model,
    ):
        answers: dict[str, str] = {}

        def work(number: int) -> None:
            for turn in range(each):
                text = f"{number}/{turn}"
                answers[text] = ask(model, text).content

        workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(server.requests) == threads * each
    assert len(answers) == threads * each
    assert all(answer == f"re {text}" for text, answer in answers.items())


def test_no_more_requests_are_in_flight_than_the_settings_allow() -> None:
    with (
        ChatServer(lambda _: say("hi")) as server,
        model_at(server.url, most_in_flight=3) as model,
    ):
        workers = [threading.Thread(target=ask, args=(model,)) for _ in range(24)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(server.requests) == 24
        assert server.most_in_flight <= 3


# ---------------------------------------------------------------------- failures that may pass
@pytest.mark.parametrize(
    "failure",
    [
        refuse(429),
        refuse(408),
        refuse(409),
        refuse(500),
        refuse(503),
        Reply(status=502, body=b"<html>bad gateway</html>"),
        Reply(drop="before"),
        Reply(say("hi"), drop="within"),
        Reply(b"<html>welcome</html>"),
        Reply(b""),
        Reply({"error": {"message": "upstream", "code": 429}}),
        Reply({"error": {"message": "upstream"}}),
        Reply(b"no HTTP", headers={"Content-Length": "x"}),
    ],
    ids=str,
)
def test_a_failure_that_passes_costs_nothing_but_time(failure: Reply) -> None:
    naps = Naps()
    with ChatServer(one_after_another(failure, failure, say("hi"))) as server:
        with model_at(server.url, naps.clock) as model:
            assert ask(model).content == "hi"
        assert len(server.requests) == 3
    assert naps.seconds == [0.5, 1.0]


@pytest.mark.parametrize(
    "failure", [refuse(500, "out of memory"), refuse(429), Reply(drop="before")], ids=str
)
def test_a_failure_that_stays_is_this_requests_alone(failure: Reply) -> None:
    naps = Naps()
    with ChatServer(lambda _: failure) as server:
        with model_at(server.url, naps.clock, retries=4) as model, pytest.raises(ModelError) as caught:
            ask(model)
        assert len(server.requests) == 5
    assert not isinstance(caught.value, ModelUnusableError)
    assert "attempt 5, the last" in str(caught.value)
    assert naps.seconds == [0.5, 1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7.7),
        ("0", 0.5),
        ("86400", 30.0),
        ("Wed, 21 Oct 2099 07:28:00 GMT", 30.0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0.5),
        ("soon", 0.5),
        ("-5", 0.5),
        ("1e999", 0.5),
        ("٣", 0.5),
    ],
)
def test_a_server_says_how_long_to_wait_within_reason(retry_after: str, seconds: float) -> None:
    naps = Naps()
    overload = Reply({}, status=429, headers={"Retry-After": retry_after.encode().decode("latin-1")})
    with (
        ChatServer(one_after_another(overload, say("hi"))) as server,
        model_at(server.url, naps.clock, longest_pause_s=30) as model,
    ):
        ask(model)
    assert naps.seconds == [pytest.approx(seconds)]


def test_a_server_that_says_nothing_is_given_up_after_the_time() -> None:
    with (
        ChatServer(lambda _: Reply(silent=True)) as server,
        model_at(server.url, timeout_s=0.05, retries=1) as model,
    ):
        with pytest.raises(ModelError, match=r"took longer than 0\.05 s"):
            ask(model)
        assert len(server.requests) == 2
        assert model.gate.limit == 1


@pytest.mark.parametrize("drip", ["all", "body"])
def test_a_server_that_drips_is_given_up_after_the_time(drip: Any) -> None:
    seconds: Iterator[int] = iter(range(10**9))
    clock = Clock(now=lambda: next(seconds), sleep=lambda _: None)  # every look at it takes a second
    with (
        ChatServer(lambda _: Reply(say("x" * 10_000), drip=drip, gap_s=1e-4)) as server,
        model_at(server.url, clock, timeout_s=30, retries=0) as model,
        pytest.raises(ModelError, match="took longer than 30 s"),
    ):
        ask(model)


def test_overload_lowers_the_requests_in_flight_and_success_raises_them() -> None:
    answers = [refuse(429), refuse(503), *[say("hi")] * 100]
    with ChatServer(lambda _: answers.pop(0)) as server:
        naps = Naps()
        gate = Gate(8)
        chosen = ServerSettings(model="m", base_url=server.url)
        model = ServerModel(chosen, gate=gate, clock=Clock(sleep=lambda _: naps.seconds.append(gate.limit)))
        ask(model)
        assert naps.seconds == [1, 1]
        for _ in range(60):
            ask(model)
        assert gate.limit == 8
        model.close()


@pytest.mark.parametrize(
    "reply", [refuse(429, retry_after="50"), Reply(silent=True)], ids=["waiting", "in flight"]
)
def test_closing_a_model_ends_the_requests_of_other_threads(reply: Reply) -> None:
    asked = threading.Event()

    def answer(_: Json) -> Reply:
        asked.set()
        return reply

    with ChatServer(answer) as server:
        model = ServerModel(ServerSettings(model="m", base_url=server.url))
        caught: list[ModelError] = []

        def work() -> None:
            try:
                ask(model)
            except ModelError as error:
                caught.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        assert asked.wait(30)
        model.close()
        worker.join(30)
        assert not worker.is_alive()
        assert "was closed" in str(caught[0])
        with pytest.raises(ModelUnusableError, match="was closed"):
            ask(model)


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
        pytest.raises(ModelError, match="packed its reply"),
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
        (refuse(402), "wants to be paid first"),
        (refuse(429, code="insufficient_quota"), "wants to be paid first .429."),
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


# ---------------------------------------------------------------------- parameters that a model does not take
def strict(request: Json) -> Json | Reply:
    """As hosted reasoning models answer."""
    if "max_tokens" in request:
        return refuse(400, "use another", param="max_tokens", code="unsupported_parameter")
    if "temperature" in request:
        return refuse(400, "only 1", param="temperature", code="unsupported_value")
    return say("hi")


def test_parameters_that_a_model_does_not_take_are_left_out_from_then_on() -> None:
    with ChatServer(strict) as server, model_at(server.url, retries=0) as model:
        assert ask(model).content == "hi"
        assert ask(model).content == "hi"
        assert len(server.requests) == 4
        assert server.requests[-1].json["max_completion_tokens"] == Sampling().max_tokens
        assert model.unsupported == {"max_tokens", "temperature"}


def test_a_parameter_that_is_refused_though_left_out_is_an_error() -> None:
    refusal = refuse(400, "no", param="temperature", code="unsupported_value")
    with ChatServer(lambda _: refusal) as server:
        with model_at(server.url) as model, pytest.raises(ModelError, match="refused the request"):
            ask(model)
        assert len(server.requests) == 2


# ---------------------------------------------------------------------- addresses, keys, proxies
@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8000",
        "ftp://host/v1",
        "http://",
        "http:///v1",
        "http://[::1",
        "http://[::1%25lo]/v1",
        "http://host:99999999/v1",
        "http://host:0/v1",
        "http://ho st/v1",
        "http://a..b/v1",
        "http://ä.example/v1",
        "http://" + "a" * 64 + "/v1",
        "http://host/v1\n",
        "http://host/?a=1",
        "http://host/#a",
    ],
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValidationError, match="a base URL"):
        ServerSettings(model="m", base_url=url)


@given(url=st.text(alphabet="htps:/.[]@%01aé_-?#\\ \n", max_size=30).map("http://".__add__))
def test_any_address_is_refused_or_can_be_asked(url: str) -> None:
    try:
        chosen = ServerSettings(model="m", base_url=url)
    except ValidationError:
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENAI_API_KEY", "sk-1")
        ServerModel(chosen).close()


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    with pytest.raises(ValidationError) as caught:
        ServerSettings(model="m", base_url="http://user:marker-secret@host/v1")
    assert "no user or password" in str(caught.value)
    assert "marker-secret" not in str(caught.value)


def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(lambda _: say("hi")) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url + "/")
        model = ServerModel(ServerSettings(model="m"))
        assert model.address == server.url
        assert ask(model).content == "hi"
        model.close()


def test_an_unusable_address_in_the_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://user:marker-secret@host/v1")
    with pytest.raises(ModelUnusableError, match="OPENAI_BASE_URL is not usable") as caught:
        ServerModel(ServerSettings(model="m"))
    assert "marker-secret" not in str(caught.value)


def test_a_server_elsewhere_wants_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelUnusableError, match=r"api\.openai\.com/v1 wants a key: set OPENAI_API_KEY"):
        ServerModel(ServerSettings(model="m"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a b")
    with pytest.raises(ModelUnusableError, match="characters that no key has"):
        ServerModel(ServerSettings(model="m"))


def test_the_key_is_sent_without_the_line_end_of_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1\n")
    with ChatServer(lambda _: say("hi")) as server:
        with model_at(server.url) as model:
            ask(model)
        assert server.requests[0].headers["authorization"] == "Bearer sk-1"


def test_a_server_on_this_machine_is_asked_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer(lambda _: say("direct")) as server, ChatServer(lambda _: say("proxied")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.removesuffix("/v1"))
        with model_at(server.url) as model:
            assert ask(model).content == "direct"


def test_a_server_elsewhere_is_asked_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    with ChatServer(lambda _: say("proxied")) as proxy:
        address = f"http://user:p%40ss@127.0.0.1:{proxy.port}"
        monkeypatch.setenv("http_proxy", address)
        with model_at("http://models.invalid/v1") as model:
            assert ask(model).content == "proxied"
        assert proxy.requests[0].path == "http://models.invalid/v1/chat/completions"
        assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")


def test_a_proxy_of_another_kind_is_an_error_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-1")
    monkeypatch.setenv("https_proxy", "socks5://user:marker-secret@127.0.0.1:1")
    with pytest.raises(ModelUnusableError, match="proxy that is not one for HTTP") as caught:
        ServerModel(ServerSettings(model="m"))
    assert "marker-secret" not in str(caught.value)


def test_a_conversation_with_half_a_character_can_be_sent() -> None:
    with ChatServer(lambda _: say("\ud800")) as server, model_at(server.url) as model:
        answer = ask(model)
        again = model.complete([Message(role="user", content=answer.content + "\udfff")], [], Sampling())
        assert again.content == "\ufffd"


def test_a_forbidden_prompt_is_no_wrong_key_once_the_key_has_worked() -> None:
    replies = iter([say("hi"), refuse(403, "flagged"), say("hi")])
    with ChatServer(lambda _: next(replies)) as server, model_at(server.url) as model:
        ask(model)
        with pytest.raises(ModelError, match="flagged") as raised:
            ask(model)
        assert not isinstance(raised.value, ModelUnusableError)
        assert ask(model).content == "hi"
