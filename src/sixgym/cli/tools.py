"""`sixgym tools`: the tools that an agent may call."""

import json
import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from sixgym.cli.output.view import EFFECT_STYLES, open_console
from sixgym.tools.base import CATALOG
from sixgym.tools.schema import json_specs, markdown, openai_specs


class ToolFormat(StrEnum):
    """Forms of the list of tools."""

    TABLE = "table"
    JSON = "json"
    OPENAI = "openai"
    MARKDOWN = "markdown"


def tools(
    format: Annotated[ToolFormat, typer.Option("--format", help="Form of the list.")] = ToolFormat.TABLE,
) -> None:
    """List the tools that an agent may call: a table, JSON Schemas, OpenAI tool specs or Markdown.

    - `sixgym tools`
    - `sixgym tools --format openai > tools.json`
    """
    match format:
        case ToolFormat.TABLE:
            open_console(sys.stdout).print(_table())
        case ToolFormat.JSON:
            typer.echo(json.dumps(json_specs(), indent=2))
        case ToolFormat.OPENAI:
            typer.echo(json.dumps(openai_specs(), indent=2))
        case ToolFormat.MARKDOWN:
            typer.echo(markdown(), nl=False)


def _table() -> Table:
    table = Table(box=None, header_style="dim", title=f"{len(CATALOG)} tools", title_justify="left")
    table.add_column("tool", style="bold", no_wrap=True)
    table.add_column("effect", no_wrap=True)
    table.add_column("paper class", no_wrap=True)
    table.add_column("what it does")
    for tool in CATALOG.values():
        effect = Text(tool.effect, EFFECT_STYLES[tool.effect])
        table.add_row(tool.name, effect, tool.paper_class, Text(tool.description.split("\n\n")[0]))
    return table
