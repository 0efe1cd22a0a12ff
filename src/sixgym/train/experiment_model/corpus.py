"""Examples as tokens, one after the other in one array, and the files that hold them."""

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
"""The kinds of examples. A recipe gives each kind its share of an epoch.

An example of kind `changed` is about any part of a network after a call or a fault that changed the
conditions, so that its history says little. Such examples are few, and the effect of calls and faults is
learned from them."""

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]

TokenExample = tuple[str, Sequence[int], Sequence[int], int]
"""Kind, tokens of the question, tokens of the answer, topology seed."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Examples as tokens.

    Attributes:
        tokens: Tokens of all examples.
        start: Index in `tokens` at which each example begins.
        asked, answered: Number of tokens in the question and in the answer of each example.
        kind: Index in `KINDS` of each example.
        topology_seed: Topology seed of the episode that each example was made from.
    """

    tokens: Ints
    start: Longs
    asked: Ints
    answered: Ints
    kind: Ints
    topology_seed: Ints

    def __len__(self) -> int:
        return len(self.start)

    def __add__(self, other: "Corpus") -> "Corpus":
        """Both corpora, one after the other."""
        return Corpus(
            np.concatenate([self.tokens, other.tokens]),
            np.concatenate([self.start, other.start + len(self.tokens)]),
            np.concatenate([self.asked, other.asked]),
            np.concatenate([self.answered, other.answered]),
            np.concatenate([self.kind, other.kind]),
            np.concatenate([self.topology_seed, other.topology_seed]),
        )

    @property
    def lengths(self) -> Ints:
        """Number of tokens of each example."""
        return self.asked + self.answered


def kind_of(question: Question) -> str:
    """The kind of an example with that question."""
    return "changed" if CHANGED in question.words or "moved" in question.words else question.kind


def corpus_of(examples: Iterable[TokenExample]) -> Corpus:
    """The corpus of these examples, in their order."""
    tokens = array("i")
    rows: list[tuple[int, int, int, int, int]] = []
    for kind, asked, answered, topology_seed in examples:
        rows.append((len(tokens), len(asked), len(answered), KINDS.index(kind), topology_seed))
        tokens.extend(asked)
        tokens.extend(answered)
    table = np.array(rows, np.int64).reshape(-1, 5)
    asked_, answered_, kinds, seeds = (table[:, column].astype(np.int32) for column in range(1, 5))
    return Corpus(np.array(tokens, np.int32), table[:, 0].copy(), asked_, answered_, kinds, seeds)


def read_corpus(path: Path) -> tuple[Corpus, Mapping[str, str]] | None:
    """The examples in a file and its metadata; None if the file is missing or torn."""
    files: Any = safetensors
    if not path.exists():
        return None
    try:
        with files.safe_open(path, framework="numpy") as file:
            corpus = Corpus(*(file.get_tensor(column.name) for column in fields(Corpus)))
            return corpus, dict(file.metadata() or {})
    except safetensors.SafetensorError:
        return None


def write_corpus(path: Path, corpus: Corpus, metadata: Mapping[str, str]) -> None:
    """Write examples and metadata to a file, whole or not at all."""
    files: Any = safetensors.numpy
    columns = {one.name: getattr(corpus, one.name) for one in fields(Corpus)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        files.save_file(columns, partial, metadata=dict(metadata))
