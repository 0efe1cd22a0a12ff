"""In which order examples are learned, and with which others."""

from collections.abc import Iterator, Sequence

import numpy as np

from sixgym.train.experiment_model.corpus import KINDS, Corpus, Longs
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe

_CHUNK = 20_000
"""Examples among which those of similar length are found."""


def batches(corpus: Corpus, recipe: ExperimentModelRecipe, round_: int) -> Iterator[Longs]:
    """Batches of a round without end, as indices of examples: every epoch in an order of its own."""
    examples = np.flatnonzero(~np.isin(corpus.place, recipe.held_back))
    portions = np.array([getattr(recipe.questions, kind) for kind in KINDS])[corpus.kind[examples]]
    epoch = 0
    while True:
        rng = np.random.default_rng([recipe.seed, round_, epoch])
        times = (portions + rng.random(len(examples))).astype(int)
        chosen = rng.permutation(np.repeat(examples, times))
        for first in range(0, len(chosen), _CHUNK):
            ready = cut(corpus, chosen[first : first + _CHUNK], recipe.optimizer.batch_tokens)
            for index in rng.permutation(len(ready)):
                yield ready[index]
        epoch += 1


def cut(corpus: Corpus, examples: Longs, tokens: int) -> Sequence[Longs]:
    """Batches of examples of similar length, of so many tokens with their padding or of one example."""
    lengths = corpus.lengths
    ordered = examples[np.argsort(lengths[examples], kind="stable")]
    found: list[Longs] = []
    first = 0
    for last in range(1, len(ordered) + 1):
        if last == len(ordered) or (last + 1 - first) * int(lengths[ordered[last]]) > tokens:
            found.append(ordered[first:last])
            first = last
    return found
