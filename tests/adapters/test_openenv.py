import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
import uvicorn
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Episode
from sixgym.run.session import SessionOverError
from sixgym.serve.openenv import NetworkAction, NetworkClient, NetworkEnvironment, make_app
from sixgym.simulators.factory import SIMULATORS
from sixgym.tasks.record import BenchTask
from tests.adapters.samples import (
    arguments_of,
    clumsy_calls,
    comparable,
    played_by_calls,
    short_tasks,
    snippets,
    texts_of_a_run,
)
from tests.doubles import FluidSimulator


class Server:
    def __init__(self, network: str = "tti", **options: float) -> None:
        self.kept: list[Episode] = []
        app = make_app(short_tasks(3), network, self.kept.append, **options)  # type: ignore[arg-type]
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.server = uvicorn.Server(uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]})
        self.thread.start()

    def client(self) -> NetworkClient:
        return NetworkClient(f"http://{self.address}")

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with closing(Server()) as running:
        yield running


@pytest.fixture
def own_server() -> Iterator[Server]:
    """One whose episodes are this test's alone."""
    with closing(Server()) as running:
        yield running


def actions(task: BenchTask) -> list[NetworkAction]:
    calls = [NetworkAction(tool=call.tool, arguments=arguments_of(call)) for call in task.reference]
    return [*calls, NetworkAction(answer=task.reference_answer)]


def test_a_reference_solution_over_the_wire_is_rewarded_at_its_end(server: Server) -> None:
    task = short_tasks(1)[0]
    with server.client().sync() as client:
        client.reset(task=task.task.id)
        results = [client.step(action) for action in actions(task)]
        state = client.state()
    assert [result.reward for result in results] == [None] * len(task.reference) + [1.0]
    assert [result.done for result in results] == [False] * len(task.reference) + [True]
    assert state.result is not None
    assert state.result.success
    assert state.result.calls == len(task.reference) == state.step_count


def test_the_episode_is_that_of_the_same_calls_in_a_run(own_server: Server) -> None:
    task = short_tasks(1)[0]
    with own_server.client().sync() as client:
        client.reset(task=task.task.id)
        for tool, arguments in clumsy_calls(task):
            client.step(NetworkAction.model_validate({"tool": tool, "arguments": arguments}))
        client.step(NetworkAction(answer=task.reference_answer))
    assert comparable(own_server.kept[0]) == comparable(played_by_calls(task, clumsy_calls(task)))


def test_doing_nothing_is_not_rewarded(server: Server) -> None:
    with server.client().sync() as client:
        client.reset(task=short_tasks(1)[0].task.id)
        last = client.step(NetworkAction(answer="Done."))
    assert (last.done, last.reward) == (True, 0.0)


def test_the_model_reads_byte_for_byte_what_it_reads_in_a_run(server: Server) -> None:
    task = short_tasks(1)[0]
    before, after = texts_of_a_run(task)
    with server.client().sync() as client:
        first = client.reset(task=task.task.id).observation
        contents = [client.step(action).observation.content for action in actions(task)[:-1]]
    assert [message["content"] for message in first.messages] == before
    assert contents == after


def test_nothing_a_model_is_shown_tells_the_grade(server: Server) -> None:
    task = short_tasks(1)[0]
    with server.client().sync() as client:
        seen = [client.reset(task=task.task.id).observation]
        seen += [client.step(action).observation for action in actions(task)]
    texts = [
        text for one in seen for text in (*(message["content"] for message in one.messages), one.content)
    ]
    assert not any(word in text for text in texts for word in ("success", "reward", "violations"))
    assert seen[-1].content == ""


def test_a_call_beyond_the_budget_ends_the_task_with_a_grade(server: Server) -> None:
    task = short_tasks(1)[0]
    with server.client().sync() as client:
        client.reset(task=task.task.id)
        for _ in range(task.task.max_steps):
            assert not client.step(NetworkAction(tool="read_telemetry")).done
        last = client.step(NetworkAction(tool="read_telemetry"))
        with pytest.raises(RuntimeError, match="reset for another one"):
            client.step(NetworkAction(tool="read_telemetry"))
    assert (last.done, last.reward) == (True, 0.0)


