"""What an environment owes an agent and a trainer: turns, ends, and a record that says it all."""

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence

import pytest

from sixgym.agents.rules.scripted import ScriptedAgent
from sixgym.domain.intent import Goal
from sixgym.domain.scenario import Scenario
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.run.rollout import rollout
from sixgym.testing.backend import LOOK, LOOKS, hand_over, refused
from sixgym.testing.networks import small_task


class EnvironmentContract:
    """The whole contract of an environment: the loop, whatever network is below it.

    Attributes:
        make: Function that makes the environment, as a method or as `staticmethod(function)`.
    """

    make: Callable[..., Environment]

    def task(self, *, seed: int = 1) -> Task:
        """Task on a network with at least two cells and a UAV, with four calls or more."""
        return small_task(seed=seed)

    @pytest.fixture(scope="class")
    @classmethod
    def environment(cls) -> Iterator[Environment]:
        """One environment for all tests of a class: to reset it is part of the contract."""
        environment = cls().make()
        yield environment
        environment.close()

    def run(self, environment: Environment, calls: Sequence[ToolCall], *, seed: int = 1) -> Episode:
        """The episode of an agent that makes the calls, then answers."""
        return rollout(environment, ScriptedAgent(tuple(calls)), self.task(seed=seed))

    # ------------------------------------------------------------------ the record
    def test_the_same_seed_repeats_and_another_differs(self, environment: Environment) -> None:
        calls = [LOOK, hand_over(self.task().scenario), *LOOKS]
        first, again, other = (self.run(environment, calls, seed=seed).without_clock() for seed in (1, 1, 2))
        assert first == again
        assert first != other

    def test_an_episode_survives_storage(self, environment: Environment) -> None:
        episode = self.run(environment, refused(self.task().scenario))
        assert Episode.model_validate_json(episode.model_dump_json()) == episode

    def test_an_episode_says_which_network_it_ran_on(self, environment: Environment) -> None:
        episode = self.run(environment, [])
        assert episode.backend == environment.info
        assert episode.scenario_digest == self.task().scenario.digest

    # ------------------------------------------------------------------ the clock
    def test_each_call_takes_one_decision_interval_also_a_refused_one(self, environment: Environment) -> None:
        task = self.task()
        steps = self.run(environment, refused(task.scenario)).steps
        interval_ms = task.scenario.decision_interval_ms
        assert [step.outcome.ok for step in steps] == [False] * len(steps)
        assert [step.after.t_ms for step in steps] == [interval_ms * (step.index + 1) for step in steps]
        assert all(a.after == b.before for a, b in itertools.pairwise(steps))

    def test_the_network_runs_to_the_horizon_whenever_the_agent_stops(self, environment: Environment) -> None:
        task = self.task()
        early, late = self.run(environment, []), self.run(environment, [LOOK] * 3)
        for episode in (early, late):
            assert len(episode.steps) + len(episode.remainder) == task.horizon
            assert episode.remainder[-1].end_ms == task.horizon * task.scenario.decision_interval_ms
        assert early.remainder[-1] == late.remainder[-1]

    # ------------------------------------------------------------------ ends
    def test_an_answer_terminates(self, environment: Environment) -> None:
        environment.reset(self.task())
        assert environment.step(Turn.answering("done"))[1:] == (True, False)
        environment.run_out()
        assert environment.episode("tester").answer == "done"

    def test_a_call_beyond_the_budget_is_not_carried_out_and_truncates(
        self, environment: Environment
    ) -> None:
        task = self.task()
        environment.reset(task)
        ends = [environment.step(Turn(call=LOOK))[1:] for _ in range(task.max_steps + 1)]
        assert ends == [(False, False)] * task.max_steps + [(False, True)]
        episode = environment.episode("tester")
        assert len(episode.steps) == task.max_steps
        assert (episode.terminated, episode.truncated) == (False, True)

    def test_an_answer_is_still_taken_when_the_budget_is_spent(self, environment: Environment) -> None:
        task = self.task()
        environment.reset(task)
        for _ in range(task.max_steps):
            environment.step(Turn(call=LOOK))
        assert environment.step(Turn.answering("done"))[1:] == (True, False)

    def test_a_finished_episode_has_to_be_reset(self, environment: Environment) -> None:
        environment.reset(self.task())
        environment.step(Turn.answering("done"))
        with pytest.raises(RuntimeError, match="the episode is over"):
            environment.step(Turn(call=LOOK))
        assert environment.reset(self.task()).history == ()

    def test_a_new_environment_has_to_be_reset(self) -> None:
        environment = self.make()
        with pytest.raises(RuntimeError, match="reset"):
            environment.step(Turn(call=LOOK))
        environment.close()

    @pytest.mark.parametrize("turn", [Turn(), Turn(answer="done", call=LOOK)])
    def test_a_turn_is_a_call_or_an_answer(self, environment: Environment, turn: Turn) -> None:
        environment.reset(self.task())
        with pytest.raises(ValueError, match="either a call or an answer"):
            environment.step(turn)

    # ------------------------------------------------------------------ what an agent sees
    def test_the_agent_sees_every_turn_and_what_came_back(self, environment: Environment) -> None:
        task = self.task()
        first = last = environment.reset(task)
        turns = [Turn(call=call) for call in (LOOK, hand_over(task.scenario), refused(task.scenario)[0])]
        for turn in turns:
            last, _, _ = environment.step(turn)
        assert first.history == ()
        assert [exchange.turn for exchange in last.history] == turns
        assert [exchange.outcome.ok for exchange in last.history] == [True, True, False]
        assert last.state == last.history[-1].after
        assert (first.steps_left, last.steps_left) == (task.max_steps, task.max_steps - len(turns))

    def test_the_agent_sees_neither_goal_nor_faults(self, environment: Environment) -> None:
        observation = environment.reset(self.task())
        shown = [getattr(observation, field.name) for field in dataclasses.fields(observation)]
        assert not [value for value in shown if isinstance(value, (Goal, Scenario, Task))]

    # ------------------------------------------------------------------ closing
    def test_closing_twice_is_allowed_and_a_closed_environment_can_be_reset(self) -> None:
        with self.make() as environment:
            first = environment.reset(self.task())
            environment.close()
            environment.close()
            assert environment.reset(self.task()) == first
