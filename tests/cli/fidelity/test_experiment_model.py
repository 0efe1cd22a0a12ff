"""`sixgym fidelity experiment-model`: what is written, and what is refused."""

import json
from pathlib import Path

import pytest

from sixgym.cli.errors import WORK_FAILED, WRONG_USE
from sixgym.cli.fidelity import experiment_model as fidelity_experiment
from sixgym.domain.extras import install_command
from sixgym.evaluate.fidelity.effects import cases
from sixgym.evaluate.fidelity.effects import figures as effect_figures
from sixgym.simulators.experiment_model.simulator import Answers
from tests.cli.conftest import Sixgym
from tests.evaluate.fidelity.experiment_model.prediction_samples import Spread, make_traces, save_card

pytest.importorskip("matplotlib")
pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces")
    make_traces(path, 2)
    return path


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    def load(_: Path) -> Answers:
        return Spread()

    monkeypatch.setattr(fidelity_experiment, "load_answers", load)
    return save_card(tmp_path / "model")


def arguments(folder: Path, model: Path, *more: object) -> tuple[object, ...]:
    shared = ("fidelity", "experiment-model", "--traces", folder, "--model", f"experiment-model:{model}")
    return (*shared, "--cases", 4, *more)


def test_a_page_its_figures_and_its_plots_are_written(
    sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = sixgym(*arguments(folder, model, "--effects", 0, "--out", out))
    assert done.exit_code == 0, done.output
    stem = "fidelity-experiment-model-model-4-cases-0-effects"
    page = (out / f"{stem}.md").read_text()
    assert (
        f"sixgym fidelity experiment-model --traces {folder} --model experiment-model:{model} --cases 4"
        in page
    )
    assert "topology seeds 51 to 51" in page
    for name in ("drift", "pit"):
        assert f"({stem}-{name}.svg)" in page
        assert (out / f"{stem}-{name}.svg").read_text().startswith("<?xml")
    figures = json.loads((out / f"{stem}.json").read_text())
    assert figures["episodes"] == 2
    assert figures["calibration"]["transitions"] == 4
    assert "mean error one step ahead" in done.stdout
    again = tmp_path / "again"
    sixgym(*arguments(folder, model, "--effects", 0, "--out", again))
    assert {path.name: path.read_bytes() for path in out.iterdir()} == {
        path.name: path.read_bytes() for path in again.iterdir()
    }


def test_json_is_alone_on_standard_output(sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path) -> None:
    done = sixgym(*arguments(folder, model, "--effects", 0, "--episodes", 1, "--out", tmp_path, "--json"))
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["episodes"] == 1


def test_effects_are_on_the_page_and_runs_are_kept(
    sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (cases, effect_figures):
        monkeypatch.setattr(module, "KINDS", ("edge_offload", "cell_outage"))
    options = ("--effects", 1, "--episodes", 1, "--out", tmp_path / "out")
    done = sixgym(*arguments(folder, model, *options))
    assert done.exit_code == 0, done.output
    page = next((tmp_path / "out").glob("*.md")).read_text()
    assert "## What tools and faults do" in page
    assert "tti: 0 of 8 runs are stored" in done.stderr
    assert "tti: 8 of 8 runs are stored" in sixgym(*arguments(folder, model, *options)).stderr


def test_a_folder_without_traces_is_refused(sixgym: Sixgym, model: Path, tmp_path: Path) -> None:
    done = sixgym(*arguments(tmp_path, model))
    assert done.exit_code == WRONG_USE
    assert "holds no traces" in done.stderr
    (tmp_path / "traces.json").write_text("{}")
    assert "no manifest of traces" in sixgym(*arguments(tmp_path, model)).stderr


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"replicates": 1}, "holds no replicates"),
        ({"topology_seeds": [50, 51]}, "topology seed 50, which is not held out"),
    ],
)
def test_traces_that_cannot_be_judged_on_are_refused(
    sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path, *, changes: dict[str, object], reason: str
) -> None:
    manifest = json.loads((folder / "traces.json").read_text()) | changes
    (tmp_path / "traces.json").write_text(json.dumps(manifest))
    done = sixgym(*arguments(tmp_path, model))
    assert done.exit_code == WRONG_USE
    assert reason in done.stderr


def test_a_model_that_has_learned_on_these_seeds_is_refused(
    sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path
) -> None:
    learned = save_card(tmp_path / "learned", topology_seeds=(1, 52))
    done = sixgym(*arguments(folder, learned))
    assert done.exit_code == WRONG_USE
    assert "learned on topology seed 52" in done.stderr


def test_a_model_of_other_intervals_is_refused(
    sixgym: Sixgym, folder: Path, model: Path, tmp_path: Path
) -> None:
    done = sixgym(*arguments(folder, save_card(tmp_path / "slow", interval_ms=1000)))
    assert done.exit_code == WRONG_USE
    assert "learned intervals of 1000 ms" in done.stderr


def test_another_simulator_is_refused(sixgym: Sixgym, folder: Path) -> None:
    done = sixgym("fidelity", "experiment-model", "--traces", folder, "--model", "tti")
    assert done.exit_code == WRONG_USE
    assert "--model is experiment-model" in done.stderr


def test_a_folder_without_a_checkpoint_is_one_error(sixgym: Sixgym, folder: Path, tmp_path: Path) -> None:
    done = sixgym(*arguments(folder, tmp_path / "nothing"))
    assert done.exit_code == WORK_FAILED
    assert "holds no experiment model" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_card_without_weights_is_one_error(sixgym: Sixgym, folder: Path, tmp_path: Path) -> None:
    bare = save_card(tmp_path / "bare")
    done = sixgym(*arguments(folder, bare, "--effects", 0, "--out", tmp_path / "out"))
    assert done.exit_code == WORK_FAILED
    assert str(bare) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list((tmp_path / "out").glob("*.md"))


def test_missing_libraries_are_one_error_that_names_the_extra(
    sixgym: Sixgym, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib import util

    find = util.find_spec
    monkeypatch.setattr(util, "find_spec", lambda name: None if name == "torch" else find(name))
    done = sixgym(*arguments(folder, model))
    assert done.exit_code == WORK_FAILED
    assert f"the experiment model needs torch: {install_command('hf')}" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_more_episodes_than_there_are_is_refused(sixgym: Sixgym, folder: Path, model: Path) -> None:
    done = sixgym(*arguments(folder, model, "--episodes", 3))
    assert done.exit_code == WRONG_USE
    assert "2 explorations with their replicates, not 3" in done.stderr
