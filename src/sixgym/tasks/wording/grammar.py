"""The wording of an operator's intent: a grammar that states the same requirements in many ways.

The grammar is data, in `wording/*.yaml`. A pattern there is text with three kinds of placeholders: `{fact}`
is filled from the clause, `<name>` stands for one of the fragments of that name, and `[this|that]` stands for
one of its options. An option may hold further placeholders.
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Annotated, Literal

import yaml
from pydantic import Field

from sixgym.domain.base import Record

MOST_CLAUSES = 24
"""Largest number of clauses of an intent: the lists count to twenty-four."""

_FILES = ("links.yaml", "uavs.yaml", "guards.yaml", "questions.yaml", "frames.yaml")
_CHOICE = re.compile(r"\[([^\[\]]*)\]|<([a-z-]+)>")
_REMARK_COMES_FIRST = 0.8
"""Probability that the remarks stand before the goals; chosen, not measured."""

_DEADLINE_COMES_FIRST = 0.3
"""Probability that the deadline stands before the goals; chosen, not measured."""

_GAPS = (" ", " ", " ", "\n", "\n\n")
"""Separators of the parts of an intent, drawn with equal probability: a space in three of five cases."""

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    *("eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth"),
    *("eighteenth", "nineteenth", "twentieth", "twenty-first", "twenty-second", "twenty-third"),
    "twenty-fourth",
)
_LETTERS = "abcdefghijklmnopqrstuvwx"
_MARKS = (
    ("- ",),
    ("* ",),
    ("-> ",),
    tuple(f"({letter}) " for letter in _LETTERS),
    tuple(f"{letter}) " for letter in _LETTERS),
    tuple(f"{ordinal.capitalize()}, " for ordinal in _ORDINALS),
    tuple(f"The {ordinal}: " for ordinal in _ORDINALS),
)

Patterns = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Clause:
    """One statement of an intent.

    Attributes:
        kind: Kind of the clause in the grammar.
        facts: Facts of the clause by name, as text that appears verbatim: numbers, identifiers, places.
    """

    kind: str
    facts: Mapping[str, str]


class Kind(Record):
    """The wording of the clauses of one kind.

    Attributes:
        part: Place of the clause in an intent. A goal starts in lower case and has no full stop, so that
            goals can be joined; all other clauses are whole sentences.
        facts: Names of the facts that the clause needs; every pattern uses all of them.
        patterns: Alternative phrasings.
    """

    part: Literal["remark", "goal", "deadline", "question", "format"]
    facts: tuple[str, ...] = ()
    patterns: Patterns


class Grammar(Record):
    """All kinds of clauses, and the fragments that their patterns share."""

    kinds: dict[str, Kind] = Field(default_factory=dict[str, Kind])
    fragments: dict[str, Patterns] = Field(default_factory=dict[str, Patterns])


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The shipped grammar."""
    kinds: dict[str, Kind] = {}
    fragments: dict[str, Patterns] = {}
    for name in _FILES:
        text = (files("sixgym.tasks.wording") / name).read_text(encoding="utf-8")
        read = Grammar.model_validate(yaml.safe_load(text))
        twice = (kinds.keys() & read.kinds.keys()) | (fragments.keys() & read.fragments.keys())
        if twice:
            raise ValueError(
                f"{name} defines names of another file again: {', '.join(sorted(twice))}; rename them"
            )
        kinds |= read.kinds
        fragments |= read.fragments
    return Grammar(kinds=kinds, fragments=fragments)


def first_choice(pattern: str) -> tuple[str, Sequence[str], str] | None:
    """The first innermost choice of a pattern: the text before it, its options, the text after it.

    Returns:
        None for a pattern without a choice.

    Raises:
        KeyError: the grammar has no fragment of that name.
    """
    found = _CHOICE.search(pattern)
    if found is None:
        return None
    options = grammar().fragments[found[2]] if found[2] else found[1].split("|")
    return pattern[: found.start()], options, pattern[found.end() :]


