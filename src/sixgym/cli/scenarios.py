"""`sixgym scenarios`: the scenarios that ship with the package."""

import json
import sys

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from sixgym.cli.options import AsJson
from sixgym.cli.output import text as words
from sixgym.cli.output.view import open_console
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import load_scenario, shipped_names


def scenarios(as_json: AsJson = False) -> None:
    """List the shipped scenarios with their networks, faults and tasks."""
    shipped = [load_scenario(name) for name in shipped_names()]
    if as_json:
        typer.echo(json.dumps([_summary(scenario) for scenario in shipped], indent=2))
        return
    console = open_console(sys.stdout)
    for scenario in shipped:
        console.print(_table(scenario))


def _summary(scenario: Scenario) -> dict[str, JsonValue]:
    return {
        "name": scenario.name,
        "description": words.clean(scenario.description),
        "decision_interval_ms": scenario.decision_interval_ms,
        "cells": len(scenario.cells),
        "prbs": scenario.prbs,
        "slices": [slice_.type.value for slice_ in scenario.slices],
        "groups": {group.name: group.count for group in scenario.groups},
        "devices": sum(group.count for group in scenario.groups),
        "uavs": sum(group.count for group in scenario.groups if group.airframe),
        "managed": scenario.managed,
        "compute": [node.id for node in scenario.compute],
        "faults": [fault.model_dump(mode="json") for fault in scenario.faults],
        "tasks": [
            {
                "id": f"{scenario.name}/{task.id}",
                "intent": words.clean(task.intent),
                "max_steps": task.max_steps,
                "horizon": task.horizon,
            }
            for task in scenario.tasks
        ],
    }


def _table(scenario: Scenario) -> Table:
    table = Table(
        box=None, show_header=False, title=f"[bold]{scenario.name}[/]", title_justify="left", expand=True
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(ratio=1)
    groups = ", ".join(
        f"{group.count} {group.name}{' (UAV)' if group.airframe else ''}" for group in scenario.groups
    )
    table.add_row("", Text(words.clean(scenario.description)))
    table.add_row("cells", f"{len(scenario.cells)} of {scenario.prbs} PRBs, one carrier")
    slices = (f"{s.type} ({s.label})" if s.label else s.type for s in scenario.slices)
    table.add_row("slices", ", ".join(slices))
    table.add_row("devices", f"{groups}; managed: {scenario.managed}")
    table.add_row("compute", ", ".join(node.id for node in scenario.compute) or "none")
    table.add_row("interval", f"{scenario.decision_interval_ms} ms")
    for fault in scenario.faults:
        span = f"from {fault.start_ms / 1e3:g} s on, for {fault.duration_ms / 1e3:g} s"
        table.add_row("fault", f"{words.timeline_words(fault)} {span}")
    for task in scenario.tasks:
        name = (f"{scenario.name}/{task.id}", "bold")
        table.add_row("task", Text.assemble(name, f"  {words.clean(task.intent)}"))
    return table
