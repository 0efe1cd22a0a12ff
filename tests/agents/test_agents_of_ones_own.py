"""An agent named by where its class is."""

import sys
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


def greedy(seed, model):
    return Patient(0)


def broken(seed):
    raise KeyError("no key in the environment")


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


def test_a_function_that_takes_no_seed_is_called_without(file: Path) -> None:
    assert make_agent(f"{file}:without_seed", seed=9).act(None).answer == "waited with seed 0"  # pyright: ignore[reportArgumentType]


def test_a_file_is_executed_once_and_may_import_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour_of_mine.py").write_text("MADE = []")
    path = tmp_path / "agents_with_a_neighbour.py"
    path.write_text(f"from neighbour_of_mine import MADE\nMADE.append(1)\n{AGENT}\nprefix = len(MADE)\n")
    for seed in (1, 2):
        make_agent(f"{path}:Patient", seed=seed)
    assert sys.modules["neighbour_of_mine"].MADE == [1]


def test_a_class_in_a_module_is_made_with_the_seed() -> None:
    assert make_agent("sixgym.agents.rules.random:RandomAgent", seed=4) == make_agent("random", seed=4)


@pytest.mark.parametrize(
    ("attribute", "words"),
    [
        ("mute", "returned str"),
        ("number", "no callable"),
        ("missing", "no callable"),
        ("greedy", "called with a seed, or with nothing"),
        ("broken", "could not be made: KeyError"),
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
