"""`sixgym train` with the recipe of the experiment model: from traces to a network that answers."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch

from sixgym.cli.errors import INTERRUPTED, WORK_FAILED, WRONG_USE
from sixgym.simulators.experiment_model.loading import read_card
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.experiment_model.training import Training
from sixgym.train.recipe import RecipeError
from sixgym.train.registry import METHODS, load_recipe
from tests.cli.conftest import Sixgym
from tests.train.experiment_model.samples import RECIPE, SMALL, explore


@pytest.fixture(autouse=True)
def threads() -> object:
    """A training sets the number of threads, which other tests share."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def traces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return explore(tmp_path_factory.mktemp("traces"))


def options(traces: Path, out: Path, *changes: str) -> list[object]:
    sets = [f"--set={change}" for change in (*SMALL, f"traces={traces}", *changes)]
    return ["train", RECIPE, *sets, "--out", out]


def test_a_training_is_interrupted_goes_on_and_ends_with_a_network(
    sixgym: Sixgym, traces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    rolled_out = Training.roll_out

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "roll_out", interrupted)
    stopped = sixgym(*options(traces, out))
    assert stopped.exit_code == INTERRUPTED
    assert "reading: 4 of 4 episodes" in stopped.stderr
    assert "step 4: loss" in stopped.stderr
    monkeypatch.setattr(Training, "roll_out", rolled_out)
    again = sixgym(*options(traces, out))
    assert again.exit_code == WRONG_USE
    assert "resume it with --resume" in again.stderr
    done = sixgym(*options(traces, out), "--resume")
    assert done.exit_code == 0, done.output
    assert "rolling out: 1 of 1 episodes" in done.stderr
    assert "learning: 8 of 8 steps" in done.stderr
    assert "step 3:" not in done.stderr
    figures, last = done.stdout.splitlines()
    assert figures.startswith("loss on held-back topology seeds, in nats per word: flow ")
    assert last.endswith(f"`--network experiment-model:{(out / 'model').as_posix()}`")
    card = read_card(out / "model")
    assert card.command.startswith(f"sixgym train {RECIPE.as_posix()} --set threads=1")
    assert "--resume" not in card.command
    network = f"experiment-model:{out / 'model'}"
    ran = sixgym(
        "simulate", "uav-inspection", "--out", tmp_path / "t.csv", "--seconds", 1, "--network", network
    )
    assert ran.exit_code == 0, ran.output


def test_traces_that_are_missing_are_wrong_use_and_leave_nothing_behind(
    sixgym: Sixgym, tmp_path: Path
) -> None:
    result = sixgym(*options(tmp_path / "gone", tmp_path / "out"))
    assert result.exit_code == WRONG_USE
    assert result.stderr.count("\n") == 1
    reason = f"{tmp_path / 'gone'} holds no traces: it has no traces.json; `sixgym traces --out"
    assert f"sixgym: traces: {reason}" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_wrong_use(sixgym: Sixgym, traces: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = sixgym(*options(traces, tmp_path / "file"))
    assert result.exit_code == WRONG_USE
    assert f"--out {tmp_path / 'file'}: " in result.stderr


def test_a_missing_library_is_named(
    sixgym: Sixgym, traces: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    for name in [name for name in sys.modules if name.startswith("sixgym.train.experiment_model.")]:
        monkeypatch.delitem(sys.modules, name)
    result = sixgym(*options(traces, tmp_path / "out"))
    assert result.exit_code == WORK_FAILED
    assert "training needs transformers, which is not installed: pip install" in result.stderr


def test_help_names_both_recipes(sixgym: Sixgym) -> None:
    shown = sixgym("train", "--help").stdout
    assert "recipes/agentgym/experiment_model.yaml" in shown
    assert "recipes/agentgym/drl_slicing.yaml" in shown


# ---------------------------------------------------------------------- recipes
def test_the_shipped_recipe_starts_with_its_command_and_is_for_the_experiment_model() -> None:
    first = RECIPE.read_text(encoding="utf-8").splitlines()[0]
    assert first == "# sixgym train recipes/agentgym/experiment_model.yaml"
    loaded = load_recipe(RECIPE)
    assert isinstance(loaded, ExperimentModelRecipe)
    assert (loaded.base, loaded.lora) == (None, None)
    assert loaded.kind in METHODS


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "kind=experiment-modell",
            "kind: no method is called 'experiment-modell'; did you mean experiment-model",
        ),
        ("kind=grpo", "there is drl-slicing and experiment-model"),
        ("optimizer.step=3", "optimizer.step is no key of a recipe; did you mean optimizer.steps"),
        ("lora.rank=4", "the recipe has no section lora; set it whole, such as lora={KEY: VALUE}"),
        (
            "lora={rank: 4, alpha: 8}",
            "yaml: lora adapts a pretrained model: name the folder of the model as base",
        ),
        ("lora={rang: 4, alpha: 8}", "lora.rang is no key of a recipe; did you mean lora.rank"),
        ("held_back=[51]", "topology seed 51 is not in the training split"),
        ("held_back=[]", "held_back: "),
        ("model.hidden=130", "hidden 130 is no multiple of twice the 4 heads"),
        ("questions.flow=-1", "questions.flow: Input should be greater than or equal to 0"),
        ("optimizer.steps=0", "optimizer.steps: Input should be greater than or equal to 1"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_key(change: str, message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        load_recipe(RECIPE, [change])
    assert message in str(raised.value)


def test_a_recipe_without_a_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 1\n")
    with pytest.raises(RecipeError, match=r"mine\.yaml: kind is missing; there is drl-slicing and"):
        load_recipe(path)
