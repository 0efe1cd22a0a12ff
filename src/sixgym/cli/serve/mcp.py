"""`sixgym serve`: clients work on a task, each in a network of its own; episodes are stored and judged."""

import os
import signal
import socket
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sixgym.cli.errors import INTERRUPTED, WORK_FAILED, WRONG_USE, CommandError
from sixgym.cli.run import RunRequest, choose_bench_task, choose_simulator, choose_task, store, writable
from sixgym.domain.extras import install_command
from sixgym.episodes.episode import Episode, Task
from sixgym.run.build import make_network
from sixgym.scoring.goals import judge

if TYPE_CHECKING:
    from types import FrameType

    from anyio.abc import TaskStatus
    from mcp.server import Server
    from starlette.types import ASGIApp

    from sixgym.serve.sessions import Session, Sessions

TOKEN_VARIABLE = "SIXGYM_TOKEN"
SHORTEST_TOKEN = 16
LOOPBACK = "127.0.0.1"
MAX_SESSIONS = 32
SESSION_TIMEOUT_S = 900.0
GRACE_S = 2
"""How long answers that are being written may take when the server is told to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeRequest:
    """What the command line asked for, unchecked.

    Attributes:
        stdio: Serve on standard input and output, also where nothing is said.
        http: Port to serve at over HTTP instead.
        host, token_file: Where HTTP listens, this machine if nothing is said, and the file with the token of
            its clients.
        scenario, intent, task, tasks, network, seed, out: As for `sixgym run`.
        max_sessions: Clients at once over HTTP.
        session_timeout_s: How long one may be silent; if nothing is said, for ever over stdio.
    """

    stdio: bool
    http: int | None
    host: str | None
    token_file: Path | None
    scenario: str | None
    intent: str | None
    task: str | None
    tasks: Path | None
    network: str
    seed: int | None
    out: Path
    max_sessions: int | None
    session_timeout_s: float | None


def serve_mcp(request: ServeRequest) -> None:
    """Serve until the client leaves or the process is told to stop.

    Raises:
        CommandError: wrong use, or the extra is missing; before anything is served.
    """
    _refuse_contradictions(request)
    task = _choose_task(request)
    choose_simulator(request.network).close()
    try:
        from sixgym.serve.mcp import make_server
        from sixgym.serve.sessions import Sessions
    except ImportError as error:
        raise CommandError(
            f"serving MCP needs the extra mcp ({error}): {install_command('mcp')}", WORK_FAILED
        ) from None
    folder = writable(request.out)
    sessions = Sessions(
        task,
        lambda: make_network(request.network),
        lambda episode: keep(folder, episode),
        limit=1 if request.http is None else request.max_sessions or MAX_SESSIONS,
        idle_s=_idle_s(request),
        safeguard=lambda episode: safeguarded(folder, episode),
    )
    server = make_server(sessions)
    if request.http is None:
        _serve_stdio(server, sessions)
    else:
        host = LOOPBACK if request.host is None else request.host
        _serve_http(server, sessions, request.http, host, _token(request.token_file))


def _refuse_contradictions(request: ServeRequest) -> None:
    if request.http is None:
        options = {
            "--host": request.host,
            "--token-file": request.token_file,
            "--max-sessions": request.max_sessions,
        }
        for name, value in options.items():
            if value is not None:
                raise CommandError(f"{name} needs --http", WRONG_USE)
    elif request.stdio:
        raise CommandError("--stdio and --http exclude each other", WRONG_USE)


def _idle_s(request: ServeRequest) -> float | None:
    """How long a client may be silent.

    A session over HTTP takes room from others, and its client may be gone without a word. Over stdio it is
    alone, and the end of its client closes standard input.
    """
    if request.http is not None and request.session_timeout_s is None:
        return SESSION_TIMEOUT_S
    return request.session_timeout_s


def _choose_task(request: ServeRequest) -> Task:
    wanted = RunRequest(
        scenario=request.scenario,
        intent=request.intent,
        task=request.task,
        tasks=request.tasks,
        agent="mcp",
        script=None,
        network=request.network,
        seed=request.seed,
        out=request.out,
        as_json=False,
    )
    bench_task = choose_bench_task(wanted)
    return choose_task(wanted) if bench_task is None else bench_task.task


def keep(folder: Path, episode: Episode) -> None:
    """Store an episode and say on standard error how it went; whoever serves reads that, no client does."""
    try:
        path = store(folder, episode)
    except CommandError as error:
        typer.echo(f"sixgym: {error}", err=True)
        return
    if episode.infrastructure_failure is not None:
        verdict = f"not judged: {episode.infrastructure_failure}"
    else:
        verdict = "service level met" if judge(episode).success else "service level violated"
    typer.echo(f"{episode.agent}: {len(episode.steps)} calls, {verdict}; episode {path}", err=True)


@contextmanager
def safeguarded(folder: Path, episode: Episode) -> Generator[None]:
    """Have an episode stored meanwhile; after that a better one is."""
    try:
        path = store(folder, episode)
    except CommandError as error:
        typer.echo(f"sixgym: {error}", err=True)
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
            path.with_suffix(".parquet").unlink()


# ---------------------------------------------------------------------- standard input and output
def _serve_stdio(server: "Server[Session]", sessions: "Sessions") -> None:
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
                continue  # clients send it two seconds after leaving, when a network may still run out
            with anyio.CancelScope(shield=True):  # the server may end by itself meanwhile
                await sessions.close()
            # a thread that waits for standard input cannot be woken, and Python would wait for it
            os._exit(INTERRUPTED if number == signal.SIGINT else 128 + number)


# ---------------------------------------------------------------------- HTTP
def _token(path: Path | None) -> str | None:
    """The token that clients have to bring, if one is given.

    Raises:
        CommandError: it cannot be read, or could be guessed.
    """
    try:
        text = os.environ.get(TOKEN_VARIABLE) if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"--token-file {path}: cannot be read ({type(error).__name__})", WRONG_USE
        ) from None
    if text is None:
        return None
    token = text.strip()
    if len(token) < SHORTEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        source = TOKEN_VARIABLE if path is None else f"--token-file {path}"
        raise CommandError(
            f"{source}: a token has at least {SHORTEST_TOKEN} characters, ASCII and no blanks; "
            "make one with: openssl rand -hex 32",
            WRONG_USE,
        )
    return token


def _serve_http(
    server: "Server[Session]", sessions: "Sessions", port: int, host: str, token: str | None
) -> None:
    from sixgym.serve.guard import is_loopback
    from sixgym.serve.http import PATH, make_app

    if token is None and not is_loopback(host):
        raise CommandError(
            f"--host {host} can be reached from other machines: set {TOKEN_VARIABLE} or give --token-file, "
            "and let clients bring the token",
            WRONG_USE,
        )
    app = make_app(server, sessions, host=host, token=token)
    serve_app(app, "MCP", host, port, PATH)


def serve_app(app: "ASGIApp", what: str, host: str, port: int, path: str = "") -> None:
    """Serve an application over HTTP until the process is told to stop.

    Args:
        app: What is served.
        what: Its name for people.
        host, port: Where it listens; port 0 is a free one.
        path: Of its address.

    Raises:
        CommandError: nobody can listen there.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            """Told once or more often: stopping takes moments, and to cut it short would lose episodes."""
            if not self.should_exit:
                super().handle_exit(sig, frame)

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"cannot listen at {host} port {port}: {error.strerror}", WRONG_USE) from None
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S)
    name = f"[{host}]" if ":" in host else host
    typer.echo(f"serving {what} at http://{name}:{listener.getsockname()[1]}{path}", err=True)
    Server(config).run(sockets=[listener])
