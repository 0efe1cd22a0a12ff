"""The agent with a trained network: what it sees, what its decisions turn into, and its weights file."""

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgym.agents.learned.drl_slicing.actions import OUTPUTS, SHARES, Decision, turn_for, wanted_shares
from sixgym.agents.learned.drl_slicing.agent import (
    DrlSlicingAgent,
    PolicyError,
    agent_from,
    due_reading,
    load_policy,
    load_shipped,
)
from sixgym.agents.learned.drl_slicing.view import FEATURES, SLICES, PolicyView, features
from sixgym.agents.learned.tensors import TensorFile, dump_tensors
from sixgym.domain.slices import SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import ToolCall
from sixgym.testing.agent import observations
from tests.agents.samples import did, edge_load, observe, parses, slice_status, slices, state
from tests.agents.test_every_agent import SENSIBLE

EVEN = (0.0, 0.0, 0.0)
HIDDEN = 4


def network(scores: Sequence[float] = (), seed: int = 0) -> dict[str, Any]:
    """A small network that ignores what it sees if scores are given: these are its outputs."""
    rng = np.random.default_rng(seed)
    sizes = (len(FEATURES), HIDDEN, HIDDEN, len(OUTPUTS))
    tensors: dict[str, Any] = {}
    for layer, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        tensors[f"policy.{layer}.weight"] = rng.normal(size=(outputs, inputs)).astype(np.float32)
        tensors[f"policy.{layer}.bias"] = np.zeros(outputs, np.float32)
    if scores:
        tensors["policy.2.weight"] *= 0
        tensors["policy.2.bias"] = np.array(scores, np.float32)
    return tensors


def weights(tensors: dict[str, Any] | None = None, **metadata: str) -> bytes:
    names = {"features": ",".join(FEATURES), "outputs": ",".join(OUTPUTS)}
    return dump_tensors(TensorFile(tensors or network(), {**names, **metadata}))


def deciding(decision: Decision, levels: Sequence[float] = EVEN) -> DrlSlicingAgent:
    scores = [float(one is decision) for one in Decision]
    return agent_from(weights(network([*scores, *levels])), "test")


def call_of(decision: Decision, seen: Observation, levels: Sequence[float] = EVEN) -> ToolCall:
    call = deciding(decision, levels).act(seen).call
    assert call is not None
    assert parses(call)
    return call


def arguments_of(call: ToolCall) -> dict[str, Any]:
    assert isinstance(call.arguments, dict)
    return dict(call.arguments)


# ---------------------------------------------------------------------- what it sees
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(observation=observations(SENSIBLE))
def test_features_are_finite_whatever_was_answered(observation: Observation) -> None:
    found = features(PolicyView.of(observation))
    assert found.shape == (len(FEATURES),)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()
    assert np.abs(found).max() < 10


def test_the_forecast_carries_the_last_change_on() -> None:
    history = [did("check_network_state", after=state(latency_ms=latency)) for latency in (20.0, 40.0)]
    rising = dict(zip(FEATURES, features(PolicyView.of(observe(state(latency_ms=40), history))), strict=True))
    assert rising["latency_stress.now"] == pytest.approx(0.5)
    assert rising["latency_stress.next"] == pytest.approx(1.5 / 2.5)


def test_a_share_that_was_set_after_the_reading_is_known() -> None:
    policy = {"dedicated": 10, "min": 40, "max": 60}
    change = did("trigger_slice_reallocation", {"slice": "eMBB", "resources": policy}, state())
    before, after = (
        PolicyView.of(observe(history=slices())),
        PolicyView.of(observe(history=[*slices(), change])),
    )
    assert before.slices[SliceType.EMBB].policy.min == 50
    assert after.slices[SliceType.EMBB].policy.min == 40
    again = [*slices(), change, slice_status("eMBB", policy=(1, 30, 50), used_percent=3)]
    assert PolicyView.of(observe(history=again)).slices[SliceType.EMBB].policy.min == 30


def test_a_slice_that_was_refused_is_absent_and_not_read_again() -> None:
    refused = did("get_slice_status", {"slice": "URLLC"}, error="there is no slice URLLC")
    view = PolicyView.of(observe(history=[refused]))
    assert view.absent == {SliceType.URLLC}
    assert SliceType.URLLC not in view.unread


