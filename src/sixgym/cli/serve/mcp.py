"""`sixgym serve mcp`: MCP clients work on a task, each in a network of its own."""

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sixgym.cli.errors import INTERRUPTED, WORK_FAILED, WRONG_USE, CommandError
from sixgym.cli.network import choose_network
from sixgym.cli.options import (
    DEFAULT_NETWORK,
    Intent,
    Network,
    OutRuns,
    Scenario,
    SeedIfAny,
    TaskFile,
    TaskId,
)
from sixgym.cli.serve.episodes import keep, safeguarded
from sixgym.cli.serve.http import LOOPBACK, TOKEN_VARIABLE, read_token, serve_app
from sixgym.cli.storing import writable
from sixgym.cli.task import TaskOptions, choose_task
from sixgym.domain.extras import install_command
from sixgym.run.build import make_network

if TYPE_CHECKING:
    from anyio.abc import TaskStatus
    from mcp.server import Server

    from sixgym.serve.sessions import ServedClient, Sessions

MAX_SESSIONS = 32
SESSION_TIMEOUT_S = 900.0


def mcp(
    *,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="Serve one client on standard input and output  (the default).")
    ] = False,
    http: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=65_535,
            metavar="PORT",
            help="Serve many clients over streamable HTTP; port 0 takes a free port.",
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Address of --http; an address that other machines reach needs a token  (127.0.0.1).",
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="File with the token that HTTP clients have to send  (SIXGYM_TOKEN, if set)."
        ),
    ] = None,
    scenario: Scenario = None,
    intent: Intent = None,
    task: TaskId = None,
    network: Network = DEFAULT_NETWORK,
    seed: SeedIfAny = None,
    out: OutRuns = Path("runs"),
    max_sessions: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, metavar="N", help="Clients at the same time over HTTP  (32)."),
    ] = None,
    session_timeout: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=86_400,
            metavar="S",
            help="A client that is silent for this long loses its network, in seconds  "
            "(900 over HTTP, no limit over stdio).",
        ),
    ] = None,
    tasks: TaskFile = None,
) -> None:
    """Serve the 42 tools on a live network to any MCP client.

    Every client has a network of its own, which starts with the client's first call. Every call takes one
    decision interval of network time. When the client calls finish_task, has spent its calls or leaves, the
    network runs on to the end of the task, and the episode is stored and judged. The verdict goes to standard
    error, never to the client. Needs the extra mcp.

    - `sixgym serve mcp`
    - `sixgym serve mcp --task L1-network-slicing-0000 --network ns3`
    - `sixgym serve mcp --http 8000 --max-sessions 8`
    """
    if http is None:
        for name, value in (
            ("--host", host),
            ("--token-file", token_file),
            ("--max-sessions", max_sessions),
        ):
            if value is not None:
                raise CommandError(f"{name} needs --http", WRONG_USE)
    elif stdio:
        raise CommandError("--stdio and --http exclude each other", WRONG_USE)
    chosen = choose_task(TaskOptions(scenario=scenario, intent=intent, task=task, tasks=tasks, seed=seed))
    choose_network(network).close()
    try:
        from sixgym.serve.mcp import make_server
        from sixgym.serve.sessions import Sessions
    except ImportError as error:
        raise CommandError(
            f"serving MCP needs the extra mcp ({error}): {install_command('mcp')}", WORK_FAILED
        ) from None
    folder = writable(out)
    sessions = Sessions(
        chosen.task,
        lambda: make_network(network),
        lambda episode: keep(folder, episode),
        limit=1 if http is None else max_sessions or MAX_SESSIONS,
        idle_s=_idle_s(session_timeout, over_http=http is not None),
        safeguard=lambda episode: safeguarded(folder, episode),
    )
    server = make_server(sessions)
    if http is None:
        _serve_stdio(server, sessions)
    else:
        _serve_http(server, sessions, http, LOOPBACK if host is None else host, read_token(token_file))


def _idle_s(asked: float | None, *, over_http: bool) -> float | None:
    """How long a client may be silent, in seconds.

    Over HTTP, a session takes room from others, and its client may vanish without notice. Over stdio there
    is one client, and its end closes standard input.
    """
    return SESSION_TIMEOUT_S if over_http and asked is None else asked


def _serve_stdio(server: "Server[ServedClient]", sessions: "Sessions") -> None:
    import anyio
    from mcp.server.stdio import stdio_server

    if sys.stdin.isatty():
        typer.echo(
            "waiting for an MCP client on standard input, which usually starts this command itself: see "
            "docs/mcp.md; --http PORT serves clients that connect; Ctrl-C ends",
            err=True,
        )

    async def run() -> None:
        async with anyio.create_task_group() as tasks:
            await tasks.start(_end_on_signal, sessions)
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())
            tasks.cancel_scope.cancel()

    anyio.run(run)


async def _end_on_signal(sessions: "Sessions", *, task_status: "TaskStatus[None]") -> None:
    import anyio

    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGTERM and sessions.deserted:
                continue  # clients send SIGTERM two seconds after they leave, when a network may still run
            with anyio.CancelScope(shield=True):  # the server may end on its own in the meantime
                await sessions.close()
            # a thread that waits for standard input cannot be stopped, and Python would wait for it
            os._exit(INTERRUPTED if number == signal.SIGINT else 128 + number)


def _serve_http(
    server: "Server[ServedClient]", sessions: "Sessions", port: int, host: str, token: str | None
) -> None:
    from sixgym.domain.hosts import is_loopback
    from sixgym.serve.http import PATH, make_app

    if token is None and not is_loopback(host):
        raise CommandError(
            f"--host {host} can be reached from other machines: set {TOKEN_VARIABLE} or give --token-file, "
            "and let clients send the token",
            WRONG_USE,
        )
    app = make_app(server, sessions, host=host, token=token)
    serve_app(app, "MCP", host, port, PATH)