def test_clients_at_once_have_networks_of_their_own(server: Server) -> None:
    one, other = short_tasks(2)
    with server.client().sync() as first, server.client().sync() as second:
        first.reset(task=one.task.id)
        second.reset(task=other.task.id)
        for action in actions(one):
            ended = first.step(action)
        idle = second.step(NetworkAction(answer="Done."))
        assert first.state().task == one.task.id
        assert second.state().task == other.task.id
    assert (ended.reward, idle.reward) == (1.0, 0.0)


def test_the_same_seed_draws_the_same_task(server: Server) -> None:
    def drawn(seed: int) -> str | None:
        with server.client().sync() as client:
            client.reset(seed=seed)
            return client.state().task

    assert drawn(1) == drawn(1)
    assert len({drawn(seed) for seed in range(6)}) > 1


def test_an_action_that_is_both_or_neither_is_refused(server: Server) -> None:
    with pytest.raises(ValueError, match="either a tool or an answer"):
        NetworkAction()
    with server.client().sync() as client:
        client.reset(seed=0)
        with pytest.raises(RuntimeError, match="VALIDATION_ERROR"):
            client.step(NetworkAction.model_construct(tool="read_telemetry", answer="Done."))


def test_a_network_that_does_not_start_is_an_error_and_no_grade() -> None:
    with closing(Server("no-such-network")) as broken, broken.client().sync() as client:
        with pytest.raises(RuntimeError, match="no network is called"):
            client.reset(seed=0)
        assert client.state().result is None


def test_a_network_that_breaks_is_an_error_and_no_grade(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SIMULATORS, "tti", lambda: FluidSimulator(fail_after=1))
    with server.client().sync() as client:
        client.reset(seed=0)
        client.step(NetworkAction(tool="read_telemetry"))
        with pytest.raises(RuntimeError, match="the test simulator broke"):
            client.step(NetworkAction(tool="read_telemetry"))
        assert client.state().result is None


class Slow(FluidSimulator):
    """Says that it is at work, and takes its time for that.

    Args:
        intervals: How many after the first are slow.
    """

    def __init__(self, intervals: int) -> None:
        super().__init__()
        self.at_work = threading.Event()
        self._slow = range(intervals)

    def advance(self, duration_ms: int) -> Interval:
        if self.advances in self._slow:
            self.at_work.set()
            time.sleep(0.3)
        return super().advance(duration_ms)


RESET = '{"type": "reset", "data": {"seed": 0}}'
STEP = '{"type": "step", "data": {"tool": "read_telemetry"}}'


def first_kept(server: Server) -> Episode:
    while not server.kept:  # the test's timeout ends it
        time.sleep(0.01)
    return server.kept[0]


def assert_graded_as_left(episode: Episode, calls: int) -> None:
    assert episode.infrastructure_failure is None
    assert episode.answer is None
    assert len(episode.steps) == calls
    assert len(episode.steps) + len(episode.remainder) == episode.task.horizon


@pytest.mark.parametrize("during_a_step", [False, True])
def test_a_client_that_leaves_has_ended_the_task_and_is_no_failure_of_the_server(
    own_server: Server,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    during_a_step: bool,
) -> None:
    simulator = Slow(1)
    monkeypatch.setitem(SIMULATORS, "tti", lambda: simulator)
    with connect(f"ws://{own_server.address}/ws") as leaving:
        leaving.send(RESET)
        leaving.recv()
        if during_a_step:
            leaving.send(STEP)
            simulator.at_work.wait()
            leaving.socket.shutdown(socket.SHUT_RDWR)
    assert_graded_as_left(first_kept(own_server), int(during_a_step))
    with own_server.client().sync() as client:  # answered after all that was said to the one who left
        client.reset(seed=0)
    assert not caplog.records


def test_a_client_that_begins_anew_has_ended_the_task_before(own_server: Server) -> None:
    with own_server.client().sync() as client:
        client.reset(seed=0)
        client.step(NetworkAction(tool="read_telemetry"))
        client.reset(seed=0)
        assert client.state().step_count == 0
    assert_graded_as_left(first_kept(own_server), 1)


