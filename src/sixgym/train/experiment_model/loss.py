"""How probable a model holds the true answers.

This is 6GAgentGym's equation 4 over all answers: of explanations, the reasons and then the state that follows
from them; of the other questions, the figures of a network's parts that states and tool results are made of.
Questions are given, so their words carry no loss.
"""

from typing import Any

import numpy as np
import torch

from sixgym.simulators.experiment_model.encode.words import all_figures
from sixgym.train.experiment_model.corpus import Corpus, Longs
from sixgym.train.experiment_model.start import Learner


class Likelihoods:
    """Log likelihoods of answers."""

    def __init__(self, learner: Learner, tokenizer: Any) -> None:
        self._learner = learner
        below, above = _neighbours(tokenizer.get_vocab())
        self._below, self._above = below.to(learner.device), above.to(learner.device)

    def of(self, corpus: Corpus, batch: Longs) -> tuple[torch.Tensor, torch.Tensor]:
        """Log likelihood of every answered token, and the mean of those of its neighbours on the grid."""
        ids, rows, columns = _padded(corpus, batch)
        device = self._learner.device
        words = torch.tensor(ids, device=device)
        row, column = torch.tensor(rows, device=device), torch.tensor(columns, device=device)
        # what follows a example cannot be seen from inside of it, so padding needs no mask
        hidden = self._learner.hidden(words)[row, column]
        scores = self._learner.scores(hidden)
        targets = words[row, column + 1]
        own = scores.gather(1, targets[:, None])[:, 0]
        below = scores.gather(1, self._below[targets][:, None])[:, 0]
        above = scores.gather(1, self._above[targets][:, None])[:, 0]
        return own, (below + above) / 2


def _padded(corpus: Corpus, batch: Longs) -> tuple[Longs, Longs, Longs]:
    """Examples that begin together; row and column of every token that an answered one follows."""
    asked, answered = corpus.asked[batch], corpus.answered[batch]
    lengths = corpus.lengths[batch]
    ids = np.zeros((len(batch), int(lengths.max())), np.int64)
    for row, (start, length) in enumerate(zip(corpus.start[batch], lengths, strict=True)):
        ids[row, :length] = corpus.tokens[start : start + length]
    rows = np.repeat(np.arange(len(batch)), answered)
    # place in its answer, from the place of the last word that was asked
    within = np.arange(len(rows)) - np.repeat(np.cumsum(answered) - answered, answered)
    columns = np.repeat(asked - 1, answered) + within
    return ids, rows, columns


def _neighbours(vocabulary: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """The token of the figure next below and next above, by token; itself where there is none."""
    below = torch.arange(max(vocabulary.values()) + 1)
    above = below.clone()
    for figure in all_figures():
        tokens = [vocabulary[word] for word in figure.words if word in vocabulary]
        if len(tokens) == len(figure.words):
            below[tokens[1:]] = torch.tensor(tokens[:-1])
            above[tokens[:-1]] = torch.tensor(tokens[1:])
    return below, above
