"""Folders of the experiment model: what is wrong with one is said in a line, which one it was is recorded."""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from sixgym.backends.simulated import SimulatedBackend
from sixgym.cli.app import app
from sixgym.data.traces.exploration import Explorer, exploration
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode
from sixgym.episodes.store import read_episodes
from sixgym.models.local import checkpoint as checkpoints
from sixgym.run.rollout import rollout
from sixgym.scenarios import load_scenario
from sixgym.scoring.goals import judge
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.loading import CARD
from sixgym.simulators.factory import make_simulator
from tests.simulators.experiment_model.checkpoint import card

PLACES = range(20)


@pytest.fixture
def copy(checkpoint: Path, tmp_path: Path) -> Path:
    """A checkpoint of one's own."""
    return Path(shutil.copytree(checkpoint, tmp_path / "model"))


def start(folder: Path) -> None:
    """Make the simulator and start a network on it."""
    simulator = make_simulator(f"experiment-model:{folder}")
    simulator.reset(load_scenario("uav-inspection").placed(1), seed=1)


def explored(folder: Path, number: int, network: str = "experiment-model") -> Episode:
    backend = SimulatedBackend(make_simulator(f"{network}:{folder}"))
    agent = Explorer(number, lambda: backend.snapshot)
    return rollout(Environment(backend), agent, exploration(number, PLACES))


# ------------------------------------------------------------------ what is wrong
def as_a_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def without_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()


def without(key: str) -> Callable[[Path], None]:
    """The card lacks an entry."""
    entries = json.loads(card().model_dump_json())
    return lambda folder: _written(folder / CARD, {k: v for k, v in entries.items() if k != key})


def _written(path: Path, entries: object) -> None:
    path.write_text(json.dumps(entries))


BROKEN: Mapping[str, tuple[Callable[[Path], Any], str]] = {
    "no folder": (shutil.rmtree, "holds no experiment model"),
    "no card": (lambda folder: (folder / CARD).unlink(), "holds no experiment model"),
    "a folder as card": (
        lambda folder: ((folder / CARD).unlink(), (folder / CARD).mkdir()),
        "holds no experiment model",
    ),
    "card is no JSON": (lambda folder: (folder / CARD).write_text("{"), "no card"),
    "card is no text": (lambda folder: (folder / CARD).write_bytes(b"\xff\x00"), "no card"),
    "card is a list": (lambda folder: _written(folder / CARD, []), "no card"),
    "card lacks the interval": (without("interval_ms"), "interval_ms"),
    "card with a senseless interval": (
        lambda folder: _written(folder / CARD, json.loads(card().model_dump_json()) | {"interval_ms": 0}),
        "interval_ms",
    ),
    "card with an unknown entry": (
        lambda folder: _written(folder / CARD, json.loads(card().model_dump_json()) | {"colour": "red"}),
        "colour",
    ),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "no weights"),
    "weights as a pickle": (as_a_pickle, "pickle"),
    "weights cut short": (
        lambda folder: (folder / "model.safetensors").write_bytes(
            (folder / "model.safetensors").read_bytes()[:1000]
        ),
        "cannot be loaded",
    ),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), "config.json"),
    "configuration is no JSON": (lambda folder: (folder / "config.json").write_text("{"), "no JSON"),
    "no tokenizer": (without_tokenizer, "tokenizer"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_is_wrong_with_a_folder_is_one_line_that_names_it(copy: Path, what: str) -> None:
    spoil, message = BROKEN[what]
    spoil(copy)
    with pytest.raises(SimulatorError, match=message) as raised:
        start(copy)
    assert str(copy) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["experiment-model:", "experiment-model-drawn:x", "tti:x", ":x", "ns3:"])
def test_a_name_that_is_none_is_a_value_error_that_lists_them(name: str) -> None:
    with pytest.raises(ValueError, match="no network is called"):
        make_simulator(name)


def test_a_network_that_could_not_start_can_once_its_folder_is_whole(copy: Path) -> None:
    weights = copy / "model.safetensors"
    kept = weights.read_bytes()
    weights.unlink()
    simulator = make_simulator(f"experiment-model:{copy}")
    scenario = load_scenario("uav-inspection").placed(1)
    with pytest.raises(SimulatorError, match="no weights"):
        simulator.reset(scenario, seed=1)
    with pytest.raises(SimulatorError, match="reset"):
        simulator.advance(500)
    weights.write_bytes(kept)
    assert simulator.reset(scenario, seed=1).end_ms == 0


