"""The likelihood of the true answers under a model.

This is equation 4 of 6GAgentGym over all answers. The answer to an explanation question is the reasons and
then the state that follows from the reasons; the answer to any other question is the figures of a part of the
network, from which states and tool results are composed. A question is given, so its words carry no loss.
"""

from typing import Any

import numpy as np
import torch

from sixgym.simulators.experiment_model.encode.words import all_figures
from sixgym.train.experiment_model.corpus import Corpus, Longs
from sixgym.train.experiment_model.start import Learner


class Likelihoods:
    """Log-likelihoods of answers under a model."""

    def __init__(self, learner: Learner, tokenizer: Any) -> None:
        self._learner = learner
        below, above = _neighbours(tokenizer.get_vocab())
        self._below, self._above = below.to(learner.device), above.to(learner.device)

    def of(self, corpus: Corpus, batch: Longs) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-likelihood of every token of the answers, in nats, and that of its neighbours.

        The second tensor holds, for each token, the mean log-likelihood of the two neighbouring figures on
        the grid.
        """
        ids, rows, columns = _padded(corpus, batch)
        device = self._learner.device
        words = torch.tensor(ids, device=device)
        row, column = torch.tensor(rows, device=device), torch.tensor(columns, device=device)
        # attention is causal and padding follows the example, so padding needs no mask
        hidden = self._learner.hidden(words)[row, column]
        scores = self._learner.scores(hidden)
        targets = words[row, column + 1]
        own = scores.gather(1, targets[:, None])[:, 0]
        below = scores.gather(1, self._below[targets][:, None])[:, 0]
        above = scores.gather(1, self._above[targets][:, None])[:, 0]
        return own, (below + above) / 2


def _padded(corpus: Corpus, batch: Longs) -> tuple[Longs, Longs, Longs]:
    """Padded examples; row and column of every token whose next token belongs to an answer."""
    asked, answered = corpus.asked[batch], corpus.answered[batch]
    lengths = corpus.lengths[batch]
    ids = np.zeros((len(batch), int(lengths.max())), np.int64)
    for row, (start, length) in enumerate(zip(corpus.start[batch], lengths, strict=True)):
        ids[row, :length] = corpus.tokens[start : start + length]
    rows = np.repeat(np.arange(len(batch)), answered)
    # index within the answer, counted from the last token of the question
    within = np.arange(len(rows)) - np.repeat(np.cumsum(answered) - answered, answered)
    columns = np.repeat(asked - 1, answered) + within
    return ids, rows, columns


def _neighbours(vocabulary: dict[str, int]) -> tuple[torch.Tensor, torch.Tensor]:
    """By token, the tokens of the next lower and higher figures; the token itself at an end of the grid."""
    below = torch.arange(max(vocabulary.values()) + 1)
    above = below.clone()
    for figure in all_figures():
        tokens = [vocabulary[word] for word in figure.words if word in vocabulary]
        if len(tokens) == len(figure.words):
            below[tokens[1:]] = torch.tensor(tokens[:-1])
            above[tokens[:-1]] = torch.tensor(tokens[1:])
    return below, above
