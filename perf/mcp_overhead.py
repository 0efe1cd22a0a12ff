"""What MCP adds to a tool call, beside the bare SDK; writes results/mcp-overhead.md.

    python perf/mcp_overhead.py

The network behind is one that answers at once: it measures the same interval again and again. What a
call costs in process without MCP is measured too, and taken off. Everything is measured once a round,
bare and ours in turn, so that whatever slows the machine down for a while slows all.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters
from mcp.server import Server
from mcp.server.context import ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
)
from pydantic import JsonValue

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode, Task
from sixgym.episodes.task import make_task
from sixgym.run.session import EpisodeSession
from sixgym.scenarios import load_scenario
from sixgym.serve.mcp import make_server, tool_list
from sixgym.serve.sessions import Sessions
from sixgym.simulators.tti import TtiSimulator

PAGE = Path(__file__).parents[1] / "results" / "mcp-overhead.md"
LONGEST = "read_telemetry"
CALLS: dict[str, dict[str, JsonValue]] = {
    "check_network_state": {},
    "heartbeat": {"uav": "drone-1"},
    LONGEST: {},
}
"""A short answer, a command, and the longest answer there is."""
GOALS_MS = {"in memory": 0.5, "stdio": 1.5}
BARE = "one_word"
PLENTY = 10_000
"""Calls and intervals: more than a round makes, few enough to run out in a moment."""


class StillNetwork:
    """A network in which nothing changes but the time: `advance` costs nothing."""

    name, version = "still", "1"

    def __init__(self, interval: Interval) -> None:
        self._interval = interval

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The interval that was measured elsewhere."""
        return self._interval

    def apply(self, change: Change) -> None:
        """Nothing changes."""

    def advance(self, duration_ms: int) -> Interval:
        """The same again, later."""
        start = self._interval.end_ms
        self._interval = replace(self._interval, start_ms=start, end_ms=start + duration_ms)
        return self._interval

    def close(self) -> None:
        """Nothing runs."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A task without an end, and what opens its network."""

    task: Task
    open_backend: Callable[[], SimulatedBackend]

    def server(self) -> Server:
        """Our server."""
        sessions = Sessions(self.task, self.open_backend, _forget, limit=1, idle_s=3_600)
        return make_server(sessions)


def setting() -> Setting:
    """The shipped scenario uav-inspection after its warm-up on tti, with room for many calls."""
    long = {"max_steps": PLENTY, "horizon": PLENTY}
    task = make_task(load_scenario("uav-inspection"), seed=7).model_copy(update=long)
    simulator = TtiSimulator()
    interval = simulator.reset(task.scenario, seed=task.seed)
    simulator.close()
    return Setting(task, lambda: SimulatedBackend(StillNetwork(interval)))


def _forget(_: Episode) -> None:
    """Keeping an episode is not measured."""


def bare_server(here: Setting) -> Server:
    """The SDK alone: the same answers to the same calls, made beforehand, and a tool that says one word."""
    session = EpisodeSession(here.task, here.open_backend, _forget)
    answers = {BARE: CallToolResult(content=[TextContent(text="hello")])}
    for tool, arguments in CALLS.items():
        result = session.call(tool, arguments).history[-1].outcome.result
        text = TextContent(text=json.dumps(result))
        answers[tool] = CallToolResult(content=[text], structured_content=result)
    tools = [tool for tool in tool_list() if tool.name in CALLS]
    tools.append(Tool(name=BARE, input_schema={"type": "object"}))

    async def list_tools(_: ServerRequestContext, __: PaginatedRequestParams | None) -> ListToolsResult:
        return ListToolsResult(tools=tools)

    async def call_tool(_: ServerRequestContext, params: CallToolRequestParams) -> CallToolResult:
        return answers[params.name]

    return Server("bare", on_list_tools=list_tools, on_call_tool=call_tool)


def serve(name: str) -> None:
    """Serve one of the two on standard input and output."""
    here = setting()
    server = bare_server(here) if name == "bare" else here.server()

    async def run() -> None:
        async with stdio_server() as (read, write):
            await server.run(read, write, server.create_initialization_options())

    anyio.run(run)


async def per_call_ms(client: Client, tool: str, arguments: dict[str, JsonValue], calls: int) -> float:
    """Median time of a call, as the official client sees it."""
    await client.call_tool(tool, arguments)
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        await client.call_tool(tool, arguments)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def in_process_ms(session: EpisodeSession, tool: str, arguments: dict[str, JsonValue], calls: int) -> float:
    """Median time of a call without MCP: tool, world, record."""
    times = []
    for _ in range(calls):
        started = time.perf_counter()
        session.call(tool, arguments)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


