"""Examples as tokens, one behind the other, and the files they are kept in."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from sixgym.episodes.files import replacing
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.questions import CHANGED

KINDS = ("flow", "tasks", "node", "slice", "cell", "changed", "explanation")
"""Of examples, as an epoch may hold each as often as a recipe says. `changed` are those of the other kinds in
which the past says little: they are few, and what a call or a fault does is learned from them."""

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

TokenExample = tuple[str, Sequence[int], Sequence[int], int]
"""Kind, tokens of question and answer, topology seed."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples as tokens.

    Attributes:
        tokens: Of all examples.
        start: Where each example begins.
        asked, answered: Tokens of its question and of its answer.
        kind: Index of `KINDS`.
        place: Topology seed.
    """

    tokens: Ints
    start: Longs
    asked: Ints
    answered: Ints
    kind: Ints
    place: Ints

    def __len__(self) -> int:
        return len(self.start)

    def __add__(self, other: "Corpus") -> "Corpus":
        """Both, one behind the other."""
        return Corpus(
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.start, other.start + len(self.tokens)]),
            np.concatenate([self.asked, other.asked]),
            np.concatenate([self.answered, other.answered]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.place, other.place]),
        )

    @property
    def lengths(self) -> Ints:
        """Tokens of each example."""
        return self.asked + self.answered


def kind_of(question: Question) -> str:
    """Of which kind a example with that question is."""
    return "changed" if CHANGED in question.words or "moved" in question.words else question.kind


def corpus_of(examples: Iterable[TokenExample]) -> Corpus:
    """Examples, one behind the other."""
    tokens = array("i")
    rows: list[tuple[int, int, int, int, int]] = []
    for kind, asked, answered, place in examples:
        rows.append((len(tokens), len(asked), len(answered), KINDS.index(kind), place))
        tokens.extend(asked)
        tokens.extend(answered)
    table = np.array(rows, np.int64).reshape(-1, 5)
    asked_, answered_, kinds, places = (table[:, column].astype(np.int32) for column in range(1, 5))
    return Corpus(np.array(tokens, np.int32), table[:, 0].copy(), asked_, answered_, kinds, places)


def read_corpus(path: Path) -> tuple[Corpus, Mapping[str, str]] | None:
    """The examples in a file and what was written beside them; None if there is none, or it is torn."""
    files: Any = safetensors
    if not path.exists():
        return None
    try:
        with files.safe_open(path, framework="numpy") as file:
            corpus = Corpus(*(file.get_tensor(column.name) for column in fields(Corpus)))
            return corpus, dict(file.metadata() or {})
    except safetensors.SafetensorError:
        return None


def write_corpus(path: Path, corpus: Corpus, beside: Mapping[str, str]) -> None:
    """Keep examples in a file, and something beside them."""
    files: Any = safetensors.numpy
    columns = {one.name: getattr(corpus, one.name) for one in fields(Corpus)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        files.save_file(columns, partial, metadata=dict(beside))
