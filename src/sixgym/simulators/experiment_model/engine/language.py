"""Questions and answers as tokens of a language model, and the tokens that each place of an answer allows.

A model trained from scratch has a token for every word. A pretrained model writes the same words in tokens of
its own. Both are restricted to the words of the blank, so every answer can be decoded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.words import Blank

ANSWER = "->"
"""Word between question and answer."""

STOP = ";"
"""Ends a figure of several tokens, so that no figure is the beginning of another."""


@dataclass(slots=True)
class Branch:
    """A node of a prefix tree: the tokens that continue words, and the word that ends here, if any."""

    children: dict[int, "Branch"] = field(default_factory=dict[int, "Branch"])
    word: str | None = None


class AnswerLanguage:
    """The words of questions and answers in the tokens of one tokenizer."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: dict[str, tuple[int, ...]] = {}
        self._branches: dict[tuple[str, ...], Branch] = {}
        self._ordered: dict[tuple[str, ...], tuple[int, ...] | None] = {}

    def tokens(self, word: str) -> tuple[int, ...]:
        """The tokens of a word with a blank before it."""
        known = self._tokens.get(word)
        if known is None:
            known = tuple(self._tokenizer.encode(f" {word}", add_special_tokens=False))
            self._tokens[word] = known
        return known

    def prompt(self, words: Sequence[str]) -> list[int]:
        """The tokens of a question, up to the beginning of the answer."""
        return [token for word in (*words, ANSWER) for token in self.tokens(word)]

    def answer(self, blanks: Sequence[Blank], answer: Mapping[str, str]) -> list[int]:
        """The tokens of an answer."""
        return [token for one in blanks for token in self._written(one, answer[one.name])]

    def example(self, question: Question, answer: Mapping[str, str]) -> tuple[list[int], list[int]]:
        """The tokens of a question and of its answer."""
        return self.prompt(question.words), self.answer(question.blanks, answer)

    def text(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return self._tokenizer.decode(tokens).strip()

    def single(self, blank: Blank) -> tuple[int, ...] | None:
        """The token of every word of a blank, in order; None if a word takes several tokens.

        Raises:
            ValueError: the tokenizer encodes two words of the blank alike.
        """
        if blank.words not in self._ordered:
            split = [self.tokens(word) for word in blank.words]
            if len(set(split)) < len(split):
                raise ValueError(
                    f"the tokenizer encodes two words of {blank.name} alike: "
                    "use a tokenizer that separates digits"
                )
            whole = all(len(tokens) == 1 for tokens in split)
            self._ordered[blank.words] = tuple(tokens[0] for tokens in split) if whole else None
        return self._ordered[blank.words]

    def branch(self, blank: Blank) -> Branch:
        """The prefix tree of all words of a blank."""
        root = self._branches.get(blank.words)
        if root is None:
            root = self._branches[blank.words] = _tree(
                {word: self._written(blank, word) for word in blank.words}
            )
        return root

    def _written(self, blank: Blank, word: str) -> tuple[int, ...]:
        """The tokens of a word of an answer, with the end mark if it takes several tokens."""
        if self.single(blank) is not None:
            return self.tokens(word)
        return tuple(self._tokenizer.encode(f" {word}{STOP}", add_special_tokens=False))


def _tree(words: Mapping[str, Sequence[int]]) -> Branch:
    root = Branch()
    for word, tokens in words.items():
        here = root
        for token in tokens:
            here = here.children.setdefault(token, Branch())
        here.word = word
    return root
