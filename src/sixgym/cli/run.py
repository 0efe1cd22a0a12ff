"""`sixgym run`: an agent works on a task; the episode is shown, judged and stored."""

import json
import statistics
import sys
from pathlib import Path
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Console

from sixgym.agents.base import Agent
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.rules.reference import REFERENCE
from sixgym.backends.simulated import SimulatedBackend
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, interrupt_on_sigterm, wrong_use_on
from sixgym.cli.language import NO_MODEL, ModelOptions, language
from sixgym.cli.network import choose_network
from sixgym.cli.options import (
    DEFAULT_NETWORK,
    DEFAULT_SEED,
    AsJson,
    BaseUrl,
    BudgetTokens,
    BudgetUsd,
    Intent,
    MaxTokens,
    ModelName,
    Network,
    OutRuns,
    Prices,
    Scenario,
    SeedIfAny,
    Style,
    TaskFile,
    TaskId,
    Temperature,
    Timeout,
)
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.view import EpisodeView, open_console
from sixgym.cli.storing import store, writable
from sixgym.cli.task import TaskOptions, choose_task
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price
from sixgym.run.build import make_task_agent
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import Verdict, judge
from sixgym.tasks.record import BenchTask


def run(
    *,
    scenario: Scenario = None,
    intent: Intent = None,
    task: TaskId = None,
    agent: Annotated[
        str,
        typer.Option(metavar="NAME", help="An agent of `sixgym agents`, or your own, FILE.py:CLASS."),
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
    out: OutRuns = Path("runs"),
    as_json: AsJson = False,
    tasks: TaskFile = None,
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
    """Let an agent work on an operator's intent, in closed loop, and judge the outcome.

    Every tool call takes one decision interval of network time. After the agent's last call, the network
    runs on to the end of the task. The verdict comes from what the network measured, not from what the
    agent says. The episode is stored as DIR/ID.jsonl and DIR/ID.parquet.

    - `sixgym run`
    - `sixgym run --task urban-slicing/keep-robots-thinking --agent threshold --seed 7`
    - `sixgym run --task L1-network-slicing-0000 --agent reference`
    - `sixgym run --agent scripted --script calls.json --json`
    - `sixgym run --agent react --model qwen3-8b --base-url http://localhost:8000/v1`
    """
    options = ModelOptions(
        model, base_url, style, temperature, max_tokens, budget_tokens, budget_usd, prices, timeout
    )
    chosen = choose_task(TaskOptions(scenario=scenario, intent=intent, task=task, tasks=tasks, seed=seed))
    backend = choose_network(network)
    with language(agent, options) as found:
        react = None if found is None else found.react
        drawn = DEFAULT_SEED if seed is None else seed
        worker = _choose_agent(agent, seed=drawn, task=chosen.bench, script=script, react=react)
        folder = writable(out)
        console = open_console(sys.stderr if as_json else sys.stdout)
        episode, verdict, stored = _run(backend, worker, chosen.task, console, folder)
    price = None if found is None else found.price
    if episode.usage is not None and price is not None:
        console.print(f"cost    ${price.cost_usd(episode.usage):.4f}", highlight=False)
    _say_where(console, stored)
    if as_json:
        typer.echo(json.dumps(_summary(episode, verdict, stored, price)))
    if episode.infrastructure_failure is not None:
        raise CommandError(episode.infrastructure_failure, WORK_FAILED)


def _choose_agent(
    name: str, *, seed: int, task: BenchTask | None, script: Path | None, react: ReactAgent | None
) -> Agent:
    """The agent of that name.

    Raises:
        CommandError: there is no such agent, or the agent does not fit the other options.
    """
    if name == REFERENCE and script is None and task is None:
        raise CommandError(
            f"--agent {REFERENCE} plays the solution of a task of the benchmark: name it with --task ID; "
            "sixgym bench tasks lists the ids",
            WRONG_USE,
        )
    with wrong_use_on(ValueError):
        return make_task_agent(name, seed=seed, task=task, script=script, react=react)


def _run(
    backend: SimulatedBackend, agent: Agent, task: Task, console: Console, folder: Path
) -> tuple[Episode, Verdict, Path]:
    """The episode, its verdict, and the file it is stored in."""
    try:
        with EpisodeView(console, task) as view:
            view.header(agent.name, backend.info)
            episode = _roll_out(_PatientEnvironment(backend), agent, task, view, folder)
            stored = store(folder, episode)
            verdict = judge(episode)
            view.verdict(episode, verdict)
    finally:
        backend.close()
    return episode, verdict, stored


class _PatientEnvironment(Environment):
    """An environment that tells the user when its network takes long to start."""

    def reset(self, task: Task, *, earlier: tuple[Episode, ...] = ()) -> Observation:
        """Start the network of a task."""
        with saying_why_it_takes_long(self.info.name):
            return super().reset(task, earlier=earlier)


def _roll_out(environment: Environment, agent: Agent, task: Task, view: EpisodeView, folder: Path) -> Episode:
    """The whole episode. An episode that is cut short is stored as far as it went."""
    interrupt_on_sigterm()
    try:
        return rollout(
            environment, agent, task, on_step=view.step, on_interval=view.interval, on_attempt=view.attempt
        )
    except BaseException as error:
        reason = _reason(error)
        episode = environment.episode(agent.name, infrastructure_failure=reason)
        useless = isinstance(error, ModelUnusableError) and not episode.steps
        begun = episode.initial is not None and not useless
        kept = store(folder, episode) if begun or episode.earlier else None
        if isinstance(error, ModelUnusableError):
            rest = f"; what is finished is kept: {kept}" if kept else ""
            raise CommandError(f"{error}{rest}", WORK_FAILED) from None
        if kept:
            typer.echo(f"sixgym: {reason}; what is finished is kept: {kept}", err=True)
        raise


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error) if isinstance(error, ModelUnusableError) else f"stopped by {error!r}"


def _summary(
    episode: Episode, verdict: Verdict, stored: Path, price: Price | None = None
) -> dict[str, JsonValue]:
    """What `--json` prints. An episode that was cut short has no targets, because it was not judged."""
    usage = episode.usage
    judged = verdict.targets if episode.infrastructure_failure is None else ()
    return {
        "task": episode.task.id,
        "scenario": episode.task.scenario.name,
        "intent": episode.task.intent,
        "seed": episode.task.seed,
        "agent": episode.agent,
        "network": episode.backend.name,
        "network_version": episode.backend.version,
        "steps": len(episode.steps),
        "success": verdict.success,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "infrastructure_failure": episode.infrastructure_failure,
        "answer": episode.answer,
        "answer_met": verdict.answer,
        "violations": verdict.violations,
        "duties": [{**duty.duty.model_dump(mode="json"), "met": duty.met} for duty in verdict.duties],
        "targets": [
            {
                **target.target.model_dump(mode="json", exclude_none=True),
                "met": target.met,
                "held": target.held,
                "min": min(target.measured),
                "median": statistics.median(target.measured),
                "max": max(target.measured),
            }
            for target in judged
        ],
        "usage": None if usage is None else usage.model_dump(mode="json"),
        "cost_usd": None if usage is None or price is None else price.cost_usd(usage),
        "episode": str(stored),
    }


def _say_where(console: Console, stored: Path) -> None:
    console.print(f"episode {stored} (and .parquet)", soft_wrap=True, highlight=False, markup=False)
    console.print(f"look at it again: sixgym show {stored}", soft_wrap=True, highlight=False, markup=False)
