"""Groups of commands that import the module of a command only when a user calls the command.

The modules of commands import what they work with, some of it slow to import. A group knows the name and the
help line of each command from a table, so `sixgym --help` imports none of these modules.
"""

from collections.abc import Mapping
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

from sixgym.cli.errors import reporting


class Entry(NamedTuple):
    """A row of a table of commands.

    Attributes:
        where: `MODULE:NAME` of a function that carries out the command, or of a Typer application, a group.
        line: Help line in the list of commands; the first sentence of the command's own help.
    """

    where: str
    line: str


class LazyCommand(TyperCommand):
    """A command, or a group of commands, that is imported when it is called."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.line, rich_markup_mode="markdown")
        self._where = entry.where

    @cached_property
    def loaded(self) -> Any:
        """The imported command."""
        module, _, attribute = self._where.partition(":")
        found = getattr(import_module(module), attribute)
        if isinstance(found, typer.Typer):
            return get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode="markdown")
        alone.command(self.name)(found)
        return get_command(alone)

    # Typer 0.20 and older take click's Context, newer ones a copy of their own: hence Any
    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the command and let it read its arguments."""
        return self.loaded.make_context(info_name, args, parent, **extra)


class LazyGroup(TyperGroup):
    """A group of the commands in a table. A failed command ends with its message and exit status."""

    table: ClassVar[Mapping[str, Entry]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, entry in self.table.items():
            self.add_command(LazyCommand(name, entry))

    def invoke(self, ctx: Any) -> Any:
        """Carry out a command."""
        with reporting():
            return super().invoke(ctx)


def lazy_group(commands: Mapping[str, Entry]) -> type[LazyGroup]:
    """The group of these commands, in the order of the help. `typer.Typer` takes it as `cls`."""
    return type("LazyGroup", (LazyGroup,), {"table": commands})
