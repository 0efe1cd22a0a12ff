"""Grading a final answer: names and numbers in free text against the goal's question."""

import re
from collections.abc import Sequence

from sixgym.domain.intent import Answer

_LABEL = re.compile(r"^\W*(?:final\s+)?answer\W*[:=](.*)$", re.IGNORECASE)
_WORD = re.compile(r"(?<!\d)[A-Za-z][A-Za-z0-9_.-]*")
_NUMBER = re.compile(
    r"[-+]?(?:\d{1,3}(?:[,\u00a0\u202f']\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?"
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"))
"""Unicode hyphens and minus signs that language models write, as ASCII."""


def says(answer: Answer, text: str | None, measured: Sequence[float]) -> bool:
    """Whether the text answers the question.

    The graded text follows the last label `answer:`; without a label it is the whole text. It must hold
    exactly one of the candidate names, and exactly one number that is not part of a name: a list of guesses
    is no answer. `25`, `25.0`, `+25` and `1,025` are numbers, and a unit may follow.

    Args:
        answer: The question, with the expected name, number or measurand.
        text: The agent's final answer; None if the agent gave none.
        measured: Values of `answer.measured` in the intervals that count; empty for other questions.
    """
    if text is None:
        return False
    said = stated(text)
    if answer.name is not None and names_in(said, answer.candidates) != {answer.name}:
        return False
    expected = [answer.number] if answer.number is not None else list(measured)
    if answer.number is None and answer.measured is None:
        return True
    numbers = numbers_in(said)
    if len(numbers) != 1 or not expected:
        return False
    number = numbers.pop()
    return min(expected) - answer.tolerance <= number <= max(expected) + answer.tolerance


def stated(text: str) -> str:
    """The graded part of a final answer: the text after the last label, on its line or on the next lines."""
    lines = [line.strip() for line in text.translate(_DASHES).splitlines()]
    for number in range(len(lines) - 1, -1, -1):
        labelled = _LABEL.match(lines[number])
        if labelled:
            following = [labelled[1], *lines[number + 1 :]]
            return next((line for line in following if re.search(r"\w", line)), "")
    return text.translate(_DASHES)


def names_in(text: str, candidates: Sequence[str]) -> set[str]:
    """The candidates that the text names; upper and lower case are the same."""
    words = {word.rstrip(".-_").casefold() for word in _WORD.findall(text)}
    return {name for name in candidates if name.casefold() in words}


def numbers_in(text: str) -> set[float]:
    """The numbers in a text that are not part of a name such as gnb-1."""
    without_names = _WORD.sub(lambda word: " " if any(map(str.isdigit, word[0])) else word[0], text)
    return {_value(number) for number in _NUMBER.findall(without_names)}


def _value(number: str) -> float:
    return float(re.sub(r"[,\u00a0\u202f']", "", number))
