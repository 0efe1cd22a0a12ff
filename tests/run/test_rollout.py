"""One attempt and the loop around it."""

from dataclasses import dataclass

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Step, ToolCall, Turn
from sixgym.run.attempt import Attempt
from sixgym.run.build import make_environment
from sixgym.run.rollout import AgentLeftError, rollout
from tests.doubles import FluidSimulator
from tests.serve.clients import small_task

LOOK = Turn(call=ToolCall(tool="check_network_state", arguments={}))


def environment(simulator: FluidSimulator | None = None) -> Environment:
    return make_environment(SimulatedBackend(simulator or FluidSimulator()))


@dataclass(frozen=True)
class Leaver:
    """Looks twice, then leaves."""

    name: str = "leaver"

    def act(self, observation: Observation) -> Turn:
        if len(observation.history) == 2:
            raise AgentLeftError
        return LOOK


def test_the_network_runs_out_after_an_agent_that_left() -> None:
    episode = rollout(environment(), Leaver(), small_task())
    assert len(episode.steps) == 2
    assert len(episode.steps) + len(episode.remainder) == small_task().horizon
    assert (episode.terminated, episode.truncated, episode.infrastructure_failure) == (False, False, None)


def test_an_attempt_is_over_after_an_answer_and_after_a_call_beyond_the_budget() -> None:
    answered = Attempt(environment(), small_task())
    assert answered.over  # before it begins
    answered.begin()
    answered.take(LOOK)
    assert not answered.over
    answered.take(Turn(answer="done"))
    assert (answered.over, answered.truncated) == (True, False)
    spent = Attempt(environment(), small_task())
    spent.begin()
    for _ in range(small_task().max_steps + 1):
        assert not spent.over
        spent.take(LOOK)
    assert (spent.over, spent.truncated) == (True, True)
    with pytest.raises(RuntimeError, match="the episode is over"):
        spent.take(LOOK)


def test_every_call_that_was_carried_out_is_shown_once() -> None:
    shown: list[Step] = []
    attempt = Attempt(environment(), small_task(), on_step=shown.append)
    attempt.begin()
    attempt.take(LOOK)
    attempt.take(Turn(answer="done"))
    assert tuple(shown) == attempt.episode("somebody").steps


def test_a_network_that_breaks_is_a_failure_of_the_attempt_with_everything_before_it() -> None:
    attempt = Attempt(environment(FluidSimulator(fail_after=1)), small_task())
    with attempt.recording_failures():
        attempt.begin()
        attempt.take(LOOK)
        attempt.take(LOOK)
    episode = attempt.episode("somebody")
    assert attempt.failure == episode.infrastructure_failure == "the test simulator broke"
    assert len(episode.steps) == 1
