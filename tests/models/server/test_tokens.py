"""Token ids and log-probabilities of a server are recorded if they are whole, and else cost nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.episodes.messages import Message, Sampled
from sixgym.models.server.tokens import sampled
from tests.chat_server import ChatServer, call, say
from tests.models.server.asking import ask, model_at
from tests.models.server.test_wire import ANY_JSON, replaced

ASKED = [Message(role="user", content="hello")]


def with_tokens(data: dict[str, Any]) -> dict[str, Any]:
    """A reply as vLLM writes it when it is asked for tokens."""
    (choice,) = data["choices"]
    entries = [
        {"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": []},
        {"token": "<|im_end|>", "logprob": -9999.0, "bytes": [], "top_logprobs": []},
    ]
    choice = {**choice, "token_ids": [7, 0], "logprobs": {"content": entries}}
    return {**data, "choices": [choice], "model": "org/m", "prompt_token_ids": [1, 2, 3]}


WHOLE = Sampled(model="org/m", temperature=0.0, prompt=(1, 2, 3), tokens=(7, 0), logprobs=(-0.5, -9999.0))


def read(data: Any) -> Sampled | None:
    return sampled(data, ASKED, model="asked-for", temperature=0.0)


def test_tokens_are_asked_for_and_recorded() -> None:
    with (
        ChatServer(lambda _: with_tokens(say("a"))) as server,
        model_at(server.url, return_token_ids=True) as model,
    ):
        assert ask(model).sampled == WHOLE
        (request,) = server.requests
    assert (request.json["return_token_ids"], request.json["logprobs"]) == (True, True)


def test_a_server_is_not_asked_for_tokens_unless_the_settings_say_so() -> None:
    with ChatServer(lambda _: with_tokens(say("a"))) as server, model_at(server.url) as model:
        assert ask(model).sampled is None
        (request,) = server.requests
    assert not {"return_token_ids", "logprobs"} & request.json.keys()


def test_a_server_that_gives_no_tokens_is_no_problem() -> None:
    with ChatServer(lambda _: say("a")) as server, model_at(server.url, return_token_ids=True) as model:
        assert (ask(model).content, ask(model).sampled) == ("a", None)


def test_only_what_is_new_in_a_prompt_is_recorded() -> None:
    reply = Message(role="assistant", content="a", sampled=WHOLE)
    data = {**with_tokens(say("b")), "prompt_token_ids": [1, 2, 3, 7, 0, 4]}
    found = sampled(data, [*ASKED, reply, *ASKED], model="m", temperature=None)
    assert found == WHOLE.model_copy(update={"prefix": 5, "prompt": (4,), "temperature": None})


def test_a_reply_without_a_model_is_of_the_one_that_was_asked() -> None:
    data = {**with_tokens(say("a")), "model": None}
    found = read(data)
    assert found is not None
    assert found.model == "asked-for"


def test_a_reply_of_no_tokens_is_recorded() -> None:
    data = with_tokens(say(""))
    data["choices"][0] |= {"token_ids": [], "logprobs": {"content": None}}
    assert read(data) == WHOLE.model_copy(update={"tokens": (), "logprobs": ()})


@pytest.mark.parametrize(
    "changes",
    [
        {"token_ids": None},
        {"token_ids": "70"},
        {"token_ids": [7]},
        {"token_ids": [7, -1]},
        {"token_ids": [7, 2**31]},
        {"token_ids": [7, 0.0]},
        {"token_ids": [True, False]},
        {"logprobs": None},
        {"logprobs": []},
        {"logprobs": {}},
        {"logprobs": {"content": {}}},
        {"logprobs": {"content": [None, None]}},
        {"logprobs": {"content": [{"logprob": -1.0}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": "-1"}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": False}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": float("nan")}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": float("-inf")}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": -(10**400)}]}},
        {"logprobs": {"content": [{"logprob": -1.0}, {"logprob": 3.0}]}},
    ],
)
def test_damaged_tokens_are_not_recorded(changes: dict[str, Any]) -> None:
    data = with_tokens(say("a"))
    data["choices"][0] |= changes
    assert read(data) is None


@given(path=st.lists(st.integers(min_value=0, max_value=5), max_size=6), value=ANY_JSON)
def test_anything_in_the_place_of_tokens_is_recorded_whole_or_not_at_all(path: list[int], value: Any) -> None:
    proper = with_tokens(say("a", calls=[call("look", {})]))
    lists = {"prompt_token_ids": proper["prompt_token_ids"], **proper["choices"][0]}
    broken = replaced({key: lists[key] for key in ("prompt_token_ids", "token_ids", "logprobs")}, path, value)
    fields = broken if isinstance(broken, dict) else {}
    data = {**proper, "prompt_token_ids": fields.get("prompt_token_ids")}
    data["choices"] = [{**proper["choices"][0], **fields}]
    found = read(data)
    if found is not None:
        assert Sampled.model_validate_json(found.model_dump_json()) == found