def phrase(clauses: Sequence[Clause], rng: random.Random) -> str:
    """Put an intent into words.

    The order is: remarks before or after the goals, goals in any order, the deadline before or after the
    goals, then questions, and the form of the answer at the end. The text holds no digits except those of the
    facts.

    Args:
        clauses: The clauses of the intent, 1 to 24.
        rng: Generator for all choices of words; the same state gives the same text.

    Raises:
        ValueError: no clause, too many clauses, an unknown kind, or a fact that is missing, empty or unknown.
    """
    if not 1 <= len(clauses) <= MOST_CLAUSES:
        raise ValueError(f"an intent has 1 to {MOST_CLAUSES} clauses, not {len(clauses)}")
    worded: dict[str, list[str]] = {part: [] for part in ("remark", "goal", "deadline", "question", "format")}
    for clause in rng.sample(clauses, len(clauses)):
        part, text = _worded(clause, rng)
        worded[part].append(text)
    goals, remarks, deadlines = worded["goal"], worded["remark"], worded["deadline"]
    body = [_block(goals, rng)] if goals else []
    body = deadlines + body if rng.random() < _DEADLINE_COMES_FIRST else body + deadlines
    body = remarks + body if rng.random() < _REMARK_COMES_FIRST else body + remarks
    body += worded["question"]
    opening = _drawn("<opening>" if goals else "<opening-of-a-question>", rng)
    ending = worded["format"] or [_drawn("<closing>", rng)]
    parts = [text for text in (opening, *body, *ending) if text]
    gap = rng.choice(_GAPS)
    if gap == " " and any("\n" in text for text in parts[:-1]):
        gap = "\n"  # a line break separates the text after a list from the last item
    return gap.join(parts)


def _worded(clause: Clause, rng: random.Random) -> tuple[str, str]:
    """The part of the intent that a clause belongs to, and its words."""
    kinds = grammar().kinds
    if clause.kind not in kinds:
        raise ValueError(f"there is no clause {clause.kind!r}; there are {', '.join(kinds)}")
    kind = kinds[clause.kind]
    if set(clause.facts) != set(kind.facts):
        needs, has = ", ".join(kind.facts) or "nothing", ", ".join(clause.facts) or "nothing"
        raise ValueError(f"a clause {clause.kind} is about {needs}, not {has}")
    empty = [name for name, text in clause.facts.items() if not text.strip()]
    if empty:
        raise ValueError(f"a clause {clause.kind} needs text for {empty[0]}")
    return kind.part, _drawn(rng.choice(kind.patterns), rng).format_map(clause.facts)


def _drawn(pattern: str, rng: random.Random) -> str:
    """The pattern with one option drawn for every choice."""
    while (choice := first_choice(pattern)) is not None:
        before, options, after = choice
        pattern = before + rng.choice(options) + after
    return pattern


def _block(goals: Sequence[str], rng: random.Random) -> str:
    """The goals as one text: sentences, one long sentence, or a list."""
    if len(goals) == 1:
        return _sentence(goals[0])
    ways: tuple[Callable[[Sequence[str], random.Random], str], ...]
    ways = (_sentences, _sentences, _one_sentence, _points, _points)
    return rng.choice(ways)(goals, rng)


def _sentences(goals: Sequence[str], rng: random.Random) -> str:
    first, *others = goals
    return " ".join([_sentence(first), *(_sentence(_drawn("<also>", rng) + goal) for goal in others)])


def _one_sentence(goals: Sequence[str], rng: random.Random) -> str:
    *others, last = goals
    text = "; ".join(others) + _drawn("<finally>", rng) + last
    return _sentence(_drawn("<in-one-go>", rng) + text)


def _points(goals: Sequence[str], rng: random.Random) -> str:
    """A list with bullets, letters or ordinals in front of the items."""
    marks = rng.choice(_MARKS)
    end = rng.choice(("", "."))
    items = [f"{marks[number % len(marks)]}{goal}{end}" for number, goal in enumerate(goals)]
    return "\n".join([_drawn("<lead-in>", rng), *items])


def _sentence(text: str) -> str:
    return _capital(text) + "."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
