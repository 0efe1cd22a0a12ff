import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.episodes.messages import Message, Usage, WrittenCall
from sixgym.models.chat import Completion, Sampling
from sixgym.models.server.wire import MalformedReplyError, completion, read_json, request_body
from tests.chat_server import call, say
from tests.models.server.asking import TOOL

KEYS = st.one_of(
    st.sampled_from(["choices", "message", "content", "refusal", "reasoning", "reasoning_content", "text"]),
    st.sampled_from(["tool_calls", "function", "name", "arguments", "id", "type", "finish_reason"]),
    st.sampled_from(["usage", "prompt_tokens", "completion_tokens", "error", "code"]),
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def read(data: Any, turn: int = 3) -> Completion:
    return completion(read_json(json.dumps(data).encode()), turn)


def replaced(data: Any, path: list[int], value: Any) -> Any:
    """A copy of the data with what is at the end of the path replaced."""
    if not path or not isinstance(data, (dict, list)) or not data:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    keys: list[Any] = list(copy) if isinstance(copy, dict) else list(range(len(copy)))
    key = keys[path[0] % len(keys)]
    copy[key] = replaced(copy[key], path[1:], value)
    return copy


# ---------------------------------------------------------------------- requests
def test_a_conversation_is_written_as_the_api_has_it() -> None:
    messages = [
        Message(role="system", content="You run a network."),
        Message(role="user", content="Go."),
        Message(
            role="assistant",
            content="",
            calls=(WrittenCall(id="a1", tool="look", arguments='{"cell": "x"}'),),
        ),
        Message(role="tool", content="fine", answers="a1"),
    ]
    assert request_body("m", messages, [TOOL], Sampling(max_tokens=7, seed=4)) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "You run a network."},
            {"role": "user", "content": "Go."},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "a1",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"cell": "x"}'},
                    }
                ],
            },
            {"role": "tool", "content": "fine", "tool_call_id": "a1"},
        ],
        "max_tokens": 7,
        "temperature": 0.0,
        "seed": 4,
        "tools": [TOOL],
    }


def test_what_was_not_asked_for_is_not_sent() -> None:
    body = request_body("m", [Message(role="user", content="Go.")], [], Sampling())
    assert set(body) == {"model", "messages", "max_tokens", "temperature"}


def test_what_a_server_refused_is_left_out_or_goes_by_its_newer_name() -> None:
    unsupported = {"max_tokens", "temperature", "seed"}
    body = request_body("m", [], [], Sampling(max_tokens=7, seed=1), unsupported)
    assert body == {"model": "m", "messages": [], "max_completion_tokens": 7}


@given(tool=st.text(), arguments=st.text() | ANY_JSON.map(json.dumps))
def test_any_call_of_the_past_is_sent_as_one_that_servers_take(tool: str, arguments: str) -> None:
    past = Message(role="assistant", calls=(WrittenCall(id="a", tool=tool, arguments=arguments),))
    sent = request_body("m", [past], [], Sampling())["messages"][0]["tool_calls"][0]["function"]
    assert 1 <= len(sent["name"]) <= 64
    assert all(
        character.isascii() and (character.isalnum() or character in "_-") for character in sent["name"]
    )
    assert isinstance(json.loads(sent["arguments"], parse_constant=pytest.fail), dict)


# ---------------------------------------------------------------------- replies
def test_text_reasoning_calls_and_usage_are_read() -> None:
    answer = read(say("hi", calls=[call("look", {"cell": 1}, id="a")], reasoning_content="hm", tokens=(3, 4)))
    assert answer == Completion(
        content="hi",
        reasoning="hm",
        calls=(WrittenCall(id="a", tool="look", arguments='{"cell": 1}'),),
        usage=Usage(prompt_tokens=3, completion_tokens=4),
        extra={"reasoning_content": "hm"},
    )


