"""`sixgym tools`, `scenarios` and `agents`: what there is."""

import json
import sys

import typer
from pydantic import JsonValue
from rich.table import Table
from rich.text import Text

from sixgym.agents.registry import AGENTS, MODEL_AGENTS
from sixgym.cli.options import REFERENCE
from sixgym.cli.output import text as words
from sixgym.cli.output.view import EFFECT_STYLES, open_console
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import load_scenario, shipped_names
from sixgym.tools.base import CATALOG
from sixgym.tools.schema import json_specs, markdown, openai_specs

REFERENCE_WORDS = (
    "plays the solution of its task, which has to be one of the benchmark (bench, run --task ID)"
)


def show_tools(form: str) -> None:
    """Print the catalog as `table`, `json`, `openai` or `markdown`."""
    if form == "markdown":
        typer.echo(markdown(), nl=False)
    elif form in ("json", "openai"):
        typer.echo(json.dumps(json_specs() if form == "json" else openai_specs(), indent=2))
    else:
        _tools_table()


def show_agents() -> None:
    """Print every agent with what it does."""
    table = Table(box=None, header_style="dim")
    table.add_column("agent", style="bold", no_wrap=True)
    table.add_column("what it does")
    for name, description in {**AGENTS, **MODEL_AGENTS, REFERENCE: REFERENCE_WORDS}.items():
        table.add_row(name, description)
    open_console(sys.stdout).print(table)


def show_scenarios(*, as_json: bool) -> None:
    """Print every shipped scenario with its parts."""
    shipped = [load_scenario(name) for name in shipped_names()]
    if as_json:
        typer.echo(json.dumps([_scenario_summary(scenario) for scenario in shipped], indent=2))
        return
    console = open_console(sys.stdout)
    for scenario in shipped:
        console.print(_scenario_table(scenario))


def _tools_table() -> None:
    table = Table(box=None, header_style="dim", title=f"{len(CATALOG)} tools", title_justify="left")
    table.add_column("tool", style="bold", no_wrap=True)
    table.add_column("effect", no_wrap=True)
    table.add_column("paper class", no_wrap=True)
    table.add_column("what it does")
    for tool in CATALOG.values():
        effect = Text(tool.effect, EFFECT_STYLES[tool.effect])
        table.add_row(tool.name, effect, tool.paper_class, Text(tool.description.split("\n\n")[0]))
    open_console(sys.stdout).print(table)


def _scenario_summary(scenario: Scenario) -> dict[str, JsonValue]:
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


def _scenario_table(scenario: Scenario) -> Table:
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
