"""Training the experiment model: next words of answers, given questions, by maximum likelihood.

The loss is 6GAgentGym's equation 4 over all answers: of accounts, the reasons and then the state that follows
from them; of the other questions, the figures of a network's parts that states and tool results are made of.
Questions are given, so their words carry no loss.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM

import sixgym
from sixgym.data.collection import Traces
from sixgym.domain.base import Record
from sixgym.episodes.files import replacing, write_whole
from sixgym.models.checkpoint import load_causal
from sixgym.models.chat import ModelUnusableError
from sixgym.simulators.experiment_model.engine import Engine
from sixgym.simulators.experiment_model.loading import CARD, Card
from sixgym.simulators.experiment_model.vocabulary import make_tokenizer
from sixgym.simulators.experiment_model.words import all_figures
from sixgym.train.experiment_corpus import (
    KINDS,
    Corpus,
    corpus_of,
    frequent_texts,
    load_corpus,
    read_corpus,
    read_traces,
    whole_episodes,
    write_corpus,
)
from sixgym.train.experiment_recipe import ExperimentModelRecipe
from sixgym.train.experiment_rollouts import own_lessons
from sixgym.train.recipe import RecipeError

RECIPE_FILE = "recipe.json"
PROGRESS_FILE = "progress.jsonl"
LESSONS_FILE = "lessons.safetensors"
TOKENIZER_FOLDER = "tokenizer"
CHECKPOINT_FILE = "checkpoint.safetensors"
MODEL_FOLDER = "model"
TEXTS_OF_EPISODES = 60
CONTEXT = 512
_CHUNK = 20_000
_CHECKED = 12_000
_LEAST_RATE = 0.03


class Progress(Record):
    """What was learned up to a step.

    Attributes:
        step: Optimizer steps so far.
        loss: Of the words learned from since the last report, in nats a word.
        held_back: Loss on held-back places by kind of question, in nats a word.
    """

    step: int
    loss: float
    held_back: dict[str, float]


class Training:
    """One training, in a folder."""

    def __init__(
        self, recipe: ExperimentModelRecipe, out: Path, *, on_episode: Callable[[], None] | None = None
    ) -> None:
        """Make lessons and model, or go on from the checkpoint in the folder.

        Raises:
            RecipeError: traces or base cannot be used.
        """
        self.recipe = recipe
        self.out = out
        traces = Path(recipe.traces)
        self.traces: Traces = read_traces(traces)
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self.model, self.tokenizer = self._start(traces)
        self.corpus: Corpus = load_corpus(traces, self.tokenizer, out / LESSONS_FILE, on_episode)
        if int(self.corpus.lengths.max()) > CONTEXT and recipe.base is None:
            raise RecipeError(
                f"a lesson has {int(self.corpus.lengths.max())} tokens, and the model {CONTEXT}"
            )
        held = np.isin(self.corpus.place, recipe.held_back)
        self._held = np.flatnonzero(held)
        self._learned = len(self.corpus) - len(self._held)
        if not self._learned or not len(self._held):
            raise RecipeError("held_back leaves nothing to learn from or nothing to check on")
        self.device = next(self.model.parameters()).device
        self._left, self._right = self._neighbours()
        learning = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self._optimizer = torch.optim.AdamW(
            learning,
            lr=recipe.optimizer.learning_rate,
            betas=(0.9, 0.98),
            weight_decay=recipe.optimizer.weight_decay,
        )
        self.step = self._resumed()

    def run(self, on_progress: Callable[[Progress], None], on_step: Callable[[], None]) -> None:
        """Learn to the last step, with a checkpoint every so often."""
        steps, every = self.recipe.optimizer.steps, self.recipe.own_history.every
        self.model.train()
        for round_ in range(math.ceil(steps / every)):
            first, last = round_ * every, min((round_ + 1) * every, steps)
            if round_:
                self.corpus = self.corpus + self._own_mistakes(round_)
            if self.step < last:
                self._round(round_, self.step - first, last, on_progress, on_step)

    def _round(
        self,
        round_: int,
        skip: int,
        last: int,
        on_progress: Callable[[Progress], None],
        on_step: Callable[[], None],
    ) -> None:
        batches = self._batches(round_)
        for _ in range(skip):  # where the training was left; only indices are made
            next(batches)
        losses: list[float] = []
        while self.step < last:
            losses.append(self._learn(next(batches)))
            self.step += 1
            on_step()
            if self.step % self.recipe.checkpoint_every == 0 or self.step == last:
                progress = Progress(step=self.step, loss=float(np.mean(losses)), held_back=self.check())
                losses.clear()
                self._keep(progress)
                on_progress(progress)

    def _own_mistakes(self, round_: int) -> Corpus:
        """Lessons from going through recorded episodes alone, before this round; made once."""
        store = self.out / f"own-{round_}.safetensors"
        stored = read_corpus(store, str(round_))
        if stored is not None:
            return stored
        many = self.recipe.own_history.episodes
        first = (round_ - 1) * many % self.traces.episodes
        episodes = islice(cycle(whole_episodes(Path(self.recipe.traces))), first, first + many)
        engine = Engine(self.model.eval(), self.tokenizer)
        own = corpus_of(
            (
                question.kind,
                *engine.language.lesson(question, answer),
                cast("int", episode.task.scenario.topology_seed),
            )
            for episode, lessons in own_lessons(episodes, engine)
            for question, answer in lessons
        )
        self.model.train()
        write_corpus(store, str(round_), own)
        return own

    def check(self) -> dict[str, float]:
        """Loss on held-back places by kind, in nats a word."""
        rng = np.random.default_rng(self.recipe.seed)
        some = rng.permutation(self._held)[:_CHECKED]
        nats = np.zeros(len(KINDS))
        words = np.zeros(len(KINDS))
        self.model.eval()
        with torch.inference_mode():
            for batch in self._cut(some):
                own, _ = self._likelihoods(batch)
                kinds = np.repeat(self.corpus.kind[batch], self.corpus.answered[batch])
                np.add.at(nats, kinds, -own.cpu().numpy())
                np.add.at(words, kinds, 1)
        self.model.train()
        return {kind: round(float(nats[i] / words[i]), 4) for i, kind in enumerate(KINDS) if words[i]}

    def save(self, command: str) -> Path:
        """Write the checkpoint as simulators load it; where."""
        folder = self.out / MODEL_FOLDER
        model = self.model
        if self.recipe.lora is not None:
            model = model.merge_and_unload()
        model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        traces = Path(self.recipe.traces) / "traces.json"
        card = Card(
            interval_ms=next(whole_episodes(Path(self.recipe.traces))).task.scenario.decision_interval_ms,
            network=f"{self.traces.network.name} {self.traces.network.version}",
            topology_seeds=tuple(sorted(set(self.corpus.place.tolist()) - set(self.recipe.held_back))),
            episodes=self.traces.episodes * self.traces.twins,
            questions=self._learned,
            traces=_digest(traces),
            recipe=self.recipe.model_dump(mode="json"),
            command=command,
            sixgym_version=sixgym.__version__,
        )
        write_whole(folder / CARD, card.model_dump_json(indent=1).encode())
        return folder

    # ------------------------------------------------------------------ model
    def _start(self, traces: Path) -> tuple[Any, Any]:
        if self.recipe.base is not None:
            return self._pretrained(Path(self.recipe.base))
        stored = self.out / TOKENIZER_FOLDER
        if (stored / "tokenizer.json").exists():
            tokenizer = type(make_tokenizer()).from_pretrained(str(stored), local_files_only=True)
        else:
            tokenizer = make_tokenizer(frequent_texts(traces, TEXTS_OF_EPISODES))
            tokenizer.save_pretrained(str(stored))
        size = self.recipe.model
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.hidden,
            intermediate_size=size.feed_forward,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            tie_word_embeddings=True,
            max_position_embeddings=CONTEXT,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        model = LlamaForCausalLM(config)
        _order_figures(model.get_input_embeddings().weight, tokenizer.get_vocab())
        return model, tokenizer

    def _pretrained(self, base: Path) -> tuple[Any, Any]:
        try:
            model, tokenizer = load_causal(base, "auto")
        except ModelUnusableError as error:
            raise RecipeError(f"base: {error}") from None
        if self.recipe.lora is not None:
            try:
                from peft import LoraConfig, get_peft_model
            except ModuleNotFoundError:
                raise RecipeError("lora needs peft, which is not installed: pip install peft") from None
            adaptation = LoraConfig(
                r=self.recipe.lora.rank,
                lora_alpha=self.recipe.lora.alpha,
                lora_dropout=self.recipe.lora.dropout,
                target_modules="all-linear",
                task_type="CAUSAL_LM",
            )
            model = get_peft_model(model, adaptation)
        return model, tokenizer

    def _neighbours(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The token of the figure next below and next above, by token; itself where there is none."""
        vocabulary = self.tokenizer.get_vocab()
        left = torch.arange(max(vocabulary.values()) + 1)
        right = left.clone()
        for figure in all_figures():
            tokens = [vocabulary[word] for word in figure.words if word in vocabulary]
            if len(tokens) == len(figure.words):
                left[tokens[1:]] = torch.tensor(tokens[:-1])
                right[tokens[:-1]] = torch.tensor(tokens[1:])
        return left.to(self.device), right.to(self.device)

    # ------------------------------------------------------------------ steps
    def _batches(self, round_: int) -> Iterator[np.ndarray[Any, Any]]:
        """Batches of a round without end: every epoch in an order of its own."""
        portions = self.recipe.questions
        corpus = self.corpus
        lessons = np.flatnonzero(~np.isin(corpus.place, self.recipe.held_back))
        portion = np.array([getattr(portions, kind) for kind in KINDS])[corpus.kind[lessons]]
        epoch = 0
        while True:
            rng = np.random.default_rng([self.recipe.seed, round_, epoch])
            times = (portion + rng.random(len(lessons))).astype(int)
            chosen = rng.permutation(np.repeat(lessons, times))
            for first in range(0, len(chosen), _CHUNK):
                batches = self._cut(chosen[first : first + _CHUNK])
                for index in rng.permutation(len(batches)):
                    yield batches[index]
            epoch += 1

    def _cut(self, lessons: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        """Batches of lessons of similar length, of so many tokens with their padding."""
        lengths = self.corpus.lengths
        ordered = lessons[np.argsort(lengths[lessons], kind="stable")]
        batches: list[np.ndarray[Any, Any]] = []
        first = 0
        for last in range(1, len(ordered) + 1):
            full = (
                last == len(ordered)
                or (last + 1 - first) * int(lengths[ordered[last]]) > self.recipe.optimizer.batch_tokens
            )
            if full:
                batches.append(ordered[first:last])
                first = last
        return batches

    def _learn(self, batch: np.ndarray[Any, Any]) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate()
        own, beside = self._likelihoods(batch)
        share = self.recipe.optimizer.neighbours
        loss = -((1 - share) * own + share * beside).mean()
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimizer.step()
        return float(-own.detach().mean())

    def _rate(self) -> float:
        """The learning rate of the step ahead."""
        settings = self.recipe.optimizer
        done = self.step / settings.steps
        cosine = _LEAST_RATE + (1 - _LEAST_RATE) * 0.5 * (1 + math.cos(math.pi * done))
        return settings.learning_rate * cosine * min(1.0, (self.step + 1) / max(settings.warm_up, 1))

    def _likelihoods(self, batch: np.ndarray[Any, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """Log likelihood of every answered token, and the mean of those of its neighbours."""
        corpus = self.corpus
        longest = int(corpus.lengths[batch].max())
        ids = np.zeros((len(batch), longest), np.int64)
        rows: list[int] = []
        columns: list[int] = []
        for row, lesson in enumerate(batch):
            start, length = int(corpus.start[lesson]), int(corpus.lengths[lesson])
            ids[row, :length] = corpus.tokens[start : start + length]
            columns += range(int(corpus.asked[lesson]) - 1, length - 1)
            rows += [row] * int(corpus.answered[lesson])
        words = torch.from_numpy(ids).to(self.device)
        # what follows a lesson cannot be seen from inside of it, so padding needs no mask
        hidden = self._body(words)[rows, columns]
        scores = torch.log_softmax(self.model.get_output_embeddings()(hidden).float(), -1)
        targets = words[rows, torch.tensor(columns, device=self.device) + 1]
        own = scores.gather(1, targets[:, None])[:, 0]
        below = scores.gather(1, self._left[targets][:, None])[:, 0]
        above = scores.gather(1, self._right[targets][:, None])[:, 0]
        return own, (below + above) / 2

    def _body(self, words: torch.Tensor) -> torch.Tensor:
        """The last hidden states."""
        model = self.model.get_base_model() if self.recipe.lora is not None else self.model
        return model.model(input_ids=words, use_cache=False).last_hidden_state

    # ------------------------------------------------------------------ checkpoints
    def _keep(self, progress: Progress) -> None:
        """Weights and optimizer state as tensors, written whole; a line of progress."""
        tensors = {
            f"model.{name}": value.detach().cpu().contiguous()
            for name, value in self.model.named_parameters()
            if value.requires_grad
        }
        for index, state in self._optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value.cpu() for name, value in state.items()}
        with replacing(self.out / CHECKPOINT_FILE) as partial:
            save_file(tensors, partial, metadata={"step": str(progress.step)})
        with (self.out / PROGRESS_FILE).open("a", encoding="utf-8") as file:
            file.write(progress.model_dump_json() + "\n")

    def _resumed(self) -> int:
        """Take the folder's checkpoint, if there is one; its step."""
        path = self.out / CHECKPOINT_FILE
        if not path.exists():
            return 0
        with safe_open(path, framework="pt") as file:
            step = int((file.metadata() or {})["step"])
        stored = load_file(path)
        with torch.no_grad():
            for name, value in self.model.named_parameters():
                if value.requires_grad:
                    value.copy_(stored[f"model.{name}"])
        state: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in stored.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                state.setdefault(int(index), {})[name] = value
        whole = self._optimizer.state_dict()
        self._optimizer.load_state_dict({**whole, "state": state})
        return step


def prepare(recipe: ExperimentModelRecipe, out: Path, *, resume: bool) -> None:
    """Make the folder ready.

    Raises:
        RecipeError: it holds another training, or one and `resume` is false.
    """
    stored = out / RECIPE_FILE
    if stored.exists() and not resume:
        raise RecipeError(f"{out} holds a training already; --resume goes on with it, or take another --out")
    if stored.exists():
        before = ExperimentModelRecipe.model_validate_json(stored.read_text(encoding="utf-8"))
        if before != recipe:
            raise RecipeError(f"{out} holds a training of another recipe ({stored}); take another --out")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(stored, recipe.model_dump_json(indent=1).encode())


# ---------------------------------------------------------------------- inside
def _order_figures(weight: torch.Tensor, vocabulary: dict[str, int]) -> None:
    """Let figures that are near each other look alike from the start: waves over the grid, slow ones stronger."""
    waves = 8
    with torch.no_grad():
        for figure in all_figures():
            tokens = [vocabulary[word] for word in figure.words]
            place = torch.arange(len(tokens))[:, None]
            numbers = torch.arange(1, waves + 1)
            angle = place * (math.pi * 2.0 ** (numbers - 1) / max(len(tokens), 2))
            seen = torch.cat([angle.sin() / numbers, angle.cos() / numbers], 1)
            turned = seen @ torch.randn(2 * waves, weight.shape[1])
            weight[tokens] = 0.02 * (turned / turned.std() + torch.randn(weight.shape[1]))


def _digest(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def describe(held_back: dict[str, float], kinds: Sequence[str] = KINDS) -> str:
    """The held-back losses in a line."""
    return json.dumps({kind: held_back[kind] for kind in kinds if kind in held_back})
