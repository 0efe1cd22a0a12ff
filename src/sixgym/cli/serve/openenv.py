"""`sixgym serve openenv`: tasks of the benchmark as an OpenEnv environment."""

from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.network import choose_network
from sixgym.cli.options import DEFAULT_NETWORK, DomainName, Limit, Network, OutRuns, TaskFile, TierName
from sixgym.cli.serve.episodes import keep
from sixgym.cli.serve.http import LOOPBACK, serve_app
from sixgym.cli.storing import writable
from sixgym.cli.task import load_tasks
from sixgym.domain.extras import install_command
from sixgym.tasks.selection import Selection, SelectionError, select


def openenv(
    *,
    port: Annotated[
        int,
        typer.Option(min=0, max=65_535, metavar="PORT", help="Port at 127.0.0.1; 0 takes a free port."),
    ] = 8000,
    tier: TierName = None,
    domain: DomainName = None,
    limit: Limit = None,
    network: Network = DEFAULT_NETWORK,
    out: OutRuns = Path("runs"),
    max_sessions: Annotated[
        int, typer.Option(min=1, max=1_024, metavar="N", help="Clients at the same time.")
    ] = 8,
    session_timeout: Annotated[
        float,
        typer.Option(
            min=1,
            max=86_400,
            metavar="S",
            help="A client that is silent for this long loses its network, in seconds.",
        ),
    ] = 900.0,
    tasks: TaskFile = None,
) -> None:
    """Serve tasks of 6GAgentBench as an OpenEnv environment.

    Every client has a network of its own. A client names a task or a seed at reset, then sends tool calls and
    finally an answer. The reward at the end is 1 if the intent was fulfilled, else 0. Needs the extra
    openenv.

    - `sixgym serve openenv --port 8000 --tier L1`
    """
    with wrong_use_on(SelectionError):
        selection = Selection(tier=tier, domain=domain, limit=limit)
        chosen = select(load_tasks(tasks).tasks, selection)
    choose_network(network).close()
    folder = writable(out)
    try:
        from sixgym.serve.openenv import make_app
    except ImportError as error:
        raise CommandError(
            f"serving OpenEnv needs the extra openenv ({error}): {install_command('openenv')}", WORK_FAILED
        ) from None
    app = make_app(
        chosen,
        network,
        lambda episode: keep(folder, episode),
        # OpenEnv clients send no credentials, so other machines must not reach the server
        host=LOOPBACK,
        sessions=max_sessions,
        idle_s=session_timeout,
    )
    serve_app(app, "OpenEnv", LOOPBACK, port)