# ---------------------------------------------------------------------- reading before deciding
def test_it_reads_every_slice_first_its_own_before_the_others() -> None:
    history: list[Exchange] = []
    read: list[Any] = []
    for known in (*slices(), None):
        turn = due_reading(PolicyView.of(observe(state(slice="URLLC"), history)))
        if turn is None or known is None:
            break
        assert turn.call is not None
        kind = arguments_of(turn.call)["slice"]
        read.append(kind)
        history.append(slice_status(kind, policy=(5, 10, 20), used_percent=5))
    assert read == ["URLLC", "eMBB", "mMTC"]


def test_reading_leaves_half_of_the_calls_for_deciding() -> None:
    two = slices()[:2]
    assert due_reading(PolicyView.of(observe(history=two, steps_left=4))) is not None
    assert due_reading(PolicyView.of(observe(history=two, steps_left=3))) is None


def test_without_calls_left_it_answers() -> None:
    turn = deciding(Decision.HOLD).act(observe(steps_left=0))
    assert turn.call is None
    assert turn.answer


# ---------------------------------------------------------------------- what a decision turns into
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    observation=observations(SENSIBLE),
    decision=st.sampled_from(Decision),
    levels=st.tuples(*[st.floats(-50, 50)] * SHARES),
)
def test_every_decision_makes_a_call_that_its_tool_accepts(
    observation: Observation, decision: Decision, levels: tuple[float, ...]
) -> None:
    call = turn_for(PolicyView.of(observation), decision, levels).call
    assert call is not None
    assert parses(call)


@given(st.tuples(*[st.floats(-5, 5)] * SHARES))
def test_wanted_shares_leave_a_tenth_and_starve_nobody(levels: tuple[float, ...]) -> None:
    shares = wanted_shares(SLICES, dict(zip(SLICES, levels, strict=True)))
    assert sum(shares.values()) <= 90
    assert min(shares.values()) >= 4


def test_the_slice_furthest_from_its_wanted_share_is_reallocated() -> None:
    call = call_of(Decision.SHARE, observe(history=slices()), (0.0, 0.07, -1.0))
    assert call.tool == "trigger_slice_reallocation"
    assert arguments_of(call)["slice"] == "URLLC"
    assert arguments_of(call)["resources"]["min"] > 25


def test_a_hoarder_gives_before_the_hungry_slice_takes() -> None:
    hoarded = [
        slice_status("URLLC", policy=(2, 2, 40), used_percent=2),
        slice_status("eMBB", policy=(96, 96, 96), used_percent=20),
        slice_status("mMTC", policy=(2, 2, 20), used_percent=1),
    ]
    call = call_of(Decision.SHARE, observe(history=hoarded), (1.0, -0.5, -1.0))
    assert arguments_of(call)["slice"] == "eMBB"
    assert arguments_of(call)["resources"]["min"] < 96


def test_shares_that_are_as_wanted_are_left_alone() -> None:
    shares = wanted_shares(SLICES, dict.fromkeys(SLICES, 0.0))
    settled = [
        slice_status(kind.value, policy=(0, percent, 100), used_percent=5) for kind, percent in shares.items()
    ]
    assert call_of(Decision.SHARE, observe(history=settled)).tool == "get_edge_load"


def test_rejecting_turns_more_users_away_the_second_time_and_none_the_third() -> None:
    history = slices()
    taken: list[Any] = []
    for _ in range(3):
        call = call_of(Decision.REJECT_EMBB, observe(history=history))
        if call.tool == "graceful_degradation":
            spec = arguments_of(call)["spec"]
            assert spec["slice"] == "eMBB"
            taken.append(spec["value"])
        history = [*history, did(call.tool, arguments_of(call), state())]
    assert taken == [0.4, 0.8]


def test_admitting_the_service_into_another_slice_is_a_switch_and_once_refused_not_repeated() -> None:
    wanted = ToolCall(tool="switch_network_slice", arguments={"from_slice": "URLLC", "to_slice": "eMBB"})
    assert call_of(Decision.ENTER_EMBB, observe(history=slices())) == wanted
    refused = [*slices(), did(wanted.tool, arguments_of(wanted), error="it is congested")]
    assert call_of(Decision.ENTER_EMBB, observe(history=refused)).tool != "switch_network_slice"
    assert call_of(Decision.ENTER_URLLC, observe(history=slices())).tool != "switch_network_slice"


