"""Tasks by the options that name them: a scenario's own task, or a task of a benchmark set."""

import re
from dataclasses import dataclass
from pathlib import Path

from sixgym.cli.errors import WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.options import DEFAULT_SEED
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Task
from sixgym.episodes.task import make_task
from sixgym.scenarios import ScenarioError, load_scenario
from sixgym.tasks.frozen import TaskSet, TaskSetError, load_task, task_set
from sixgym.tasks.record import BenchTask

DEFAULT_SCENARIO = "uav-inspection"
MAX_INTENT_CHARACTERS = 2_000
_BENCHMARK_ID = re.compile(r"L[123]-[^/]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """The options of `sixgym run` and `sixgym serve mcp` that name a task, unchecked.

    Attributes:
        scenario: Name of a shipped scenario, or a YAML file.
        intent: Other words for the task.
        task: Id of a task of the scenario or of a benchmark set.
        tasks: Manifest of the benchmark set; None is the shipped set.
        seed: Seed of everything that is drawn; a task of a benchmark set has its own.
    """

    scenario: str | None
    intent: str | None
    task: str | None
    tasks: Path | None
    seed: int | None


@dataclass(frozen=True, slots=True)
class ChosenTask:
    """A task, and the benchmark's record of the task if the task belongs to a benchmark set."""

    task: Task
    bench: BenchTask | None


def choose_task(options: TaskOptions) -> ChosenTask:
    """The task that the options name; without options the first task of the default scenario.

    Raises:
        CommandError: there is no such task, or the options contradict one another.
    """
    if _names_benchmark_task(options):
        bench_task = _benchmark_task(options)
        return ChosenTask(bench_task.task, bench_task)
    return ChosenTask(_scenario_task(options), None)


def load_tasks(path: Path | None) -> TaskSet:
    """The benchmark set of a manifest, or the shipped set.

    Raises:
        CommandError: the manifest or its tasks cannot be read.
    """
    with wrong_use_on(ValueError):
        return task_set(path)


def _names_benchmark_task(options: TaskOptions) -> bool:
    if options.tasks is not None:
        return True
    if not _BENCHMARK_ID.fullmatch(options.task or ""):
        return False
    if options.scenario is None:
        return True
    with wrong_use_on(ScenarioError):
        return options.task not in [task.id for task in load_scenario(options.scenario).tasks]


def _benchmark_task(options: TaskOptions) -> BenchTask:
    if options.task is None:
        raise CommandError(
            "--tasks needs --task ID, a task of the set; sixgym bench tasks lists the ids", WRONG_USE
        )
    fixed = (
        ("--scenario", options.scenario, "network"),
        ("--intent", options.intent, "words"),
        ("--seed", options.seed, "seeds"),
    )
    for option, value, what in fixed:
        if value is not None:
            reason = f"{options.task} is a task of the benchmark and keeps its {what}"
            raise CommandError(f"{option}: {reason}; give --task alone", WRONG_USE)
    try:
        return load_task(options.task, options.tasks)
    except TaskSetError as error:
        raise CommandError(f"--task names a task of the benchmark: {error}", WRONG_USE) from None


def _scenario_task(options: TaskOptions) -> Task:
    scenario, task_id = _choose_scenario(options.scenario, options.task)
    intent = options.intent
    if intent is not None and not 0 < len(intent.strip()) <= MAX_INTENT_CHARACTERS:
        raise CommandError(f"--intent needs 1 to {MAX_INTENT_CHARACTERS} characters", WRONG_USE)
    seed = DEFAULT_SEED if options.seed is None else options.seed
    with wrong_use_on(ValueError):
        return make_task(scenario, seed=seed, intent_id=task_id, words=intent)


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
