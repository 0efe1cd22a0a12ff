"""`sixgym agents`: the agents that are known by name."""

import sys

from rich.table import Table

from sixgym.agents.registry import AGENTS, MODEL_AGENTS
from sixgym.agents.rules.reference import REFERENCE
from sixgym.cli.output.view import open_console

REFERENCE_LINE = "plays the solution of its task, which has to be one of the benchmark (bench, run --task ID)"


def agents() -> None:
    """List the agents that `--agent` takes by name.

    `--agent FILE.py:CLASS` takes an agent of your own.
    """
    table = Table(box=None, header_style="dim")
    table.add_column("agent", style="bold", no_wrap=True)
    table.add_column("what it does")
    for name, line in {**AGENTS, **MODEL_AGENTS, REFERENCE: REFERENCE_LINE}.items():
        table.add_row(name, line)
    open_console(sys.stdout).print(table)
