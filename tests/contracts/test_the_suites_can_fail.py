"""Each suite fails for an implementation with one mistake, and in no other test than the one about it."""

import pytest

pytest_plugins = ["pytester"]

SIMULATOR = """
from sixgym.simulators.tti import TtiSimulator
from sixgym.testing import SimulatorContract


class Deaf(TtiSimulator):
    def reset(self, scenario, *, seed):
        return super().reset(scenario, seed=1)  # whatever was asked for


class TestDeaf(SimulatorContract):
    make = Deaf
"""

BACKEND = """
from sixgym.backends.base import Transition
from sixgym.backends.simulated import SimulatedBackend
from sixgym.simulators.tti import TtiSimulator
from sixgym.testing import BackendContract


class Fussy(SimulatedBackend):
    def execute(self, call, fault=None):
        if call.tool == "no_such_tool":
            raise KeyError(call.tool)  # an agent's mistake is an outcome, no exception
        return super().execute(call, fault)


class TestFussy(BackendContract):
    def make(self):
        return Fussy(TtiSimulator())
"""

ENVIRONMENT = """
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.simulators.tti import TtiSimulator
from sixgym.testing import EnvironmentContract


class Hasty(Environment):
    def run_out(self, on_interval=None):
        pass  # an early answer would hide what follows


class TestHasty(EnvironmentContract):
    def make(self):
        return Hasty(SimulatedBackend(TtiSimulator()))
"""

REMEMBERING_AGENT = """
from sixgym import Turn
from sixgym.testing import AgentContract


class Counting:
    name = "counting"
    count = 0

    def act(self, observation):
        self.count += 1  # a memory that is not in the observation
        return Turn.answering(str(self.count))


class TestCounting(AgentContract):
    make = Counting
"""

MUTATING_AGENT = """
from sixgym import Turn
from sixgym.testing import AgentContract


class Scribbling:
    name = "scribbling"

    def act(self, observation):
        for exchange in observation.history:
            if isinstance(exchange.turn.call.arguments, dict):
                exchange.turn.call.arguments["seen"] = True
        return Turn.answering("done")


class TestScribbling(AgentContract):
    make = Scribbling
"""

NO_SHRINKING = """
from hypothesis import Phase, settings

settings.register_profile("quick", phases=[Phase.generate])
settings.load_profile("quick")
"""

CASES = [
    pytest.param(SIMULATOR, {"test_the_same_seed_repeats_exactly_and_another_differs"}, id="simulator"),
    pytest.param(
        BACKEND,
        {
            "test_every_call_takes_one_decision_interval_whatever_it_is",
            "test_a_refused_call_says_why_and_disturbs_nothing",
        },
        id="backend",
    ),
    pytest.param(
        ENVIRONMENT, {"test_the_network_runs_to_the_horizon_whenever_the_agent_stops"}, id="environment"
    ),
    pytest.param(
        REMEMBERING_AGENT,
        {
            "test_every_turn_is_legal_and_made_again_for_the_same_observation",
        },
        id="agent with a memory",
    ),
    pytest.param(
        MUTATING_AGENT, {"test_what_the_agent_was_shown_stays_as_it_was"}, id="agent that scribbles"
    ),
]


@pytest.mark.parametrize(("program", "failing"), CASES)
def test_a_mistake_fails_the_test_that_is_about_it(
    pytester: pytest.Pytester, program: str, failing: set[str]
) -> None:
    pytester.makeconftest(NO_SHRINKING)
    pytester.makepyfile(program)
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    failed = {line.split("::")[2].split(" ")[0] for line in result.outlines if line.startswith("FAILED")}
    assert failed == failing
    assert result.parseoutcomes()["passed"] > 0
