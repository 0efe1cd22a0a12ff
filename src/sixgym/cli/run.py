"""`sixgym run`: an agent works on a task, the episode is shown, judged and stored."""

import json
import re
import signal
import statistics
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import typer
from pydantic import JsonValue
from rich.console import Console

from sixgym.agents.base import Agent
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.registry import make_agent
from sixgym.agents.rules.reference import reference_agent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.language import NO_MODEL, ModelRequest, language
from sixgym.cli.options import DEFAULT_SEED, REFERENCE
from sixgym.cli.output import text as words
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.view import EpisodeView, open_console
from sixgym.domain.scenario import Scenario
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task
from sixgym.episodes.store import append_episode, write_parquet
from sixgym.episodes.task import make_task
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price
from sixgym.run.rollout import rollout
from sixgym.scenarios import ScenarioError, load_scenario
from sixgym.scoring.goals import Verdict, judge
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.frozen import TaskSetError, find_task
from sixgym.tasks.record import BenchTask

DEFAULT_SCENARIO = "uav-inspection"
MAX_INTENT_CHARACTERS = 2_000
_BENCHMARK_ID = re.compile(r"L[123]-[^/]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What the command line asked for, unchecked.

    Attributes:
        scenario: A shipped one or a file; None is that of the task, or the default.
        intent: Other words for the task.
        task: One of the scenario or of the benchmark; None is the scenario's first.
        tasks: File of the task set the task is of; None is the frozen one, if it is of the benchmark.
        agent, network: Names.
        script: File with the calls of a scripted agent.
        seed: Of everything that is drawn; None is the default, or what a task of the benchmark has.
        out: Folder of the episode.
        as_json: A summary on standard output.
        model: The language model, for an agent that asks one.
    """

    scenario: str | None
    intent: str | None
    task: str | None
    tasks: Path | None
    agent: str
    script: Path | None
    network: str
    seed: int | None
    out: Path
    as_json: bool
    model: ModelRequest = NO_MODEL


def run(request: RunRequest) -> None:
    """Run one episode.

    Raises:
        CommandError: wrong use, before anything has run; or the network broke, after storing the episode.
    """
    bench_task = choose_bench_task(request)
    task = choose_task(request) if bench_task is None else bench_task.task
    simulator = choose_simulator(request.network)
    with language(request.agent, request.model) as found:
        agent = choose_agent(request, bench_task, None if found is None else found.react)
        price = None if found is None else found.price
        _run(request, task, agent, simulator=simulator, price=price)


def _run(
    request: RunRequest,
    task: Task,
    agent: Agent,
    *,
    simulator: Simulator,
    price: Price | None,
) -> None:
    path = writable(request.out)
    console = open_console(sys.stderr if request.as_json else sys.stdout)
    backend = SimulatedBackend(simulator)
    try:
        with EpisodeView(console, task) as view:
            view.header(agent.name, backend.info)
            episode = _work(_PatientEnvironment(backend), agent, task, view, path)
            stored = store(path, episode)
            verdict = judge(episode)
            view.verdict(episode, verdict)
    finally:
        backend.close()
    if episode.usage is not None and price is not None:
        console.print(f"cost    ${price.cost_usd(episode.usage):.4f}", highlight=False)
    _say_where(console, stored)
    if request.as_json:
        typer.echo(json.dumps(summary(episode, verdict, stored, price)))
    if episode.infrastructure_failure is not None:
        raise CommandError(episode.infrastructure_failure, WORK_FAILED)


def choose_bench_task(request: RunRequest) -> BenchTask | None:
    """The task of the benchmark that was asked for, if one was. Its network, seeds and words belong to it."""
    if not _is_of_the_benchmark(request):
        return None
    if request.task is None:
        raise CommandError("--tasks: --task ID says which of them; sixgym bench tasks lists them", WRONG_USE)
    kept = {"--scenario": request.scenario, "--intent": request.intent, "--seed": request.seed}
    for option, what in (("--scenario", "network"), ("--intent", "words"), ("--seed", "seeds")):
        if kept[option] is not None:
            reason = f"{request.task} is a task of the benchmark and keeps its {what}"
            raise CommandError(f"{option}: {reason}; give --task alone", WRONG_USE)
    try:
        return find_task(request.task, request.tasks)
    except TaskSetError as error:
        raise CommandError(f"--task names a task of the benchmark: {error}", WRONG_USE) from None


def choose_task(request: RunRequest) -> Task:
    """The task of a scenario that was asked for."""
    scenario, task_id = _choose_scenario(request.scenario, request.task)
    intent = request.intent
    if intent is not None and not 0 < len(intent.strip()) <= MAX_INTENT_CHARACTERS:
        raise CommandError(f"--intent needs 1 to {MAX_INTENT_CHARACTERS} characters", WRONG_USE)
    with wrong_use_on(ValueError):
        return make_task(scenario, seed=_seed(request), intent_id=task_id, words=intent)


def choose_agent(request: RunRequest, bench_task: BenchTask | None, react: ReactAgent | None) -> Agent:
    """The agent that was asked for."""
    if react is not None and react.sampling.temperature > 0:
        react = replace(react, sampling=react.sampling.model_copy(update={"seed": _seed(request)}))
    with wrong_use_on(ValueError):
        if request.agent != REFERENCE or request.script is not None:
            return make_agent(request.agent, seed=_seed(request), script=request.script, react=react)
    if bench_task is None:
        raise CommandError(
            f"--agent {REFERENCE} plays the solution of a task of the benchmark: --task ID says of which; "
            "sixgym bench tasks lists them",
            WRONG_USE,
        )
    return reference_agent(bench_task)


def choose_simulator(network: str) -> Simulator:
    """The network simulator that was asked for; not started yet."""
    with wrong_use_on(ValueError):
        try:
            return make_simulator(network)
        except SimulatorError as error:
            raise CommandError(str(error), WORK_FAILED) from None
        except ImportError as error:
            raise CommandError(
                f"{network} cannot be loaded: {error}; ask sixgym doctor", WORK_FAILED
            ) from None


def summary(
    episode: Episode, verdict: Verdict, stored: Path, price: Price | None = None
) -> dict[str, JsonValue]:
    """What `--json` prints. An episode that was cut short has no targets: nothing was judged."""
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


def _is_of_the_benchmark(request: RunRequest) -> bool:
    if request.tasks is not None:
        return True
    if not _BENCHMARK_ID.fullmatch(request.task or ""):
        return False
    if request.scenario is None:
        return True
    with wrong_use_on(ScenarioError):
        return request.task not in [task.id for task in load_scenario(request.scenario).tasks]


def _seed(request: RunRequest) -> int:
    return DEFAULT_SEED if request.seed is None else request.seed


def _choose_scenario(name: str | None, task: str | None) -> tuple[Scenario, str | None]:
    """The scenario, and the id of its task; a task `<scenario>/<id>` names both."""
    prefix, _, task_id = (task or "").rpartition("/")
    if task is not None and not task_id:
        raise CommandError(f"--task {task!r} names no task", WRONG_USE)
    with wrong_use_on(ScenarioError):
        scenario = load_scenario(name or prefix or DEFAULT_SCENARIO)
    if name and prefix and prefix != scenario.name:
        raise CommandError(f"--task {task} belongs to another scenario than --scenario {name}", WRONG_USE)
    return scenario, task_id or None


class _PatientEnvironment(Environment):
    """Says so when its network takes long to start."""

    def __init__(self, backend: SimulatedBackend) -> None:
        super().__init__(backend)
        self._network = backend.info.name

    def reset(self, task: Task, *, earlier: tuple[Episode, ...] = ()) -> Observation:
        """Start the task's network."""
        with saying_why_it_takes_long(self._network):
            return super().reset(task, earlier=earlier)


def _work(environment: Environment, agent: Agent, task: Task, view: EpisodeView, out: Path) -> Episode:
    """Roll out; whatever interrupts it, what has happened so far is kept."""
    # whoever manages processes sends SIGTERM where a person presses Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return rollout(
            environment, agent, task, on_step=view.step, on_interval=view.interval, on_attempt=view.attempt
        )
    except BaseException as error:
        reason = _reason(error)
        episode = environment.episode(agent.name, infrastructure_failure=reason)
        useless = isinstance(error, ModelUnusableError) and not episode.steps
        begun = episode.initial is not None and not useless
        kept = store(out, episode) if begun or episode.earlier else None
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


def writable(folder: Path) -> Path:
    """The folder of `--out`, made if it is missing.

    Raises:
        CommandError: nothing can be written there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".sixgym-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(f"--out {folder}: cannot write there: {error.strerror}", WRONG_USE) from None
    return folder


def store(folder: Path, episode: Episode) -> Path:
    """Write the episode as JSONL and Parquet; the path of the first."""
    path = folder / f"{words.file_name(episode.id)}.jsonl"
    try:
        append_episode(path, episode)
        write_parquet(path.with_suffix(".parquet"), [episode])
    except OSError as error:
        raise CommandError(
            f"{path}: the episode could not be stored: {error.strerror}", WORK_FAILED
        ) from None
    return path


def _say_where(console: Console, stored: Path) -> None:
    console.print(f"episode {stored} (and .parquet)", soft_wrap=True, highlight=False, markup=False)
    console.print(f"look at it again: sixgym show {stored}", soft_wrap=True, highlight=False, markup=False)
