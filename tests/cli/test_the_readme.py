"""What README and docs show is what the code does."""

import re
from pathlib import Path
from typing import Any

import pytest

from sixgym.cli.app import COMMANDS
from sixgym.episodes.store import read_episodes
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator
from tests.repository import ROOT

PAGES = ("README.md", "docs/index.md")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
    )


def test_the_agent_in_the_readme_runs_and_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(factory.SIMULATORS, "tti", FluidSimulator)
    program, _ = blocks("README.md", "python")
    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    (episode,) = read_episodes(tmp_path / "runs" / "nervous.jsonl")
    assert episode.agent == "nervous"
    assert all(step.outcome.ok for step in episode.steps)
    assert capsys.readouterr().out.strip() in ("True", "False")


REINFORCEMENT_LEARNING = [
    program for page in PAGES for program in blocks(page, "python") if "gymnasium" in program
]


@pytest.mark.parametrize("program", REINFORCEMENT_LEARNING)
def test_reinforcement_learning_runs_as_shown(program: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(program, "the documentation", "exec"), {"__name__": "documentation"})
    assert capsys.readouterr().out.strip()


def shown_runs() -> list[Any]:
    """Commands of README's first output, each with the lines that are shown of it."""
    (block,) = (block for block in blocks("README.md", "") if block.startswith("$ sixgym run"))
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
    sixgym: Sixgym, tmp_path: Path, words: list[str], lines: list[str]
) -> None:
    printed = sixgym(*words, "--out", tmp_path).stdout.splitlines()
    shown = [line for line in lines if line.strip() not in {"", "…"} and not BAR.search(line)]
    assert len(shown) >= 4
    assert [line for line in shown if not any(is_printed(line, other) for other in printed)] == []


def test_the_move_of_the_readmes_agent_is_a_call_the_tools_accept(sixgym: Sixgym, tmp_path: Path) -> None:
    script = '[{"tool": "request_handover", "arguments": {"uav": "drone-1", "gnb": "gnb-3"}}]'
    assert '"uav": drone, "gnb": cell' in (ROOT / "README.md").read_text()
    (tmp_path / "calls.json").write_text(script)
    arguments = ("--agent", "scripted", "--script", tmp_path / "calls.json", "--out", tmp_path)
    assert sixgym("run", "--network", "fluid", *arguments).exit_code == 0
    (path,) = tmp_path.glob("*.jsonl")
    (episode,) = read_episodes(path)
    assert episode.steps[0].outcome.ok, episode.steps[0].outcome.error


def test_the_script_in_the_docs_is_carried_out(sixgym: Sixgym, tmp_path: Path) -> None:
    (script,) = blocks("docs/index.md", "json")
    (tmp_path / "calls.json").write_text(script)
    arguments = ("--agent", "scripted", "--script", tmp_path / "calls.json", "--out", tmp_path)
    assert sixgym("run", "--network", "fluid", *arguments).exit_code == 0
    (path,) = tmp_path.glob("*.jsonl")
    (episode,) = read_episodes(path)
    assert [step.outcome.error for step in episode.steps] == [None, None]


@pytest.mark.parametrize("page", PAGES)
def test_every_command_shown_exists(page: str) -> None:
    shown = set(re.findall(r"sixgym ([a-z]+)\b", (ROOT / page).read_text())) - {"is"}
    assert shown <= set(COMMANDS)


@pytest.mark.parametrize("page", PAGES)
def test_every_option_shown_exists(sixgym: Sixgym, page: str) -> None:
    groups = "|".join(name for name, entry in COMMANDS.items() if ".app:" in entry.where)
    commands = rf"^(?:\$ )?sixgym ((?:(?:{groups}) )?[a-z]+)(.*)$"
    for command, rest in re.findall(commands, (ROOT / page).read_text(), re.MULTILINE):
        helped = sixgym(*command.split(), "--help").stdout
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in helped, f"{page}: sixgym {command} {option}"
