"""Bad replies count against the agent; bad servers do not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sixgym.evaluate.bench.store import RunFolder
from tests.chat_server import ChatServer, Json, Reply, call, refuse, say
from tests.cli.language.scripted import LOOK, over_http, samples
from tests.evaluate.bench.bench_samples import write_tasks

BAD_REPLIES: dict[str, Json | Reply] = {
    "malformed arguments": say(None, calls=[call(LOOK, '{"slice": ')]),
    "an unknown tool": say(None, calls=[call("rm -rf /", {"path": "../../etc"})]),
    "parallel calls": say("both", calls=[call(LOOK, {}, id="a"), call("no_such", {}, id="b")]),
    "no text": say(None),
    "text without a call": say("\x1b[31mI would look first\x00\n{{secret}} %s"),
    "calls without ids": say(None, calls=[call(LOOK, {}, id=None)]),
}

FAILURES: dict[str, Json | Reply] = {
    "HTTP 400": refuse(400, "context too long"),
    "no choices": Reply({"choices": []}),
    "no JSON object": Reply([1, 2]),
    "endless text": Reply(b" " * 100_000, endless=True),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_a_bad_reply_is_the_agents_and_its_episode_is_graded(
    bench: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(1))
    with ChatServer(lambda _: BAD_REPLIES[name]) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid")
    assert done.exit_code == 0, done.output
    (row,) = RunFolder(tmp_path / "run").results()
    assert row.infrastructure_failure is None
    assert not row.success
    ((_, episode),) = RunFolder(tmp_path / "run").episodes(1)
    assert episode.terminated or episode.truncated


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_server_is_no_fault_of_the_agent(bench: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """The first request of the first episode succeeds; every later one meets the failure."""
    task_file = write_tasks(tmp_path / "tasks.json", samples(2))

    def answer(request: Json) -> Json | Reply:
        return FAILURES[name] if len(request["messages"]) > 2 else say(None, calls=[call(LOOK, {})])

    with ChatServer(answer) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid", "--workers", 1)
    assert done.exit_code == 1
    assert "every episode broke on our side" in done.stderr
    for row in RunFolder(tmp_path / "run").results():
        assert row.infrastructure_failure
        assert server.url in row.infrastructure_failure
    ((_, first), _) = RunFolder(tmp_path / "run").episodes(1)
    assert len(first.steps) == 1, "what had happened is kept"


def test_a_wrong_key_stops_the_run_at_once_and_is_never_written(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-marker-of-a-secret")
    task_file = write_tasks(tmp_path / "tasks.json", samples(9))
    with ChatServer(lambda _: refuse(401, "bad key sk-marker-of-a-secret")) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid", "--workers", 1)
        assert len(server.requests) == 1
    assert done.exit_code == 1
    assert "OPENAI_API_KEY" in done.stderr
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"marker" not in written
    assert "marker" not in done.output


def test_a_server_that_is_not_there_is_one_clear_error(bench: Callable[..., Any], tmp_path: Path) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(3))
    server = ChatServer(lambda _: say("x"))
    with server:
        pass
    done = bench(server, "--tasks", task_file, "--network", "fluid")
    assert done.exit_code == 1
    assert "is it running" in done.stderr


def test_a_server_that_takes_no_temperature_is_named_at_the_end(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    tasks = samples(1)

    def answer(request: Json) -> Json | Reply:
        if "temperature" in request:
            return refuse(400, "no", code="unsupported_value", param="temperature")
        return over_http(tasks)(request)

    with ChatServer(answer) as server:
        done = bench(server, "--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    assert done.exit_code == 0, done.output
    assert "the server refuses a temperature for scripted" in done.stderr
