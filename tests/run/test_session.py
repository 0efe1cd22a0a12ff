"""The step-by-step session of a client, independent of any protocol."""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.episodes.episode import Episode
from sixgym.run.session import KILLED, STOPPED, EpisodeSession, SessionOverError
from sixgym.scoring.goals import judge
from tests.doubles import FluidSimulator
from tests.serve.clients import Faulty, small_task

LOOK = "check_network_state"


class Place:
    def __init__(self, simulator: FluidSimulator | None = None) -> None:
        self.simulator = simulator or FluidSimulator()
        self.kept: list[Episode] = []
        self.held: list[Episode] = []
        self.released_with: list[int] = []
        self.session = EpisodeSession(
            small_task(),
            lambda: SimulatedBackend(self.simulator),
            self.kept.append,
            agent="somebody",
            safeguard=self.safeguard,
        )

    @contextmanager
    def safeguard(self, episode: Episode) -> Generator[None]:
        self.held.append(episode)
        try:
            yield
        finally:
            self.released_with.append(len(self.kept))


@pytest.fixture
def place() -> Place:
    return Place()


def test_every_call_takes_one_decision_interval_and_one_of_the_budget(place: Place) -> None:
    before = place.session.observe()
    after = place.session.call(LOOK, {})
    assert after.state.t_ms - before.state.t_ms == small_task().scenario.decision_interval_ms
    assert after.steps_left == before.steps_left - 1


def test_looking_at_what_is_known_takes_no_time(place: Place) -> None:
    assert place.session.observe() == place.session.observe()


def test_a_finished_task_runs_out_frees_the_network_and_is_kept_once(place: Place) -> None:
    place.session.call(LOOK, {})
    place.session.finish("answer: gnb-1")
    place.session.leave("the client left")
    [episode] = place.kept
    assert (episode.terminated, episode.truncated, episode.answer) == (True, False, "answer: gnb-1")
    assert len(episode.steps) + len(episode.remainder) == small_task().horizon
    assert episode.infrastructure_failure is None
    assert place.simulator.closed == 1
    assert judge(episode) == judge(Episode.model_validate_json(episode.model_dump_json()))


def test_after_the_end_every_call_is_refused_with_the_reason(place: Place) -> None:
    place.session.finish("done")
    for again in (
        lambda: place.session.call(LOOK, {}),
        lambda: place.session.finish("no"),
        place.session.observe,
    ):
        with pytest.raises(SessionOverError, match=r"the task is finished; connect again"):
            again()


def test_the_call_beyond_the_budget_ends_the_task_and_is_not_carried_out(place: Place) -> None:
    for _ in range(small_task().max_steps):
        place.session.call(LOOK, {})
    with pytest.raises(SessionOverError, match="all 8 calls are spent"):
        place.session.call(LOOK, {})
    [episode] = place.kept
    assert episode.truncated
    assert len(episode.steps) == small_task().max_steps


def test_with_its_budget_spent_an_agent_may_still_answer(place: Place) -> None:
    for _ in range(small_task().max_steps):
        place.session.call(LOOK, {})
    place.session.finish("done")
    assert place.kept[0].answer == "done"


def test_a_client_that_leaves_without_an_answer_is_judged_by_what_the_network_does(place: Place) -> None:
    place.session.call(LOOK, {})
    place.session.leave("the client left")
    [episode] = place.kept
    assert (episode.terminated, episode.answer, episode.infrastructure_failure) == (False, None, None)
    assert len(episode.steps) + len(episode.remainder) == small_task().horizon


def test_a_client_that_never_called_leaves_no_episode_and_starts_no_network(place: Place) -> None:
    place.session.leave("the client left")
    assert place.kept == []
    assert place.simulator.closed == 0


def test_a_network_that_breaks_says_nothing_of_the_agent() -> None:
    place = Place(FluidSimulator(fail_after=3))
    for _ in range(3):
        place.session.call(LOOK, {})
    with pytest.raises(SessionOverError, match=r"the network broke \(the test simulator broke\)"):
        place.session.call(LOOK, {})
    with pytest.raises(SessionOverError, match="the network broke"):
        place.session.call(LOOK, {})
    [episode] = place.kept
    assert episode.infrastructure_failure == "the test simulator broke"
    assert len(episode.steps) == 3
    assert place.simulator.closed > 0


