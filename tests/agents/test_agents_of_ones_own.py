"""An agent named by where its class is."""

from pathlib import Path

import pytest

from sixgym.agents.registry import make_agent

AGENT = """
from dataclasses import dataclass

from sixgym.episodes.episode import Turn


@dataclass
class Patient:
    seed: int
    name: str = "patient"

    def act(self, observation):
        return Turn(answer=f"waited with seed {self.seed}")


def mute(seed):
    return "nobody"


def without_seed():
    return Patient(0)


number = 5
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "agents_of_mine.py"
    path.write_text(AGENT)
    return path


def test_a_class_in_a_file_is_made_with_the_seed(file: Path) -> None:
    agent = make_agent(f"{file}:Patient", seed=9)
    assert agent.name == "patient"
    assert agent.act(None).answer == "waited with seed 9"  # pyright: ignore[reportArgumentType]


def test_a_class_in_a_module_is_made_with_the_seed() -> None:
    assert make_agent("sixgym.agents.chance:RandomAgent", seed=4) == make_agent("random", seed=4)


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("mute", "returned str"),
        ("number", "no callable"),
        ("missing", "no callable"),
        ("without_seed", "has to take a seed"),
    ],
)
def test_what_is_no_agent_is_one_clear_error(file: Path, attribute: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make_agent(f"{file}:{attribute}")


@pytest.mark.parametrize("name", ["nowhere.py:Agent", "no.such.module:Agent", ":Agent", "broken.py:Agent"])
def test_a_place_that_cannot_be_imported_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken.py").write_text("def :")
    with pytest.raises(ValueError, match="cannot be imported"):
        make_agent(name)
