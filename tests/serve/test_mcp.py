"""The 42 tools, as the official client finds them."""

import json

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client

from sixgym.agents.llm.prompt import conversation
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.scoring.goals import judge
from sixgym.serve.mcp import FINISH
from sixgym.tools.base import CATALOG
from sixgym.tools.schema import json_specs
from tests.doubles import FluidSimulator
from tests.serve.clients import Place, small_task, text_of
from tests.serve.conversations import ERAS, in_process, with_client

READ_ONLY = ("observation", "reasoning")


# ---------------------------------------------------------------------- the list
def in_order(schema: dict[str, object] | None) -> dict[str, object]:
    """The same schema; the SDK writes `type` and `properties` first on its outermost level."""
    return dict(sorted((schema or {}).items()))


@ERAS
def test_the_tools_are_the_catalogs_byte_for_byte_and_one_that_ends_the_task(mode: str) -> None:
    async def check(client: Client) -> None:
        tools = (await client.list_tools()).tools
        listed = [[t.name, t.description, in_order(t.input_schema), in_order(t.output_schema)] for t in tools]
        catalog = [
            [
                spec["name"],
                spec["description"],
                in_order(spec["input_schema"]),
                in_order(spec["output_schema"]),
            ]
            for spec in json_specs()
        ]
        assert json.dumps(listed[:-1]) == json.dumps(catalog)
        assert len(tools) == len(CATALOG) + 1
        assert tools[-1].name == FINISH
        assert FINISH not in CATALOG
        jsonschema.Draft202012Validator.check_schema(tools[-1].input_schema)

    with_client(Place(), check, mode)


def test_annotations_follow_from_effects() -> None:
    async def check(client: Client) -> None:
        for tool in (await client.list_tools()).tools[:-1]:
            hints, effect = tool.annotations, CATALOG[tool.name].effect
            assert hints is not None
            assert hints.read_only_hint is (effect in READ_ONLY)
            assert hints.destructive_hint is (effect not in READ_ONLY)
            assert hints.idempotent_hint is (effect in READ_ONLY)
            assert hints.open_world_hint is False

    with_client(Place(), check)


def test_repeating_a_command_or_a_configuration_adds_to_it() -> None:
    """Why neither is idempotent: the log grows, a degradation starts its time again."""
    backend = SimulatedBackend(FluidSimulator())
    backend.reset(small_task().scenario, seed=1)
    line = ToolCall(tool="log_decision", arguments={"record": {"kind": "decision", "text": "x"}})
    degrade = ToolCall(
        tool="graceful_degradation",
        arguments={"spec": {"group": "camera", "action": "reduce_rate", "value": 0.5, "duration_s": 5}},
    )
    ends = []
    for _ in range(2):
        assert backend.execute(line).outcome.ok
        assert backend.execute(degrade).outcome.ok
        ends.append(backend.snapshot.resources.restore_at_ms["camera"])
    assert len(backend.snapshot.mission.log) == 2
    assert ends[1] > ends[0]


# ---------------------------------------------------------------------- calls
@ERAS
def test_an_answer_is_what_a_model_in_process_is_told_and_fits_the_schema(mode: str) -> None:
    turn = Turn(call=ToolCall(tool="read_telemetry", arguments={}))

    async def check(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        result = await client.call_tool("read_telemetry", {})
        expected = in_process(turn)
        assert not result.is_error
        assert text_of(result) == conversation(expected, "native").messages[-1].content
        assert result.structured_content == expected.history[-1].outcome.result
        schema = tools["read_telemetry"].output_schema
        assert schema is not None
        jsonschema.validate(result.structured_content, schema)

    with_client(Place(), check, mode)


@pytest.mark.parametrize(
    ("tool", "arguments", "hint"),
    [
        ("chek_network_state", {}, "did you mean check_network_state"),
        ("request_handover", {"uav": "drone-1"}, "gnb is missing"),
        ("request_handover", {"uav": "drone-1", "gnb": "gnb-9"}, "gnb-9"),
        ("set_waypoint", {"uav": 3, "waypoint": "up"}, "set_waypoint: "),
        ("get_edge_load", {"shell": "rm -rf /"}, "shell is not an argument"),
    ],
)
def test_a_refused_call_is_a_result_that_says_what_to_do(
    tool: str, arguments: dict[str, object], hint: str
) -> None:
    async def check(client: Client) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert result.structured_content is None
        assert hint in json.loads(text_of(result))["error"]
        assert json.loads(text_of(result))["calls_left"] == small_task().max_steps - 1

    with_client(Place(), check)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)

_TOOLS = st.sampled_from([*CATALOG, FINISH.upper(), "", "../../etc/passwd", "a" * 300]) | st.text(max_size=20)


@settings(max_examples=40)
@given(
    calls=st.lists(st.tuples(_TOOLS, st.dictionaries(st.text(max_size=12), _JSON, max_size=4)), max_size=4)
)
def test_whatever_a_client_sends_is_answered_recorded_and_storable(
    calls: list[tuple[str, dict[str, object]]],
) -> None:
    place = Place()

    async def check(client: Client) -> None:
        for tool, arguments in calls:
            result = await client.call_tool(tool, arguments)
            assert "calls_left" in json.loads(text_of(result))

    with_client(place, check, "auto")
    for episode in place.kept:
        assert len(episode.steps) == len(calls)
        assert episode.infrastructure_failure is None
        assert Episode.model_validate_json(episode.model_dump_json()) == episode


def test_lone_surrogates_and_numbers_beyond_json_do_no_harm() -> None:
    place = Place()

    async def check(client: Client) -> None:
        hostile = {"\ud800": "\udfff", "x": float("nan"), "y": 10**400, "z": [[[[[[[]]]]]]]}
        assert (await client.call_tool("check_network_state\ud800", hostile)).is_error
        assert not (await client.call_tool("check_network_state", {})).is_error

    with_client(place, check, "legacy")
    assert place.kept[0].infrastructure_failure is None
    Episode.model_validate_json(place.kept[0].model_dump_json())


def test_an_episode_over_mcp_is_that_of_the_same_calls_in_process() -> None:
    place = Place()
    calls = [
        ToolCall(tool="read_telemetry", arguments={}),
        ToolCall(tool="request_handover", arguments={"uav": "drone-1", "gnb": "gnb-2"}),
        ToolCall(tool="request_handover", arguments={"uav": "drone-1"}),
    ]

    async def check(client: Client) -> None:
        for call in calls:
            assert isinstance(call.arguments, dict)
            await client.call_tool(call.tool, dict(call.arguments))
        await client.call_tool(FINISH, {"answer": "done"})

    with_client(place, check)
    environment = Environment(SimulatedBackend(FluidSimulator()))
    environment.reset(small_task())
    for turn in (*(Turn(call=call) for call in calls), Turn(answer="done")):
        environment.step(turn)
    environment.run_out()
    expected = environment.episode(place.kept[0].agent)
    assert place.kept[0].without_clock() == expected.without_clock()
    assert judge(place.kept[0]) == judge(expected)
