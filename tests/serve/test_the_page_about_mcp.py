"""What docs/mcp.md tells people to write works."""

import json
import re
from pathlib import Path

import pytest
from mcp import StdioServerParameters

from sixgym.serve.mcp import ANNOTATIONS
from tests.cli.conftest import Sixgym, fluid, sixgym  # noqa: F401  # fixtures
from tests.repository import ROOT
from tests.serve.test_mcp_stdio import parameters

PAGE = (ROOT / "docs" / "mcp.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_command_of_the_configuration_is_one(sixgym: Sixgym, tmp_path: Path) -> None:  # noqa: F811
    stdio, http = (json.loads(block)["mcpServers"]["sixgym"] for block in blocks("json"))
    arguments = [tmp_path if "/" in part else part for part in stdio["args"]]
    result = sixgym(*arguments, "--network", "fluid")
    assert result.exit_code == 0, result.output
    assert http["url"].endswith("/mcp")


def test_the_python_on_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [program] = blocks("python")
    asked: list[list[str]] = []

    def here(command: str, args: list[str]) -> StdioServerParameters:
        asked.append([command, *args])
        return parameters(tmp_path)

    monkeypatch.setattr("mcp.StdioServerParameters", here)
    exec(compile(program, "mcp.md", "exec"), {"__name__": "page"})
    assert asked == [["sixgym", "serve", "mcp", "--seed", "7"]]
    assert capsys.readouterr().out.startswith("[")
    assert list(tmp_path.glob("*.jsonl"))


def test_the_table_of_annotations_is_that_of_the_server() -> None:
    rows = re.findall(
        r"^\| ([a-z, ]+) \| (true|false) \| (true|false) \| (true|false) \| (true|false) \|", PAGE, re.M
    )
    told = {effect: tuple(hints) for names, *hints in rows for effect in names.split(", ")}
    assert told == {
        effect.value: tuple(
            str(hint).lower()
            for hint in (
                hints.read_only_hint,
                hints.destructive_hint,
                hints.idempotent_hint,
                hints.open_world_hint,
            )
        )
        for effect, hints in ANNOTATIONS.items()
    }
