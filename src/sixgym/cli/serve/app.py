"""The commands of `sixgym serve`."""

import typer

from sixgym.cli.lazy import Entry, lazy_group

COMMANDS = {
    "mcp": Entry("sixgym.cli.serve.mcp:mcp", "Serve the 42 tools on a live network to any MCP client."),
    "openenv": Entry(
        "sixgym.cli.serve.openenv:openenv", "Serve tasks of 6GAgentBench as an OpenEnv environment."
    ),
}

serve = typer.Typer(
    name="serve",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Serve networks to agents that run elsewhere. Every client has a network of its own.",
)
