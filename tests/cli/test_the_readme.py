"""What README and docs show is what the code does."""

import re
from pathlib import Path

import pytest

from sixgym.cli.app import app
from sixgym.episodes.store import read_episodes
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "docs/index.md")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL
    )


def test_the_agent_in_the_readme_runs_and_is_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(factory.SIMULATORS, "ns3", FluidSimulator)
    (program,) = blocks("README.md", "python")
    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    (episode,) = read_episodes(tmp_path / "runs" / "nervous.jsonl")
    assert episode.agent == "nervous"
    assert all(step.outcome.ok for step in episode.steps)
    assert capsys.readouterr().out.strip() in ("True", "False")


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
    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    shown = set(re.findall(r"sixgym ([a-z]+)\b", (ROOT / page).read_text())) - {"is"}
    assert shown <= known


@pytest.mark.parametrize("page", PAGES)
def test_every_option_shown_exists(sixgym: Sixgym, page: str) -> None:
    for command, rest in re.findall(
        r"^(?:\$ )?sixgym ([a-z]+)(.*)$", (ROOT / page).read_text(), re.MULTILINE
    ):
        helped = sixgym(command, "--help").stdout
        for option in re.findall(r"(?<!\S)--[a-z-]+", rest):
            assert option in helped, f"{page}: sixgym {command} {option}"
