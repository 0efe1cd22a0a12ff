"""`sixgym bench tasks`: what is in a task set."""

import json
import sys
from pathlib import Path

import typer
from rich.table import Table
from rich.text import Text

from sixgym.cli.bench.run import load_tasks
from sixgym.cli.errors import wrong_use_on
from sixgym.cli.output import text as words
from sixgym.cli.output.goals import goal_lines
from sixgym.cli.output.view import open_console
from sixgym.domain.faults import FaultEvent
from sixgym.evaluate.holdout.report import (
    HoldoutError,
    benchmark_texts,
    check_holdout,
    read_texts,
    to_markdown,
)
from sixgym.tasks.frozen import TaskSetError, find_task
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, SelectionError, select

INTENT_CHARACTERS = 200
WIDTH_FOR_SCENARIOS = 100
"""Narrower than this, an intent needs the room of the scenario's name; the task itself shows it."""


def list_tasks(
    tier: str | None, domain: str | None, limit: int | None, path: Path | None, *, as_json: bool
) -> None:
    """Print the chosen tasks, a row each.

    Raises:
        CommandError: there are none.
    """
    found = load_tasks(path)
    with wrong_use_on(SelectionError):
        chosen = select(found.tasks, Selection(tier=tier, domain=domain, limit=limit))
    if as_json:
        about = {"name": found.name, "version": found.version, "sha256": found.sha256}
        typer.echo(json.dumps({**about, "tasks": [task.facts for task in chosen]}))
        return
    title = f"{len(chosen)} of {len(found.tasks)} tasks of {found.name} {found.version}"
    console = open_console(sys.stdout)
    named = {"id": "id", "scenario": "scenario"} if console.width >= WIDTH_FOR_SCENARIOS else {"id": "id"}
    counted = {"seed": "seed", "calls": "reference_calls"}
    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    for heading in named:
        table.add_column(heading, no_wrap=True)
    for heading in counted:
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("intent", min_width=24)
    for task in chosen:
        shown = [str(task.facts[key]) for key in (*named.values(), *counted.values())]
        table.add_row(*shown, Text(words.clean(task.task.intent, INTENT_CHARACTERS)))
    console.print(table)
    console.print("sixgym bench tasks --show ID shows one whole", style="dim", highlight=False)


def show_task(task_id: str, path: Path | None, *, as_json: bool) -> None:
    """Print one task: intent, service level, goal, faults, and the solution that is known.

    Raises:
        CommandError: there is no such task.
    """
    with wrong_use_on(TaskSetError):
        task = find_task(task_id, path)
    if as_json:
        typer.echo(task.model_dump_json())
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for label, line in _lines(task):
        table.add_row(label, Text(words.clean(line)))
    open_console(sys.stdout).print(table)


def report_holdout(against: Path, path: Path | None, *, as_json: bool) -> None:
    """Print whether the tasks are held out from the training texts of a file.

    Raises:
        CommandError: there are no texts, or what compares them is not installed.
    """
    with wrong_use_on(HoldoutError):
        training = read_texts(against)
        report = check_holdout(benchmark_texts(load_tasks(path).tasks), training)
    typer.echo(to_markdown(report), err=as_json, nl=False)
    if as_json:
        typer.echo(json.dumps({"held_out": report.held_out, **report.model_dump(mode="json")}))


def _lines(bench_task: BenchTask) -> list[tuple[str, str]]:
    """The parts of a task with their names, in words."""
    task = bench_task.task
    scenario = task.scenario
    seconds = task.horizon * scenario.decision_interval_ms / 1e3
    return [
        ("task", f"{task.id}: {bench_task.tier}, {bench_task.domain} ({', '.join(bench_task.parts)})"),
        ("network", f"{scenario.name}, topology seed {scenario.topology_seed}, seed {task.seed}"),
        ("intent", task.intent),
        ("service level", words.sla_words(task.sla)),
        ("budget", f"{task.max_steps} calls, {task.horizon} intervals ({seconds:g} s)"),
        *goal_lines(task.goal),
        *(("fault", _fault_words(fault)) for fault in scenario.faults),
        *(
            (f"solution {number}", f"{call.tool} {words.call_words(call, 200)}")
            for number, call in enumerate(bench_task.reference, 1)
        ),
        ("answer", bench_task.reference_answer),
    ]


def _fault_words(fault: FaultEvent) -> str:
    span = f"from {fault.start_ms / 1e3:g} s on, for {fault.duration_ms / 1e3:g} s"
    return f"{words.timeline_words(fault)} {span}"
