"""Whatever a provider adds to a reply, the episode is stored, and what was kept goes back as it came."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.episodes.episode import ToolCall, Turn
from sixgym.episodes.messages import Message, WrittenCall
from sixgym.episodes.storable import DEEPEST, LARGEST_EXTRA_BYTES
from tests.tools.drawing import ANY_TEXT


def nested(levels: int, inside: Any = 1) -> Any:
    for _ in range(levels):
        inside = [inside]
    return inside


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.binary(max_size=3)
HOSTILE = (
    st.recursive(
        LEAVES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT | st.integers(), inner, max_size=3)
        ),
        max_leaves=8,
    )
    | st.sampled_from([10**400, 10**5000, -math.inf, 1e308 * 10, object(), {1, 2}, (1, (2, [3]))])
    | st.integers(min_value=0, max_value=3000).map(nested)
    | st.integers(min_value=0, max_value=300).map(lambda levels: nested(levels, {"a": "\ud800"}))
)


@given(fields=st.dictionaries(ANY_TEXT, HOSTILE, max_size=4))
def test_any_extra_fields_of_a_message_survive_storing(fields: dict[str, Any]) -> None:
    call = WrittenCall(id="a", tool="look", arguments="{}", extra=fields)
    turn = Turn(answer="so", messages=(Message(role="assistant", calls=(call,), extra=fields),))
    assert Turn.model_validate_json(turn.model_dump_json()) == turn


def test_proper_fields_are_kept_as_they_are() -> None:
    fields: dict[str, Any] = {
        "reasoning_details": [{"type": "encrypted", "data": "a+/=", "n": 2**70, "x": 0.1, "z": None}]
    }
    assert Message(role="assistant", extra=fields).extra == fields


@pytest.mark.parametrize(
    "unfit",
    [math.nan, [math.inf], b"bytes", nested(DEEPEST + 1), nested(100_000), "x" * LARGEST_EXTRA_BYTES],
    ids=["nan", "inf", "bytes", "deep", "endless", "huge"],
)
def test_a_field_that_cannot_be_stored_is_left_out_alone(unfit: Any) -> None:
    extra = Message(role="assistant", extra={"before": 1, "unfit": unfit, "after": "é"}).extra
    assert extra == {"before": 1, "after": "é"}


def test_fields_share_the_room_of_a_message() -> None:
    half = "x" * (LARGEST_EXTRA_BYTES // 2)
    message = Message(role="assistant", extra={"a": half, "b": half, "c": 1})
    assert list(message.extra) == ["a", "c"]
    assert Message.model_validate_json(message.model_dump_json()) == message


@pytest.mark.parametrize("levels", [DEEPEST - 1, DEEPEST, 150, 240])
def test_deeply_nested_arguments_of_a_call_are_stored_and_keep_their_meaning(levels: int) -> None:
    call = ToolCall(tool="look", arguments={"a": nested(levels)})
    assert ToolCall.model_validate_json(call.model_dump_json()) == call
    written = call.arguments if isinstance(call.arguments, dict) else json.loads(call.arguments)
    assert written == {"a": nested(levels)}
