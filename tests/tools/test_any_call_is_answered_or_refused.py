"""Whatever an agent sends: an answer that fits the schema, or a ToolError that helps. Never a crash."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from sixgym.domain.base import Record
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.base import CATALOG, CommandResult, Effect, Tool, ToolError, find
from tests.tools.calls import CALLS
from tests.tools.drawing import ANY_TEXT, JSON_VALUES, WELL_TYPED, mutated
from tests.tools.plant import make_snapshot

PLANT = make_snapshot()
UNTOUCHED = repr(PLANT)

thorough = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def answer(tool: Tool, raw: Any, world: Snapshot = PLANT) -> JsonValue:
    """What the caller gets, as JSON values."""
    value = tool.run(tool.parse(raw), world)
    if isinstance(value, CommandResult):
        assert tool.effect is Effect.COMMAND
        value = value.reply
    elif tool.reply is not None:
        value = tool.reply(world)
    assert isinstance(value, Record)
    return json.loads(tool.output.dump_json(value))


def assert_answered_or_refused(name: str, raw: Any) -> None:
    tool = CATALOG[name]
    reply, refusal = None, "carried out, so not refused"
    try:
        reply = answer(tool, raw)
    except ToolError as error:
        refusal = str(error)
    if reply is not None:
        tool.output.validate_python(reply)
    assert 10 < len(refusal) < 2_000
    assert repr(PLANT) == UNTOUCHED


@pytest.mark.parametrize("name", CATALOG)
@thorough
@given(data=st.data())
def test_arguments_of_the_right_types_but_absurd_values(name: str, data: st.DataObject) -> None:
    assert_answered_or_refused(name, data.draw(WELL_TYPED[name]))


@pytest.mark.parametrize("name", CATALOG)
@thorough
@given(data=st.data())
def test_a_sensible_call_with_one_value_replaced(name: str, data: st.DataObject) -> None:
    assert_answered_or_refused(name, data.draw(mutated(name)))


@pytest.mark.parametrize("name", CATALOG)
@settings(max_examples=40, deadline=None)
@given(raw=st.dictionaries(st.text(), JSON_VALUES, max_size=4))
def test_arbitrary_objects(name: str, raw: dict[str, Any]) -> None:
    assert_answered_or_refused(name, raw)


@pytest.mark.parametrize("name", CATALOG)
@settings(max_examples=40, deadline=None)
@given(raw=ANY_TEXT | JSON_VALUES.map(json.dumps))
def test_arbitrary_text(name: str, raw: str) -> None:
    assert_answered_or_refused(name, raw)


def test_text_nested_without_end_is_refused() -> None:
    for text in ("[" * 100_000, '{"uav":' * 50_000, '{"a":' * 150 + "1" + "}" * 150):
        with pytest.raises(ToolError, match="heartbeat: "):
            CATALOG["heartbeat"].parse(text)


@given(name=st.text(st.characters(codec=None)))
def test_an_unknown_tool_is_refused_by_name(name: str) -> None:
    if name not in CATALOG:
        with pytest.raises(ToolError, match="there is no tool"):
            find(name)


def test_a_misspelt_tool_is_answered_with_the_right_name() -> None:
    with pytest.raises(ToolError, match="did you mean check_network_state"):
        find("check_network_status")


@pytest.mark.parametrize("name", CATALOG)
def test_a_sensible_call_is_carried_out_from_text_and_from_values(name: str) -> None:
    tool = CATALOG[name]
    reply = answer(tool, json.dumps(CALLS[name]))
    assert reply == answer(tool, CALLS[name])
    tool.output.validate_python(reply)
    assert repr(PLANT) == UNTOUCHED


def test_empty_text_stands_for_no_arguments() -> None:
    assert CATALOG["read_telemetry"].parse("") == {}


def test_every_problem_of_a_call_is_named_with_its_place() -> None:
    with pytest.raises(ToolError) as caught:
        CATALOG["set_waypoint"].parse({"uav": "drone 1!", "position": {"x_m": 1e9, "z_m": "high"}, "to": 1})
    message = str(caught.value)
    for part in ("uav", "position.x_m", "position.y_m is missing", "position.z_m", "to is not an argument"):
        assert part in message
