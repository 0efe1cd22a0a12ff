"""The examples of a folder of traces, made once and stored in the folder of the training."""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError, read_manifest
from sixgym.data.traces.reasons import reason
from sixgym.domain.splits import TRAINING_SEEDS, require_split
from sixgym.episodes.episode import Episode
from sixgym.episodes.jsonl import RecordFileError
from sixgym.run.replay import ReplayError
from sixgym.simulators.experiment_model.encode.explanations import (
    THUS,
    explanation_words,
    state_blanks,
    state_words,
)
from sixgym.simulators.experiment_model.encode.questions import without_history
from sixgym.simulators.experiment_model.engine.language import AnswerLanguage
from sixgym.simulators.experiment_model.engine.vocabulary import make_tokenizer, read_tokenizer, written
from sixgym.simulators.experiment_model.loading import source_digest
from sixgym.train.experiment_model.corpus import (
    Corpus,
    TokenExample,
    corpus_of,
    kind_of,
    read_corpus,
    write_corpus,
)
from sixgym.train.experiment_model.examples import Moment, moments
from sixgym.train.recipe import RecipeError

HISTORY_DROPOUT = 0.15
"""Share of questions without the history, so that the model also learns from conditions alone. Chosen, not
measured."""

VOCABULARY_EPISODES = 60
"""Number of episodes whose reasons decide which words get a token of their own. Chosen, not measured: reasons
are made from a few patterns, and a word that is missing is spelled with shorter tokens."""


@dataclass(frozen=True, slots=True)
class TraceExamples:
    """The examples of a folder of traces.

    Attributes:
        corpus: The examples as tokens.
        tokenizer: The tokenizer of these tokens.
        episodes: Number of episodes that the examples were made from.
        interval_ms: Length of the episodes' intervals, in ms.
        key: Digest of the traces, the tokenizer and the source code that asks the questions.
    """

    corpus: Corpus
    tokenizer: Any
    episodes: int
    interval_ms: int
    key: str


def read_traces(folder: Path) -> Traces:
    """The manifest of a folder of traces of training seeds.

    Raises:
        RecipeError: the folder holds no traces, or traces of held-out topology seeds.
    """
    try:
        traces = read_manifest(folder)
    except TracesError as error:
        raise RecipeError(f"traces: {error}") from None
    if not set(traces.topology_seeds) <= set(TRAINING_SEEDS):
        raise RecipeError(
            f"traces: {folder} holds held-out topology seeds, which are for evaluation only; "
            "record others with sixgym traces --seeds 1-50"
        )
    return traces


def whole_episodes(folder: Path) -> Iterator[Episode]:
    """The episodes of a folder of traces, without those that ended in an infrastructure failure.

    Raises:
        RecipeError: the file of the episodes cannot be read.
    """
    try:
        yield from TracesFolder(folder).episodes()
    except RecordFileError as error:
        raise RecipeError(f"traces: {error}") from None


def load_examples(
    folder: Path, store: Path, tokenizer: Any | None, on_episode: Callable[[], None] | None = None
) -> TraceExamples:
    """All examples of a folder of traces; the store is read if it holds them.

    Args:
        folder: A folder that `sixgym traces` has written.
        store: A file of tensors; it is written if it does not hold these examples.
        tokenizer: Tokenizer of the pretrained model; None makes a tokenizer with a token for every word.
        on_episode: Called after every episode, for live views.

    Raises:
        RecipeError: the traces hold no whole episode, or were recorded by another version of the tools.
    """
    key = _key(folder, tokenizer)
    stored = read_corpus(store)
    if stored is None or stored[1].get("key") != key:
        own = make_tokenizer(_frequent_texts(folder)) if tokenizer is None else None
        reader = _Reader(folder, AnswerLanguage(tokenizer or own), on_episode)
        corpus = corpus_of(reader.examples())
        if not len(corpus):
            raise RecipeError(f"traces: {folder} holds no whole episode to learn from")
        metadata = {"key": key, "episodes": str(reader.episodes), "interval_ms": str(reader.interval_ms)}
        stored = corpus, metadata | ({} if own is None else {"tokenizer": written(own)})
        write_corpus(store, *stored)
    corpus, metadata = stored
    return TraceExamples(
        corpus,
        read_tokenizer(metadata["tokenizer"]) if tokenizer is None else tokenizer,
        int(metadata["episodes"]),
        int(metadata["interval_ms"]),
        key,
    )


