"""Training the experiment model from a pretrained checkpoint: whole, or adapted where peft is installed."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("transformers")

import torch
from safetensors.torch import load_file
from tokenizers import ByteLevelBPETokenizer
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

from sixgym.simulators.experiment_model.loading import load_engine
from sixgym.simulators.factory import make_simulator
from sixgym.train.experiment_model.loss import Likelihoods
from sixgym.train.experiment_model.start import Learner
from sixgym.train.experiment_model.trace_examples import whole_episodes
from sixgym.train.experiment_model.training import EXAMPLES_FILE, MODEL_FOLDER, Training
from sixgym.train.recipe import RecipeError
from tests.train.experiment_model.samples import recipe, train_to_end, weights, with_examples

SHORT = ("optimizer.steps=4", "own_history={every: 3, episodes: 1}", "questions.explanation=0")
LORA = "lora={rank: 2, alpha: 4, dropout: 0.1}"

# peft asks transformers something by an older name
pytestmark = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing` is deprecated:FutureWarning")


def make_base(folder: Path, context: int = 8192) -> Path:
    """A tiny untrained model, whose tokenizer writes a figure as several tokens."""
    lines = [f"flow URLLC uav sinr={value} latency={value}.5 -> delivered=0.{value};" for value in range(40)]
    words = ByteLevelBPETokenizer()
    words.train_from_iterator(lines, vocab_size=400, show_progress=False)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words._tokenizer)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=8,
        max_position_embeddings=context,
        tie_word_embeddings=True,
        initializer_range=0.1,
    )
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, one_thread: None) -> Path:
    return make_base(tmp_path_factory.mktemp("base"))


def stopped_behind(training: Training, step: int) -> None:
    if training.step > step:
        raise KeyboardInterrupt


def saved(training: Training) -> dict[str, torch.Tensor]:
    return load_file(training.save("sixgym train small.yaml") / "model.safetensors")


def test_all_weights_of_a_pretrained_model_learn_and_the_result_is_a_network(
    traces: Path, base: Path, tmp_path: Path
) -> None:
    training = Training(recipe(traces, f"base={base}", *SHORT), tmp_path / "out")
    before = training.check()
    first = weights(training)
    train_to_end(training)
    assert training.progress[-1].held_back["flow"] < before["flow"]
    assert not any(torch.equal(value, first[name]) for name, value in weights(training).items())
    folder = training.save("sixgym train small.yaml")
    engine = load_engine(folder)
    assert engine.language.tokens("latency=12.6") != engine.language.tokens("latency")
    network = make_simulator(f"experiment-model:{folder}")
    scenario = next(whole_episodes(traces)).task.scenario
    interval = network.reset(scenario, seed=1)
    assert set(interval.groups) == {group.name for group in scenario.groups}
    network.close()


@pytest.mark.parametrize("lora", [(), (LORA,)], ids=["whole", "lora"])
def test_a_resumed_training_of_a_pretrained_model_ends_with_the_weights_of_an_uninterrupted_one(
    traces: Path, base: Path, tmp_path: Path, lora: tuple[str, ...]
) -> None:
    if lora:
        pytest.importorskip("peft")
    changes = recipe(traces, f"base={base}", *SHORT, "own_history.every=4", *lora)
    whole = Training(changes, tmp_path / "whole")
    train_to_end(whole)
    parts = Training(changes, with_examples(whole.out / EXAMPLES_FILE, tmp_path / "parts"))
    with pytest.raises(KeyboardInterrupt):
        train_to_end(parts, lambda: stopped_behind(parts, 3))
    parts = Training(changes, tmp_path / "parts", resume=True)
    assert parts.step == 3
    train_to_end(parts)
    assert all(torch.equal(value, weights(parts)[name]) for name, value in weights(whole).items())
    first, second = saved(whole), saved(parts)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_low_rank_adaptation_is_merged_into_the_saved_weights(
    traces: Path, base: Path, tmp_path: Path
) -> None:
    pytest.importorskip("peft")
    training = Training(recipe(traces, f"base={base}", *SHORT, LORA, "own_history.every=4"), tmp_path / "out")
    assert all("lora_" in name for name in weights(training))
    train_to_end(training)
    before = load_file(base / "model.safetensors")
    after = saved(training)
    assert before.keys() == after.keys()
    changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
    assert changed == {name for name in before if "proj" in name}
    load_engine(training.out / MODEL_FOLDER)


def test_figures_of_several_tokens_have_no_neighbours(traces: Path, base: Path, tmp_path: Path) -> None:
    training = Training(recipe(traces, f"base={base}", *SHORT), tmp_path / "out")
    own, beside = Likelihoods(training.learner, training.examples.tokenizer).of(
        training.corpus, training.corpus.topology_seed.nonzero()[0][:3]
    )
    assert torch.equal(own, beside)


# ---------------------------------------------------------------------- what is wrong
def refused(traces: Path, tmp_path: Path, *changes: str) -> str:
    with pytest.raises(RecipeError) as raised:
        Training(recipe(traces, *changes), tmp_path / "out")
    assert not (tmp_path / "out" / "recipe.json").exists()
    return str(raised.value)


def test_an_example_that_is_longer_than_the_context_is_refused(traces: Path, tmp_path: Path) -> None:
    small = make_base(tmp_path / "small", context=64)
    assert "tokens, but the context of the model has 64" in refused(traces, tmp_path, f"base={small}")


def test_a_folder_that_is_no_model_is_named(traces: Path, base: Path, tmp_path: Path) -> None:
    assert refused(traces, tmp_path, f"base={tmp_path / 'gone'}").startswith("base: ")
    (tmp_path / "empty").mkdir()
    assert "has no config.json" in refused(traces, tmp_path, f"base={tmp_path / 'empty'}")


def test_a_model_that_changes_its_logits_after_the_last_layer_is_refused(
    traces: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    straight = Learner.scores

    def bent(self: Learner, hidden: torch.Tensor) -> torch.Tensor:
        return straight(self, 3 * hidden)

    monkeypatch.setattr(Learner, "scores", bent)
    assert "changes the logits after its last layer, which this training" in refused(
        traces, tmp_path, f"base={base}"
    )


def test_lora_without_its_library_says_how_to_install_it(
    traces: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    assert "lora needs peft, which is not installed: pip install" in refused(
        traces, tmp_path, f"base={base}", LORA
    )
