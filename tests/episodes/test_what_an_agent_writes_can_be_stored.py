"""Any text that JSON can spell can be called with, and the episode is stored all the same."""

import json

import pytest
from hypothesis import given

from sixgym.episodes.episode import Episode, ToolCall, Turn
from tests.episodes.samples import Caller, sample_episode
from tests.tools.drawing import ANY_TEXT

LONE = json.loads('"a\\ud800b"')


@pytest.mark.parametrize(
    "arguments", [{LONE: [{"deep": [LONE, 1, None]}]}, f'{{"uav": "{LONE}"}}', {"uav": LONE}]
)
def test_an_episode_with_half_a_character_survives_storing(arguments: dict[str, object] | str) -> None:
    caller = Caller(("check_network_state", arguments), (LONE, {}))
    episode = sample_episode(agent=caller)
    assert Episode.model_validate_json(episode.model_dump_json()) == episode
    assert len(episode.steps) == 2


def test_only_lone_surrogates_are_replaced() -> None:
    call = ToolCall(tool=LONE, arguments={LONE: ["é𝄞", LONE, True, 1.5, None]})
    assert call == ToolCall(tool="a\ufffdb", arguments={"a\ufffdb": ["é𝄞", "a\ufffdb", True, 1.5, None]})


@given(thought=ANY_TEXT, answer=ANY_TEXT, tool=ANY_TEXT, text=ANY_TEXT)
def test_any_turn_survives_json(thought: str, answer: str, tool: str, text: str) -> None:
    call = ToolCall(tool=tool, arguments={text: {text: [text]}})
    turn = Turn(thought=thought, call=call, answer=answer)
    assert Turn.model_validate_json(turn.model_dump_json()) == turn
    assert ToolCall.model_validate_json(ToolCall(tool=tool, arguments=text).model_dump_json())
