"""`sixgym fidelity`: its commands, options and help."""

from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import reporting
from sixgym.cli.options import DEFAULT_NETWORK, FIDELITY_SECONDS, AsJson, TaskFile

fidelity = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Measure how far one simulator is from another, on the same networks.",
)

DEFAULT_LIMIT = 120
"""Tasks of `fidelity bench`: 40 a tier, as in 6GAgentGym section IV-E."""

Candidate = Annotated[str, typer.Option(metavar="NAME", help="The simulator in question.")]
Reference = Annotated[str, typer.Option(metavar="NAME", help="The simulator it is held against.")]
SplitName = Annotated[
    str, typer.Option(metavar="NAME", help="Whose topology seeds, without --seeds: held-out or training.")
]
Seeds = Annotated[str | None, typer.Option(metavar="A-B", help="Topology seeds, such as 51-60,70.")]
Seconds = Annotated[float, typer.Option(metavar="S", help="Network time of every run after the warm-up.")]
Processes = Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Simulators at the same time.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Run the reference again, though stored.")]
Agents = Annotated[
    str | None,
    typer.Option(metavar="A,B,…", help="Who works, names with commas in between  (all that `bench` knows)."),
]
Limit = Annotated[
    int, typer.Option(min=1, metavar="N", help="That many tasks, of all tiers and domains in turn.")
]
Runs = Annotated[
    list[Path] | None,
    typer.Option(metavar="DIR", help="A `bench` run of such an agent on the reference itself; repeatable."),
]
OutFolder = Annotated[Path, typer.Option(metavar="DIR", help="For the page; stored runs are in DIR/data.")]


@fidelity.command()
@reporting()
def slicing(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    split: SplitName = "held-out",
    seeds: Seeds = None,
    seconds: Seconds = FIDELITY_SECONDS["slicing"],
    processes: Processes = 2,
    refresh: Refresh = False,
    out: OutFolder = Path("docs"),
    as_json: AsJson = False,
) -> None:
    """Compare under control on the slicing scenario: errors, order of policies, response to a quota step.

    Writes DIR/fidelity-slicing.md with its plots and figures. The reference runs only where DIR/data
    holds no valid run of it, and the command says so; what was finished is kept when it is interrupted.

    - `sixgym fidelity slicing --seeds 51-53 --seconds 5 --out comparison`
    """
    from sixgym.cli.fidelity import FidelityRequest, fidelity_slicing

    fidelity_slicing(
        FidelityRequest(candidate, reference, split, seeds, seconds, processes, refresh, out, as_json)
    )


@fidelity.command()
@reporting()
def management(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    split: SplitName = "held-out",
    seeds: Seeds = None,
    seconds: Seconds = FIDELITY_SECONDS["management"],
    processes: Processes = 2,
    refresh: Refresh = False,
    out: OutFolder = Path("docs"),
    as_json: AsJson = False,
) -> None:
    """Compare the management scenarios left to their faults: delay, loss, throughput, tasks, load, SINR.

    Writes DIR/fidelity-management.md. Stored runs are used as in `sixgym fidelity slicing`.
    """
    from sixgym.cli.fidelity import FidelityRequest, fidelity_management

    fidelity_management(
        FidelityRequest(candidate, reference, split, seeds, seconds, processes, refresh, out, as_json)
    )


@fidelity.command()
@reporting()
def bench(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    agents: Agents = None,
    limit: Limit = DEFAULT_LIMIT,
    tasks: TaskFile = None,
    workers: Processes = 2,
    runs: Runs = None,
    out: OutFolder = Path("docs"),
    as_json: AsJson = False,
) -> None:
    """Replay agents' tool calls on the reference: success here and there, gap, correlation, agreement.

    Agents work on the candidate over 40 tasks a tier, their calls are repeated on the reference, both are
    graded by outcomes. Writes DIR/fidelity-bench.md with the tasks on which the verdicts differ, and why.
    Stopped in any way, the same command goes on. Agents that worked on the reference themselves are held
    against it with --runs.

    - `sixgym fidelity bench --agents null,mape-k,reference --limit 15 --out comparison`
    """
    from sixgym.cli.fidelity_bench import ReplayRequest, fidelity_bench

    chosen = tuple(runs or ())
    fidelity_bench(ReplayRequest(candidate, reference, agents, limit, tasks, workers, chosen, out, as_json))
