"""The command `sixgym`: its commands, `--help` and `--version`."""

import io
import sys
from typing import Annotated

import typer

from sixgym._version import __version__
from sixgym.cli.lazy import Entry, lazy_group

COMMANDS = {
    "run": Entry(
        "sixgym.cli.run:run",
        "Let an agent work on an operator's intent, in closed loop, and judge the outcome.",
    ),
    "show": Entry("sixgym.cli.show:show", "Show a stored episode and judge it again from what it recorded."),
    "explain": Entry(
        "sixgym.cli.explain:explain",
        "Explain in words how the network reacted to each call of a stored episode.",
    ),
    "bench": Entry(
        "sixgym.cli.bench.app:bench", "Test an agent on the frozen tasks of 6GAgentBench: 3 tiers, 5 domains."
    ),
    "simulate": Entry(
        "sixgym.cli.simulate:simulate",
        "Run the network alone, without an agent, and write what it measured.",
    ),
    "traces": Entry(
        "sixgym.cli.traces:traces",
        "Explore networks with calls of all tools and many faults; write a row for every call, in Parquet.",
    ),
    "fidelity": Entry(
        "sixgym.cli.fidelity.app:fidelity", "Measure how far one network is from another on the same tasks."
    ),
    "train": Entry(
        "sixgym.cli.train:train",
        "Train what a recipe says: an agent, or the experiment model.",
    ),
    "serve": Entry("sixgym.cli.serve.app:serve", "Serve networks to agents that run elsewhere."),
    "tools": Entry(
        "sixgym.cli.tools:tools",
        "List the tools that an agent may call: a table, JSON Schemas, OpenAI tool specs or Markdown.",
    ),
    "scenarios": Entry(
        "sixgym.cli.scenarios:scenarios", "List the shipped scenarios with their networks, faults and tasks."
    ),
    "agents": Entry("sixgym.cli.agents:agents", "List the agents that `--agent` takes by name."),
    "doctor": Entry(
        "sixgym.cli.doctor:doctor",
        "Check what is installed and which networks work on this machine; compile tti if needed.",
    ),
}

app = typer.Typer(
    name="sixgym",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Entry point of the `sixgym` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # an ASCII terminal gets ?, not a traceback
    app()


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"sixgym {__version__}")
        raise typer.Exit


@app.callback()
def sixgym(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Agents run a packet-level 6G network through typed tools.

    Say what the operator wants, let an agent call tools on a network that reacts, and see whether the service
    level was met, judged from what the network measured.

    - `sixgym run` : the MAPE-K agent on uav-inspection
    - `sixgym run --scenario urban-slicing --agent threshold --seed 3`
    - `sixgym run --network ns3` : the same on packet-level ns-3
    - `sixgym show runs/EPISODE.jsonl` : a stored episode
    - `sixgym simulate uav-inspection --seconds 20 --out trace.csv`
    - `sixgym bench --agent mape-k --limit 30` : how good an agent is
    - `sixgym serve mcp` : the tools for any MCP client
    - `sixgym doctor` : what is installed, and what is missing

    Exit status: 0 done (whether the service level was met or not), 1 the work failed, 2 wrong use,
    130 interrupted.
    """