Figures = dict[tuple[str, str, str], list[float]]
"""Milliseconds per call of every round, by who answered, over what, and tool."""


async def measure(rounds: int, calls: int) -> Figures:
    """All figures of all rounds."""
    found: Figures = {}
    here = setting()
    for _ in range(rounds):
        async with AsyncExitStack() as stack:
            session = EpisodeSession(here.task, here.open_backend, _forget)
            clients = {
                ("bare", "in memory"): Client(bare_server(here), mode="legacy"),
                ("ours", "in memory"): Client(here.server(), mode="legacy"),
                ("bare", "stdio"): Client(_process("bare")),
                ("ours", "stdio"): Client(_process("ours")),
            }
            for client in clients.values():
                await stack.enter_async_context(client)
            for tool, arguments in CALLS.items():
                inside = in_process_ms(session, tool, arguments, calls)
                found.setdefault(("inside", "", tool), []).append(inside)
                for (who, over), client in clients.items():
                    ms = await per_call_ms(client, tool, arguments, calls)
                    found.setdefault((who, over, tool), []).append(ms)
            for (who, over), client in clients.items():
                if who == "bare":
                    ms = await per_call_ms(client, BARE, {}, calls)
                    found.setdefault((who, over, BARE), []).append(ms)
    return found


def _process(name: str) -> StdioServerParameters:
    return StdioServerParameters(command=sys.executable, args=[__file__, "--serve", name])


def page(found: Figures, rounds: int, calls: int) -> str:
    """The page in Markdown."""
    best = {key: min(values) for key, values in found.items()}
    lines = [
        "# What MCP adds to a tool call",
        "",
        "Milliseconds of `tools/call` as the official Python client sees it. The network behind answers at "
        "once. *In process* is the call without MCP: checking, tool, world, record. *Overhead* is the rest: "
        "the SDK on both sides, the hop to the session's thread, the text of the answer, and the client's "
        "check of it against the tool's output schema. *Bare SDK* is a server of the same SDK that returns "
        "the same answer, made beforehand, measured in turn with ours. *Added to bare* is the overhead less "
        "that: what is of our making.",
        "",
        f"Median of {calls} calls, the best of {rounds} rounds: what else runs here can only add. "
        f"mcp {version('mcp')}, Python {platform.python_version()}, {os.cpu_count()} CPUs. Made by",
        "",
        "    python perf/mcp_overhead.py",
        "",
        "| over | tool | call | in process | overhead | goal | bare SDK | added to bare | overhead / bare |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    missed = []
    for over, goal in GOALS_MS.items():
        for tool in CALLS:
            call, bare, inside = (
                best["ours", over, tool],
                best["bare", over, tool],
                best["inside", "", tool],
            )
            added = call - inside - bare
            lines.append(
                f"| {over} | `{tool}` | {call:.2f} | {inside:.2f} | **{call - inside:.2f}** | {goal:g} "
                f"| {bare:.2f} | {added:.2f} | {(call - inside) / bare:.2f} |"
            )
            if added > goal:
                missed.append(f"`{tool}` {over}, with {added:.2f} ms for a goal of {goal:g} ms")
    words = " and ".join(f"{best['bare', over, BARE]:.2f} ms {over}" for over in GOALS_MS)
    longest = " and ".join(f"{best['bare', over, LONGEST]:.2f} ms {over}" for over in GOALS_MS)
    where = f"misses the goal too for {'; '.join(missed)}" if missed else "is within the goal everywhere"
    lines += [
        "",
        f"A bare server whose tool says one word and promises no schema takes {words}. `{LONGEST}` has the "
        f"longest answer of all tools; the bare SDK alone takes {longest} for it, most of it the client's "
        "check against the schema, so no server can reach the goal there. What ours adds to the bare SDK, "
        f"the hop to the thread and the text with the state, {where}.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9, help="rounds (default 9)")
    parser.add_argument("--calls", type=int, default=200, help="calls of each kind in a round (default 200)")
    parser.add_argument("--serve", choices=["bare", "ours"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve)
        return
    found = asyncio.run(measure(options.rounds, options.calls))
    text = page(found, options.rounds, options.calls)
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
