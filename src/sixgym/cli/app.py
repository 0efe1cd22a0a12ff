"""The command line's commands, options and help.

Commands import what they need when they run, so `sixgym --help` is quick and needs no extra.
"""

import io
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sixgym import __version__
from sixgym.cli.bench.app import bench
from sixgym.cli.errors import WRONG_USE, CommandError, reporting
from sixgym.cli.fidelity.app import fidelity
from sixgym.cli.options import (
    DEFAULT_NETWORK,
    DEFAULT_SEED,
    AsJson,
    BaseUrl,
    BudgetTokens,
    BudgetUsd,
    MaxTokens,
    ModelName,
    Network,
    Prices,
    Seed,
    SeedIfAny,
    Style,
    TaskFile,
    Temperature,
    Timeout,
)
from sixgym.cli.serve.app import serve
from sixgym.cli.train_app import train

app = typer.Typer(
    name="sixgym",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(bench, name="bench")
app.add_typer(fidelity, name="fidelity")
app.add_typer(serve, name="serve")


class ToolFormat(StrEnum):
    """How `sixgym tools` prints."""

    TABLE = "table"
    JSON = "json"
    OPENAI = "openai"
    MARKDOWN = "markdown"


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

    Say what the operator wants, let an agent call tools against a network that reacts, and see
    whether the service level was met, judged from what was measured.

    - `sixgym run` : the MAPE-K agent on uav-inspection
    - `sixgym run --scenario urban-slicing --agent threshold --seed 3`
    - `sixgym run --network ns3` : the same on packet-level ns-3
    - `sixgym show runs/EPISODE.jsonl` : the episode again
    - `sixgym simulate uav-inspection --seconds 20 --out trace.csv`
    - `sixgym bench --agent mape-k --limit 30` : how good an agent is
    - `sixgym serve mcp` : the tools for any MCP client
    - `sixgym doctor` : what is missing, if something is

    Exit status: 0 done (whether the service level was met or not), 1 the work failed, 2 wrong use,
    130 interrupted.
    """


@app.command()
@reporting()
def run(
    *,
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
    agent: Annotated[
        str, typer.Option(metavar="NAME", help="Who works: see `sixgym agents`, or your own, FILE.py:CLASS.")
    ] = "mape-k",
    script: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help='For `--agent scripted`: a JSON list of {"tool": …, "arguments": {…}}.',
        ),
    ] = None,
    network: Network = DEFAULT_NETWORK,
    seed: SeedIfAny = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the episode is stored.")] = Path("runs"),
    as_json: AsJson = False,
    tasks: TaskFile = None,
    model: ModelName = None,
    base_url: BaseUrl = None,
    style: Style = None,
    temperature: Temperature = 0.0,
    max_tokens: MaxTokens = 2048,
    budget_tokens: BudgetTokens = None,
    budget_usd: BudgetUsd = None,
    prices: Prices = None,
    timeout: Timeout = 180.0,
) -> None:
    """Let an agent work on an operator's intent, in closed loop, and judge the outcome.

    Every tool call takes one decision interval of network time. After the agent's last call the
    network runs on to the end of the task. The verdict comes from what the network measured, not
    from what the agent says. The episode is stored as DIR/ID.jsonl and DIR/ID.parquet.

    - `sixgym run`
    - `sixgym run --task urban-slicing/TASK --agent threshold --seed 7`
    - `sixgym run --task ID --agent reference`
    - `sixgym run --agent scripted --script calls.json --json`
    - `sixgym run --agent react --model qwen3-8b --base-url http://localhost:8000/v1`
    """
    from sixgym.cli.language import ModelRequest
    from sixgym.cli.run import RunRequest
    from sixgym.cli.run import run as run_episode

    asked = ModelRequest(
        model, base_url, style, temperature, max_tokens, budget_tokens, budget_usd, prices, timeout
    )
    run_episode(RunRequest(scenario, intent, task, tasks, agent, script, network, seed, out, as_json, asked))


@app.command()
@reporting()
def traces(
    *,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder of the traces.")],
    seeds: Annotated[
        str, typer.Option(metavar="SEEDS", help="Topology seeds of one split, such as 1-50 or 51,60-65.")
    ] = "1-50",
    episodes: Annotated[
        int, typer.Option(min=1, metavar="N", help="Episodes of 20 calls; a number is always the same one.")
    ] = 1500,
    replicates: Annotated[
        int,
        typer.Option(min=1, max=100, metavar="K", help="Each so often, with other traffic and fading."),
    ] = 1,
    network: Network = "ns3",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1, max=256, metavar="W", help="Processes; results do not depend on it  (one a core)."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the traces in DIR; more episodes may be asked for.")
    ] = False,
    csv: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Explore nothing: take telemetry of your own network, named by --network. Repeatable.",
        ),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Explore nothing: write the traces in DIR into one small file."),
    ] = None,
    unpack: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Explore nothing: make DIR out of such a file."),
    ] = None,
) -> None:
    """Explore networks with calls of all tools and many faults; a row for every call, in Parquet.

    Faults, and calls that the network answers to, come far more often than in anybody's work; the column
    probability weights them back. Every finished episode is in DIR at once. An episode of 20 calls takes
    4 to 7 s on ns3.

    - `sixgym traces --out traces/training --workers 2`
    - `sixgym traces --out traces/held-out --seeds 51-80 --episodes 180 --replicates 2`
    - `sixgym traces --out traces/held-out --unpack results/data/traces-held-out.jsonl.xz`
    - `sixgym traces --out traces/mine --csv site-7.csv --network site-7`
    """
    from sixgym.cli.traces import TracesRequest, collect, import_csv, pack_into, unpack_from

    if sum(one is not None for one in (csv or None, pack, unpack)) > 1:
        raise CommandError("--csv, --pack and --unpack are three different things to do", WRONG_USE)
    if csv:
        import_csv(csv, out, network)
        return
    if pack is not None:
        pack_into(pack, out)
        return
    if unpack is not None:
        unpack_from(unpack, out)
        return
    collect(TracesRequest(out, seeds, episodes, replicates, network, workers, resume))


app.command(name="train")(train)


@app.command()
@reporting()
def simulate(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A shipped scenario or a YAML file.")],
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Trace to write, .csv or .parquet.")],
    seconds: Annotated[float, typer.Option(metavar="S", help="Network time after the warm-up.")] = 10.0,
    network: Network = DEFAULT_NETWORK,
    seed: Seed = DEFAULT_SEED,
    flows: Annotated[bool, typer.Option("--flows", help="Rows for every device, not only UAVs.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the network alone, without an agent, and write what it measured.

    The trace is a tidy table with a row per interval and object. Column `kind` says what the object
    is: slice, group, node, cell or device. Rows of slices hold delay, jitter, loss, throughput,
    PRBs, queue and drops; rows of UAVs hold their positions. `faults` and `edge_load` are on every row.

    - `sixgym simulate uav-inspection --seconds 20 --out trace.csv`
    - `sixgym simulate my.yaml --seed 3 --seconds 60 --flows --out trace.parquet`
    - in pandas: `df[df.kind == "slice"].pivot(index="end_ms", columns="object", values="latency_ms")`
    """
    from sixgym.cli.simulate import SimulateRequest
    from sixgym.cli.simulate import simulate as simulate_network

    simulate_network(SimulateRequest(scenario, network, seed, seconds, out, flows, as_json))


@app.command()
@reporting()
def tools(
    format: Annotated[ToolFormat, typer.Option("--format", help="How to print them.")] = ToolFormat.TABLE,
) -> None:
    """List the tools an agent may call: a table, JSON Schemas, OpenAI tool specs or Markdown."""
    from sixgym.cli.catalogue import show_tools

    show_tools(format.value)


@app.command()
@reporting()
def scenarios(as_json: AsJson = False) -> None:
    """List the shipped scenarios: what is in them, what goes wrong, what may be asked for."""
    from sixgym.cli.catalogue import show_scenarios

    show_scenarios(as_json=as_json)


@app.command()
@reporting()
def agents() -> None:
    """List the agents that `sixgym run --agent` knows."""
    from sixgym.cli.catalogue import show_agents

    show_agents()


@app.command()
@reporting()
def show(
    episode: Annotated[Path, typer.Argument(metavar="EPISODE", help="A stored episode, .jsonl or .parquet.")],
    step: Annotated[int | None, typer.Option(metavar="N", help="Everything about the N-th call.")] = None,
    episode_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Which one, of a file with several.")
    ] = None,
) -> None:
    """Show a stored episode and judge it again from what it recorded.

    - `sixgym show runs/EPISODE.jsonl`
    - `sixgym show runs/EPISODE.parquet --step 4`
    """
    from sixgym.cli.show import show as show_episode

    show_episode(episode, step, episode_id)


@app.command()
@reporting()
def explain(
    episode: Annotated[Path, typer.Argument(metavar="EPISODE", help="A stored episode, .jsonl or .parquet.")],
    *,
    step: Annotated[int | None, typer.Option(metavar="N", help="Of the N-th call alone.")] = None,
    episode_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Which one, of a file with several.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A checkpoint of your own  (the one that is shipped).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in words why the network did what it did after each call, and what follows from it.

    The words are the experiment model's. It is told the state before, the call and what the books of the
    network say has changed, and writes its reasons first and then the state. Needs the extra hf.

    - `sixgym explain runs/EPISODE.jsonl --step 4`
    """
    from sixgym.cli.explain import explain as explain_episode

    explain_episode(episode, step=step, episode_id=episode_id, model=model, as_json=as_json)


@app.command()
@reporting()
def doctor() -> None:
    """Say what is installed and which networks work here; the tti simulator is compiled if it was not yet.

    ns-3 is optional: without it the exit status is 0. It is 1 if tti, or an ns-3 that is installed, does
    not start.
    """
    from sixgym.cli.doctor import examine

    examine()
