"""Training the experiment model: the words of answers, given questions, by maximum likelihood.

The model learns in rounds. Before each round but the first, the model predicts recorded episodes in open
loop, and the round learns the true answers to the questions that arose there as well.

The folder of a training holds

    recipe.json               the recipe; another recipe needs another folder
    examples.safetensors      questions and answers of the traces as tokens
    own-1.safetensors ...     the examples from the open-loop rollouts before each round
    checkpoint.safetensors    weights, optimizer state and progress
    progress.jsonl            a line for every checkpoint
    model/                    at the end: the checkpoint that the simulator loads

Every file is written whole or not at all, and the card of the model is written last.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from sixgym._version import __version__
from sixgym.data.traces.manifest import MANIFEST
from sixgym.episodes.episode import Episode
from sixgym.episodes.files import write_whole
from sixgym.simulators.experiment_model.encode.words import words_digest
from sixgym.simulators.experiment_model.engine.inference import Engine
from sixgym.simulators.experiment_model.loading import CARD, Card
from sixgym.train.experiment_model.batches import batches, cut
from sixgym.train.experiment_model.checkpoints import (
    TrainingProgress,
    restore_checkpoint,
    weights_of,
    write_checkpoint,
)
from sixgym.train.experiment_model.corpus import (
    KINDS,
    Corpus,
    TokenExample,
    corpus_of,
    kind_of,
    read_corpus,
    write_corpus,
)
from sixgym.train.experiment_model.loss import Likelihoods
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.experiment_model.rollouts import open_loop_examples
from sixgym.train.experiment_model.start import from_scratch, pretrained
from sixgym.train.experiment_model.trace_examples import load_examples, read_traces, whole_episodes
from sixgym.train.folder import RECIPE_FILE, check_folder, write_recipe
from sixgym.train.recipe import RecipeError

PROGRESS_FILE = "progress.jsonl"
EXAMPLES_FILE = "examples.safetensors"
CHECKPOINT_FILE = "checkpoint.safetensors"
MODEL_FOLDER = "model"
_CHECKED_EXAMPLES = 12_000
"""Largest number of held-back examples in a check, drawn with the recipe's seed, to bound the time of a
check. The number is chosen, not measured."""

_FINAL_RATE = 0.03
"""Learning rate at the end of the cosine, as a share of the recipe's rate. Chosen, not measured."""

_MAX_GRADIENT_NORM = 1.0
"""Gradients of a larger norm are scaled down to this norm, the usual value for language models."""

_ADAM_BETAS = (0.9, 0.98)
"""Decay rates of AdamW's moments, as for the Transformer (Vaswani et al. 2017, section 5.3)."""


