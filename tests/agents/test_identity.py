"""What a run keeps of its agent, so that another one is not taken for it."""

from pathlib import Path

import pytest

from sixgym.agents.identity import label, settings_of
from sixgym.agents.llm.react import ReactAgent
from sixgym.models.chat import Completion, Sampling
from sixgym.models.function import FunctionModel

REACT = ReactAgent(FunctionModel("org/model", lambda _: Completion("")))


def test_an_agent_of_ones_own_is_known_by_its_code(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("x = 1")
    before = settings_of(f"{file}:Mine", None)
    assert before == settings_of(f"{file}:Mine", None)
    file.write_text("x = 2")
    assert settings_of(f"{file}:Mine", None) != before


@pytest.mark.parametrize("name", ["mape-k", "drl-slicing"])
def test_a_shipped_agent_is_known_by_its_rules_or_weights(name: str) -> None:
    assert len(str(settings_of(name, None)["sha256"])) == 12


@pytest.mark.parametrize("name", ["null", "random", "no.such.module:Agent"])
def test_an_agent_of_code_alone_is_known_by_the_version(name: str) -> None:
    assert settings_of(name, None) == {}


def test_a_language_model_is_known_by_how_it_is_asked() -> None:
    settings = settings_of("react", REACT)
    assert settings["model"] == "org/model"
    text = settings_of("react", ReactAgent(REACT.model, style="text"))
    warm = settings_of("react", ReactAgent(REACT.model, Sampling(temperature=1)))
    assert len({str(found) for found in (settings, text, warm)}) == 3
    assert settings["prompt"] != text["prompt"]
    seeded = settings_of("react", ReactAgent(REACT.model, Sampling(seed=3)))
    assert seeded == settings, "seeds differ from trial to trial of one run"


def test_records_name_the_model() -> None:
    assert label("react", REACT) == "react/org/model"
    assert label("null", None) == "null"
