"""`sixgym explain`: a model's account of a stored episode, and what it refuses."""

import json
from pathlib import Path

import pytest

from sixgym.simulators.experiment_model.encode.explanations import STATE
from tests.cli.conftest import Sixgym
from tests.simulators.experiment_model.checkpoint import save_checkpoint


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("model"))


@pytest.fixture
def episode(sixgym: Sixgym, tmp_path: Path) -> Path:
    out = tmp_path / "runs"
    done = sixgym("run", "--agent", "threshold", "--seed", 7, "--out", out)
    assert done.exit_code == 0, done.output
    (path,) = out.glob("*.jsonl")
    return path


def calls(path: Path) -> list[str]:
    return [step["turn"]["call"]["tool"] for step in json.loads(path.read_text().splitlines()[0])["steps"]]


def test_one_step_has_reasons_and_a_state_on_the_grid_beside_the_measured_one(
    sixgym: Sixgym, model: Path, episode: Path
) -> None:
    done = sixgym("explain", episode, "--model", model, "--step", 2, "--json")
    assert done.exit_code == 0, done.output
    (explanation,) = json.loads(done.stdout)
    assert (explanation["step"], explanation["tool"]) == (2, calls(episode)[1])
    assert explanation["reasons"]
    for figure in STATE:
        assert explanation["predictions"][figure.name] in figure.grid
    measured = json.loads(episode.read_text().splitlines()[0])["steps"][1]["after"]
    assert explanation["measured"]["latency"] == measured["latency_ms"]


def test_what_a_model_writes_cannot_command_the_terminal(sixgym: Sixgym, model: Path, episode: Path) -> None:
    done = sixgym("explain", episode, "--model", model, "--step", 1)
    assert done.exit_code == 0, done.output
    assert calls(episode)[0] in done.stdout
    assert "\x1b" not in done.stdout


def test_an_episode_without_calls_has_nothing_to_explain(
    sixgym: Sixgym, model: Path, episode: Path, tmp_path: Path
) -> None:
    stored = json.loads(episode.read_text().splitlines()[0])
    path = tmp_path / "none.jsonl"
    path.write_text(json.dumps(stored | {"steps": [], "initial_interval": None}) + "\n")
    done = sixgym("explain", path, "--model", model)
    assert done.exit_code == 2, done.output
    assert "has no calls to explain" in done.stderr


def test_wrong_use_is_named(sixgym: Sixgym, model: Path, episode: Path, tmp_path: Path) -> None:
    for arguments, words in (
        ((episode, "--model", model, "--step", 999), "--step 999: "),
        ((episode, "--model", tmp_path / "nowhere"), "holds no experiment model"),
        ((episode, "--model", model, "--id", "another"), "holds no episode another"),
        ((tmp_path / "none.jsonl", "--model", model), "none.jsonl"),
    ):
        done = sixgym("explain", *arguments)
        assert done.exit_code == 2, done.output
        assert words in done.stderr


def test_intervals_of_another_length_are_refused(sixgym: Sixgym, episode: Path, tmp_path: Path) -> None:
    quick = save_checkpoint(tmp_path / "quick", interval_ms=100)
    done = sixgym("explain", episode, "--model", quick)
    assert done.exit_code == 2
    assert "has intervals of 500 ms, and the model was trained on intervals of 100 ms" in done.stderr