# ------------------------------------------------------------------ which one it was
def test_another_byte_in_the_weights_is_another_version(checkpoint: Path, copy: Path) -> None:
    version = make_simulator(f"experiment-model:{checkpoint}").version
    assert re.fullmatch("[0-9a-f]{16}[+][0-9a-f]{12}", version)
    assert make_simulator(f"experiment-model:{copy}").version == version  # wherever it lies
    other = Path(shutil.copytree(copy, copy.with_name("other")))
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(bytes(weights))
    assert make_simulator(f"experiment-model:{other}").version != version


@pytest.mark.parametrize("name", [CARD, "config.json", "tokenizer.json"])
def test_another_file_beside_the_weights_is_another_version(checkpoint: Path, copy: Path, name: str) -> None:
    (copy / name).write_text((copy / name).read_text() + "\n")
    version = make_simulator(f"experiment-model:{checkpoint}").version
    assert make_simulator(f"experiment-model:{copy}").version != version


@pytest.mark.parametrize("network", ["experiment-model", "experiment-model-sampled"])
def test_an_episode_says_what_made_it(checkpoint: Path, network: str) -> None:
    episode = explored(checkpoint, 1, network)
    assert episode.infrastructure_failure is None
    assert episode.backend.name == f"{network}:{checkpoint}"  # as users type it
    assert episode.backend.version == make_simulator(f"{network}:{checkpoint}").version
    assert Episode.model_validate_json(episode.model_dump_json()) == episode


# ------------------------------------------------------------------ several at once
@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Folders that were loaded; in double precision, where company in a batch is of no explanation."""
    loaded: list[Path] = []
    lock = Lock()
    load = checkpoints.load_causal

    def counted(folder: Path, device: str) -> tuple[Any, Any]:
        with lock:
            loaded.append(folder)
        model, tokenizer = load(folder, device)
        return model.double(), tokenizer

    monkeypatch.setattr(checkpoints, "load_causal", counted)
    return loaded


def test_eight_threads_on_one_checkpoint_measure_what_one_after_another_do(
    copy: Path, loads: list[Path]
) -> None:
    together = Barrier(8)

    def at_once(number: int) -> Episode:
        together.wait()
        return explored(copy, number, "experiment-model-sampled")

    with ThreadPoolExecutor(8) as pool:
        parallel = list(pool.map(at_once, range(8)))
    alone = [explored(copy, number, "experiment-model-sampled") for number in range(8)]
    for one, other in zip(parallel, alone, strict=True):
        assert one.initial_interval == other.initial_interval
        assert [step.interval for step in one.steps] == [step.interval for step in other.steps]
        assert one.infrastructure_failure is None


def test_threads_that_start_together_load_a_checkpoint_once(copy: Path, loads: list[Path]) -> None:
    together = Barrier(8)

    def at_once(_: int) -> None:
        together.wait()
        start(copy)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(at_once, range(8)))
    assert len(loads) == 1


# ------------------------------------------------------------------ on the command line
def sixgym(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_an_episode_on_it_is_run_graded_stored_and_shown(checkpoint: Path, tmp_path: Path) -> None:
    network = f"experiment-model:{checkpoint}"
    ended = sixgym("run", "--network", network, "--seed", 7, "--out", tmp_path / "runs", "--json")
    assert ended.exit_code == 0, ended.output
    summary = json.loads(ended.stdout)
    (stored,) = read_episodes(Path(summary["episode"]))
    assert summary["network"] == stored.backend.name == network
    assert summary["network_version"] == stored.backend.version == make_simulator(network).version
    assert judge(stored).success is summary["success"]
    assert summary["steps"] == len(stored.steps) > 0
    assert list(read_episodes(Path(summary["episode"]).with_suffix(".parquet"))) == [stored]
    shown = sixgym("show", summary["episode"])
    assert shown.exit_code == 0
    assert "experiment-model" in shown.stdout


@pytest.mark.parametrize("what", ["no folder", "no weights", "weights as a pickle"])
def test_a_folder_that_is_wrong_ends_a_run_with_one_line(copy: Path, tmp_path: Path, what: str) -> None:
    spoil, message = BROKEN[what]
    spoil(copy)
    ended = sixgym("run", "--network", f"experiment-model:{copy}", "--out", tmp_path / "runs")
    assert ended.exit_code == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.output


def test_a_scenario_with_other_intervals_ends_a_run_with_one_line(checkpoint: Path, tmp_path: Path) -> None:
    network = f"experiment-model:{checkpoint}"
    ended = sixgym("run", "--scenario", "ran-slicing", "--network", network, "--out", tmp_path / "runs")
    assert ended.exit_code in (1, 2)
    assert "500 ms" in ended.stderr
    assert "100 ms" in ended.stderr
    assert ended.exception is None or isinstance(ended.exception, SystemExit)
    assert "Traceback" not in ended.output
