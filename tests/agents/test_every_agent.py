"""Every agent keeps the contract of agents: legal turns, no memory of its own."""

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from sixgym.agents.base import Agent
from sixgym.agents.learned.drl_slicing.agent import load_shipped
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.reflexion import ReflexionAgent
from sixgym.agents.rules.mape_k.agent import MapeKAgent
from sixgym.agents.rules.mape_k.knowledge import shipped_knowledge
from sixgym.agents.rules.null import NullAgent
from sixgym.agents.rules.random import RandomAgent
from sixgym.agents.rules.scripted import ScriptedAgent
from sixgym.agents.rules.spam import SpamAgent
from sixgym.agents.rules.threshold import ThresholdAgent
from sixgym.envs.observation import Exchange
from sixgym.episodes.episode import ToolCall
from sixgym.models.chat import Completion
from sixgym.models.function import FunctionModel
from sixgym.testing import AgentContract
from sixgym.testing.agent import examples, observations
from tests.agents.rules.test_mape_k_rules import CASES

SENSIBLE = [exchange for case in CASES for exchange in case.history]
"""Histories that lead to each of the 50 rules."""


def chatting() -> ReactAgent:
    """A language model whose reply depends on the conversation."""
    return ReactAgent(FunctionModel("parrot", lambda messages: Completion(content=messages[-1].content[:40])))


class EveryAgent(AgentContract):
    def exchanges(self) -> Sequence[Exchange]:
        return SENSIBLE


class TestNull(EveryAgent):
    make = NullAgent


class TestRandom(EveryAgent):
    def make(self) -> Agent:
        return RandomAgent(5)


class TestSpam(EveryAgent):
    def make(self) -> Agent:
        return SpamAgent(5)


class TestScripted(EveryAgent):
    def make(self) -> Agent:
        return ScriptedAgent((ToolCall(tool="read_telemetry", arguments={}),))


class TestThreshold(EveryAgent):
    make = ThresholdAgent


class TestDrlSlicing(EveryAgent):
    def make(self) -> Agent:
        return load_shipped()


class TestMapeK(EveryAgent):
    def make(self) -> Agent:
        return MapeKAgent(shipped_knowledge())

    @examples
    @given(data=st.data())
    def test_mape_k_says_which_read_or_rule_it_follows(self, data: st.DataObject) -> None:
        thought = self.make().act(data.draw(observations(self.exchanges()))).thought
        assert thought.startswith(("rule ", "read (", "no calls left"))


class TestReact(EveryAgent):
    makes_valid_calls = False

    def make(self) -> Agent:
        return chatting()


class TestReflexion(EveryAgent):
    makes_valid_calls = False

    def make(self) -> Agent:
        return ReflexionAgent(chatting())
