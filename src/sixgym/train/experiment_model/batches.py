"""The order in which examples are learned, and the batches that hold them."""

from collections.abc import Iterator, Sequence

import numpy as np

from sixgym.train.experiment_model.corpus import KINDS, Corpus, Longs
from sixgym.train.experiment_model.recipe import ExperimentModelRecipe

_CHUNK = 20_000
"""Number of examples that are sorted by length at a time: enough for batches of little padding, and few
enough that an epoch stays shuffled. Chosen, not measured."""


def batches(corpus: Corpus, recipe: ExperimentModelRecipe, round_: int) -> Iterator[Longs]:
    """The batches of a round, without end, as indices of examples; every epoch has another order."""
    examples = np.flatnonzero(~np.isin(corpus.topology_seed, recipe.held_back))
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
    """Batches of examples of similar length.

    Args:
        corpus: The examples.
        examples: Indices of the examples to put in batches.
        tokens: Largest number of tokens in a batch, padding included. A longer example is a batch of its own.
    """
    lengths = corpus.lengths
    ordered = examples[np.argsort(lengths[examples], kind="stable")]
    found: list[Longs] = []
    first = 0
    for last in range(1, len(ordered) + 1):
        if last == len(ordered) or (last + 1 - first) * int(lengths[ordered[last]]) > tokens:
            found.append(ordered[first:last])
            first = last
    return found
