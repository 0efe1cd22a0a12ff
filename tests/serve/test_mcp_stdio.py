"""`sixgym serve mcp` as a process of its own, as a desktop client starts it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters

from sixgym.episodes.store import read_episodes
from tests.repository import ROOT
from tests.serve.clients import wait_until

FLUID = """
import time
from sixgym.simulators import factory
from tests.doubles import FluidSimulator
class SlowSimulator(FluidSimulator):
    def advance(self, duration_ms):
        time.sleep(0.03)
        return super().advance(duration_ms)
factory.SIMULATORS["fluid"] = FluidSimulator
factory.SIMULATORS["slow"] = SlowSimulator
from sixgym.cli import main
main()
"""


def command(out: Path, *arguments: str, network: str = "fluid") -> list[str]:
    options = ["--network", network, "--seed", "7", "--out", str(out), *arguments]
    return [sys.executable, "-c", FLUID, "serve", "mcp", *options]


def parameters(out: Path, *arguments: str) -> StdioServerParameters:
    program, *rest = command(out, *arguments)
    return StdioServerParameters(command=program, args=rest, cwd=ROOT)


def test_the_official_client_works_over_stdio_and_the_episode_is_stored(tmp_path: Path) -> None:
    async def main() -> None:
        async with Client(parameters(tmp_path)) as client:
            assert len((await client.list_tools()).tools) == 43
            assert not (await client.call_tool("read_telemetry", {})).is_error
            assert (await client.call_tool("no_such_tool", {})).is_error
            await client.call_tool("finish_task", {"answer": "done"})

    anyio.run(main)
    [stored] = tmp_path.glob("*.jsonl")
    [episode] = read_episodes(stored)
    assert [step.outcome.ok for step in episode.steps] == [True, False]
    assert episode.answer == "done"
    assert stored.with_suffix(".parquet").exists()


def test_a_client_that_goes_away_without_an_answer_leaves_an_episode_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with Client(parameters(tmp_path)) as client:
            await client.call_tool("read_telemetry", {})

    anyio.run(main)
    wait_until(lambda: any(tmp_path.glob("*.parquet")))
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure is None
    assert len(episode.steps) + len(episode.remainder) == episode.task.horizon


def speak(process: subprocess.Popen[str], *messages: dict[str, object]) -> list[dict[str, Any]]:
    """Send JSON-RPC messages and wait for the answer to each that wants one."""
    assert process.stdin is not None
    assert process.stdout is not None
    answers = []
    for message in messages:
        process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        process.stdin.flush()
        if "id" in message:
            answers.append(json.loads(process.stdout.readline()))
    return answers


HELLO: dict[str, object] = {
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}


def call(number: int, tool: str, **arguments: object) -> dict[str, object]:
    return {"id": number, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def started(out: Path, network: str = "fluid") -> subprocess.Popen[str]:
    pipe, program = subprocess.PIPE, command(out, network=network)
    return subprocess.Popen(program, stdin=pipe, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)


def leave_while_it_runs_out(process: subprocess.Popen[str], out: Path) -> None:
    """Make a call, then close standard input; on return the network is running out."""
    assert process.stdin is not None
    speak(process, HELLO, call(2, "read_telemetry"))
    process.stdin.close()
    wait_until(lambda: any(out.glob("*.parquet")))


def test_nothing_but_mcp_is_on_standard_output_and_the_verdict_is_on_standard_error(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        finish = call(3, "finish_task", answer="x")
        ready: dict[str, object] = {"method": "notifications/initialized"}
        answers = speak(process, HELLO, ready, call(2, "read_telemetry"), finish)
        rest, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert [answer["id"] for answer in answers] == [1, 2, 3]
    assert rest == ""
    assert "service level" in said
    assert "service level met" not in json.dumps(answers)
    assert "violated" not in json.dumps(answers)


def test_a_server_that_is_told_to_stop_keeps_the_episode_and_goes(tmp_path: Path) -> None:
    with started(tmp_path) as process:
        speak(process, HELLO, call(2, "read_telemetry"))
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 128 + signal.SIGTERM
        assert process.stderr is not None
        assert "the server was stopped" in process.stderr.read()
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure == "the server was stopped"
    assert len(episode.steps) == 1


def test_a_server_that_is_told_to_stop_after_its_client_left_gets_to_the_verdict(tmp_path: Path) -> None:
    with started(tmp_path, "slow") as process:
        leave_while_it_runs_out(process, tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure is None
    assert len(episode.steps) + len(episode.remainder) == episode.task.horizon
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupt_stops_a_server_also_after_its_client_left(tmp_path: Path) -> None:
    with started(tmp_path, "slow") as process:
        leave_while_it_runs_out(process, tmp_path)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure == "the server was stopped"


def test_a_server_that_is_killed_while_the_network_runs_out_leaves_what_had_happened(tmp_path: Path) -> None:
    with started(tmp_path, "slow") as process:
        leave_while_it_runs_out(process, tmp_path)
        process.kill()
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure == "the server was killed while the network ran on"
    assert (len(episode.steps), episode.remainder) == (1, ())


def test_in_a_terminal_it_says_what_it_waits_for(tmp_path: Path) -> None:
    ours, theirs = os.openpty()
    with subprocess.Popen(
        command(tmp_path), stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        os.close(theirs)
        assert process.stderr is not None
        said = process.stderr.readline()
        os.close(ours)
        process.kill()
    assert "waiting for an MCP client on standard input" in said
    assert "docs/mcp.md" in said
    assert "--http PORT" in said
