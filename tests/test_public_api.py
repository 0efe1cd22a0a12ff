"""`import sixgym` is cheap, complete, and what type checkers are told it is."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import sixgym
from sixgym import Turn

SOURCE = Path(str(sixgym.__file__))
HEAVY = ("numpy", "pydantic", "numba", "pyarrow", "torch", "typer", "rich", "yaml")


def declared_to_type_checkers() -> dict[str, str]:
    """Module by name, from the imports that only type checkers see."""
    (block,) = (node for node in ast.parse(SOURCE.read_text()).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_type_checkers_and_python_are_told_the_same() -> None:
    at_run_time = {name: f"sixgym.{module}" for name, module in sixgym._MODULE_OF.items()}
    assert declared_to_type_checkers() == at_run_time
    assert sorted(at_run_time) == sorted(sixgym.__all__)


@pytest.mark.parametrize("name", sixgym.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(sixgym, name)
    assert value.__name__ == name
    assert value.__module__ == declared_to_type_checkers()[name]
    text = inspect.getdoc(value) or ""
    assert text
    assert not text.startswith(f"{name}(")  # what Python writes under a dataclass that says nothing
    assert name in dir(sixgym)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'make_magic'"):
        _ = sixgym.make_magic


def test_importing_sixgym_imports_no_library() -> None:
    program = "import sys, sixgym; print(*sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    loaded = set(printed.split())
    assert not loaded & set(HEAVY)
    assert {name for name in loaded if name.startswith("sixgym.")} == {"sixgym._version"}


def test_a_turn_calls_a_tool_or_gives_the_answer() -> None:
    turn = Turn.calling("request_handover", uav="drone-1", gnb="gnb-2", thought="the link is slow")
    assert turn.call == sixgym.ToolCall(tool="request_handover", arguments={"uav": "drone-1", "gnb": "gnb-2"})
    assert (turn.thought, turn.answer) == ("the link is slow", None)
    assert Turn.answering("done") == Turn(answer="done")


def test_a_task_is_made_from_a_scenario_and_from_its_name() -> None:
    by_name = sixgym.make_task("uav-inspection", seed=7)
    assert sixgym.make_task(sixgym.load_scenario("uav-inspection"), seed=7) == by_name
    with pytest.raises(sixgym.ScenarioError, match="uav-inspection"):
        sixgym.make_task("uav-inspektion", seed=7)
