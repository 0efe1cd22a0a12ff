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

EXPERIMENT_MODEL = "experiment-model"
DEFAULT_CASES = 400
"""Transitions at which `fidelity experiment-model` asks the sampled model."""

DEFAULT_EFFECTS = 16
"""Cases of every tool and fault of `fidelity experiment-model`."""

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
    typer.Option(
        metavar="PATH",
        help="A `bench` run of such an agent on the reference itself, or a gzip file of graded rows; "
        "repeatable.",
    ),
]
TracesFolder = Annotated[
    Path,
    typer.Option(
        "--traces", metavar="DIR", help="What `sixgym traces` made on held-out seeds, with replicates."
    ),
]
ModelName = Annotated[
    str,
    typer.Option(
        "--model", metavar="NAME", help="experiment-model, or experiment-model:FOLDER for a checkpoint."
    ),
]
Episodes = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="That many explorations, from the first  (all there are)."),
]
Cases = Annotated[
    int,
    typer.Option(min=0, metavar="N", help="Transitions at which the sampled model is asked, 16 times each."),
]
Effects = Annotated[
    int, typer.Option(min=0, metavar="N", help="Cases of every tool and fault whose effects are compared.")
]
Replay = Annotated[
    bool,
    typer.Option(
        "--replay/--no-replay",
        help="Repeat what agents did on the reference, or hold what they did there themselves (--runs) "
        "against it.",
    ),
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
    out: OutFolder = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Compare under control on the slicing scenario: errors, order of policies, response to a quota step.

    Writes DIR/fidelity-slicing.md with its plots and figures. The reference runs only where DIR/data
    holds no valid run of it, and the command says so; what was finished is kept when it is interrupted.

    - `sixgym fidelity slicing --seeds 51-53 --seconds 5 --out comparison`
    """
    from sixgym.cli.fidelity.simulators import FidelityRequest, fidelity_slicing

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
    out: OutFolder = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Compare the management scenarios left to their faults: delay, loss, throughput, tasks, load, SINR.

    Writes DIR/fidelity-management.md. Stored runs are used as in `sixgym fidelity slicing`.
    """
    from sixgym.cli.fidelity.simulators import FidelityRequest, fidelity_management

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
    replay: Replay = True,
    out: OutFolder = Path("results"),
    as_json: AsJson = False,
) -> None:
    """Replay agents' tool calls on the reference: success here and there, gap, correlation, agreement.

    Agents work on the candidate over 40 tasks a tier, their calls are repeated on the reference, both are
    graded by outcomes. Writes DIR/fidelity-bench.md with the tasks on which the verdicts differ, and why.
    Stopped in any way, the same command goes on. Agents that worked on the reference themselves are held
    against it with --runs; --no-replay compares with these alone.

    - `sixgym fidelity bench --agents null,mape-k,reference --limit 15 --out comparison`
    """
    from sixgym.cli.fidelity.transfer import ReplayRequest, fidelity_bench

    chosen = tuple(runs or ())
    fidelity_bench(
        ReplayRequest(candidate, reference, agents, limit, tasks, workers, chosen, replay, out, as_json)
    )


@fidelity.command("experiment-model")
@reporting()
def experiment_model(
    *,
    traces: TracesFolder,
    model: ModelName = EXPERIMENT_MODEL,
    episodes: Episodes = None,
    cases: Cases = DEFAULT_CASES,
    effects: Effects = DEFAULT_EFFECTS,
    out: OutFolder = Path("results"),
    workers: Processes = 1,
    as_json: AsJson = False,
) -> None:
    """Measure the experiment model on held-out traces: one step ahead, drift, spread, effects.

    One step: errors in the six figures of the network state when the model knows all that was recorded
    before. Drift: 15 steps in which it goes on from its own predictions. Spread: whether what the sampled
    model draws is as wide as what happens. Beside it stand no change, tti, and the replicates of the traces,
    which are the floor of chance. Effects: sign and size of what single calls and faults do; the recorded
    network runs only where DIR/data holds no valid run of it, and `--effects 0` leaves this out.

    Writes DIR/fidelity-experiment-model.md with its plots and figures. Needs `sixgym[hf,plot]`.

    - `sixgym traces --out held-out --seeds 51-80 --replicates 2 --network ns3`
    - `sixgym fidelity experiment-model --traces held-out`
    - `sixgym fidelity experiment-model --traces held-out --model experiment-model:runs/mine --episodes 40`
    """
    from sixgym.cli.fidelity.experiment_model import ExperimentRequest, fidelity_experiment

    fidelity_experiment(ExperimentRequest(traces, model, episodes, cases, effects, out, workers, as_json))