# ---------------------------------------------------------------------- inside
def _key(folder: Path, tokenizer: Any | None) -> str:
    path = TracesFolder(folder).episodes_path
    digest = hashlib.sha256(source_digest().encode())
    try:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as error:
        raise RecipeError(f"traces: {path} cannot be read: {error.strerror}") from None
    if tokenizer is not None:
        digest.update(repr(sorted(tokenizer.get_vocab().items())).encode())
    return digest.hexdigest()


def _frequent_texts(folder: Path) -> Iterator[str]:
    """The reasons of the first episodes of a folder."""
    for episode in islice(whole_episodes(folder), VOCABULARY_EPISODES):
        yield from (text for moment in _moments(folder, episode) if (text := _reason(moment, episode)))


def _moments(folder: Path, episode: Episode) -> Iterator[Moment]:
    try:
        yield from moments(episode)
    except ReplayError as error:
        raise RecipeError(f"traces: {folder}: {error}") from None


class _Reader:
    """Makes the examples of a folder, and counts its episodes."""

    def __init__(self, folder: Path, language: AnswerLanguage, on_episode: Callable[[], None] | None) -> None:
        self._folder = folder
        self._language = language
        self._on_episode = on_episode
        self.episodes = 0
        self.interval_ms = 0
        self._rng = random.Random(0)

    def examples(self) -> Iterator[TokenExample]:
        """The examples of all episodes."""
        for episode in whole_episodes(self._folder):
            self._check_interval(episode.task.scenario.decision_interval_ms)
            seed = _training_seed(self._folder, episode)
            for moment in _moments(self._folder, episode):
                yield from ((*example, seed) for example in self._of(moment, episode))
            self.episodes += 1
            if self._on_episode is not None:
                self._on_episode()

    def _check_interval(self, interval_ms: int) -> None:
        if self.interval_ms not in (0, interval_ms):
            both = sorted((self.interval_ms, interval_ms))
            raise RecipeError(
                f"traces: {self._folder} has intervals of {both[0]} and {both[1]} ms, but a model learns one "
                "length; record traces with one decision interval"
            )
        self.interval_ms = interval_ms

    def _of(self, moment: Moment, episode: Episode) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
        language = self._language
        for question, answer in zip(moment.questions, moment.answers, strict=True):
            asked = without_history(question) if self._rng.random() < HISTORY_DROPOUT else question
            yield kind_of(question), *language.example(asked, answer)
        text = _reason(moment, episode)
        if text is None:
            return
        step = moment.step
        assert step is not None  # there is a reason
        assert step.turn.call is not None  # a step is a turn that made a call
        words = explanation_words(
            step.turn.call.tool, ok=step.outcome.ok, facts=moment.facts, before=step.before
        )
        blanks = state_blanks()
        state = dict(zip((one.name for one in blanks), state_words(step.after), strict=True))
        said = [token for word in (*text.split(), THUS) for token in language.tokens(word)]
        yield "explanation", language.prompt(words), [*said, *language.answer(blanks, state)]


def _training_seed(folder: Path, episode: Episode) -> int:
    """The topology seed of an episode, which has to be one for training."""
    try:
        return require_split(cast("int", episode.task.scenario.topology_seed), "training")
    except ValueError as error:
        raise RecipeError(f"traces: {folder}: {episode.id}: {error}") from None


def _reason(moment: Moment, episode: Episode) -> str | None:
    """The reasons that the traces give for a step."""
    if moment.step is None or moment.before is None:
        return None
    return reason(moment.before, moment.step, random.Random(f"{episode.task.id}/{moment.step.index}"))
