"""Training the experiment model on a few episodes: it learns, stops, continues, and reports what is wrong."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("transformers")

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from sixgym.episodes.store import append_episode, read_episodes
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.loading import CARD, read_card
from sixgym.simulators.factory import make_simulator
from sixgym.train.experiment_model.batches import batches, cut
from sixgym.train.experiment_model.corpus import KINDS, Corpus, corpus_of, read_corpus
from sixgym.train.experiment_model.start import Learner
from sixgym.train.experiment_model.training import (
    CHECKPOINT_FILE,
    EXAMPLES_FILE,
    MODEL_FOLDER,
    PROGRESS_FILE,
    RECIPE_FILE,
    Training,
)
from sixgym.train.recipe import RecipeError
from tests.train.experiment_model.conftest import Begin
from tests.train.experiment_model.samples import EPISODES, TOPOLOGY_SEEDS, recipe, train_to_end, with_examples


@pytest.fixture(scope="module")
def corpus(examples: Path) -> Corpus:
    stored = read_corpus(examples)
    assert stored is not None
    return stored[0]


@pytest.fixture(scope="module")
def whole(traces: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training without an interruption; read-only."""
    training = Training(recipe(traces), with_examples(examples, tmp_path_factory.mktemp("whole") / "out"))
    train_to_end(training)
    training.save("sixgym train small.yaml")
    return training.out


class StoppedError(Exception):
    """The training is interrupted."""


def after(calls: int) -> Callable[[], None]:
    """A callback that interrupts the training after a number of calls."""
    left = iter(range(calls))

    def count() -> None:
        if next(left, None) is None:
            raise StoppedError

    return count


@pytest.fixture(scope="module")
def halfway(traces: Path, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that was interrupted after the checkpoint of step 6; read-only."""
    training = Training(recipe(traces), with_examples(examples, tmp_path_factory.mktemp("halfway") / "out"))
    with pytest.raises(StoppedError):
        train_to_end(training, after(6))
    return training.out


@pytest.fixture
def copy(whole: Path, tmp_path: Path) -> Path:
    """A copy of the whole training, which a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "out"))


def trained(out: Path) -> dict[str, torch.Tensor]:
    """Weights and optimizer state of a checkpoint."""
    return load_file(out / CHECKPOINT_FILE)