def test_tasks_are_admitted_to_the_lightest_other_node_once_the_nodes_are_known() -> None:
    assert call_of(Decision.COMPUTE_AT_EDGE, observe(history=slices())).tool == "get_edge_load"
    read = [*slices(), edge_load(edge_1=0.9, edge_2=0.4, cloud=0.1)]
    call = call_of(Decision.COMPUTE_AT_EDGE, observe(history=read))
    assert call.tool == "edge_offload"
    assert arguments_of(call)["target"] == {"node": "edge-2"}
    assert arguments_of(call_of(Decision.COMPUTE_IN_CLOUD, observe(history=read)))["target"] == {
        "node": "cloud"
    }
    moved = [*read, did("edge_offload", {"task": {}, "target": {"node": "edge-2"}}, state())]
    again = call_of(Decision.COMPUTE_AT_EDGE, observe(history=moved))
    assert arguments_of(again)["target"] == {"node": "edge-1"}


def test_holding_looks_at_what_was_not_looked_at_longest() -> None:
    seen = [*slices(), edge_load(edge_1=0.3, cloud=0.1)]
    assert arguments_of(call_of(Decision.HOLD, observe(history=seen))) == {"slice": "URLLC"}
    assert call_of(Decision.HOLD, observe(history=slices())).tool == "get_edge_load"


# ---------------------------------------------------------------------- weights
def test_the_shipped_agent_repeats_its_calls() -> None:
    seen = observe(state(latency_ms=80.0), slices())
    turn = load_shipped().act(seen)
    assert turn == load_shipped().act(seen)
    assert turn.call is not None
    assert parses(turn.call)


def test_the_shipped_weights_are_small_and_say_how_they_were_made() -> None:
    provenance = dict(load_shipped().provenance)
    assert provenance["command"] == "sixgym train recipes/agentgym/drl_slicing.yaml"
    seeds = {int(seed) for seed in provenance["learning_seeds"].split(",")}
    assert seeds <= set(range(1, 51))
    assert not seeds & set(json.loads(provenance["recipe"])["held_back"])
    assert provenance["network"].startswith("tti ")


def test_weights_come_back_as_they_were_written(tmp_path: Path) -> None:
    tensors = network(seed=3)
    path = tmp_path / "policy.safetensors"
    path.write_bytes(weights(tensors, command="sixgym train mine.yaml"))
    agent = load_policy(path)
    for layer, (weight, bias) in enumerate(agent.layers):
        assert np.array_equal(weight, tensors[f"policy.{layer}.weight"])
        assert np.array_equal(bias, tensors[f"policy.{layer}.bias"])
    assert dict(agent.provenance)["command"] == "sixgym train mine.yaml"


def test_other_weights_make_another_agent() -> None:
    views = [PolicyView.of(observe(state(latency_ms=latency), slices())) for latency in (1.0, 30.0, 500.0)]
    outputs = [
        [agent_from(weights(network(seed=seed)), "test").decide(view)[1] for view in views] for seed in (1, 2)
    ]
    assert outputs[0] != outputs[1]
    assert len(set(outputs[0])) == len(views)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_damaged_weights_are_one_clear_error_or_still_a_network(data: st.DataObject) -> None:
    content = bytearray(weights())
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    message = _refusal(bytes(content))
    if message is None:
        assert agent_from(bytes(content), "w.safetensors").act(observe(history=slices())).call is not None
    else:
        assert message.startswith("w.safetensors: no policy of drl-slicing: ")


def _refusal(content: bytes) -> str | None:
    try:
        agent_from(content, "w.safetensors")
    except PolicyError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "header is missing"),
        (b"PK\x03\x04 a zip file of another trainer", "header is missing"),
        (dump_tensors(TensorFile({}, {})), "its tensors are not"),
        (dump_tensors(TensorFile(network(), {"outputs": ",".join(OUTPUTS)})), "other features"),
        (dump_tensors(TensorFile(network(), {"features": ",".join(FEATURES)})), "other outputs"),
        (weights({**network(), "policy.1.bias": np.zeros(3, np.float32)}), "layer 1 has shape"),
        (weights({**network(), "policy.0.bias": np.full(HIDDEN, np.nan, np.float32)}), "not finite"),
    ],
    ids=["empty", "zip", "no tensors", "features", "outputs", "shape", "nan"],
)
def test_what_is_wrong_with_weights_is_said(content: bytes, message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        agent_from(content, "w.safetensors")


def test_a_missing_weights_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match=r"gone\.safetensors: cannot be read"):
        load_policy(tmp_path / "gone.safetensors")
