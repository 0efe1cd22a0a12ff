"""ROUGE-L: the share of a text that another text contains in the same order."""

import os
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sixgym.domain.base import Ratio, Record
from sixgym.evaluate.holdout.texts import HoldoutError, Text, excerpt, require, words

THRESHOLD = 0.7
"""F1 from which on a text counts as a copy (6GAgentGym, section IV-A3)."""

BLOCK = 5_000
"""Training texts of a block: 12 MB of memory for 600 benchmark texts."""


class Overlap(Record):
    """A text and its most similar training text.

    Attributes:
        id, excerpt: Id and beginning of the text.
        nearest_id, nearest_excerpt: Id and beginning of the training text, the first of equally similar ones.
        rouge_l: ROUGE-L F1 of the two texts.
        matches: Number of training texts at or above the threshold.
    """

    id: str
    excerpt: str
    nearest_id: str
    nearest_excerpt: str
    rouge_l: Ratio
    matches: int = Field(ge=0)


def contaminated(
    texts: Iterable[str], training_texts: Sequence[str], threshold: float = THRESHOLD
) -> list[Overlap]:
    """The texts that are too similar to a training text, each with its most similar training text.

    Ids are the positions in the arguments, from 0.

    Raises:
        HoldoutError: rapidfuzz is not installed, or the threshold is not above 0 and at most 1.
    """
    return [
        overlap
        for overlap in nearest(_numbered(texts), _numbered(training_texts), threshold)
        if overlap.rouge_l >= threshold
    ]


def nearest(texts: Sequence[Text], training: Sequence[Text], threshold: float = THRESHOLD) -> list[Overlap]:
    """The most similar training text of every text; empty without training texts.

    Raises:
        HoldoutError: rapidfuzz is not installed, or the threshold is not above 0 and at most 1.
    """
    if not 0 < threshold <= 1:
        raise HoldoutError(f"the threshold of ROUGE-L has to be above 0 and at most 1, not {threshold}")
    if not texts or not training:
        return []
    best, where = np.full(len(texts), -1.0), np.zeros(len(texts), dtype=np.intp)
    matches = np.zeros(len(texts), dtype=np.intp)
    for start, scores in _blocks([text.text for text in texts], [text.text for text in training]):
        highest = scores.max(axis=1)
        better = highest > best
        where[better] = start + scores.argmax(axis=1)[better]
        best[better] = highest[better]
        matches += np.count_nonzero(scores >= threshold, axis=1)
    return [
        Overlap(
            id=text.id,
            excerpt=excerpt(text.text),
            nearest_id=training[place].id,
            nearest_excerpt=excerpt(training[place].text),
            rouge_l=score,
            matches=count,
        )
        for text, place, score, count in zip(
            texts, where.tolist(), best.tolist(), matches.tolist(), strict=True
        )
    ]


def rouge_l(first: Sequence[str], second: Sequence[str]) -> npt.NDArray[np.float64]:
    """ROUGE-L F1 of every text of `first` with every text of `second`, shape (first, second).

    With the longest common subsequence of words L, precision L / n and recall L / m of texts of n and m
    words, F1 is 2 L / (n + m) (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries",
    section 3.1, beta = 1). Texts without words have nothing in common.

    Raises:
        HoldoutError: rapidfuzz is not installed.
    """
    return np.concatenate(
        [np.zeros((len(first), 0)), *(scores for _, scores in _blocks(first, second))], axis=1
    )


def _blocks(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
    """ROUGE-L of `first` with one block of `second` at a time, and the start of the block."""
    require("rapidfuzz")
    from rapidfuzz.distance import LCSseq
    from rapidfuzz.process import cdist

    rows = [words(text) for text in first]
    # rapidfuzz is fastest on strings, so a word becomes a character. All words that no text of `first` has
    # become one character, which cannot be part of a common subsequence.
    codes = {word: chr(code) for code, word in enumerate(dict.fromkeys(w for row in rows for w in row), 1)}
    encoded = ["".join(codes[word] for word in row) for row in rows]
    for start in range(0, len(second), BLOCK):
        block = [
            "".join(codes.get(word, "\0") for word in words(text)) for text in second[start : start + BLOCK]
        ]
        common = cdist(encoded, block, scorer=LCSseq.similarity, dtype=np.uint32, workers=os.cpu_count() or 1)
        lengths = np.add.outer([len(row) for row in encoded], [len(row) for row in block])
        yield start, 2 * common / np.maximum(lengths, 1)


def _numbered(texts: Iterable[str]) -> list[Text]:
    return [Text(id=str(place), text=text) for place, text in enumerate(texts)]
