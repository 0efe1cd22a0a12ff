"""`sixgym bench tasks`: what is in a task set."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from sixgym.cli.errors import wrong_use_on
from sixgym.cli.options import AsJson, DomainName, Limit, TaskFile, TierName
from sixgym.cli.output import text as words
from sixgym.cli.output.goals import goal_lines
from sixgym.cli.output.view import open_console
from sixgym.cli.task import load_tasks
from sixgym.domain.faults import FaultEvent
from sixgym.tasks.frozen import TaskSetError, load_task
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, SelectionError, select

INTENT_CHARACTERS = 200
WIDTH_FOR_SCENARIOS = 100
"""Columns of a terminal from which the list has room for the scenario's name beside the intent."""


def tasks(
    *,
    tier: TierName = None,
    domain: DomainName = None,
    limit: Limit = None,
    show: Annotated[
        str | None, typer.Option(metavar="ID", help="Show one task in full, with its solution.")
    ] = None,
    as_json: AsJson = False,
    tasks: TaskFile = None,
) -> None:
    """List the tasks, or show one task in full.

    - `sixgym bench tasks --tier L2 --domain uav-control`
    - `sixgym bench tasks --show L1-network-slicing-0000`
    """
    if show is not None:
        _show(show, tasks, as_json=as_json)
        return
    with wrong_use_on(SelectionError):
        selection = Selection(tier=tier, domain=domain, limit=limit)
        _list(tasks, selection, as_json=as_json)


def _list(path: Path | None, selection: Selection, *, as_json: bool) -> None:
    """Print the selected tasks, a row each."""
    found = load_tasks(path)
    chosen = select(found.tasks, selection)
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
    console.print("sixgym bench tasks --show ID shows one in full", style="dim", highlight=False)


def _show(task_id: str, path: Path | None, *, as_json: bool) -> None:
    """Print one task: intent, service level, goal, faults, and its reference solution."""
    with wrong_use_on(TaskSetError):
        task = load_task(task_id, path)
    if as_json:
        typer.echo(task.model_dump_json())
        return
    table = Table(box=None, show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    for label, line in _lines(task):
        table.add_row(label, Text(words.clean(line)))
    open_console(sys.stdout).print(table)


def _lines(bench_task: BenchTask) -> list[tuple[str, str]]:
    """The parts of a task in words, each with its name."""
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
