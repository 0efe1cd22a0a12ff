"""The commands: each is listed as it describes itself, and is imported only when it is called."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
import typer

import sixgym.cli
import sixgym.cli.app
import sixgym.cli.bench.app
import sixgym.cli.fidelity.app
import sixgym.cli.serve.app
from sixgym.cli.lazy import Entry
from tests.cli.conftest import Sixgym

HEAVY = {"numpy", "numba", "gymnasium", "matplotlib", "pyarrow", "yaml", "ns3", "cppyy"}
GROUPS: dict[str, Mapping[str, Entry]] = {
    "": sixgym.cli.app.COMMANDS,
    "bench": sixgym.cli.bench.app.COMMANDS,
    "fidelity": sixgym.cli.fidelity.app.COMMANDS,
    "serve": sixgym.cli.serve.app.COMMANDS,
}
COMMANDS = {
    f"{group} {name}".strip(): entry for group, table in GROUPS.items() for name, entry in table.items()
}
PACKAGE = Path(sixgym.cli.__file__).parent


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_listed_with_the_first_sentence_of_its_own_help(command: str) -> None:
    module, _, attribute = COMMANDS[command].where.partition(":")
    found = getattr(importlib.import_module(module), attribute)
    if isinstance(found, typer.Typer):
        callback = found.registered_callback
        described = found.info.help if callback is None else callback.callback.__doc__  # type: ignore[union-attr]
    else:
        described = found.__doc__
    first_paragraph = " ".join(str(described).split("\n\n", maxsplit=1)[0].split())
    assert first_paragraph.startswith(COMMANDS[command].line)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_that_fits_a_terminal(sixgym: Sixgym, command: str) -> None:
    result = sixgym(*command.split(), "--help")
    assert result.exit_code == 0
    assert f"sixgym {command} " in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_a_command_that_does_not_exist_is_wrong_use_and_a_near_name_is_offered(sixgym: Sixgym) -> None:
    result = sixgym("fidelity", "transferr")
    assert result.exit_code == 2
    assert "Did you mean 'transfer'?" in result.stderr


# the help of `sixgym bench` shows the options of a run, so it imports what a run needs
@pytest.mark.parametrize(
    ("arguments", "heavy"),
    [
        (["--help"], {*HEAVY, "pydantic"}),
        (["fidelity", "--help"], HEAVY),  # typer itself imports pydantic to read options
        (["serve", "--help"], HEAVY),
    ],
)
def test_a_list_of_commands_imports_no_heavy_library(arguments: list[str], heavy: set[str]) -> None:
    program = (
        "import sys\nfrom sixgym.cli.app import app\n"
        f"try:\n    app({arguments})\nexcept SystemExit:\n    pass\n"
        f"heavy = {heavy} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_of_the_command_line_imports_another_in_a_circle() -> None:
    def imported(path: Path) -> set[str]:
        nodes = ast.walk(ast.parse(path.read_text()))
        found = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module is not None]
        names = {str(node.module) for node in found}
        # `from package import module` names the module after the package
        names |= {f"{node.module}.{alias.name}" for node in found for alias in node.names}
        return names

    modules = {
        ".".join(("sixgym.cli", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    graph = {name: imported(path) & set(modules) for name, path in modules.items()}
    assert len(list(TopologicalSorter(graph).static_order())) == len(modules)
