"""What holds for every agent, whatever has happened: legal turns, no memory of its own."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgym.agents.base import Agent
from sixgym.agents.learned.drl_slicing.agent import load_shipped
from sixgym.agents.rules.mape_k.agent import MapeKAgent
from sixgym.agents.rules.mape_k.knowledge import shipped_knowledge
from sixgym.agents.rules.null import NullAgent
from sixgym.agents.rules.random import RandomAgent
from sixgym.agents.rules.scripted import ScriptedAgent
from sixgym.agents.rules.spam import SpamAgent
from sixgym.agents.rules.threshold import ThresholdAgent
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import Outcome, ToolCall, Turn
from sixgym.tools.base import CATALOG
from tests.agents.rules.test_mape_k_rules import CASES
from tests.agents.samples import parses

MAKERS = {
    "null": NullAgent,
    "random": lambda: RandomAgent(5),
    "spam": lambda: SpamAgent(5),
    "scripted": lambda: ScriptedAgent((ToolCall(tool="read_telemetry", arguments={}),)),
    "threshold": ThresholdAgent,
    "drl-slicing": load_shipped,
    "mape-k": lambda: MapeKAgent(shipped_knowledge()),
}

# ---------------------------------------------------------------------- arbitrary histories
levels = st.floats(0, 1e6, allow_nan=False)
ratios = st.floats(0, 1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
states = st.builds(
    NetworkState,
    version=st.integers(0, 100),
    t_ms=st.integers(0, 10**6),
    slice=st.sampled_from(SliceType),
    latency_ms=levels,
    jitter_ms=levels,
    loss_ratio=ratios,
    throughput_mbps=levels,
    edge_load=ratios,
)
bounds = st.none() | st.floats(0.001, 1e3)
slas = st.builds(
    SlaSpec,
    slice=st.sampled_from(SliceType),
    max_latency_ms=bounds,
    max_jitter_ms=bounds,
    max_loss_ratio=st.none() | ratios,
    min_throughput_mbps=st.none() | st.floats(0, 1e3),
    max_edge_load=st.none() | ratios,
)
calls = st.builds(
    ToolCall,
    tool=st.sampled_from([*CATALOG, "no_such_tool", ""]),
    arguments=st.dictionaries(st.text(max_size=8), json_values, max_size=3) | st.text(max_size=20),
)
outcomes = st.builds(Outcome, result=json_values) | st.builds(Outcome, error=st.text(min_size=1, max_size=20))
garbage = st.builds(Exchange, st.builds(Turn, thought=st.text(max_size=20), call=calls), outcomes, states)
sensible = st.sampled_from([exchange for case in CASES for exchange in case.history])


@st.composite
def observations(draw: st.DrawFn) -> Observation:
    history = draw(st.lists(garbage | sensible, max_size=14))
    names = draw(st.sampled_from([(), ("drone-1", "drone-2")]))
    return Observation(
        intent=draw(st.text(max_size=10)),
        sla=draw(slas),
        state=history[-1].after if history else draw(states),
        start=history[-1].after if history else draw(states),
        history=tuple(history),
        uavs=names,
        cells=("gnb-1", "gnb-2"),
        nodes=draw(st.sampled_from([("onboard",), ("edge-1", "edge-2", "cloud", "onboard")])),
        service="drone",
        steps_left=draw(st.integers(0, 40)),
    )


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(observation=observations())
def test_every_agent_makes_a_legal_turn_and_makes_it_again(name: str, observation: Observation) -> None:
    make: Any = MAKERS[name]
    agent: Agent = make()
    turn = agent.act(observation)
    assert (turn.call is None) != (turn.answer is None)
    if turn.call is not None:
        assert parses(turn.call)
    assert agent.act(observation) == turn
    again: Agent = make()
    assert again.act(observation) == turn


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(observation=observations())
def test_mape_k_says_which_read_or_rule_it_follows(observation: Observation) -> None:
    thought = MapeKAgent(shipped_knowledge()).act(observation).thought
    assert thought.startswith(("rule ", "read (", "no calls left"))
