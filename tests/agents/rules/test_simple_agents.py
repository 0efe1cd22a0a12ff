"""The agents that look at little or nothing, and the names they go by."""

import json
from pathlib import Path

import pytest

from sixgym.agents.registry import AGENTS, make_agent
from sixgym.agents.rules.null import NullAgent
from sixgym.agents.rules.random import RandomAgent
from sixgym.agents.rules.scripted import ScriptedAgent, ScriptError, load_script
from sixgym.agents.rules.spam import SpamAgent
from sixgym.agents.rules.threshold import ThresholdAgent
from sixgym.domain.slices import SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import ToolCall
from sixgym.tools.base import CATALOG
from sixgym.tools.replies import OffloadResult
from tests.agents.samples import did, edge_load, observe, parses, state

VIDEO_SLA = SlaSpec(slice=SliceType.EMBB, max_latency_ms=100, min_throughput_mbps=4)
SLOW_VIDEO = state(slice="eMBB", latency_ms=150.0, throughput_mbps=20)
THIN_VIDEO = state(slice="eMBB", latency_ms=50.0, throughput_mbps=5)
GOOD_VIDEO = state(slice="eMBB", latency_ms=50.0, throughput_mbps=20)


def after_steps(count: int) -> Observation:
    return observe(history=[did("check_network_state") for _ in range(count)])


# ---------------------------------------------------------------------- null
def test_null_answers_at_once() -> None:
    turn = NullAgent().act(observe())
    assert turn.call is None
    assert turn.answer == "No action taken."


# ---------------------------------------------------------------------- random and spam
def test_random_repeats_with_its_seed_and_differs_with_another() -> None:
    def calls(seed: int) -> list[ToolCall | None]:
        return [RandomAgent(seed).act(after_steps(step)).call for step in range(20)]

    assert calls(1) == calls(1)
    assert calls(1) != calls(2)


def test_random_draws_anew_each_step_and_never_answers() -> None:
    turns = [RandomAgent(0).act(after_steps(step)) for step in range(200)]
    assert all(turn.answer is None for turn in turns)
    tools = {turn.call.tool for turn in turns if turn.call is not None}
    assert len(tools) > 35


def test_random_calls_pass_the_tools_validation() -> None:
    for step in range(300):
        call = RandomAgent(7).act(after_steps(step)).call
        assert call is not None
        assert parses(call)


def test_random_names_what_the_network_has() -> None:
    seen = observe()
    agent = RandomAgent(3)
    named: dict[str, set[object]] = {"uav": set(), "gnb": set()}
    for step in range(400):
        call = agent.act(after_steps(step)).call
        assert call is not None
        assert isinstance(call.arguments, dict)
        for key, values in named.items():
            if call.arguments.get(key) is not None:
                values.add(call.arguments[key])
    assert named == {"uav": set(seen.uavs), "gnb": set(seen.cells)}


def test_spam_calls_all_42_tools_and_starts_again() -> None:
    calls = [SpamAgent(0).act(after_steps(step)).call for step in range(43)]
    tools = [call.tool for call in calls if call is not None and parses(call)]
    assert tools[:42] == list(CATALOG)
    assert len(set(tools)) == 42
    assert tools[42] == tools[0]


# ---------------------------------------------------------------------- scripted
def write(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "calls.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_scripted_makes_its_calls_in_order_then_answers(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        [{"tool": "read_telemetry", "arguments": {}}, {"tool": "heartbeat", "arguments": {"uav": "drone-1"}}],
    )
    agent = ScriptedAgent(load_script(path))
    turns = [agent.act(after_steps(step)) for step in range(3)]
    assert [turn.call.tool if turn.call else None for turn in turns] == ["read_telemetry", "heartbeat", None]
    assert turns[2].answer == "Made the 2 calls of the script."


def test_a_script_may_call_what_does_not_exist(tmp_path: Path) -> None:
    calls = load_script(write(tmp_path, [{"tool": "no_such_tool", "arguments": {"x": [1, None]}}]))
    assert calls == (ToolCall(tool="no_such_tool", arguments={"x": [1, None]}),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "calls.json: .*not valid JSON"),
        ("[{", "calls.json: .*not valid JSON"),
        ({"tool": "heartbeat", "arguments": {}}, "calls.json: expected a list"),
        ([{"tool": "heartbeat", "arguments": {}}, 7], "calls.json: entry 2: "),
        ([{"tool": "heartbeat"}], "calls.json: entry 1: arguments is missing"),
        ([{"arguments": {}}], "calls.json: entry 1: tool is missing"),
        ([{"tool": 3, "arguments": {}}], "calls.json: entry 1: tool "),
        ([{"tool": "heartbeat", "arguments": "uav"}], "calls.json: entry 1: arguments "),
        (
            [{"tool": "heartbeat", "arguments": {}, "args": {}}],
            "calls.json: entry 1: args is not an argument",
        ),
    ],
)
def test_a_script_that_is_none_is_refused_by_file_and_entry(
    tmp_path: Path, content: object, message: str
) -> None:
    with pytest.raises(ScriptError, match=message):
        load_script(write(tmp_path, content))


