"""`sixgym serve`: its commands, options and help."""

from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.bench.app import DomainName, Limit, TierName
from sixgym.cli.errors import reporting
from sixgym.cli.options import DEFAULT_NETWORK, Network, SeedIfAny, TaskFile

serve = typer.Typer(
    rich_markup_mode="markdown", no_args_is_help=True, help="Let agents of others run a network."
)


@serve.command()
@reporting()
def mcp(
    *,
    stdio: Annotated[
        bool, typer.Option("--stdio", help="One client, on standard input and output  (the default).")
    ] = False,
    http: Annotated[
        int | None,
        typer.Option(
            min=0, max=65_535, metavar="PORT", help="Many clients, over streamable HTTP; 0 takes a free port."
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS", help="Where --http listens; any but this machine needs a token  (127.0.0.1)."
        ),
    ] = None,
    token_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Holds the token that HTTP clients have to bring  (SIXGYM_TOKEN, if set)."
        ),
    ] = None,
    scenario: Annotated[
        str | None,
        typer.Option(metavar="FILE|NAME", help="A shipped scenario or a YAML file  (uav-inspection)."),
    ] = None,
    intent: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="The intent in other words; the task's goal stays."),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="A task of the scenario, SCENARIO/TASK, or one of the benchmark  (its first)."
        ),
    ] = None,
    network: Network = DEFAULT_NETWORK,
    seed: SeedIfAny = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where episodes are stored.")] = Path("runs"),
    max_sessions: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, metavar="N", help="Clients at work at once over HTTP  (32)."),
    ] = None,
    session_timeout: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=86_400,
            metavar="S",
            help="A client silent for that long loses its network  (900 over HTTP, none over stdio).",
        ),
    ] = None,
    tasks: TaskFile = None,
) -> None:
    """Offer the 42 tools on a live network to any MCP client; each client gets a network of its own.

    The network starts with a client's first call. Every call takes one decision interval of network time.
    When the client calls finish_task, has spent its calls or leaves, the network runs on to the end of the
    task, and the episode is stored and judged. The verdict is said on standard error, never to the client.
    Needs the extra mcp.

    - `sixgym serve mcp`
    - `sixgym serve mcp --task ID --network ns3`
    - `sixgym serve mcp --http 8000 --max-sessions 8`
    """
    from sixgym.cli.serve.mcp import ServeRequest, serve_mcp

    serve_mcp(
        ServeRequest(
            stdio=stdio,
            http=http,
            host=host,
            token_file=token_file,
            scenario=scenario,
            intent=intent,
            task=task,
            tasks=tasks,
            network=network,
            seed=seed,
            out=out,
            max_sessions=max_sessions,
            session_timeout_s=session_timeout,
        )
    )


@serve.command()
@reporting()
def openenv(
    *,
    port: Annotated[
        int, typer.Option(min=0, max=65_535, metavar="PORT", help="At 127.0.0.1; 0 takes a free one.")
    ] = 8000,
    tier: TierName = None,
    domain: DomainName = None,
    limit: Limit = None,
    network: Network = DEFAULT_NETWORK,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where episodes are stored.")] = Path("runs"),
    max_sessions: Annotated[
        int, typer.Option(min=1, max=1_024, metavar="N", help="Clients at work at once.")
    ] = 8,
    session_timeout: Annotated[
        float,
        typer.Option(min=1, max=86_400, metavar="S", help="A client silent for that long loses its network."),
    ] = 900.0,
    tasks: TaskFile = None,
) -> None:
    """Offer tasks of the benchmark as an OpenEnv environment; each client gets a network of its own.

    A client names a task or a seed at reset, then sends tool calls and at last an answer; the reward at the
    end is 1 if the intent was fulfilled, else 0. Needs the extra openenv.

    - `sixgym serve openenv --port 8000 --tier L1`
    """
    from sixgym.cli.serve.openenv import OpenEnvRequest, serve_openenv

    serve_openenv(
        OpenEnvRequest(
            port=port,
            tier=tier,
            domain=domain,
            limit=limit,
            tasks=tasks,
            network=network,
            out=out,
            max_sessions=max_sessions,
            session_timeout_s=session_timeout,
        )
    )