@pytest.mark.parametrize("close_code", [1000, 1012])
def test_a_client_cannot_pass_for_a_server_that_stops(own_server: Server, close_code: int) -> None:
    leaving = connect(f"ws://{own_server.address}/ws")
    leaving.send(RESET)
    leaving.recv()
    leaving.close(close_code)
    assert_graded_as_left(first_kept(own_server), 0)


def test_a_server_that_stops_keeps_what_has_happened() -> None:
    with closing(Server()) as stopping, closing(connect(f"ws://{stopping.address}/ws")) as client:
        client.send(RESET)
        client.recv()
        client.send(STEP)
        client.recv()
        stopping.close()
        (episode,) = stopping.kept
    assert episode.infrastructure_failure == "the server was stopped"
    assert (len(episode.steps), len(episode.remainder)) == (1, 0)


def test_a_server_that_stops_while_a_network_runs_out_keeps_the_episode(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator = Slow(1000)
    monkeypatch.setitem(SIMULATORS, "tti", lambda: simulator)
    with closing(Server()) as stopping, closing(connect(f"ws://{stopping.address}/ws")) as client:
        client.send(RESET)
        client.recv()
        client.send('{"type": "step", "data": {"answer": "Done."}}')
        simulator.at_work.wait()
        stopping.close()
        (episode,) = stopping.kept
    assert episode.infrastructure_failure == "the server was stopped"
    assert episode.answer == "Done."
    assert simulator.closed == 1


def test_an_environment_that_was_closed_starts_no_network_any_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[FluidSimulator] = []

    def make() -> FluidSimulator:
        made.append(FluidSimulator())
        return made[-1]

    monkeypatch.setitem(SIMULATORS, "tti", make)
    kept: list[Episode] = []
    environment = NetworkEnvironment(short_tasks(1), "tti", kept.append)
    environment.reset()
    environment.close()
    with pytest.raises(SessionOverError, match="connect again"):
        environment.reset()
    with pytest.raises(SessionOverError, match="connect again"):
        environment.step(NetworkAction(tool="read_telemetry"))
    environment.close()
    assert len(kept) == len(made) == made[0].closed == 1


def test_a_silent_client_loses_its_network_for_good() -> None:
    # the library looks every five seconds at most
    with closing(Server(idle_s=0.1)) as strict, closing(connect(f"ws://{strict.address}/ws")) as client:
        client.send(RESET)
        client.recv()
        assert_graded_as_left(first_kept(strict), 0)
        for late in (STEP, RESET):
            client.send(late)
            assert "it was silent for too long; connect again" in str(client.recv())


@pytest.mark.parametrize("path", ["/mcp", "/docs", "/openapi.json", "/reset", "/step"])
def test_what_belongs_to_no_connection_is_not_served(server: Server, path: str) -> None:
    for method in ("GET", "POST"):
        connection = HTTPConnection(server.address, timeout=10)
        with closing(connection):
            connection.request(method, path, body="{}", headers={"Host": server.address})
            assert connection.getresponse().status == 404


def test_the_library_finds_that_the_server_is_well(server: Server) -> None:
    with closing(HTTPConnection(server.address, timeout=10)) as connection:
        connection.request("GET", "/health")
        assert connection.getresponse().status == 200


def test_more_clients_than_allowed_are_turned_away() -> None:
    with closing(Server(sessions=1)) as small, small.client().sync() as first:
        first.reset(seed=0)
        with connect(f"ws://{small.address}/ws") as second:
            assert "CAPACITY_REACHED" in second.recv()


def test_web_pages_are_turned_away(server: Server) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(f"ws://{server.address}/ws", origin="https://example.com")  # type: ignore[arg-type]


def test_it_listens_on_this_machine_alone() -> None:
    with pytest.raises(ValueError, match="has no credentials"):
        make_app(short_tasks(1), "tti", print, host="0.0.0.0")


def test_the_program_in_the_documentation_runs(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = snippets("OpenEnv")
    exec(program.replace("127.0.0.1:8000", server.address))
    assert "True 0.0" in capsys.readouterr().out
