"""Training the agent `drl-slicing` on fluid networks: training, interruption, resumption and errors."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("stable_baselines3")

import torch
from stable_baselines3 import PPO
from typer.testing import CliRunner, Result

from sixgym.agents.learned.drl_slicing.actions import SHARES, Decision
from sixgym.agents.learned.drl_slicing.agent import WEIGHTS_FILE, agent_from, load_policy, split_outputs
from sixgym.agents.learned.drl_slicing.view import FEATURES, PolicyView, features
from sixgym.backends.simulated import SimulatedBackend
from sixgym.cli.app import app
from sixgym.cli.errors import WORK_FAILED, WRONG_USE
from sixgym.envs.environment import Environment
from sixgym.run.rollout import rollout
from sixgym.scoring.rewards import episode_return
from sixgym.simulators import factory
from sixgym.train.drl_slicing.comparison import compare
from sixgym.train.drl_slicing.environment import AdmissionEnv
from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.drl_slicing.tasks import TrainingTasks, draw_tasks, split_tasks
from sixgym.train.drl_slicing.training import Iteration, train, weights_of
from sixgym.train.recipe import RecipeError
from sixgym.train.registry import load_recipe
from tests.agents.learned.test_drl_slicing import network
from tests.agents.learned.test_drl_slicing import weights as weights_file
from tests.agents.samples import observe, slices, state
from tests.doubles import FluidSimulator
from tests.train.drl_slicing.samples import RECIPE, SMALL, store_tasks, tasks


@pytest.fixture(autouse=True)
def fluid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", FluidSimulator)


def recipe(*changes: str) -> DrlSlicingRecipe:
    loaded = load_recipe(RECIPE, [*SMALL, *changes])
    assert isinstance(loaded, DrlSlicingRecipe)
    return loaded


def trained(out: Path, *changes: str, resume: bool = False) -> list[Iteration]:
    seen: list[Iteration] = []
    train(
        recipe(*changes),
        TrainingTasks(tasks(1, 2, 3)),
        out,
        command="sixgym train small.yaml",
        resume=resume,
        on_iteration=seen.append,
    )
    return seen


def weights(out: Path) -> bytes:
    return (out / WEIGHTS_FILE).read_bytes()


# ---------------------------------------------------------------------- training
def test_a_training_leaves_weights_that_an_agent_can_use(tmp_path: Path) -> None:
    seen = trained(tmp_path)
    assert [iteration.number for iteration in seen] == [1, 2, 3]
    assert all(iteration.episodes > 0 and iteration.entropy > 0 for iteration in seen)
    agent = load_policy(tmp_path / WEIGHTS_FILE)
    assert dict(agent.provenance)["command"] == "sixgym train small.yaml"
    assert json.loads(dict(agent.provenance)["recipe"])["ppo"]["steps"] == 64
    lines = (tmp_path / "progress.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]


def test_the_same_seed_repeats_and_another_differs(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        trained(tmp_path / name, f"seed={seed}")
    first, again, other = (load_policy(tmp_path / name / WEIGHTS_FILE).layers for name in "abc")
    assert all(np.array_equal(mine[0], theirs[0]) for mine, theirs in zip(first, again, strict=True))
    assert not np.array_equal(first[0][0], other[0][0])


def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(tmp_path: Path) -> None:
    trained(tmp_path / "whole")
    trained(tmp_path / "parts", "ppo.iterations=1")
    assert weights(tmp_path / "parts") != weights(tmp_path / "whole")
    seen = trained(tmp_path / "parts", resume=True)
    assert [iteration.number for iteration in seen] == [2, 3]
    assert weights(tmp_path / "parts") == weights(tmp_path / "whole")


def test_the_agent_decides_as_the_network_that_was_trained(tmp_path: Path) -> None:
    trained(tmp_path)
    agent = load_policy(tmp_path / WEIGHTS_FILE)
    model = PPO.load(next(tmp_path.glob("checkpoint-*.zip")), device="cpu")
    assert agent_from(weights_of(model, {}), "checkpoint").layers[0][0].shape == (8, len(FEATURES))
    for latency_ms in (1.0, 40.0, 400.0):
        view = PolicyView.of(observe(state(latency_ms=latency_ms), slices()))
        decision, levels = agent.decide(view)
        observed = torch.as_tensor(features(view)).unsqueeze(0)
        with torch.no_grad():
            action = model.policy.get_distribution(observed).mode()[0].numpy()
        assert decision == Decision(int(action[0]))
        assert np.allclose(levels, action[1:], atol=1e-5)


def test_another_recipe_is_not_continued_and_a_training_not_overwritten(tmp_path: Path) -> None:
    trained(tmp_path, "ppo.iterations=1")
    with pytest.raises(RecipeError, match="holds a training already"):
        trained(tmp_path)
    with pytest.raises(RecipeError, match="of another recipe"):
        trained(tmp_path, "ppo.learning_rate=0.1", resume=True)
    trained(tmp_path, "ppo.iterations=2", resume=True)
    with pytest.raises(RecipeError, match="holds 2 iterations"):
        trained(tmp_path, "ppo.iterations=1", resume=True)


# ---------------------------------------------------------------------- environment, returns
def test_the_rewards_of_an_episode_add_up_to_its_return() -> None:
    agent = agent_from(weights_of_a_network_that_shares(), "test")
    environment = AdmissionEnv(TrainingTasks(tasks(1)), SimulatedBackend(FluidSimulator()))
    environment.reset()
    action = np.array([Decision.SHARE, *[0.0] * SHARES], np.float32)
    rewards, over, info = [], False, {}
    while not over:
        _, reward, over, truncated, info = environment.step(action)
        assert not truncated
        rewards.append(reward)
    environment.close()
    episode = rollout(Environment(SimulatedBackend(FluidSimulator())), agent, tasks(1)[0])
    assert sum(rewards) == pytest.approx(episode_return(episode))
    assert environment.finished == ((pytest.approx(sum(rewards)), info["is_success"]),)


def weights_of_a_network_that_shares() -> bytes:
    scores = [float(one is Decision.SHARE) for one in Decision]
    assert split_outputs([*scores, *[0.0] * SHARES])[0] is Decision.SHARE
    return weights_file(network([*scores, *[0.0] * SHARES]))


def test_observations_and_rewards_are_within_their_spaces() -> None:
    environment = AdmissionEnv(TrainingTasks(tasks(1, 2)), SimulatedBackend(FluidSimulator()))
    observed, info = environment.reset()
    assert environment.observation_space.contains(observed)
    assert info["task"]
    for _ in range(30):
        observed, reward, over, _, _ = environment.step(environment.action_space.sample())
        assert environment.observation_space.contains(observed)
        assert 0 <= reward <= 2
        if over:
            environment.reset()
    environment.close()


def test_training_tasks_repeat_with_other_traffic_and_refuse_held_out_seeds() -> None:
    training = TrainingTasks(tasks(1, 2))
    assert training.episode(0) == training.tasks[0]
    again = training.episode(2)
    assert again.scenario == training.tasks[0].scenario
    assert again.seed != training.tasks[0].seed
    with pytest.raises(ValueError, match="not in the training split"):
        TrainingTasks(tasks(51))


def test_all_agents_are_compared_on_the_same_tasks(tmp_path: Path) -> None:
    agent = agent_from(weights_of_a_network_that_shares(), "test")
    standings = compare(agent, TrainingTasks(tasks(41, 42)), recipe())
    assert list(standings) == ["drl-slicing", "null", "random", "threshold"]
    null = standings["null"]
    low, high = null.interval
    assert low <= null.mean_return <= high
    assert null.gain_over(null) == (0.0, 0.0, 0.0)


# ---------------------------------------------------------------------- tasks
def test_stored_tasks_are_read_and_not_drawn_again(tmp_path: Path) -> None:
    store = tmp_path / "tasks.jsonl"
    kept = tasks(1, 2, 3, 41, 42, 43)
    store.write_text("".join(task.model_dump_json() + "\n" for task in kept) + '{"torn', encoding="utf-8")
    read = draw_tasks(recipe(), store)
    assert read == kept
    learned, held = split_tasks(recipe(), read)
    assert [task.scenario.topology_seed for task in held] == [41, 42, 43]
    assert learned == kept[:3]
    with pytest.raises(RecipeError, match="ask for more tasks"):
        split_tasks(recipe(), kept[:3])


def test_a_file_that_holds_no_tasks_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "tasks.jsonl"
    store.write_text('{"id": 3}\n', encoding="utf-8")
    with pytest.raises(RecipeError, match=r"tasks\.jsonl: record 1 is no Task"):
        draw_tasks(recipe(), store)


# ---------------------------------------------------------------------- recipes
def test_the_shipped_recipe_starts_with_its_command_and_learns_from_training_seeds() -> None:
    assert RECIPE.read_text(encoding="utf-8").startswith("# sixgym train recipes/agentgym/drl_slicing.yaml\n")
    loaded = load_recipe(RECIPE)
    assert isinstance(loaded, DrlSlicingRecipe)
    assert set(loaded.learning_seeds) | set(loaded.held_back) == set(range(1, 51))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("lerning_rate=1", "lerning_rate is no key of a recipe"),
        ("ppo.learnin_rate=1", "did you mean ppo.learning_rate"),
        ("ppo.steps=100", "minibatch 32 does not divide steps 100"),
        ("ppo.steps=-1", "ppo.steps: Input should be greater than or equal to 1"),
        ("held_back=[55]", "topology seed 55 is not in the training split"),
        ("domains=[]", "domains: "),
        ("kind=grpo", "kind: "),
        ("seed", "give KEY=VALUE"),
        ("pppo.steps=3", "the recipe has no section pppo; did you mean ppo"),
        ("seed=[1", "the value is not valid YAML"),
    ],
)
def test_a_change_that_cannot_be_made_is_refused_by_key(change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe(change)


def test_holding_all_seeds_back_leaves_none_to_learn_from() -> None:
    with pytest.raises(RecipeError, match="none is left to learn from"):
        recipe(f"held_back={list(range(1, 51))}")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- a\n", "a recipe is a mapping"),
        ("a: [", "not valid YAML"),
        ("kind: drl-slicing\n", "seed is missing"),
        ("\udcff", "not a UTF-8 text file"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused_by_name(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(RecipeError, match=rf"mine\.yaml: .*{message}"):
        load_recipe(path)
    with pytest.raises(RecipeError, match="cannot be read"):
        load_recipe(tmp_path / "gone.yaml")


# ---------------------------------------------------------------------- command
def command(out: Path, *changes: str) -> Result:
    """`sixgym train` with the shipped recipe, made small."""
    sets = [f"--set={change}" for change in (*SMALL, *changes)]
    return CliRunner().invoke(app, ["train", str(RECIPE), *sets, "--out", str(out)])


def test_the_command_trains_compares_and_ends_with_the_mean_return(tmp_path: Path) -> None:
    store_tasks(tmp_path)
    done = command(tmp_path, "ppo.iterations=1")
    assert done.exit_code == 0, done.output
    last = done.stdout.strip().splitlines()[-1]
    assert "mean return" in last
    assert "on 3 held-back training tasks" in last
    assert (tmp_path / WEIGHTS_FILE).stat().st_size < 200_000


def test_a_bad_recipe_is_wrong_use_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused = command(out, "x=1")
    assert "is no key of a recipe" in refused.stderr
    assert refused.exit_code == WRONG_USE
    assert not out.exists()


def test_a_network_that_does_not_exist_is_wrong_use_and_leaves_nothing_behind(tmp_path: Path) -> None:
    out = tmp_path / "out"
    refused = command(out, "network=tty")
    assert refused.exit_code == WRONG_USE
    assert "sixgym: network: " in refused.stderr
    assert not out.exists()


def test_a_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stable_baselines3", None)
    for name in [name for name in sys.modules if name.startswith("sixgym.train.drl_slicing.")]:
        monkeypatch.delitem(sys.modules, name)
    failed = command(tmp_path)
    assert failed.exit_code == WORK_FAILED
    assert re.search(r"training needs stable_baselines3.*pip install", failed.stderr)
