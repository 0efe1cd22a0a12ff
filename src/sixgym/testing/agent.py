"""What an agent owes a loop: legal turns, no memory of its own, and hands off what it was shown."""

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import ClassVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from sixgym.agents.base import Agent
from sixgym.agents.rules.scripted import ScriptedAgent
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import Outcome, ToolCall, Turn
from sixgym.run.build import make_environment
from sixgym.run.rollout import rollout
from sixgym.testing.networks import small_task
from sixgym.tools.base import CATALOG

TOY_CALLS: dict[str, dict[str, JsonValue]] = {
    "read_telemetry": {},
    "check_network_state": {},
    "get_edge_load": {},
    "get_slice_status": {"slice": "eMBB"},
    "read_uav_position": {"uav": "uav-1"},
    "check_handover_status": {"uav": "uav-1"},
    "request_handover": {"uav": "uav-1", "gnb": "east"},
    "trigger_slice_reallocation": {"slice": "eMBB", "resources": {"dedicated": 5, "min": 60, "max": 60}},
}
"""Calls on the small network, each of which is carried out."""


@cache
def real_exchanges() -> tuple[Exchange, ...]:
    """Calls and what really came back, from `tti` on the small network."""
    calls = tuple(ToolCall(tool=tool, arguments=arguments) for tool, arguments in TOY_CALLS.items())
    task = small_task().model_copy(update={"max_steps": len(calls), "horizon": len(calls)})
    with make_environment("tti") as environment:
        episode = rollout(environment, ScriptedAgent(calls), task)
    return tuple(Exchange(step.turn, step.outcome, step.after) for step in episode.steps)


_levels = st.floats(0, 1e6, allow_nan=False)
_ratios = st.floats(0, 1)
_json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**6), 10**6) | st.floats(-1e6, 1e6) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_states = st.builds(
    NetworkState,
    version=st.integers(0, 100),
    t_ms=st.integers(0, 10**6),
    slice=st.sampled_from(SliceType),
    latency_ms=_levels,
    jitter_ms=_levels,
    loss_ratio=_ratios,
    throughput_mbps=_levels,
    edge_load=_ratios,
)
_bounds = st.none() | st.floats(0.001, 1e3)
_slas = st.builds(
    SlaSpec,
    slice=st.sampled_from(SliceType),
    max_latency_ms=_bounds,
    max_jitter_ms=_bounds,
    max_loss_ratio=st.none() | _ratios,
    min_throughput_mbps=st.none() | st.floats(0, 1e3),
    max_edge_load=st.none() | _ratios,
)
_calls = st.builds(
    ToolCall,
    tool=st.sampled_from([*CATALOG, "no_such_tool", ""]),
    arguments=st.dictionaries(st.text(max_size=8), _json_values, max_size=3) | st.text(max_size=20),
)
_outcomes = st.builds(Outcome, result=_json_values) | st.builds(
    Outcome, error=st.text(min_size=1, max_size=20)
)
_garbage = st.builds(Exchange, st.builds(Turn, thought=st.text(max_size=20), call=_calls), _outcomes, _states)


@st.composite
def observations(draw: st.DrawFn, exchanges: Sequence[Exchange]) -> Observation:
    """Arbitrary observations, whose histories mix these exchanges with nonsense."""
    history = draw(st.lists(_garbage | st.sampled_from(exchanges), max_size=14))
    return Observation(
        intent=draw(st.text(max_size=10)),
        sla=draw(_slas),
        state=history[-1].after if history else draw(_states),
        start=history[-1].after if history else draw(_states),
        history=tuple(history),
        uavs=draw(st.sampled_from([(), ("drone-1", "drone-2")])),
        cells=("gnb-1", "gnb-2"),
        nodes=draw(st.sampled_from([("onboard",), ("edge-1", "edge-2", "cloud", "onboard")])),
        service="drone",
        steps_left=draw(st.integers(0, 40)),
    )


examples = settings(
    max_examples=120,
    deadline=None,
    # a suite is one method with many subclasses
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)


class AgentContract:
    """The whole contract of an agent, on arbitrary histories, senseless ones included. It needs hypothesis.

    Attributes:
        make: Class of the agent, or a method that makes one. Two agents made alike act alike.
        makes_valid_calls: Whether every call of the agent is one that its tool accepts; False for an agent
            that asks a language model.
    """

    make: Callable[..., Agent]
    makes_valid_calls: ClassVar[bool] = True

    def exchanges(self) -> Sequence[Exchange]:
        """Sensible calls with results, which histories are mixed from."""
        return real_exchanges()

    @examples
    @given(data=st.data())
    def test_every_turn_is_legal_and_made_again_for_the_same_observation(self, data: st.DataObject) -> None:
        observation = data.draw(observations(self.exchanges()))
        agent = self.make()
        turn = agent.act(observation)
        assert (turn.call is None) != (turn.answer is None)
        if turn.call is not None and turn.unreadable is None and self.makes_valid_calls:
            CATALOG[turn.call.tool].parse(turn.call.arguments)
        assert agent.act(observation) == turn
        assert self.make().act(observation) == turn

    @settings(examples, max_examples=30)
    @given(data=st.data())
    def test_what_the_agent_was_shown_stays_as_it_was(self, data: st.DataObject) -> None:
        observation = data.draw(observations(self.exchanges()))
        before = copy.deepcopy(observation)
        self.make().act(observation)
        assert observation == before

    def test_an_episode_carries_the_name_of_the_agent_and_repeats(self) -> None:
        with make_environment("tti") as environment:
            first, again = (rollout(environment, self.make(), small_task()) for _ in range(2))
        assert first.agent == self.make().name
        assert first.infrastructure_failure is None
        assert first.without_clock() == again.without_clock()
