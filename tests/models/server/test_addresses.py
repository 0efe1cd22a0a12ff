"""Parameters that a server refuses, addresses, keys and proxies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sixgym.episodes.messages import Message
from sixgym.models.chat import ModelError, ModelUnusableError, Sampling
from sixgym.models.server.client import ServerModel, ServerSettings
from tests.chat_server import ChatServer, Json, Reply, refuse, say
from tests.models.server.asking import ask, model_at


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
    with pytest.raises(ModelUnusableError, match=r"api\.openai\.com/v1 needs a key: set OPENAI_API_KEY"):
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
    with pytest.raises(ModelUnusableError, match="proxy of another kind than HTTP") as caught:
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
