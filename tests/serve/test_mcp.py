"""The 42 tools, as the official client finds them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp_types import INTERNAL_ERROR, INVALID_PARAMS, Implementation

from sixgym.agents.llm.prompt import conversation, opening
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.scoring.goals import judge
from sixgym.serve.mcp import FINISH, make_server
from sixgym.tools.base import CATALOG
from sixgym.tools.schema import json_specs
from tests.doubles import FluidSimulator
from tests.serve.clients import Faulty, Held, Place, small_task, text_of

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])
READ_ONLY = ("observation", "reasoning")


def with_client(place: Place, what: Callable[[Client], Awaitable[None]], mode: str = "legacy") -> None:
    async def main() -> None:
        async with place.client(mode) as client:
            await what(client)

    anyio.run(main)


def in_process(*turns: Turn) -> Observation:
    environment = Environment(SimulatedBackend(FluidSimulator()))
    observation = environment.reset(small_task())
    for turn in turns:
        observation, _, _ = environment.step(turn)
    return observation


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
        jsonschema.validate(result.structured_content, tools["read_telemetry"].output_schema)

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


# ---------------------------------------------------------------------- the end
@ERAS
def test_finishing_is_recorded_and_says_nothing_of_the_verdict(mode: str) -> None:
    place = Place()

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        result = await client.call_tool(FINISH, {"answer": "answer: gnb-1"})
        assert not result.is_error
        assert place.kept[0].answer == "answer: gnb-1"
        assert place.running == 0
        said = text_of(result).lower()
        assert not any(word in said for word in ("met", "violat", "success", "fail", "verdict"))
        again = await client.call_tool("check_network_state", {})
        assert again.is_error
        assert "the task is finished" in text_of(again)

    with_client(place, check, mode)
    assert len(place.kept) == 1


def test_an_answer_that_is_none_does_not_end_the_task() -> None:
    place = Place()

    async def check(client: Client) -> None:
        for wrong in ({}, {"answer": 3}, {"answer": "x", "success": True}, {"answer": "x" * 20_001}):
            assert (await client.call_tool(FINISH, wrong)).is_error
        assert not (await client.call_tool("check_network_state", {})).is_error

    with_client(place, check)
    assert place.kept[0].answer is None


def test_a_spent_budget_is_an_error_that_says_so() -> None:
    place = Place(task=small_task(max_steps=2))

    async def check(client: Client) -> None:
        for left in (1, 0):
            result = await client.call_tool("check_network_state", {})
            assert json.loads(text_of(result))["calls_left"] == left
        beyond = await client.call_tool("check_network_state", {})
        assert beyond.is_error
        assert "all 2 calls are spent" in text_of(beyond)

    with_client(place, check)
    assert place.kept[0].truncated


def test_a_broken_network_ends_its_session_with_a_clear_error() -> None:
    place = Place(make=lambda: FluidSimulator(fail_after=1))

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        for _ in range(2):
            result = await client.call_tool("check_network_state", {})
            assert result.is_error
            assert "the network broke (the test simulator broke); connect again" in text_of(result)
        with pytest.raises(MCPError, match="the network broke"):
            await client.read_resource("sixgym://state")

    with_client(place, check)
    assert place.kept[0].infrastructure_failure == "the test simulator broke"


@ERAS
def test_of_a_fault_of_ours_a_client_learns_only_that_there_was_one(mode: str) -> None:
    place = Place(make=Faulty)

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        with pytest.raises(MCPError) as error:
            await client.call_tool("check_network_state", {})
        assert error.value.code == INTERNAL_ERROR
        assert "secret" not in str(error.value)
        assert "the server failed; connect again" in text_of(await client.call_tool("heartbeat", {}))

    with_client(place, check, mode)
    assert "a secret" in str(place.kept[0].infrastructure_failure)


class Confused(FluidSimulator):
    """Builds a record of ours wrongly, in its third interval."""

    def advance(self, duration_ms: int) -> Interval:
        if self.advances >= 1:
            Task.model_validate({"a secret": 1})
        return super().advance(duration_ms)


@ERAS
def test_a_record_of_ours_that_is_invalid_is_not_the_clients_mistake(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(client: Client) -> None:
        await client.call_tool("heartbeat", {"uav": "drone-1"})
        with pytest.raises(MCPError) as error:
            await client.call_tool("heartbeat", {"uav": "drone-1"})
        assert error.value.code == INTERNAL_ERROR
        assert "secret" not in str(error.value)

    with_client(Place(make=Confused), check, mode)
    assert "tools/call failed" in caplog.text
    assert "ValidationError" in caplog.text


@pytest.mark.filterwarnings(
    "ignore::mcp.shared.exceptions.MCPDeprecationWarning"
)  # of ping, yet many send it
def test_whatever_a_client_sends_ends_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    idle_s = 123.0
    begun: list[float] = []

    async def check(client: Client) -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def watched(delay: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
            if delay == idle_s:
                begun.append(delay)
            return call_later(delay, *rest, **named)

        monkeypatch.setattr(loop, "call_later", watched)
        for ask in (
            client.send_ping,
            client.list_tools,
            lambda: client.read_resource("sixgym://intent"),
            lambda: client.call_tool("heartbeat", {"uav": "drone-1"}),
        ):
            before = len(begun)
            await ask()
            assert len(begun) > before

    with_client(Place(idle_s=idle_s), check, "legacy")


def test_the_record_names_the_client_in_letters_that_files_may_have() -> None:
    place = Place()

    async def main() -> None:
        who = Implementation(name="../Rogue\n{x}" + "y" * 99, version="1")
        async with Client(make_server(place.sessions), mode="legacy", client_info=who) as client:
            await client.call_tool("check_network_state", {})

    anyio.run(main)
    assert place.kept[0].agent.startswith("mcp-..-Rogue-x-y")
    assert len(place.kept[0].agent) < 60


# ---------------------------------------------------------------------- what there is to read
@ERAS
def test_resources_hold_intent_network_and_state(mode: str) -> None:
    async def check(client: Client) -> None:
        uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
        assert uris == ["sixgym://intent", "sixgym://scenario", "sixgym://state"]
        intent, scenario, state = [(await client.read_resource(uri)).contents[0] for uri in uris]
        assert intent.text == small_task().intent
        assert [cell["id"] for cell in json.loads(scenario.text)["cells"]] == ["gnb-1", "gnb-2", "gnb-3"]
        assert json.loads(state.text)["state"]["t_ms"] == 0
        await client.call_tool("check_network_state", {})
        later = json.loads((await client.read_resource("sixgym://state")).contents[0].text)
        assert later["state"]["t_ms"] == 500
        assert later["calls_left"] == small_task().max_steps - 1

    with_client(Place(), check, mode)


def test_nothing_there_is_to_read_tells_of_faults_goals_or_seeds() -> None:
    task = small_task()
    secret = replace_seed(task.model_copy(update={"seed": 987654321}), 123456789)
    assert secret.scenario.faults
    assert secret.scenario.tasks

    async def check(client: Client) -> None:
        listing = [
            await client.list_resources(),
            await client.list_prompts(),
            await client.get_prompt("operate"),
            *[await client.read_resource(f"sixgym://{name}") for name in ("intent", "scenario", "state")],
        ]
        said = "".join(part.model_dump_json() for part in listing) + str(client.instructions)
        for hidden in (
            "987654321",
            "123456789",
            secret.scenario.description[:40],
            "start_ms",
            "IS_LESS_THAN",
        ):
            assert hidden not in said
        scenario = json.loads((await client.read_resource("sixgym://scenario")).contents[0].text)
        assert not {"faults", "tasks", "description", "topology_seed"} & set(scenario)
        assert not {"placement", "routes"} & {key for group in scenario["groups"] for key in group}
        assert secret.scenario.faults[0].kind not in json.dumps(scenario)

    with_client(Place(task=secret), check)


def replace_seed(task: Task, seed: int) -> Task:
    scenario = task.scenario.model_copy(update={"topology_seed": seed})
    return task.model_copy(update={"scenario": scenario})


def test_the_prompt_is_the_opening_that_models_in_process_get() -> None:
    async def check(client: Client) -> None:
        [prompt] = (await client.list_prompts()).prompts
        given = await client.get_prompt(prompt.name)
        system, user = (message.content.text for message in given.messages)
        expected = opening(in_process(), "native")
        assert system.startswith(expected[0].content)
        assert FINISH in system
        assert user == expected[1].content

    with_client(Place(), check)


@pytest.mark.parametrize("wrong", ["sixgym://faults", "file:///etc/passwd", "sixgym://scenario/../faults"])
def test_what_there_is_not_is_a_protocol_error(wrong: str) -> None:
    async def check(client: Client) -> None:
        with pytest.raises(MCPError, match="there are sixgym://intent") as error:
            await client.read_resource(wrong)
        assert error.value.code == INVALID_PARAMS
        with pytest.raises(MCPError, match="there is operate"):
            await client.get_prompt("other")

    with_client(Place(), check)


# ---------------------------------------------------------------------- progress
@ERAS
def test_a_client_that_asks_is_told_what_takes_long(mode: str) -> None:
    slow = Held()
    place = Place(make=lambda: slow)
    heard: list[tuple[float, str | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        heard.append((progress, message))
        if len(heard) == 2:
            slow.let_go.set()

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {}, progress_callback=hear)

    with_client(place, check, mode)
    assert [message for _, message in heard] == ["the network runs", "the network runs"]
    assert heard[0][0] < heard[1][0]
