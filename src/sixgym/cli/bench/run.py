"""`sixgym bench`: an agent over the tasks of 6GAgentBench or of another task set."""

import os
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from sixgym.cli.bench.prepare import check_agent
from sixgym.cli.bench.view import print_report, progress_on, write_figures
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, interrupt_on_sigterm, wrong_use_on
from sixgym.cli.language import NO_MODEL, ChosenModel, ModelOptions, language
from sixgym.cli.lazy import LazyCommand
from sixgym.cli.network import network_info
from sixgym.cli.options import (
    DEFAULT_NETWORK,
    AsJson,
    BaseUrl,
    BudgetTokens,
    BudgetUsd,
    DomainName,
    ExcludeInfrastructure,
    Limit,
    MaxTokens,
    ModelName,
    Network,
    Prices,
    Style,
    TaskFile,
    Temperature,
    TierName,
    Timeout,
)
from sixgym.cli.output import text as words
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.task import load_tasks
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.bench.run import LostEpisodesError, complete, new_manifest, open_run
from sixgym.evaluate.bench.store import RunFolder, RunFolderError, RunManifest
from sixgym.evaluate.bench.tested import TestedAgent, named_agent
from sixgym.run.executor import WorkError
from sixgym.scoring.result import Result
from sixgym.simulators.base import SimulatorError
from sixgym.tasks.selection import Selection, SelectionError, select

AT_ONCE = 8
"""Default number of episodes at the same time with a language model, which mostly waits for its server."""


def run(
    context: typer.Context,
    *,
    agent: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The agent under test: one of `sixgym agents`, or your own, FILE.py:CLASS. "
            "reference plays each task's solution.",
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
            help="Episodes at the same time; results do not depend on it  (one a core; with --model 8).",
        ),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Continue the run in DIR: run the episodes that are missing or broke."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the run  (in runs/, named after the agent and the network)."
        ),
    ] = None,
    as_json: AsJson = False,
    tasks: TaskFile = None,
    exclude_infrastructure: ExcludeInfrastructure = False,
    model: ModelName = None,
    base_url: BaseUrl = None,
    style: Style = None,
    temperature: Temperature = NO_MODEL.temperature,
    max_tokens: MaxTokens = NO_MODEL.max_tokens,
    budget_tokens: BudgetTokens = None,
    budget_usd: BudgetUsd = None,
    prices: Prices = None,
    timeout: Timeout = NO_MODEL.timeout_s,
) -> None:
    """Test an agent on the frozen tasks of 6GAgentBench: 3 tiers, 5 domains.

    The grade of an episode comes from what the network measured, not from what the agent says. Every
    finished episode is in DIR at once, so a run may be stopped at any time; `--resume` completes the run with
    the same result.

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
            "--agent NAME says which agent is tested; sixgym bench --help lists all options", WRONG_USE
        )
    options = ModelOptions(
        model, base_url, style, temperature, max_tokens, budget_tokens, budget_usd, prices, timeout
    )
    info = network_info(network)
    task_set = load_tasks(tasks)
    with wrong_use_on(SelectionError):
        selection = Selection(tier=tier, domain=domain, limit=limit)
        chosen = select(task_set.tasks, selection)
    interrupt_on_sigterm()
    with language(agent, options, at_once=workers or AT_ONCE) as found:
        check_agent(agent, chosen[0], None if found is None else found.react)
        tested = _tested(agent, found)
        command = _command(agent, network, selection, trials=trials, tasks=tasks, options=options)
        manifest = new_manifest(tested, info, task_set, selection, trials=trials, command=command)
        folder = RunFolder(out or Path("runs") / words.file_name(f"bench-{manifest.agent}-{network}"))
        with wrong_use_on(RunFolderError, RecordFileError), folder.locked():
            manifest = open_run(folder, manifest, resume=resume)
            at_once = workers or (os.cpu_count() if found is None else AT_ONCE) or 1
            results = _complete(folder, manifest, tested, tasks, at_once)
            report = write_figures(folder, manifest, results, exclude_infrastructure=exclude_infrastructure)
            print_report(report, as_json=as_json)


def _refuse_options_before(context: typer.Context, command: str) -> None:
    """Refuse options before a subcommand: they are options of `sixgym bench` itself and would be lost.

    Raises:
        CommandError: there is such an option.
    """
    assert isinstance(context.command, TyperGroup)
    subcommand = context.command.commands[command]
    assert isinstance(subcommand, LazyCommand)
    of_command = subcommand.loaded.params
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is not None and source.name == "COMMANDLINE":
            option = parameter.opts[0]
            known = any(option in other.opts for other in of_command)
            reason = f"goes after {command}" if known else f"bench {command} has no such option"
            raise CommandError(f"{option}: {reason}", WRONG_USE)


def _tested(agent: str, found: ChosenModel | None) -> TestedAgent:
    if found is None:
        return named_agent(agent)
    tested = named_agent(agent, react=found.react, price=found.price)
    if found.digest is None:
        return tested
    return replace(tested, settings={**tested.settings, "checkpoint": found.digest()})


class _TerminalView:
    """The progress of a run on standard error."""

    def opened(self, folder: RunFolder, manifest: RunManifest, missing: int) -> None:
        stored = len(manifest.keys) - missing
        kept = f", {stored} of them stored already" if stored else ""
        tasks = f"{len(manifest.tasks)} tasks of {manifest.task_set} {manifest.task_set_version}"
        agent = f"{manifest.agent} on {manifest.network.name}"
        typer.echo(f"{agent}: {len(manifest.keys)} episodes ({tasks}){kept}; {folder.path}", err=True)

    def starting(self, network: str) -> AbstractContextManager[object]:
        return saying_why_it_takes_long(network)

    def running(
        self, manifest: RunManifest, missing: int
    ) -> AbstractContextManager[Callable[[Result], None]]:
        return progress_on(sys.stderr, f"{manifest.agent} on {manifest.network.name}", missing)


def _complete(
    folder: RunFolder, manifest: RunManifest, tested: TestedAgent, tasks: Path | None, workers: int
) -> list[Result]:
    """Run the episodes that are missing; the results of all episodes."""
    try:
        return complete(folder, manifest, tested, tasks=tasks, workers=workers, view=_TerminalView())
    except SimulatorError as error:
        raise CommandError(str(error), WORK_FAILED) from None
    except (WorkError, LostEpisodesError) as error:
        raise CommandError(f"{error}\n{_kept(folder)}", WORK_FAILED) from None
    except OSError as error:
        raise CommandError(f"{folder.path}: cannot be written: {error.strerror}", WORK_FAILED) from None
    except KeyboardInterrupt:
        typer.echo(f"sixgym: interrupted; {_kept(folder)}", err=True)
        raise


def _kept(folder: RunFolder) -> str:
    return f"what is finished is kept in {folder.path}; the same command with --resume continues"


def _command(
    agent: str,
    network: str,
    selection: Selection,
    *,
    trials: int,
    tasks: Path | None,
    options: ModelOptions,
) -> str:
    """The command that makes the same run."""
    given: Iterable[tuple[str, object]] = (
        ("--agent", agent),
        ("--network", network),
        ("--tier", selection.tier),
        ("--domain", selection.domain),
        ("--limit", selection.limit),
        ("--trials", trials if trials > 1 else None),
        ("--tasks", tasks),
        ("--model", options.model),
        ("--base-url", options.base_url),
        ("--style", options.style),
        ("--temperature", options.temperature or None),
        ("--max-tokens", options.max_tokens if options.max_tokens != NO_MODEL.max_tokens else None),
    )
    return words.command_line(["sixgym", "bench"], given)
