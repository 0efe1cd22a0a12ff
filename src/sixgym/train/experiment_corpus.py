"""The lessons of a folder of traces as tokens, made once and kept beside the training."""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors import safe_open
from safetensors.numpy import save_file

from sixgym.data.collection import Traces
from sixgym.data.reasons import reason
from sixgym.domain.base import first_problem
from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.episodes.episode import Episode
from sixgym.episodes.files import replacing
from sixgym.episodes.store import read_episodes
from sixgym.simulators.experiment_model.accounts import THUS, account_words, state_blanks, state_words
from sixgym.simulators.experiment_model.language import Language
from sixgym.train.experiment_lessons import LessonError, Moment, moments
from sixgym.train.recipe import RecipeError

KINDS = ("flow", "tasks", "node", "slice", "cell", "account")

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Lessons as tokens, one behind the other.

    Attributes:
        tokens: Of all lessons.
        start: Where each lesson begins.
        asked, answered: Tokens of its question and of its answer.
        kind: Index of `KINDS`.
        place: Topology seed.
    """

    tokens: Ints
    start: npt.NDArray[np.int64]
    asked: Ints
    answered: Ints
    kind: Ints
    place: Ints

    def __len__(self) -> int:
        return len(self.start)

    def __add__(self, other: "Corpus") -> "Corpus":
        """Both, one behind the other."""
        mine = {name: getattr(self, name) for name in Corpus.__dataclass_fields__}
        more = {name: getattr(other, name) for name in Corpus.__dataclass_fields__}
        more["start"] = more["start"] + len(self.tokens)
        return Corpus(**{name: np.concatenate([mine[name], more[name]]) for name in mine})

    @property
    def lengths(self) -> Ints:
        """Tokens of each lesson."""
        return self.asked + self.answered


def read_traces(folder: Path) -> Traces:
    """The manifest of a folder of traces that may be learned from.

    Raises:
        RecipeError: it holds none, or traces that are for judging.
    """
    path = folder / "traces.json"
    try:
        traces = Traces.model_validate_json(path.read_bytes())
    except OSError:
        raise RecipeError(
            f"traces: {folder} holds no traces: `sixgym traces --out {folder} --workers 2` makes them"
        ) from None
    except ValueError as error:
        raise RecipeError(f"{path}: no manifest of traces: {first_problem(error)}") from None  # type: ignore[arg-type]
    if not set(traces.topology_seeds) <= set(TRAINING_SEEDS):
        raise RecipeError(f"traces: {folder} holds topology seeds that are for judging, not for learning")
    return traces


def frequent_texts(folder: Path, most: int) -> Iterator[str]:
    """The reasons of the first episodes of a folder, whose words get tokens of their own."""
    for number, episode in enumerate(read_episodes(folder / "episodes.jsonl.gz")):
        if number == most:
            return
        yield from (text for moment in moments(episode) if (text := _reason(moment, episode)))


def load_corpus(
    folder: Path, tokenizer: Any, store: Path, on_episode: Callable[[], None] | None = None
) -> Corpus:
    """All lessons of a folder of traces; those that were made before are read from the store.

    Args:
        folder: As `sixgym traces` writes it.
        tokenizer: Of the model that learns.
        store: A file of tensors, made if it is not there.
        on_episode: Called after every episode, for live views.

    Raises:
        RecipeError: the traces were made by another version of the tools.
    """
    key = _key(folder, tokenizer)
    stored = read_corpus(store, key)
    if stored is None:
        stored = _make(folder, Language(tokenizer), on_episode)
        write_corpus(store, key, stored)
    return stored


def read_corpus(store: Path, key: str) -> Corpus | None:
    """The lessons in a file, if there is one and it has that key."""
    if not store.exists():
        return None
    with safe_open(store, framework="numpy") as file:
        if (file.metadata() or {}).get("key") != key:
            return None
        return Corpus(**{name: file.get_tensor(name) for name in Corpus.__dataclass_fields__})


def write_corpus(store: Path, key: str, corpus: Corpus) -> None:
    """Keep lessons in a file, under a key."""
    columns = {name: getattr(corpus, name) for name in Corpus.__dataclass_fields__}
    with replacing(store) as partial:
        save_file(columns, partial, metadata={"key": key})


def whole_episodes(folder: Path) -> Iterator[Episode]:
    """Those of a folder of traces that did not break."""
    episodes = read_episodes(folder / "episodes.jsonl.gz")
    return (episode for episode in episodes if episode.infrastructure_failure is None)


Lesson = tuple[str, Sequence[int], Sequence[int], int]
"""Kind, tokens of question and answer, topology seed."""


def corpus_of(lessons: Iterable[Lesson]) -> Corpus:
    """Lessons, one behind the other.

    Raises:
        RecipeError: there is none.
    """
    tokens: list[int] = []
    rows: list[tuple[int, int, int, int, int]] = []
    for kind, asked, answered, place in lessons:
        rows.append((len(tokens), len(asked), len(answered), KINDS.index(kind), place))
        tokens += asked
        tokens += answered
    if not rows:
        raise RecipeError("the traces hold no whole episode to learn from")
    start, *small = (np.array(column) for column in zip(*rows, strict=True))
    return Corpus(
        np.array(tokens, np.int32), start.astype(np.int64), *(one.astype(np.int32) for one in small)
    )


# ---------------------------------------------------------------------- inside
def _key(folder: Path, tokenizer: Any) -> str:
    """Changes with the traces and with the tokenizer."""
    digest = hashlib.sha256()
    with (folder / "episodes.jsonl.gz").open("rb") as file:
        digest.update(hashlib.file_digest(file, "sha256").digest())
    digest.update(repr(sorted(tokenizer.get_vocab().items())).encode())
    return digest.hexdigest()


def _make(folder: Path, language: Language, on_episode: Callable[[], None] | None) -> Corpus:
    def lessons() -> Iterator[Lesson]:
        lengths_ms: set[int] = set()
        for episode in whole_episodes(folder):
            lengths_ms.add(episode.task.scenario.decision_interval_ms)
            if len(lengths_ms) > 1:
                raise RecipeError(
                    f"{folder}: intervals of {sorted(lengths_ms)} ms; a model learns one length"
                )
            place = cast("int", episode.task.scenario.topology_seed)
            try:
                for moment in moments(episode):
                    yield from ((*lesson, place) for lesson in _lessons(moment, episode, language))
            except LessonError as error:
                raise RecipeError(f"{folder}: {error}") from None
            if on_episode is not None:
                on_episode()

    return corpus_of(lessons())


def _lessons(
    moment: Moment, episode: Episode, language: Language
) -> Iterator[tuple[str, Sequence[int], Sequence[int]]]:
    for question, answer in zip(moment.questions, moment.answers, strict=True):
        yield question.kind, language.prompt(question.words), language.answer(question.blanks, answer)
    text = _reason(moment, episode)
    if text is None:
        return
    step = moment.step
    assert step is not None  # there is a reason
    assert step.turn.call is not None  # a step is a turn that made a call
    words = account_words(step.turn.call.tool, ok=step.outcome.ok, facts=moment.facts, before=step.before)
    blanks = state_blanks()
    state = dict(zip((one.name for one in blanks), state_words(step.after), strict=True))
    said = [token for word in (*text.split(), THUS) for token in language.tokens(word)]
    yield "account", language.prompt(words), [*said, *language.answer(blanks, state)]


def _reason(moment: Moment, episode: Episode) -> str | None:
    """The reasons that the traces give for a step."""
    if moment.step is None or moment.before is None:
        return None
    return reason(moment.before, moment.step, random.Random(f"{episode.task.id}/{moment.step.index}"))