def same(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


# ---------------------------------------------------------------------- learning
def test_held_back_topology_seeds_are_predicted_better(begin: Begin) -> None:
    training = begin("out", "optimizer.steps=60", "own_history.every=60", "checkpoint_every=30")
    before = training.check()
    reports = train_to_end(training)
    assert [one.step for one in reports] == [30, 60]
    assert set(before) == set(KINDS)
    for kind in ("flow", "node", "explanation"):  # the other kinds are rare in so few episodes
        assert before[kind] - reports[1].held_back[kind] > 0.5
    assert before["flow"] > reports[0].held_back["flow"] > reports[1].held_back["flow"]
    assert reports[0].loss > reports[1].loss


def test_the_same_seed_repeats_and_another_differs(begin: Begin, whole: Path) -> None:
    train_to_end(again := begin("again"))
    assert same(trained(again.out), trained(whole))
    train_to_end(other := begin("other", "seed=2"))
    assert not same(trained(other.out), trained(whole))


def test_a_round_learns_from_the_open_loop_rollouts_before_it(begin: Begin) -> None:
    training = begin()
    assert training.rollouts_due == 0
    training.learn(lambda _: None, lambda: None)
    assert (training.step, training.done, training.rollouts_due) == (4, False, 1)
    known = len(training.corpus)
    went: list[None] = []
    training.roll_out(lambda: went.append(None))
    assert len(went) == 1
    assert training.rollouts_due == 0
    own = read_corpus(training.out / "own-1.safetensors")
    assert own is not None
    assert len(training.corpus) == known + len(own[0])
    assert {KINDS[kind] for kind in own[0].kind} == set(KINDS) - {"explanation"}
    # another history gives other questions; the measured answers are the same
    assert own[0].tokens.tolist() != training.examples.corpus.tokens[: len(own[0].tokens)].tolist()


# ---------------------------------------------------------------------- likelihoods, batches
def test_the_neighbours_of_a_figure_are_on_its_grid_and_the_figure_itself_at_an_end(begin: Begin) -> None:
    training = begin()
    corpus, known = training.corpus, training.examples.tokenizer.get_vocab()
    words = w.DELIVERED.words
    example = int(np.flatnonzero(corpus.kind == KINDS.index("flow"))[0])
    at = int(corpus.start[example] + corpus.asked[example])
    for index, neighbours in ((0, (0, 1)), (7, (6, 8)), (len(words) - 1, (len(words) - 2, len(words) - 1))):
        corpus.tokens[at] = known[words[index]]
        own, near = training._likelihoods.of(corpus, np.array([example]))
        tokens = torch.tensor(corpus.tokens[corpus.start[example] : at].astype(np.int64))[None]
        scores = training.learner.model(input_ids=tokens).logits[0, -1].log_softmax(0).tolist()
        assert own[0].item() == pytest.approx(scores[known[words[index]]], abs=1e-4)
        expected = sum(scores[known[words[one]]] for one in neighbours) / 2
        assert near[0].item() == pytest.approx(expected, abs=1e-4)


def test_a_likelihood_is_the_models_log_probability_of_each_word_given_the_earlier_words(
    begin: Begin,
) -> None:
    training = begin()
    corpus = training.corpus
    batch = np.array([0, 5, 40])  # of different lengths
    own, _ = training._likelihoods.of(corpus, batch)
    expected: list[float] = []
    for example in batch:
        start, asked = int(corpus.start[example]), int(corpus.asked[example])
        tokens = corpus.tokens[start : start + int(corpus.lengths[example])].tolist()
        for place in range(asked, len(tokens)):
            logits = training.learner.model(input_ids=torch.tensor([tokens[:place]])).logits[0, -1]
            expected.append(float(logits.log_softmax(0)[tokens[place]].detach()))
    assert own.tolist() == pytest.approx(expected, abs=1e-4)


def test_an_epoch_repeats_examples_by_the_recipe_and_has_none_that_are_held_back(
    traces: Path, corpus: Corpus
) -> None:
    some = recipe(
        traces, "questions={flow: 2, tasks: 1, node: 0.5, slice: 0, cell: 0, changed: 0, explanation: 0}"
    )
    wanted = ~np.isin(corpus.topology_seed, some.held_back)
    of_kind = {kind: wanted & (corpus.kind == index) for index, kind in enumerate(KINDS)}
    counts = np.zeros(len(corpus), int)
    for batch in batches(corpus, some, 0):
        np.add.at(counts, batch, 1)
        if counts[of_kind["flow"]].sum() == 2 * of_kind["flow"].sum():
            break
    assert set(counts[of_kind["flow"]]) == {2}
    assert 0 < counts[of_kind["node"]].sum() < of_kind["node"].sum()
    assert not counts[of_kind["slice"] | of_kind["cell"] | of_kind["explanation"]].any()
    assert not counts[~wanted].any()


def test_a_batch_has_examples_of_similar_length_and_at_most_the_recipes_tokens(
    corpus: Corpus,
) -> None:
    examples = np.arange(len(corpus))
    ready = cut(corpus, examples, 600)
    assert sorted(int(index) for batch in ready for index in batch) == examples.tolist()
    assert all(len(batch) == 1 or len(batch) * int(corpus.lengths[batch].max()) <= 600 for batch in ready)
    assert len(ready) < 1.3 * corpus.lengths.sum() / 600
    alone = cut(corpus, examples, 1)
    assert len(alone) == len(examples)


# ---------------------------------------------------------------------- stopping and going on
@pytest.mark.parametrize(
    ("steps", "episodes", "left"),
    [
        (1, 9, 0),  # before the first checkpoint
        (4, 9, 4),  # in the next round, before its first checkpoint
        (3, 9, 3),  # between checkpoint and end of round
        (9, 0, 4),  # while it rolls episodes out
        (6, 9, 6),  # behind a checkpoint of the second round
    ],
)
def test_a_resumed_training_ends_with_the_weights_of_an_uninterrupted_one(
    begin: Begin, whole: Path, steps: int, episodes: int, left: int
) -> None:
    with pytest.raises(StoppedError):
        train_to_end(begin(), after(steps), after(episodes))
    training = begin(resume=True)
    assert training.step == left
    train_to_end(training)
    assert same(trained(training.out), trained(whole))
    assert (training.out / PROGRESS_FILE).read_bytes() == (whole / PROGRESS_FILE).read_bytes()


def test_a_finished_training_is_saved_again_without_a_step(copy: Path, traces: Path) -> None:
    before = load_file(copy / MODEL_FOLDER / "model.safetensors")
    (copy / "own-1.safetensors").unlink()  # a finished training does not need the rollouts
    shutil.rmtree(copy / MODEL_FOLDER)
    training = Training(recipe(traces), copy, resume=True)
    assert training.done
    assert train_to_end(training) == []
    training.save("sixgym train small.yaml")
    assert same(load_file(copy / MODEL_FOLDER / "model.safetensors"), before)


def test_progress_has_a_line_for_each_checkpoint_even_if_some_lines_were_lost(
    begin: Begin, copy: Path
) -> None:
    (copy / PROGRESS_FILE).write_text('{"step": 3, "lo', encoding="utf-8")
    training = begin(resume=True)
    lines = (training.out / PROGRESS_FILE).read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [3, 4, 6, 8]


@pytest.mark.parametrize("content", [b"", b"torn" * 9], ids=["empty", "torn"])
def test_a_torn_file_of_examples_is_made_again(
    begin: Begin, copy: Path, corpus: Corpus, content: bytes
) -> None:
    (copy / EXAMPLES_FILE).write_bytes(content)
    training = begin(resume=True)
    assert np.array_equal(training.corpus.tokens[: len(corpus.tokens)], corpus.tokens)
    stored = read_corpus(copy / EXAMPLES_FILE)
    assert stored is not None
    assert np.array_equal(stored[0].tokens, corpus.tokens)


def test_examples_of_other_traces_are_not_reused(traces: Path, examples: Path, tmp_path: Path) -> None:
    more = Path(shutil.copytree(traces, tmp_path / "more"))
    first = next(iter(read_episodes(more / "episodes.jsonl.gz")))
    another = first.task.model_copy(update={"id": "another"})
    append_episode(more / "episodes.jsonl.gz", first.model_copy(update={"task": another}))
    training = Training(recipe(more), with_examples(examples, tmp_path / "out"))
    assert training.examples.episodes == EPISODES + 1


# ---------------------------------------------------------------------- what it gives
def test_the_card_names_traces_topology_seeds_and_recipe(whole: Path, traces: Path, corpus: Corpus) -> None:
    card = read_card(whole / MODEL_FOLDER)
    learned = int((corpus.topology_seed == TOPOLOGY_SEEDS[0]).sum())
    assert (card.interval_ms, card.network, card.topology_seeds) == (500, "tti 7", (1,))
    assert (card.episodes, card.questions) == (EPISODES, learned)
    assert card.command == "sixgym train small.yaml"
    assert card.recipe == recipe(traces).model_dump(mode="json")


def test_a_network_answers_from_the_weights_that_were_trained(whole: Path) -> None:
    scenario = load_scenario("uav-inspection").placed(7)
    network = make_simulator(f"experiment-model:{whole / MODEL_FOLDER}")
    first = network.reset(scenario, seed=1)
    second = network.advance(scenario.decision_interval_ms)
    assert (first.end_ms, second.end_ms) == (0, 500)
    assert set(second.groups) == {group.name for group in scenario.groups}
    network.close()


def test_nothing_is_printed_when_the_model_is_written(
    begin: Begin, copy: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begin(resume=True).save("x")
    assert capfd.readouterr() == ("", "")


def test_a_half_written_model_is_not_loaded(
    begin: Begin, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Learner, folder: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(Learner, "save", broken)
    with pytest.raises(OSError, match="no space left"):
        begin(resume=True).save("x")
    assert not (copy / MODEL_FOLDER / CARD).exists()
    with pytest.raises(SimulatorError, match="holds no experiment model"):
        make_simulator(f"experiment-model:{copy / MODEL_FOLDER}")


# ---------------------------------------------------------------------- what is wrong
def torn(name: str) -> Callable[[Path], None]:
    def tear(out: Path) -> None:
        content = (out / name).read_bytes()
        (out / name).write_bytes(content[: len(content) // 2])

    return tear


def gone(name: str) -> Callable[[Path], None]:
    return lambda out: (out / name).unlink()


def with_metadata(name: str, **changes: str) -> Callable[[Path], None]:
    """A change of the metadata of a tensor file."""

    def change(out: Path) -> None:
        with safe_open(out / name, framework="pt") as file:
            metadata = file.metadata()
        save_file(load_file(out / name), out / name, metadata={**metadata, **changes})

    return change


def of_another_size(out: Path) -> None:
    tensors = {name: value[:1].clone() if value.ndim else value for name, value in trained(out).items()}
    with safe_open(out / CHECKPOINT_FILE, framework="pt") as file:
        metadata = file.metadata()
    save_file(tensors, out / CHECKPOINT_FILE, metadata=metadata)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (torn(CHECKPOINT_FILE), r"checkpoint\.safetensors is damaged, or a checkpoint of another model"),
        (
            with_metadata(CHECKPOINT_FILE, progress="{"),
            r"checkpoint\.safetensors is damaged, or a checkpoint of",
        ),
        (
            with_metadata(CHECKPOINT_FILE, examples="x"),
            r"checkpoint\.safetensors is a checkpoint of other traces",
        ),
        (of_another_size, r"checkpoint\.safetensors is damaged, or a checkpoint of another model"),
        (gone("own-1.safetensors"), r"own-1\.safetensors is missing, or of another training, but step 6"),
        (torn("own-1.safetensors"), r"own-1\.safetensors is missing, or of another training, but step 6"),
        (
            with_metadata("own-1.safetensors", recipe="x"),
            r"own-1\.safetensors is missing, or of another training",
        ),
        (torn(RECIPE_FILE), "holds a training of another recipe"),
        (gone(RECIPE_FILE), r"holds a checkpoint and no recipe\.json"),
    ],
)
def test_a_folder_that_cannot_be_resumed_is_one_error(
    halfway: Path, traces: Path, tmp_path: Path, break_it: Callable[[Path], None], message: str
) -> None:
    out = shutil.copytree(halfway, tmp_path / "out")
    break_it(out)
    with pytest.raises(RecipeError, match=message) as raised:
        Training(recipe(traces), out, resume=True)
    assert "take another --out" in str(raised.value)


def test_rollouts_of_other_weights_are_made_again(begin: Begin, whole: Path) -> None:
    stopped = begin()
    with pytest.raises(StoppedError):
        train_to_end(stopped, after(4))
    with_metadata("own-1.safetensors", weights="others")(stopped.out)
    training = begin(resume=True)
    assert training.rollouts_due == 1
    train_to_end(training)
    assert same(trained(training.out), trained(whole))


def test_another_recipe_is_not_continued_and_a_training_not_overwritten(begin: Begin, copy: Path) -> None:
    before = trained(copy)
    with pytest.raises(RecipeError, match="holds a training already"):
        begin()
    with pytest.raises(RecipeError, match="of another recipe"):
        begin("out", "optimizer.learning_rate=0.5", resume=True)
    assert same(trained(copy), before)


def test_adding_corpora_concatenates_their_examples() -> None:
    first = corpus_of([("flow", (1, 2), (3,), 7), ("cell", (4,), (5, 6), 8)])
    both = first + corpus_of([("node", (7,), (8,), 9)])
    assert both.tokens.tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert (both.start.tolist(), both.lengths.tolist()) == ([0, 3, 6], [3, 3, 2])
    assert [KINDS[kind] for kind in both.kind] == ["flow", "cell", "node"]
    assert both.topology_seed.tolist() == [7, 8, 9]
    assert len(corpus_of([])) == 0
