"""The one loop: time, history, ends, failures, repeatability."""

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Step, ToolCall, Turn
from sixgym.run.rollout import rollout
from tests.doubles import FluidSimulator
from tests.episodes.samples import Caller, sample_episode, sample_task

READ = ("check_network_state", {})


def environment(**options: object) -> Environment:
    return Environment(SimulatedBackend(FluidSimulator(**options)))  # type: ignore[arg-type]


def test_each_call_takes_one_decision_interval_whatever_it_is() -> None:
    episode = sample_episode()
    assert [step.after.t_ms for step in episode.steps] == [500, 1000, 1500]
    assert [step.after.version for step in episode.steps] == [1, 2, 3]
    assert all(a.after == b.before for a, b in zip(episode.steps, episode.steps[1:], strict=False))


def test_a_bad_call_is_an_error_observation_and_the_episode_goes_on() -> None:
    episode = sample_episode()
    outcomes = [step.outcome for step in episode.steps]
    assert [outcome.ok for outcome in outcomes] == [True, False, False]
    assert "there is no tool 'no_such_tool'" in (outcomes[1].error or "")
    assert "not valid JSON" in (outcomes[2].error or "")
    assert episode.answer == "done"
    assert episode.terminated


def test_the_raw_arguments_are_kept_as_the_agent_wrote_them() -> None:
    steps = sample_episode().steps
    assert steps[2].turn.call == ToolCall(tool="read_telemetry", arguments="{")


def test_a_spent_budget_truncates() -> None:
    episode = sample_episode(agent=Caller(*[READ] * 100))
    assert len(episode.steps) == episode.task.max_steps
    assert episode.truncated
    assert not episode.terminated


def test_the_agent_sees_its_history_but_neither_goal_nor_faults() -> None:
    loop = environment()
    first = loop.reset(sample_task())
    second, _, _ = loop.step(Turn(call=ToolCall(tool="check_network_state", arguments={})))
    assert first.history == ()
    assert [exchange.turn.call for exchange in second.history] == [
        ToolCall(tool="check_network_state", arguments={})
    ]
    assert second.steps_left == first.steps_left - 1
    assert second.nodes == ("edge-1", "edge-2", "cloud", "onboard")
    assert not {"goal", "faults", "scenario"} & set(type(second).__slots__)


def test_a_finished_episode_has_to_be_reset() -> None:
    loop = environment()
    with pytest.raises(RuntimeError, match="reset"):
        loop.step(Turn(answer="x"))
    loop.reset(sample_task())
    loop.step(Turn(answer="x"))
    with pytest.raises(RuntimeError, match="the episode is over"):
        loop.step(Turn(answer="x"))


@pytest.mark.parametrize("turn", [Turn(), Turn(answer="x", call=ToolCall(tool="heartbeat", arguments={}))])
def test_a_turn_is_a_call_or_an_answer(turn: Turn) -> None:
    loop = environment()
    loop.reset(sample_task())
    with pytest.raises(ValueError, match="either a call or an answer"):
        loop.step(turn)


def test_the_same_seed_repeats_and_another_differs() -> None:
    first, again, other = (sample_episode(seed=seed).without_clock() for seed in (4, 4, 5))
    assert first == again
    assert first != other


def test_a_simulator_that_breaks_leaves_an_episode_with_all_finished_steps() -> None:
    loop = environment(fail_after=2)
    episode = rollout(loop, Caller(*[READ] * 9), sample_task())
    assert episode.infrastructure_failure == "the test simulator broke"
    assert len(episode.steps) == 2
    assert not episode.terminated


def test_a_simulator_that_does_not_start_leaves_an_episode_too() -> None:
    episode = rollout(environment(fail_on_reset=True), Caller(), sample_task())
    assert episode.infrastructure_failure == "the test simulator does not start"
    assert (episode.initial, episode.steps) == (None, ())


def test_a_mistake_of_ours_raises() -> None:
    class Broken(Caller):
        def act(self, observation: object) -> Turn:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rollout(environment(), Broken(), sample_task())


def test_every_step_is_shown_as_it_happens() -> None:
    seen: list[Step] = []
    episode = rollout(environment(), Caller(READ, READ), sample_task(), on_step=seen.append)
    assert tuple(seen) == episode.steps


def test_only_uavs_are_kept_of_the_devices() -> None:
    episode = sample_episode()
    kept = {name for interval in episode.remainder for name in interval.devices}
    assert kept == {"drone-1", "drone-2", "drone-3", "drone-4"}


def test_verifying_is_a_look_and_does_not_end_the_work() -> None:
    loop = environment()
    task = sample_task(faults=False)
    state = loop.reset(task).state.model_dump(mode="json")
    sla = task.sla.model_dump(mode="json")
    call = ToolCall(tool="verify_sla_compliance", arguments={"state": state, "sla": sla})
    observation, terminated, truncated = loop.step(Turn(call=call))
    assert observation.history[-1].outcome.result["fulfilled"] is True  # type: ignore[index,call-overload]
    assert (terminated, truncated) == (False, False)
