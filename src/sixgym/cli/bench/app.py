"""`sixgym bench`: its commands, options and help."""

from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from sixgym.cli.errors import WRONG_USE, CommandError, reporting
from sixgym.cli.options import (
    DEFAULT_NETWORK,
    AsJson,
    BaseUrl,
    BudgetTokens,
    BudgetUsd,
    MaxTokens,
    ModelName,
    Network,
    Prices,
    Style,
    TaskFile,
    Temperature,
    Timeout,
)

bench = typer.Typer(rich_markup_mode="markdown")

TierName = Annotated[str | None, typer.Option("--tier", metavar="L1|L2|L3", help="Tasks of this tier only.")]
DomainName = Annotated[
    str | None,
    typer.Option("--domain", metavar="NAME", help="Tasks of this domain only, such as uav-control."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="That many tasks, of all tiers and domains in turn; always the same."
    ),
]
ExcludeInfrastructure = Annotated[
    bool,
    typer.Option(
        "--exclude-infrastructure",
        help="Leave episodes out of the figures that our side broke; otherwise they count as failed.",
    ),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]


@bench.callback(invoke_without_command=True)
@reporting()
def run(
    context: typer.Context,
    *,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Who works: see `sixgym agents`; your own, FILE.py:CLASS; reference: each task's solution.",
        ),
    ] = None,
    network: Network = DEFAULT_NETWORK,
    tier: TierName = None,
    domain: DomainName = None,
    limit: Limit = None,
    trials: Annotated[int, typer.Option(min=1, max=1_000, metavar="K", help="Attempts at every task.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            metavar="W",
            help="Episodes at a time; results do not depend on it  (one a core; with --model 8).",
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the run in DIR: what is missing, what broke.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder of the run  (runs/bench-AGENT-NETWORK).")
    ] = None,
    as_json: AsJson = False,
    tasks: TaskFile = None,
    exclude_infrastructure: ExcludeInfrastructure = False,
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
    """Put an agent to the test on the frozen tasks: 3 tiers, 5 domains, graded by what the network measured.

    Every finished episode is in DIR at once, so a run may be stopped in any way; `--resume` finishes it
    with the same result.

    - `sixgym bench --agent mape-k --limit 30`
    - `sixgym bench --agent mape-k --network ns3 --tier L1 --trials 3`
    - `sixgym bench --agent react --model qwen3-8b --base-url http://localhost:8000/v1 --workers 16`
    - `sixgym bench compare runs/bench-mape-k-tti runs/bench-null-tti`
    """
    if context.invoked_subcommand is not None:
        _refuse_options_before(context, context.invoked_subcommand)
        return
    if agent is None:
        raise CommandError(
            "--agent NAME says who is put to the test; sixgym bench --help has the rest", WRONG_USE
        )
    from sixgym.cli.bench.run import BenchRequest
    from sixgym.cli.bench.run import bench as run_benchmark
    from sixgym.cli.language import ModelRequest

    run_benchmark(
        BenchRequest(
            agent=agent,
            network=network,
            tier=tier,
            domain=domain,
            limit=limit,
            trials=trials,
            workers=workers,
            resume=resume,
            out=out,
            as_json=as_json,
            tasks=tasks,
            exclude_infrastructure=exclude_infrastructure,
            model=ModelRequest(
                model,
                base_url,
                style,
                temperature,
                max_tokens,
                budget_tokens,
                budget_usd,
                prices,
                timeout,
            ),
        )
    )


@bench.command()
@reporting()
def grade(
    run: RunArgument,
    *,
    as_json: AsJson = False,
    tasks: TaskFile = None,
    exclude_infrastructure: ExcludeInfrastructure = False,
) -> None:
    """Grade the stored episodes of a run again, and say how many verdicts changed.

    - `sixgym bench grade runs/bench-mape-k-tti`
    """
    from sixgym.cli.bench.run import grade as grade_again

    grade_again(run, tasks, as_json=as_json, exclude_infrastructure=exclude_infrastructure)


@bench.command()
@reporting()
def compare(
    candidate: Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")],
    baseline: Annotated[Path, typer.Argument(metavar="BASELINE", help="The run it is held against.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Compare two runs over the tasks both have: the difference in success and SPL, paired by task.

    - `sixgym bench compare runs/bench-mape-k-tti runs/bench-threshold-tti`
    """
    from sixgym.cli.bench.compare import compare as compare_runs

    compare_runs(candidate, baseline, as_json=as_json)


@bench.command()
@reporting()
def tasks(
    *,
    tier: TierName = None,
    domain: DomainName = None,
    limit: Limit = None,
    show: Annotated[str | None, typer.Option(metavar="ID", help="One task whole, with its solution.")] = None,
    as_json: AsJson = False,
    tasks: TaskFile = None,
) -> None:
    """Browse the tasks.

    - `sixgym bench tasks --tier L2 --domain uav-control`
    - `sixgym bench tasks --show ID`
    """
    from sixgym.cli.bench.tasks import list_tasks, show_task

    if show is not None:
        show_task(show, tasks, as_json=as_json)
    else:
        list_tasks(tier, domain, limit, tasks, as_json=as_json)


@bench.command()
@reporting()
def make(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The set's manifest, a .json file.")],
    per_cell: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="N", help="Tasks of every tier in every domain.")
    ] = 40,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="Whose topology seeds: training or held-out.")
    ] = "held-out",
    first: Annotated[
        int, typer.Option(min=0, metavar="N", help="Number of the first candidate; others are other tasks.")
    ] = 0,
    prove: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK", help="Where the reference has to succeed and the null agent to fail."
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, metavar="W", help="Processes.")] = 1,
) -> None:
    """Draw candidates, throw out what proves nothing, freeze the rest with a checksum.

    Every candidate is tried on tti; its reference solution has to succeed there, and the null agent,
    twenty random and five spam agents have to fail. Equal numbers give equal tasks. What was found out is
    kept beside FILE until the set is complete, so an interrupted making goes on.

    - `sixgym bench make --per-cell 2 --split training --out tasks/training.json`
    - `sixgym bench make --prove ns3 --workers 2 --out tasks/mine.json`
    """
    from sixgym.cli.bench.make import MakeRequest
    from sixgym.cli.bench.make import make as make_set

    make_set(MakeRequest(out, per_cell, split, first, prove, workers))


@bench.command()
@reporting()
def holdout(
    *,
    against: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Training texts, .jsonl with `text` or `intent` and `seed`, or .txt."
        ),
    ],
    as_json: AsJson = False,
    tasks: TaskFile = None,
) -> None:
    """Report whether the tasks are held out from training texts: seeds, likeness of wording, separability.

    - `sixgym bench holdout --against corpus.jsonl`
    """
    from sixgym.cli.bench.tasks import report_holdout

    report_holdout(against, tasks, as_json=as_json)


def _refuse_options_before(context: typer.Context, command: str) -> None:
    """Options before a subcommand are options of `sixgym bench` itself: nobody would ever look at them.

    Raises:
        CommandError: there is one.
    """
    assert isinstance(context.command, TyperGroup)
    of_command = context.command.commands[command].params
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            option = parameter.opts[0]
            known = any(option in other.opts for other in of_command)
            reason = f"goes after {command}" if known else f"bench {command} has no such option"
            raise CommandError(f"{option}: {reason}", WRONG_USE)
