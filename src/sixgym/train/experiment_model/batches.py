"""In which order lessons are learned, and with which others."""

from collections.abc import Iterator, Sequence

import numpy as np

from sixgym.train.experiment_model.corpus import KINDS, Corpus, Longs
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe

_CHUNK = 20_000
"""Lessons among which those of similar length are found."""


def batches(corpus: Corpus, recipe: ExperimentModelRecipe, round_: int) -> Iterator[Longs]:
    """Batches of a round without end, as indices of lessons: every epoch in an order of its own."""
    lessons = np.flatnonzero(~np.isin(corpus.place, recipe.held_back))
    portions = np.array([getattr(recipe.questions, kind) for kind in KINDS])[corpus.kind[lessons]]
    epoch = 0
    while True:
        rng = np.random.default_rng([recipe.seed, round_, epoch])
        times = (portions + rng.random(len(lessons))).astype(int)
        chosen = rng.permutation(np.repeat(lessons, times))
        for first in range(0, len(chosen), _CHUNK):
            ready = cut(corpus, chosen[first : first + _CHUNK], recipe.optimizer.batch_tokens)
            for index in rng.permutation(len(ready)):
                yield ready[index]
        epoch += 1


def cut(corpus: Corpus, lessons: Longs, tokens: int) -> Sequence[Longs]:
    """Batches of lessons of similar length, of so many tokens with their padding or of one lesson."""
    lengths = corpus.lengths
    ordered = lessons[np.argsort(lengths[lessons], kind="stable")]
    found: list[Longs] = []
    first = 0
    for last in range(1, len(ordered) + 1):
        if last == len(ordered) or (last + 1 - first) * int(lengths[ordered[last]]) > tokens:
            found.append(ordered[first:last])
            first = last
    return found