@pytest.mark.parametrize(
    ("message", "content", "reasoning"),
    [
        ({"content": None}, "", ""),
        ({}, "", ""),
        ({"content": None, "refusal": "I will not."}, "I will not.", ""),
        ({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", ""),
        ({"content": "a", "reasoning": "r"}, "a", "r"),
        ({"content": "a", "reasoning": {"effort": 1}}, "a", ""),
        ({"content": "lone \ud800 half"}, "lone \ufffd half", ""),
    ],
)
def test_servers_write_messages_in_several_ways(message: Any, content: str, reasoning: str) -> None:
    answer = read({"choices": [{"message": message}]})
    assert (answer.content, answer.reasoning) == (content, reasoning)


def test_a_completion_that_reached_its_longest_is_cut_off() -> None:
    data = say("and then")
    data["choices"][0]["finish_reason"] = "length"
    assert read(data).cut_off
    assert not read(say("done")).cut_off


def test_arguments_may_come_as_an_object_or_not_at_all() -> None:
    given = [{"name": "a", "arguments": {"x": "ü"}}, {"name": "b", "arguments": ""}, {"name": "c"}]
    calls = read(say(None, calls=[{"id": str(n), "function": f} for n, f in enumerate(given)])).calls
    assert [written.arguments for written in calls] == ['{"x": "ü"}', "{}", "{}"]


def test_arguments_that_are_no_json_are_kept_for_the_agent_to_judge() -> None:
    assert read(say(None, calls=[call("look", "{cell: gnb-1")])).calls[0].arguments == "{cell: gnb-1"


def test_calls_without_a_usable_id_get_ours_and_all_differ() -> None:
    ids = [None, "same", "same", "", "x" * 1000]
    calls = [call("look", {}, id=name) for name in ids] + [{**call("look", {}), "id": 7}]
    first, again = (read(say(None, calls=calls), turn=3).calls for _ in range(2))
    assert first == again
    assert [written.id for written in first] == [
        "c00003000",
        "same",
        "c00003002",
        "c00003003",
        "c00003004",
        "c00003005",
    ]
    other = read(say(None, calls=calls), turn=5).calls
    assert {written.id for written in first} & {written.id for written in other} == {"same"}


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        "many",
        {},
        {"prompt_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": "1", "completion_tokens": 1},
        {"prompt_tokens": 1, "completion_tokens": 10**300},
    ],
)
def test_usage_that_makes_no_sense_is_none(usage: Any) -> None:
    assert read({**say("hi"), "usage": usage}).usage is None


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (None, "reply"),
        ([], "reply"),
        ({}, "choices"),
        ({"choices": None}, "choices"),
        ({"choices": []}, "choices"),
        ({"choices": {"0": {}}}, "choices"),
        ({"choices": [{}]}, "choices.0.message"),
        ({"choices": [{"message": None}]}, "choices.0.message"),
        ({"choices": [{"message": {"content": 5}}]}, "choices.0.message.content"),
        ({"choices": [{"message": {"tool_calls": {}}}]}, "choices.0.message.tool_calls"),
        ({"choices": [{"message": {"tool_calls": [{}]}}]}, "choices.0.message.tool_calls.0.function"),
        (
            {"choices": [{"message": {"tool_calls": [{"function": {"name": ""}}]}}]},
            "choices.0.message.tool_calls.0.function.name",
        ),
        (
            {"choices": [{"message": {"tool_calls": [{"function": {"name": "a", "arguments": [1]}}]}}]},
            "choices.0.message.tool_calls.0.function.arguments",
        ),
    ],
)
def test_a_malformed_reply_is_an_error_with_its_place(data: Any, place: str) -> None:
    with pytest.raises(MalformedReplyError, match=place):
        read(data)


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"\xff\xfe", b"[" * 200_000, b"9" * 10_000, b'{"a": "\x00"}']
)
def test_what_is_no_json_is_an_error(body: bytes) -> None:
    with pytest.raises(MalformedReplyError, match="not JSON"):
        read_json(body)


@given(path=st.lists(st.integers(min_value=0, max_value=5), max_size=8), value=ANY_JSON)
def test_a_reply_with_anything_anywhere_is_a_completion_or_malformed(path: list[int], value: Any) -> None:
    proper = say("hi", calls=[call("look", {"cell": 1}), call("see", {})], reasoning="r")
    with suppress(MalformedReplyError):
        answer = read(replaced(proper, path, value))
        for text in (answer.content, answer.reasoning, *(written.arguments for written in answer.calls)):
            text.encode()


@given(body=st.binary(max_size=200))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    with suppress(MalformedReplyError):
        completion(read_json(body), turn=0)
