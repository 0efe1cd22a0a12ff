"""What README shows is what is printed, and its own agent does what the text says."""

import ast
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sixgym.cli.app import app
from sixgym.episodes.store import read_episodes
from sixgym.simulators import factory
from tests.docs.snippets import snippets
from tests.doubles import FluidSimulator
from tests.repository import ROOT


def agent_program() -> str:
    program, _ = (snippet.text for snippet in snippets("README.md") if snippet.language == "python")
    return program


def test_the_agent_in_the_readme_takes_12_lines_and_two_imports() -> None:
    lines = [line for line in agent_program().splitlines() if line.strip()]
    imports = [
        node for node in ast.parse(agent_program()).body if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert len(lines) <= 12
    assert len(imports) <= 2


def test_the_agent_in_the_readme_runs_and_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(factory.SIMULATORS, "tti", FluidSimulator)
    exec(compile(agent_program(), "README.md", "exec"), {"__name__": "readme"})
    (episode,) = read_episodes(tmp_path / "runs" / "nervous.jsonl")
    assert episode.agent == "nervous"
    assert all(step.outcome.ok for step in episode.steps)
    assert capsys.readouterr().out.strip() in ("True", "False")


def test_the_move_of_the_readmes_agent_is_a_call_the_tools_accept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(factory.SIMULATORS, "tti", FluidSimulator)
    eager = agent_program().replace("latency_ms < 40", "latency_ms < 0")
    exec(compile(eager, "README.md", "exec"), {"__name__": "readme"})
    (episode,) = read_episodes(tmp_path / "runs" / "nervous.jsonl")
    call, outcome = episode.steps[0].turn.call, episode.steps[0].outcome
    assert call is not None
    assert call.tool == "request_handover"
    assert outcome.ok, outcome.error


def shown_runs() -> list[Any]:
    """Commands of README's first output, each with the lines that are shown of it."""
    (block,) = (snippet.text for snippet in snippets("README.md") if snippet.kind == "output")
    runs: list[Any] = []
    for part in block.split("$ sixgym ")[1:]:
        command, *lines = part.strip().splitlines()
        words = command.split("#")[0].split()
        marks = [pytest.mark.ns3] if "ns3" in words else []
        runs.append(pytest.param(words, lines, marks=marks, id=" ".join(words)))
    return runs


NUMBER, TREND, BAR = r"\d+(?:\.\d+)?", "[→↗↘]", re.compile("[▁▂▃▄▅▆▇█]")


def figures(line: str) -> list[float]:
    return [float(number) for number in re.findall(NUMBER, line)]


def is_printed(shown: str, line: str) -> bool:
    """The same words, and figures that another machine's rounding may move a little."""
    words = re.escape(re.sub(TREND, "→", re.sub(NUMBER, "0", shown.rstrip())))
    if not re.match(words.replace("…", ".*"), re.sub(TREND, "→", re.sub(NUMBER, "0", line))):
        return False
    before_the_cut = figures(shown.split("…", maxsplit=1)[0])
    return all(abs(a - b) <= 0.1 + 0.1 * abs(b) for a, b in zip(before_the_cut, figures(line), strict=False))


@pytest.mark.parametrize(("words", "lines"), shown_runs())
def test_the_output_in_the_readme_is_what_is_printed(
    tmp_path: Path, words: list[str], lines: list[str]
) -> None:
    printed = CliRunner().invoke(app, [*words, "--out", str(tmp_path)]).stdout.splitlines()
    shown = [line for line in lines if line.strip() not in {"", "…"} and not BAR.search(line)]
    assert len(shown) >= 4
    assert [line for line in shown if not any(is_printed(line, other) for other in printed)] == []


def test_every_command_of_the_table_exists() -> None:
    table = (ROOT / "README.md").read_text().split("## Commands")[1].split("## ")[0]
    shown = re.findall(r"^\| `sixgym ([a-z ]+)", table, re.MULTILINE)
    assert len(shown) >= 12
    for command in shown:
        assert CliRunner().invoke(app, [*command.split(), "--help"]).exit_code == 0, command


def test_the_script_in_the_guide_is_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", FluidSimulator)
    (script,) = (snippet.text for snippet in snippets("docs/index.md") if snippet.language == "json")
    (tmp_path / "calls.json").write_text(script)
    options = ["--network", "fluid", "--agent", "scripted", "--script", str(tmp_path / "calls.json")]
    assert CliRunner().invoke(app, ["run", *options, "--out", str(tmp_path)]).exit_code == 0
    (path,) = tmp_path.glob("*.jsonl")
    (episode,) = read_episodes(path)
    assert [step.outcome.error for step in episode.steps] == [None, None]