def test_a_missing_script_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match=r"gone\.json: No such file"):
        load_script(tmp_path / "gone.json")


# ---------------------------------------------------------------------- threshold
def test_latency_above_the_bound_switches_to_urllc() -> None:
    call = ThresholdAgent().act(observe(SLOW_VIDEO, sla=VIDEO_SLA)).call
    assert call == ToolCall(
        tool="switch_network_slice", arguments={"from_slice": "eMBB", "to_slice": "URLLC"}
    )


def test_a_refused_switch_is_not_asked_for_again() -> None:
    arguments = {"from_slice": "eMBB", "to_slice": "URLLC"}
    refused = did("switch_network_slice", arguments, error="slice URLLC is congested")
    call = ThresholdAgent().act(observe(SLOW_VIDEO, [refused], sla=VIDEO_SLA)).call
    assert call is not None
    assert call.tool == "verify_sla_compliance"


def test_throughput_below_ten_mbps_offloads_to_the_lighter_other_edge_node() -> None:
    agent = ThresholdAgent()
    first = agent.act(observe(THIN_VIDEO, sla=VIDEO_SLA)).call
    assert first is not None
    assert first.tool == "get_edge_load"
    history = [edge_load(edge_1=0.9, edge_2=0.2, cloud=0.0)]
    second = agent.act(observe(THIN_VIDEO, history, sla=VIDEO_SLA)).call
    assert second is not None
    assert second.tool == "edge_offload"
    assert isinstance(second.arguments, dict)
    assert second.arguments["target"] == {"node": "edge-2"}
    assert parses(second)


@pytest.mark.parametrize(
    "history",
    [
        [did("get_edge_load", error="there is no compute node")],
        [edge_load(edge_1=0.9, cloud=0.1)],
        [
            edge_load(edge_1=0.9, edge_2=0.2),
            did("edge_offload", {}, OffloadResult(workloads=(), state=state())),
        ],
        [edge_load(edge_1=0.9, edge_2=0.2), did("edge_offload", {}, error="runs there already")],
    ],
    ids=["no nodes", "no other edge node", "done", "refused"],
)
def test_an_offload_that_is_impossible_or_done_gives_way_to_verification(history: list[Exchange]) -> None:
    call = ThresholdAgent().act(observe(THIN_VIDEO, history, sla=VIDEO_SLA)).call
    assert call is not None
    assert call.tool == "verify_sla_compliance"


def test_without_a_crossed_threshold_it_verifies_the_present_state() -> None:
    call = ThresholdAgent().act(observe(GOOD_VIDEO, sla=VIDEO_SLA)).call
    assert call is not None
    assert call.tool == "verify_sla_compliance"
    assert parses(call)
    assert isinstance(call.arguments, dict)
    assert call.arguments["state"] == GOOD_VIDEO.model_dump(mode="json")


def test_after_a_switch_the_bounds_are_verified_in_the_new_slice() -> None:
    now = state(slice="URLLC", latency_ms=20.0, throughput_mbps=20)
    call = ThresholdAgent().act(observe(now, sla=VIDEO_SLA)).call
    assert call is not None
    assert isinstance(call.arguments, dict)
    assert call.arguments["sla"] == {"slice": "URLLC", "max_latency_ms": 100.0, "min_throughput_mbps": 4.0}


# ---------------------------------------------------------------------- registry
def test_every_registered_agent_can_be_made_and_goes_by_its_name(tmp_path: Path) -> None:
    for name in AGENTS:
        script = write(tmp_path, []) if name == "scripted" else None
        assert make_agent(name, script=script).name == name


def test_the_seed_reaches_the_agent() -> None:
    turns = [make_agent("random", seed=seed).act(observe()) for seed in range(5)]
    assert len({turn.model_dump_json() for turn in turns}) > 1


@pytest.mark.parametrize(("name", "nearest"), [("mape", "mape-k"), ("treshold", "threshold"), ("", "null")])
def test_an_unknown_agent_is_refused_with_the_nearest_and_all_known_names(name: str, nearest: str) -> None:
    with pytest.raises(ValueError, match="there is no agent") as raised:
        make_agent(name)
    if name:
        assert f"did you mean {nearest}?" in str(raised.value)
    assert all(known in str(raised.value) for known in AGENTS)


def test_scripted_needs_a_script_and_no_other_takes_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="needs a script"):
        make_agent("scripted")
    with pytest.raises(ValueError, match="takes no script"):
        make_agent("null", script=write(tmp_path, []))
