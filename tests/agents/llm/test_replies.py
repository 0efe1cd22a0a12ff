"""Whatever a language model writes becomes a turn, or is said to be unreadable and why."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.agents.llm.prompt import said
from sixgym.agents.llm.replies import message_of, turn_of
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.episodes.messages import WrittenCall
from sixgym.models.chat import Completion

CALL = ToolCall(tool="edge_offload", arguments={"target": "edge-1"})
BODY = '{"name": "edge_offload", "arguments": {"target": "edge-1"}}'

texts = st.text(max_size=80) | st.lists(
    st.sampled_from(
        [
            "<think>",
            "</think>",
            "<tool_call>",
            "</tool_call>",
            "<answer>",
            "</answer>",
            BODY,
            "{",
            "why",
            "\ud800",
        ]
    ),
    max_size=8,
).map("".join)
written = st.builds(WrittenCall, id=st.text(max_size=5), tool=st.text(max_size=9), arguments=texts)
completions = st.builds(
    Completion,
    content=texts,
    reasoning=texts,
    calls=st.lists(written, max_size=3).map(tuple),
    cut_off=st.booleans(),
)


@given(completion=completions, style=st.sampled_from(["native", "text"]))
def test_any_reply_is_one_call_or_one_answer_and_can_be_stored(completion: Completion, style: Any) -> None:
    turn = turn_of(completion, style).model_copy(update={"messages": (message_of(completion, style),)})
    assert (turn.call is None) != (turn.answer is None)
    assert Turn.model_validate_json(turn.model_dump_json()) == turn


@pytest.mark.parametrize(
    "content",
    [
        f"<tool_call>{BODY}</tool_call>",
        f"<think>slow link</think><tool_call>{BODY}</tool_call>",
        f"\n<think>slow\nlink</think>\n\n<tool_call>\n{BODY}\n</tool_call>\n",
    ],
)
def test_a_call_between_tags_is_read(content: str) -> None:
    turn = turn_of(Completion(content), "text")
    assert turn.call == CALL
    assert turn.unreadable is None


def test_an_answer_between_tags_ends_the_work() -> None:
    turn = turn_of(Completion("<think>done</think><answer>all is well\nanswer: 12</answer>"), "text")
    assert (turn.thought, turn.answer) == ("done", "all is well\nanswer: 12")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "neither a call nor an answer"),
        ("I would offload.", "neither a call nor an answer"),
        ("<think>hm", "<think> is not closed"),
        (f"<tool_call>{BODY}", "<tool_call> has no counterpart"),
        (f"<tool_call>{BODY}</answer>", "<tool_call> has no counterpart"),
        (f"<tool_call>{BODY}</tool_call><tool_call>{BODY}</tool_call>", "more than one call or answer"),
        (f"so: <tool_call>{BODY}</tool_call>", "text outside of the tags"),
        (
            "<tool_call>{'name': 'x'}</tool_call>",
            "could not be read: key must be a string at line 1 column 2",
        ),
        ("<tool_call>[]</tool_call>", "it is no JSON object"),
        ('<tool_call>{"name": 7}</tool_call>', '"name" has to be a text'),
        ('<tool_call>{"name": "x", "arguments": []}</tool_call>', '"arguments" an object'),
        ('<tool_call>{"name": "x", "args": {}}</tool_call>', "not 'args'"),
        ('<tool_call>{"name": "x", "arguments": {"a": NaN}}</tool_call>', "could not be read"),
        (f"<tool_call>{'[' * 100_000}</tool_call>", "could not be read: recursion limit exceeded"),
    ],
)
def test_a_malformed_reply_is_told_what_is_wrong_with_it(content: str, reason: str) -> None:
    turn = turn_of(Completion(content), "text")
    assert turn.unreadable is not None
    assert reason in turn.unreadable
    assert turn.answer is None


def test_a_reply_that_was_cut_off_is_told_to_be_brief() -> None:
    for style in ("native", "text"):
        turn = turn_of(Completion("<think>and then and then", cut_off=True), style)
        assert "too long" in (turn.unreadable or "")


def test_an_empty_reply_is_no_answer() -> None:
    assert "the reply is empty" in (turn_of(Completion(" \n"), "native").unreadable or "")


def test_a_native_call_keeps_its_arguments_as_they_were_written() -> None:
    calls = (WrittenCall(id="a", tool="edge_offload", arguments='{"target": '),)
    turn = turn_of(Completion("offload", calls=calls), "native")
    assert turn == Turn(thought="offload", call=ToolCall(tool="edge_offload", arguments='{"target": '))


def test_reasoning_is_a_thought_wherever_the_server_puts_it() -> None:
    assert turn_of(Completion("all done", reasoning="hm"), "native") == Turn(thought="hm", answer="all done")
    assert turn_of(Completion("<think>hm</think>all done"), "native") == Turn(thought="hm", answer="all done")


@given(
    tool=st.text(max_size=20),
    arguments=st.dictionaries(st.text(max_size=8), texts | st.integers() | st.none(), max_size=3),
)
def test_a_call_written_in_tags_is_read_back_as_it_was(tool: str, arguments: dict[str, Any]) -> None:
    call = ToolCall(tool=tool, arguments=json.loads(json.dumps(arguments)))
    words = said(Turn(thought="why", call=call), "text", 0)
    assert words is not None
    assert turn_of(Completion(words.content), "text") == Turn(thought="why", call=call)


def test_native_calls_are_none_where_calls_are_text() -> None:
    calls = (WrittenCall(id="a", tool="edge_offload", arguments="{}"),)
    completion = Completion("", calls=calls)
    assert "write the call into your text" in (turn_of(completion, "text").unreadable or "")
    assert message_of(completion, "text").calls == ()
    assert message_of(completion, "native").calls == calls


def test_reasoning_that_a_template_opened_is_a_thought() -> None:
    turn = turn_of(Completion(f"slow link</think>\n<tool_call>{BODY}</tool_call>"), "text")
    assert turn == Turn(thought="slow link", call=CALL)
    assert turn_of(Completion("hm</think>all done"), "native") == Turn(thought="hm", answer="all done")


def test_a_number_that_is_too_large_is_refused_in_one_line() -> None:
    reason = turn_of(
        Completion('<tool_call>{"name": "x", "arguments": {"a": 1e999}}</tool_call>'), "text"
    ).unreadable
    assert reason is None or "\n" not in reason
    assert reason is None or "http" not in reason
