"""What all harnesses share, with a fast network; the harnesses themselves are in tests/adapters."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import pytest

from sixgym.agents.llm.react import ReactAgent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message, WrittenCall
from sixgym.models.chat import Completion
from sixgym.models.function import FunctionModel
from sixgym.run.rollout import rollout
from sixgym.serve.harness import (
    BrokenEpisodeError,
    Player,
    WireTalk,
    play,
    result_of,
    scores,
)
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import SIMULATORS
from sixgym.tasks.frozen import TaskSetError, load_task, tasks_by_id
from sixgym.tasks.record import BenchTask
from tests.doubles import FluidSimulator

Reply = Callable[[Sequence[Message]], Completion]


class LimitError(Exception):
    """A limit of a harness."""


def calls(number: int) -> Reply:
    """A model that makes so many calls and then answers."""

    def reply(messages: Sequence[Message]) -> Completion:
        made = sum(message.role == "tool" for message in messages)
        if made >= number:
            return Completion("Done.")
        return Completion("", calls=(WrittenCall(id=f"call{made}", tool="read_telemetry", arguments="{}"),))

    return reply


def player(reply: Reply, pause_s: float = 0.0) -> Player:
    async def ask(messages: Sequence[Message]) -> Completion:
        await anyio.sleep(pause_s)
        return reply(messages)

    return Player("scripted", ask, lambda error: isinstance(error, LimitError))


@pytest.fixture
def simulators(monkeypatch: pytest.MonkeyPatch) -> list[FluidSimulator]:
    """Every simulator that was made, in order."""
    made: list[FluidSimulator] = []

    def make() -> FluidSimulator:
        made.append(FluidSimulator())
        return made[-1]

    monkeypatch.setitem(SIMULATORS, "tti", make)
    return made


@pytest.fixture
def first_task() -> BenchTask:
    return next(iter(tasks_by_id(None).values()))


def played(task: BenchTask, who: Player) -> list[Episode]:
    kept: list[Episode] = []
    anyio.run(play, task, "tti", who, kept.append)
    return kept


def test_it_is_the_episode_of_the_same_model_in_a_run(
    simulators: list[FluidSimulator], first_task: BenchTask
) -> None:
    (episode,) = played(first_task, player(calls(2)))
    agent = ReactAgent(FunctionModel("scripted", calls(2)))
    run = rollout(Environment(SimulatedBackend(FluidSimulator())), agent, first_task.task)
    assert episode.without_clock() == run.without_clock()
    assert [simulator.closed for simulator in simulators] == [1]


def test_a_limit_ends_the_work_but_not_the_network(
    simulators: list[FluidSimulator], first_task: BenchTask
) -> None:
    def limited(messages: Sequence[Message]) -> Completion:
        if len(messages) > 2:
            raise LimitError("so many tokens and no more")
        return calls(9)(messages)

    kept: list[Episode] = []
    with pytest.raises(LimitError):
        anyio.run(play, first_task, "tti", player(limited), kept.append)
    (episode,) = kept
    assert len(episode.steps) == 1
    assert len(episode.steps) + len(episode.remainder) == first_task.task.horizon
    assert result_of(first_task, episode).calls == 1
    assert simulators[0].closed == 1


def test_a_deadline_is_a_limit(simulators: list[FluidSimulator], first_task: BenchTask) -> None:
    kept: list[Episode] = []

    async def hurried() -> None:
        with anyio.move_on_after(0.2):
            await play(first_task, "tti", player(calls(9), pause_s=60), kept.append)

    anyio.run(hurried)
    assert len(kept[0].remainder) == first_task.task.horizon
    assert not result_of(first_task, kept[0]).success
    assert simulators[0].closed == 1


def test_a_model_that_cannot_be_asked_leaves_no_grade_and_no_secret(
    simulators: list[FluidSimulator], first_task: BenchTask
) -> None:
    def broken(messages: Sequence[Message]) -> Completion:
        raise ConnectionError("wrong key sk-secret")

    kept: list[Episode] = []
    with pytest.raises(ConnectionError):
        anyio.run(play, first_task, "tti", player(broken), kept.append)
    with pytest.raises(BrokenEpisodeError, match="could not be asked"):
        result_of(first_task, kept[0])
    assert "sk-secret" not in kept[0].model_dump_json()
    assert simulators[0].closed == 1


@pytest.mark.parametrize("fail_after", [0, 1, 3])
def test_a_network_that_breaks_leaves_no_grade(
    monkeypatch: pytest.MonkeyPatch, first_task: BenchTask, fail_after: int
) -> None:
    monkeypatch.setitem(SIMULATORS, "tti", lambda: FluidSimulator(fail_after=fail_after))
    (episode,) = played(first_task, player(calls(1)))
    with pytest.raises(BrokenEpisodeError, match="the test simulator broke"):
        result_of(first_task, episode)


def test_a_network_that_cannot_be_made_is_an_error(
    monkeypatch: pytest.MonkeyPatch, first_task: BenchTask
) -> None:
    def make() -> FluidSimulator:
        raise SimulatorError("not installed")

    monkeypatch.setitem(SIMULATORS, "tti", make)
    with pytest.raises(SimulatorError, match="not installed"):
        played(first_task, player(calls(1)))
    with pytest.raises(ValueError, match="no network is called"):
        anyio.run(play, first_task, "no-such-network", player(calls(1)), print)


def test_more_episodes_than_worker_threads_go_on_at_once(
    simulators: list[FluidSimulator], first_task: BenchTask
) -> None:
    together = 45
    kept: list[Episode] = []
    asked = 0

    async def all_of_them() -> None:
        everybody = anyio.Event()

        async def ask(messages: Sequence[Message]) -> Completion:
            nonlocal asked
            asked += 1
            if asked == together:
                everybody.set()
            await everybody.wait()
            return Completion("Done.")

        async with anyio.create_task_group() as tasks:
            for _ in range(together):
                who = Player("scripted", ask, lambda _: False)
                tasks.start_soon(play, first_task, "tti", who, kept.append)

    anyio.run(all_of_them)
    assert len(kept) == together == len(simulators)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("sixgym-episode")]


def said(message: dict[str, object]) -> bytes:
    return json.dumps({"choices": [{"message": message}]}).encode()


CALL = {"id": "call00001", "type": "function", "function": {"name": "read_telemetry", "arguments": "{}"}}


def test_what_a_model_said_goes_back_to_it_as_it_came() -> None:
    talk = WireTalk("scripted", "native")
    begin = Message(role="user", content="Go.")
    first = talk.request([begin])
    assert first["messages"] == [{"role": "user", "content": "Go."}]
    assert len(first["tools"]) == 42
    came = {"role": "assistant", "content": "", "reasoning_content": "Look.", "tool_calls": [CALL]}
    reply = talk.reply(said(came))
    assert (reply.reasoning, reply.calls[0].tool) == ("Look.", "read_telemetry")
    answered = Message(role="tool", content="{}", answers="call00001")
    past = Message(role="assistant", content="", calls=reply.calls)
    assert talk.request([begin, past, answered])["messages"] == [
        *first["messages"],
        came,
        {"role": "tool", "content": "{}", "tool_call_id": "call00001"},
    ]


def test_native_calls_do_not_go_back_where_calls_are_text() -> None:
    talk = WireTalk("scripted", "text")
    begin = Message(role="user", content="Go.")
    assert "tools" not in talk.request([begin])
    talk.reply(said({"role": "assistant", "content": "Well.", "tool_calls": [CALL]}))
    sent = talk.request([begin, Message(role="assistant", content="Well.")])["messages"]
    assert sent[1] == {"role": "assistant", "content": "Well."}


def test_scores_are_plain_numbers(simulators: list[FluidSimulator], first_task: BenchTask) -> None:
    (episode,) = played(first_task, player(calls(1)))
    found = scores(result_of(first_task, episode))
    assert found == {"success": 0.0, "calls": 1.0, "refused": 0.0, "violations": 0.0}


def test_a_task_that_the_set_has_not_is_named(tmp_path: Path) -> None:
    with pytest.raises(TaskSetError, match="no task 'nothing'"):
        load_task("nothing")
    with pytest.raises(TaskSetError):
        load_task("nothing", tmp_path / "none.json")
