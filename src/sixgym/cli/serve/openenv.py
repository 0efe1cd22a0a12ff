"""`sixgym serve openenv`: tasks of the benchmark as an OpenEnv environment."""

from dataclasses import dataclass
from pathlib import Path

from sixgym.cli.bench.run import load_tasks
from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.run import choose_simulator, writable
from sixgym.cli.serve.mcp import keep, serve_app
from sixgym.domain.extras import install_command
from sixgym.tasks.selection import Selection, SelectionError, select

HOST = "127.0.0.1"
"""OpenEnv's client brings no credentials, so nobody else may come in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenEnvRequest:
    """What the command line asked for, unchecked.

    Attributes:
        port: Where it listens; 0 is a free one.
        tier, domain, limit, tasks: Which tasks, as for `sixgym bench`.
        network: Name.
        out: Folder of the episodes.
        max_sessions: Clients at once.
        session_timeout_s: How long one may be silent.
    """

    port: int
    tier: str | None
    domain: str | None
    limit: int | None
    tasks: Path | None
    network: str
    out: Path
    max_sessions: int
    session_timeout_s: float


def serve_openenv(request: OpenEnvRequest) -> None:
    """Serve until the process is told to stop.

    Raises:
        CommandError: wrong use, or the extra is missing; before anything is served.
    """
    with wrong_use_on(SelectionError):
        selection = Selection(tier=request.tier, domain=request.domain, limit=request.limit)
        tasks = select(load_tasks(request.tasks).tasks, selection)
    choose_simulator(request.network).close()
    folder = writable(request.out)
    try:
        from sixgym.serve.openenv import make_app
    except ImportError as error:
        raise CommandError(
            f"serving OpenEnv needs the extra openenv ({error}): {install_command('openenv')}", WORK_FAILED
        ) from None
    app = make_app(
        tasks,
        request.network,
        lambda episode: keep(folder, episode),
        host=HOST,
        sessions=request.max_sessions,
        idle_s=request.session_timeout_s,
    )
    serve_app(app, "OpenEnv", HOST, request.port)
