"""What a provider adds to a reply goes back to it as it came, and is left out where it refuses that."""

import json
from typing import Any

import pytest

from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.replies import message_of
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message, WrittenCall
from sixgym.models.chat import Completion
from sixgym.models.server.wire import completion, read_json, wire_message
from tests.agents.llm.chatting import episode_of, short_task
from tests.chat_server import ChatServer, Reply, call, refuse, say
from tests.models.server.asking import model_at

THOUGHTS = [{"type": "reasoning.encrypted", "data": "gAAA+/=", "index": 0, "id": None}]
SIGNATURE = {"google": {"thought_signature": "CvcQ=="}}
LOOK = "check_network_state"


def read(message: dict[str, Any]) -> Completion:
    return completion(read_json(json.dumps({"choices": [{"message": message}]}).encode()), 2)


def sent_back(message: dict[str, Any]) -> dict[str, Any]:
    return wire_message(message_of(read(message), "native", "react/m"))


@pytest.mark.parametrize(
    "extra",
    [
        {"reasoning_content": "hm"},
        {"reasoning": "hm"},
        {"reasoning_details": THOUGHTS},
        {"thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "x=="}]},
        {"provider_specific_fields": {"a": [1, 2.5, None, True]}, "x": False},
    ],
)
def test_fields_of_a_message_go_back_as_they_came(extra: dict[str, Any]) -> None:
    said = {"role": "assistant", "content": "so", **extra}
    assert sent_back(said) == said


def test_fields_of_a_call_go_back_as_they_came() -> None:
    signed = {**call(LOOK, {}), "extra_content": SIGNATURE}
    signed["function"] = {**signed["function"], "provider_specific_fields": SIGNATURE}
    said = {"role": "assistant", "content": "so", "tool_calls": [signed, call(LOOK, {}, id="b")]}
    assert sent_back(said) == said


def test_text_in_parts_of_several_kinds_goes_back_in_these_parts() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    said = {"role": "assistant", "content": [thought, {"type": "text", "text": "so"}]}
    assert read(said).content == "so"
    assert sent_back(said) == said
    plain = {"role": "assistant", "content": [{"type": "text", "text": "so"}]}
    assert sent_back(plain) == {"role": "assistant", "content": "so"}


def test_what_says_nothing_or_has_no_place_in_a_request_does_not_go_back() -> None:
    said = {
        "role": "assistant",
        "content": "so",
        "reasoning_content": None,
        "reasoning": "",
        "refusal": "no",
        "annotations": [{"url": "x"}],
        "audio": {"id": "a"},
        "function_call": {"name": "x"},
        "tool_calls": [],
    }
    assert sent_back(said) == {"role": "assistant", "content": "so"}


def test_author_and_tokens_do_not_go_to_the_server() -> None:
    message = Message(role="user", content="so", author="environment")
    assert wire_message(message) == {"role": "user", "content": "so"}


def test_extra_fields_cannot_take_the_place_of_ours() -> None:
    forged = {"role": "system", "tool_calls": [1], "tool_call_id": "b", "content": "kept"}
    signed = WrittenCall(id="a", tool=LOOK, arguments="{}", extra={"id": "b", "function": {"name": "x"}})
    sent = wire_message(Message(role="assistant", calls=(signed,), extra=forged))
    assert sent == {"role": "assistant", "content": "kept", "tool_calls": [call(LOOK, {}, id="a")]}


def thinking(request: dict[str, Any]) -> dict[str, Any] | Reply:
    """A provider of a thinking model: it signs its thoughts and calls, and wants both back."""
    said = [one for one in request["messages"] if one["role"] == "assistant"]
    for number, one in enumerate(said):
        if one.get("reasoning_details") != [{"data": f"t{number}"}]:
            return refuse(400, "the reasoning_details of an earlier message are missing")
        if one["tool_calls"][0].get("extra_content") != {"signature": f"s{number}"}:
            return refuse(400, "the signature of an earlier call is missing")
    number = len(said)
    signed = {**call(LOOK, {}, id=f"c{number}"), "extra_content": {"signature": f"s{number}"}}
    return say("look", calls=[signed], reasoning_details=[{"data": f"t{number}"}])


def test_an_episode_with_a_thinking_model_works_and_is_stored() -> None:
    with ChatServer(thinking) as server, model_at(server.url) as model:
        episode = episode_of(ReactAgent(model), short_task(3))
    assert episode.infrastructure_failure is None
    assert len(episode.steps) == 3
    assert Episode.model_validate_json(episode.model_dump_json()) == episode
    said = [message for message in episode.messages if message.role == "assistant"]
    assert [message.extra for message in said] == [
        {"reasoning_details": [{"data": f"t{number}"}]} for number in range(4)
    ]


@pytest.mark.parametrize("status", [400, 422])
def test_a_field_that_the_provider_refuses_in_requests_is_left_out_from_then_on(status: int) -> None:
    refusals: list[str] = []

    def answer(request: dict[str, Any]) -> dict[str, Any] | Reply:
        for number, one in enumerate(request["messages"]):
            if "reasoning" in one:
                refusals.append(f"'messages.{number}' : property 'reasoning' is unsupported")
                return refuse(status, refusals[-1])
        return say(
            "look", calls=[call(LOOK, {}, id=f"c{len(request['messages'])}")], reasoning="hm", more="x"
        )

    with ChatServer(answer) as server, model_at(server.url) as model:
        episode = episode_of(ReactAgent(model), short_task(3))
        assert model.unsupported == {"messages.reasoning"}
        last = server.requests[-1].json["messages"]
    assert episode.infrastructure_failure is None
    assert len(refusals) == 1
    assert [one["more"] for one in last if one["role"] == "assistant"] == ["x"] * 3
