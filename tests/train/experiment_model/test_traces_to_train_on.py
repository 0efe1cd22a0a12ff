"""Traces that the experiment model cannot learn from are one error, before the training begins."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("transformers")

from sixgym.episodes.store import append_episode, read_episodes
from sixgym.train.experiment_model.corpus import KINDS
from sixgym.train.experiment_model.trace_examples import whole_episodes
from sixgym.train.experiment_model.training import (
    RECIPE_FILE,
    Training,
)
from sixgym.train.recipe import RecipeError
from tests.train.experiment_model.conftest import Begin
from tests.train.experiment_model.samples import recipe


def no_manifest(traces: Path) -> None:
    (traces / "traces.json").unlink()


def another_manifest(traces: Path) -> None:
    (traces / "traces.json").write_text('{"network": 3}', encoding="utf-8")


def held_out(traces: Path) -> None:
    path = traces / "traces.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | {"topology_seeds": [1, 51]}), encoding="utf-8")


def no_episodes(traces: Path) -> None:
    (traces / "episodes.jsonl.gz").unlink()


def another_file(traces: Path) -> None:
    (traces / "episodes.jsonl.gz").write_bytes(b"no gzip\n")


def broken_episodes(traces: Path) -> None:
    path = traces / "episodes.jsonl.gz"
    first = next(iter(read_episodes(path)))
    path.unlink()
    append_episode(path, first.model_copy(update={"infrastructure_failure": "ns-3 died"}))


def other_tools(traces: Path) -> None:
    """A call that was carried out when it was recorded, and is refused by this version."""
    path = traces / "episodes.jsonl.gz"
    first = next(iter(read_episodes(path)))
    step = next(step for step in first.steps if not step.outcome.ok)
    fine = next(step for step in first.steps if step.outcome.ok)
    steps = tuple(
        one.model_copy(update={"outcome": fine.outcome}) if one is step else one for one in first.steps
    )
    path.unlink()
    append_episode(path, first.model_copy(update={"steps": steps}))


def smuggled(traces: Path) -> None:
    """An episode of a held-out topology seed, which the manifest does not mention."""
    path = traces / "episodes.jsonl.gz"
    first = next(iter(read_episodes(path)))
    scenario = first.task.scenario.model_copy(update={"topology_seed": 51})
    task = first.task.model_copy(update={"id": "another", "scenario": scenario})
    append_episode(path, first.model_copy(update={"task": task}))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (no_manifest, "holds no traces: it has no traces\\.json; `sixgym traces --out"),
        (another_manifest, r"traces\.json: no manifest of traces: network"),
        (held_out, "holds held-out topology seeds"),
        (no_episodes, r"episodes\.jsonl\.gz cannot be read: No such file"),
        (another_file, "holds no whole episode to learn from"),
        (broken_episodes, "holds no whole episode to learn from"),
        (other_tools, "it is of another version of the tools: record it again"),
        (smuggled, "topology seed 51 is not in the training split"),
    ],
)
def test_unusable_traces_are_one_error_and_leave_no_training(
    traces: Path, tmp_path: Path, break_it: Callable[[Path], None], message: str
) -> None:
    mine = Path(shutil.copytree(traces, tmp_path / "mine"))
    break_it(mine)
    with pytest.raises(RecipeError, match=rf"^traces: .*{message}"):
        Training(recipe(mine), tmp_path / "out")
    assert not (tmp_path / "out" / RECIPE_FILE).exists()


def test_an_episode_that_was_made_twice_is_learned_from_once(traces: Path, tmp_path: Path) -> None:
    mine = Path(shutil.copytree(traces, tmp_path / "mine"))
    path = mine / "episodes.jsonl.gz"
    before = [episode.id for episode in whole_episodes(mine)]
    append_episode(path, next(iter(read_episodes(path))))
    assert [episode.id for episode in whole_episodes(mine)] == before


def test_a_recipe_that_learns_from_nothing_is_refused(traces: Path) -> None:
    nothing = ", ".join(f"{kind}: 0" for kind in KINDS)
    with pytest.raises(RecipeError, match="all portions are 0"):
        recipe(traces, f"questions={{{nothing}}}")


def test_topology_seeds_that_the_traces_do_not_hold_cannot_be_held_back(begin: Begin) -> None:
    with pytest.raises(
        RecipeError, match="held_back: the traces hold no episode to learn from, or no held-back one"
    ):
        begin("out", "held_back=[3]")
    with pytest.raises(
        RecipeError, match="held_back: the traces hold no episode to learn from, or no held-back one"
    ):
        begin("more", "held_back=[1, 2]")
