"""A server is asked over HTTP, and a failure that may pass is tried again."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from sixgym.models.chat import ModelError, ModelUnusableError
from sixgym.models.server.client import Clock, ServerModel, ServerSettings
from sixgym.models.server.gate import Gate
from tests.chat_server import ChatServer, Json, Reply, call, refuse, say
from tests.models.server.asking import Naps, ask, model_at, one_after_another


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