def test_a_network_that_breaks_after_the_answer_is_told_apart_from_a_finished_task() -> None:
    place = Place(FluidSimulator(fail_after=3))
    with pytest.raises(SessionOverError, match="the network broke"):
        place.session.finish("done")
    assert place.kept[0].infrastructure_failure == "the test simulator broke"


def test_a_network_that_does_not_start_leaves_a_record() -> None:
    place = Place(FluidSimulator(fail_on_reset=True))
    with pytest.raises(SessionOverError, match="does not start"):
        place.session.observe()
    assert place.kept[0].infrastructure_failure == "the test simulator does not start"
    assert place.simulator.closed > 0


def test_a_fault_of_ours_is_recorded_as_one_and_ends_the_session() -> None:
    place = Place(Faulty())
    place.session.call(LOOK, {})
    with pytest.raises(ZeroDivisionError):
        place.session.call(LOOK, {})
    with pytest.raises(SessionOverError, match="the server failed"):
        place.session.call(LOOK, {})
    assert "ZeroDivisionError" in str(place.kept[0].infrastructure_failure)


def test_a_server_that_stops_keeps_what_has_happened_and_does_not_run_out(place: Place) -> None:
    place.session.call(LOOK, {})
    place.session.stop()
    place.session.leave("the client left")
    [episode] = place.kept
    assert episode.infrastructure_failure == STOPPED
    assert (len(episode.steps), episode.remainder) == (1, ())
    assert place.simulator.closed == 1


def test_a_stop_says_why_and_the_first_reason_counts(place: Place) -> None:
    place.session.call(LOOK, {})
    place.session.stop("the evaluation was cancelled")
    place.session.stop()
    place.session.finish("done")
    assert place.kept[0].infrastructure_failure == "the evaluation was cancelled"


def test_while_the_network_runs_out_what_has_happened_is_held_until_the_whole_is_kept(place: Place) -> None:
    place.session.call(LOOK, {})
    assert place.held == []
    place.session.finish("done")
    [held] = place.held
    assert (held.infrastructure_failure, len(held.steps), held.remainder) == (KILLED, 1, ())
    assert held.answer == "done"
    assert place.released_with == [1]


def test_a_network_that_breaks_while_it_runs_out_lets_go_of_what_was_held() -> None:
    place = Place(FluidSimulator(fail_after=3))
    place.session.call(LOOK, {})
    with pytest.raises(SessionOverError, match="the network broke"):
        place.session.finish("done")
    assert place.released_with == [1]


def test_a_safeguard_that_fails_leaves_no_network_running() -> None:
    def broken(_: Episode) -> AbstractContextManager[None]:
        raise ZeroDivisionError

    simulator, kept = FluidSimulator(), list[Episode]()
    session = EpisodeSession(small_task(), lambda: SimulatedBackend(simulator), kept.append, safeguard=broken)
    session.call(LOOK, {})
    with pytest.raises(ZeroDivisionError):
        session.leave("the client left")
    assert simulator.closed == 1
    assert len(kept) == 1


def test_the_record_names_the_agent(place: Place) -> None:
    place.session.call(LOOK, {})
    place.session.leave("the client left")
    later = Place()
    later.session.call(LOOK, {})
    later.session.introduce("somebody else")
    later.session.leave("the client left")
    assert [place.kept[0].agent, later.kept[0].agent] == ["somebody", "somebody else"]


def test_a_session_that_has_not_begun_can_be_left_for_later(place: Place) -> None:
    place.session.leave_if_begun("silent")
    place.session.call(LOOK, {})
    place.session.leave_if_begun("silent")
    assert len(place.kept) == 1
    with pytest.raises(SessionOverError, match="silent"):
        place.session.observe()


def test_a_mistake_is_an_outcome_that_takes_its_interval(place: Place) -> None:
    known = place.session.call("no_such_tool", {"x": 1})
    outcome = known.history[-1].outcome
    assert not outcome.ok
    assert "there is no tool" in str(outcome.error)
    assert known.state.t_ms == small_task().scenario.decision_interval_ms
