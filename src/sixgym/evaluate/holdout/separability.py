"""Separability: whether a classifier tells benchmark texts from training texts by their words."""

# scikit-learn has no types
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUnknownParameterType=false

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sixgym.domain.base import Ratio, Record
from sixgym.evaluate.holdout.texts import require, words
from sixgym.scoring.intervals import wilson

FOLDS = 5
FEWEST = 10
"""Distinct texts of each kind below which there is no probe."""

SHUFFLES = 100
"""Number of shuffles of the labels that measure chance."""

Labels = npt.NDArray[np.bool_]
Fold = tuple[Any, Any, npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""Sparse features of the training and test texts of a fold, and the indices of these texts."""


class Separability(Record):
    """The accuracy of a classifier that tells benchmark texts from training texts.

    Attributes:
        texts: Number of distinct texts of each kind; the larger kind is sampled down to the smaller one.
        balanced_accuracy: Mean of the two shares of recognised texts, each text by a classifier that has not
            seen it. 0.5 is a guess; 1 is a perfect separation.
        ci95: Wilson interval over the texts, which ignores that the folds share training texts.
        chance: Mean balanced accuracy with shuffled labels.
        chance_ci95: 2.5 and 97.5 percentiles of the balanced accuracy with shuffled labels.
        seed: Seed of the sampling, the folds and the shuffles.
    """

    texts: int
    balanced_accuracy: Ratio
    ci95: tuple[Ratio, Ratio]
    chance: Ratio
    chance_ci95: tuple[Ratio, Ratio]
    seed: int


def separability(benchmark: Sequence[str], training: Sequence[str], *, seed: int = 0) -> Separability | None:
    """Balanced accuracy of TF-IDF and logistic regression in stratified five-fold cross-validation.

    Features are single words; the L2 penalty has weight 1. A text that occurs several times in one kind
    counts once. Words and their weights are learned anew in each fold. None with fewer than 10 distinct texts
    of a kind.

    Raises:
        HoldoutError: scikit-learn is not installed.
    """
    require("sklearn")
    random = np.random.default_rng(seed)
    kinds = [_distinct(benchmark), _distinct(training)]
    size = min(map(len, kinds))
    if size < FEWEST:
        return None
    texts = [kind[place] for kind in kinds for place in random.permutation(len(kind))[:size]]
    labels = np.repeat([True, False], size)
    folds = _folds(texts, labels, seed)
    accuracy = _accuracy(folds, labels)
    chance = [_accuracy(folds, random.permutation(labels)) for _ in range(SHUFFLES)]
    low, high = np.quantile(chance, [0.025, 0.975])
    return Separability(
        texts=size,
        balanced_accuracy=accuracy,
        ci95=wilson(accuracy, 2 * size),
        chance=float(np.mean(chance)),
        chance_ci95=(float(low), float(high)),
        seed=seed,
    )


def _distinct(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(" ".join(words(text)) for text in texts))


def _folds(texts: Sequence[str], labels: Labels, seed: int) -> list[Fold]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.model_selection import StratifiedKFold

    folds: list[Fold] = []
    for learn, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(texts, labels):
        vectors = TfidfVectorizer(token_pattern=r"\w+")
        learnt = vectors.fit_transform([texts[place] for place in learn])
        folds.append((learnt, vectors.transform([texts[place] for place in test]), learn, test))
    return folds


def _accuracy(folds: Sequence[Fold], labels: Labels) -> float:
    """Balanced accuracy over all texts, each classified in the fold that holds it out."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score

    # a probe takes 1 s with liblinear; lbfgs, the default, takes 3 s, and 25 s on a busy machine, where its
    # BLAS threads wait for each other
    classifier = LogisticRegression(solver="liblinear")
    told = np.zeros_like(labels)
    for learnt, held_out, learn, test in folds:
        told[test] = classifier.fit(learnt, labels[learn]).predict(held_out)
    return float(balanced_accuracy_score(labels, told))
