"""An operator's intent in words: a grammar that states the same requirements in many ways.

The grammar is data, in `words/*.yaml`. A pattern there is text with three kinds of holes: `{fact}` is
filled from the clause, `<name>` stands for one of the fragments of that name, and `[this|that]` for one of
its options; options may hold further holes.
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

_FILES = ("links.yaml", "uavs.yaml", "guards.yaml", "questions.yaml", "frames.yaml")
_CHOICE = re.compile(r"\[([^\[\]]*)\]|<([a-z-]+)>")
_REMARK_COMES_FIRST = 0.8
_DEADLINE_COMES_FIRST = 0.3
_GAPS = (" ", " ", " ", "\n", "\n\n")

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
    """One thing that an intent says.

    Attributes:
        kind: Which of the grammar's kinds it is.
        facts: What is said, as text that will appear verbatim: bare numbers, identifiers, places.
    """

    kind: str
    facts: Mapping[str, str]


class Kind(Record):
    """How clauses of one kind are worded.

    Attributes:
        part: Where in an intent they stand. Goals are clauses that start in lower case and have no full
            stop, so that they can be joined; all others are whole sentences.
        facts: The facts that such a clause needs; every pattern uses each of them.
        patterns: The phrasings.
    """

    part: Literal["remark", "goal", "deadline", "question", "format"]
    facts: tuple[str, ...] = ()
    patterns: Patterns


class Grammar(Record):
    """Everything that can be said."""

    kinds: dict[str, Kind] = Field(default_factory=dict[str, Kind])
    fragments: dict[str, Patterns] = Field(default_factory=dict[str, Patterns])


@lru_cache(maxsize=1)
def grammar() -> Grammar:
    """The grammar that comes with the package."""
    kinds: dict[str, Kind] = {}
    fragments: dict[str, Patterns] = {}
    for name in _FILES:
        text = (files("sixgym.tasks.wording") / name).read_text(encoding="utf-8")
        read = Grammar.model_validate(yaml.safe_load(text))
        twice = (kinds.keys() & read.kinds.keys()) | (fragments.keys() & read.fragments.keys())
        if twice:
            raise ValueError(f"{name} defines again what another file has: {', '.join(sorted(twice))}")
        kinds |= read.kinds
        fragments |= read.fragments
    return Grammar(kinds=kinds, fragments=fragments)


def first_choice(pattern: str) -> tuple[str, Sequence[str], str] | None:
    """The first innermost choice of a pattern: the text before it, its options, the text after it.

    Returns:
        None if the pattern leaves nothing to choose.

    Raises:
        KeyError: the grammar has no fragment of that name.
    """
    found = _CHOICE.search(pattern)
    if found is None:
        return None
    options = grammar().fragments[found[2]] if found[2] else found[1].split("|")
    return pattern[: found.start()], options, pattern[found.end() :]


def phrase(clauses: Sequence[Clause], rng: random.Random) -> str:
    """Word an intent.

    A remark comes first or after the goals, goals in any order, then questions, the form of the answer
    last; the deadline stands before or after the goals. No digit is in the text but those of the facts.

    Args:
        clauses: What it has to say, 1 to 24 clauses.
        rng: Decides the words; the same state gives the same text.

    Raises:
        ValueError: no clause or too many, an unknown kind, a fact that is missing, empty or not asked for.
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
        gap = "\n"  # what follows a list is not part of its last item
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
    """A pattern with its choices made."""
    while (choice := first_choice(pattern)) is not None:
        before, options, after = choice
        pattern = before + rng.choice(options) + after
    return pattern


def _block(goals: Sequence[str], rng: random.Random) -> str:
    """The goals as one text, in one of the ways people put several demands."""
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