class Training:
    """One training, in a folder."""

    def __init__(
        self,
        recipe: ExperimentModelRecipe,
        out: Path,
        *,
        resume: bool = False,
        on_episode: Callable[[], None] | None = None,
    ) -> None:
        """Make examples and model, or restore them from the folder.

        Args:
            recipe: The recipe.
            out: The folder; it is made if it is missing.
            resume: Go on with the training in the folder.
            on_episode: Called after every episode that examples were made from.

        Raises:
            RecipeError: traces or base cannot be used; or the folder holds the training of another recipe,
                or a training while `resume` is false.
        """
        _check_folder(recipe, out, resume=resume)
        self.recipe = recipe
        self.out = out
        self._folder = Path(recipe.traces)
        self.traces = read_traces(self._folder)
        self._manifest = hashlib.sha256((self._folder / MANIFEST).read_bytes()).hexdigest()
        torch.set_num_threads(recipe.threads)
        _seed(recipe.seed)
        base = None if recipe.base is None else pretrained(Path(recipe.base), recipe.lora)
        out.mkdir(parents=True, exist_ok=True)
        self.examples = load_examples(
            self._folder, out / EXAMPLES_FILE, None if base is None else base[1], on_episode
        )
        self.corpus: Corpus = self.examples.corpus
        self._held = np.flatnonzero(np.isin(self.corpus.topology_seed, recipe.held_back))
        self._learned = len(self.corpus) - len(self._held)
        if not self._learned or not len(self._held):
            raise RecipeError(
                "held_back: the traces hold no episode to learn from, or no held-back one to check on; "
                "hold back some of their topology seeds"
            )
        if base is None:
            _seed(recipe.seed)
            self.learner = from_scratch(recipe.model, self.examples.tokenizer)
        else:
            self.learner = base[0]
        self._check_lengths()
        self._likelihoods = Likelihoods(self.learner, self.examples.tokenizer)
        self._optimizer = torch.optim.AdamW(
            list(self.learner.learning.values()),
            lr=recipe.optimizer.learning_rate,
            betas=_ADAM_BETAS,
            weight_decay=recipe.optimizer.weight_decay,
        )
        self.progress = restore_checkpoint(
            out / CHECKPOINT_FILE, self.learner, self._optimizer, self.examples.key
        )
        self.step = self.progress[-1].step if self.progress else 0
        self._rounds_rolled_out = 0
        self._restore_rollouts()
        write_recipe(out, recipe)
        self._write_progress()

    @property
    def done(self) -> bool:
        """Whether all optimizer steps are done."""
        return self.step >= self.recipe.optimizer.steps

    @property
    def rollouts_due(self) -> int:
        """Number of recorded episodes to predict in open loop before the next step."""
        return self.recipe.own_history.episodes if self._rounds_rolled_out < self._round else 0

    def roll_out(self, on_episode: Callable[[], None]) -> None:
        """Predict recorded episodes in open loop, and add the true answers to the examples."""
        round_, many = self._round, self.recipe.own_history.episodes
        first = (round_ - 1) * many % self.traces.episodes
        episodes = islice(_repeated(self._folder), first, first + many)
        engine = Engine(self.learner.model, self.examples.tokenizer)
        own = corpus_of(_rollout_examples(episodes, engine, on_episode))
        write_corpus(self._rollout_file(round_), own, self._rollout_key(round_))
        self.corpus = self.corpus + own
        self._rounds_rolled_out = round_

    def learn(self, on_progress: Callable[[TrainingProgress], None], on_step: Callable[[], None]) -> None:
        """Learn to the end of the round, with a checkpoint every `checkpoint_every` steps."""
        assert not self.rollouts_due  # the examples of the round include its rollouts
        first = self._round * self.recipe.own_history.every
        last = min(first + self.recipe.own_history.every, self.recipe.optimizer.steps)
        ready = batches(self.corpus, self.recipe, self._round)
        ready = islice(ready, self.step - first, None)  # skip the batches before the checkpoint
        losses: list[float] = []
        self.learner.model.train()
        while self.step < last:
            losses.append(self._learn(next(ready)))
            self.step += 1
            on_step()
            if self.step % self.recipe.checkpoint_every == 0 or self.step == last:
                self._save_checkpoint(float(np.mean(losses)))
                losses.clear()
                on_progress(self.progress[-1])

    def check(self) -> dict[str, float]:
        """Loss on held-back topology seeds by kind of question, in nats per word."""
        some = np.random.default_rng(self.recipe.seed).permutation(self._held)[:_CHECKED_EXAMPLES]
        nats, words = np.zeros(len(KINDS)), np.zeros(len(KINDS))
        self.learner.model.eval()
        with torch.inference_mode():
            for batch in cut(self.corpus, some, self.recipe.optimizer.batch_tokens):
                own, _ = self._likelihoods.of(self.corpus, batch)
                kinds = np.repeat(self.corpus.kind[batch], self.corpus.answered[batch])
                np.add.at(nats, kinds, -own.cpu().numpy())
                np.add.at(words, kinds, 1)
        self.learner.model.train()
        return {kind: round(float(nats[i] / words[i]), 4) for i, kind in enumerate(KINDS) if words[i]}

    def save(self, command: str) -> Path:
        """Write the model as the simulator loads it; the folder."""
        folder = self.out / MODEL_FOLDER
        folder.mkdir(exist_ok=True)
        # without a card no simulator takes a half-written folder for a model
        (folder / CARD).unlink(missing_ok=True)
        self.learner.save(folder)
        self.examples.tokenizer.save_pretrained(folder)
        learned = set(self.examples.corpus.topology_seed.tolist()) - set(self.recipe.held_back)
        card = Card(
            interval_ms=self.examples.interval_ms,
            network=f"{self.traces.network.name} {self.traces.network.version}",
            topology_seeds=tuple(sorted(learned)),
            episodes=self.examples.episodes,
            questions=self._learned,
            traces=self._manifest,
            words=words_digest(),
            recipe=self.recipe.model_dump(mode="json"),
            command=command,
            sixgym_version=__version__,
        )
        write_whole(folder / CARD, card.model_dump_json(indent=1).encode())
        return folder

    # ------------------------------------------------------------------ inside
    @property
    def _round(self) -> int:
        return self.step // self.recipe.own_history.every

    def _check_lengths(self) -> None:
        longest, context = int(self.corpus.lengths.max()), self.learner.context
        if context is not None and longest > context:
            raise RecipeError(
                f"an example has {longest} tokens, but the context of the model has {context}; "
                "take a base with a longer context, or traces of smaller networks"
            )

    def _learn(self, batch: np.ndarray[Any, np.dtype[np.int64]]) -> float:
        """One optimizer step; the mean loss of its words, in nats."""
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        _seed(self.recipe.seed + self.step)  # dropout of a step is the same after a resume
        own, near = self._likelihoods.of(self.corpus, batch)
        share = self.recipe.optimizer.neighbours
        loss: Any = -((1 - share) * own + share * near).mean()
        optimizer: Any = self._optimizer
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.learner.learning.values(), _MAX_GRADIENT_NORM)
        optimizer.step()
        return float(-own.detach().mean())

    def _rate(self) -> float:
        """The learning rate of the next step."""
        settings = self.recipe.optimizer
        done = self.step / settings.steps
        cosine = _FINAL_RATE + (1 - _FINAL_RATE) * 0.5 * (1 + math.cos(math.pi * done))
        return settings.learning_rate * cosine * min(1.0, (self.step + 1) / max(settings.warm_up, 1))

    def _save_checkpoint(self, loss: float) -> None:
        """Check the model, and write a checkpoint with the result."""
        self.progress.append(TrainingProgress(step=self.step, loss=loss, held_back=self.check()))
        write_checkpoint(
            self.out / CHECKPOINT_FILE, self.learner, self._optimizer, self.examples.key, self.progress
        )
        self._write_progress()

    def _write_progress(self) -> None:
        lines = "".join(f"{one.model_dump_json()}\n" for one in self.progress)
        write_whole(self.out / PROGRESS_FILE, lines.encode())

    # ------------------------------------------------------------------ rollouts
    def _restore_rollouts(self) -> None:
        """Add the stored rollouts of every round up to the checkpoint's."""
        every = self.recipe.own_history.every
        for round_ in range(1, 0 if self.done else self._round + 1):
            path = self._rollout_file(round_)
            stored = read_corpus(path)
            begun = self.step > round_ * every
            wanted = self._rollout_key(round_)
            if begun and stored is not None:
                wanted["weights"] = stored[1].get("weights", "")  # the weights of that time are gone
            if stored is not None and stored[1] == wanted:
                self.corpus = self.corpus + stored[0]
                self._rounds_rolled_out = round_
            elif begun:
                raise RecipeError(
                    f"{path} is missing, or of another training, but step {self.step} has learned from it; "
                    "take another --out"
                )

    def _rollout_file(self, round_: int) -> Path:
        return self.out / f"own-{round_}.safetensors"

    def _rollout_key(self, round_: int) -> dict[str, str]:
        """Metadata that identifies the rollouts before a round; the weights are the present ones."""
        recipe = hashlib.sha256(self.recipe.model_dump_json().encode()).hexdigest()
        return {
            "examples": self.examples.key,
            "recipe": recipe,
            "round": str(round_),
            "weights": weights_of(self.learner),
        }


def _check_folder(recipe: ExperimentModelRecipe, out: Path, *, resume: bool) -> None:
    """Refuse a folder that cannot be used for this recipe, with a `RecipeError`."""
    if not check_folder(out, recipe, resume=resume) and (out / CHECKPOINT_FILE).exists():
        raise RecipeError(f"{out} holds a checkpoint and no {RECIPE_FILE}; take another --out")


def _rollout_examples(
    episodes: Iterator[Episode], engine: Engine, on_episode: Callable[[], None]
) -> Iterator[TokenExample]:
    for episode, examples in open_loop_examples(episodes, engine, on_episode):
        topology_seed = cast("int", episode.task.scenario.topology_seed)
        for question, answer in examples:
            yield (kind_of(question), *engine.language.example(question, answer), topology_seed)


def _repeated(folder: Path) -> Iterator[Episode]:
    """The episodes of a folder, over and over."""
    while True:  # the folder holds at least one episode, since examples were made from it
        yield from whole_episodes(folder)


def _seed(seed: int) -> None:
    library: Any = torch
    library.manual_seed(seed)
