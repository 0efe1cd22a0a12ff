"""Selecting tasks of a set for a run."""

from collections.abc import Sequence

from sixgym.domain.base import Record
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask, Domain, Tier

CELLS: tuple[tuple[Tier, Domain], ...] = tuple(
    (TIERS[i % len(TIERS)], DOMAINS[i % len(DOMAINS)]) for i in range(len(TIERS) * len(DOMAINS))
)
"""All 15 pairs of tier and domain, each once since 3 and 5 have no common divisor. In any sequence of
consecutive pairs, the numbers of tiers differ by at most one, and so do the numbers of domains."""


class SelectionError(ValueError):
    """The set has no such tasks. The message names the possible values."""


class Selection(Record):
    """The options of a user; None is no restriction.

    Attributes:
        tier, domain: The only tier and the only domain to take tasks from.
        limit: Largest number of tasks.
    """

    tier: str | None = None
    domain: str | None = None
    limit: int | None = None


def select(tasks: Sequence[BenchTask], selection: Selection) -> tuple[BenchTask, ...]:
    """The selected tasks in the order of the set. The same selection always gives the same tasks.

    A limit takes one task of each tier and domain in turn, the first one that is not taken yet. So 30 tasks
    of the frozen set are two of each of the 15 pairs.

    Raises:
        SelectionError: the tier or domain does not exist, the limit is below 1, or no task is left.
    """
    _known("--tier", selection.tier, TIERS)
    _known("--domain", selection.domain, DOMAINS)
    limit = len(tasks) if selection.limit is None else selection.limit
    if limit < 1:
        raise SelectionError(f"--limit has to be at least 1, not {limit}")
    wanted = [
        (place, task)
        for place, task in enumerate(tasks)
        if selection.tier in (None, task.tier) and selection.domain in (None, task.domain)
    ]
    if not wanted:
        raise SelectionError(
            f"none of the {len(tasks)} tasks has that tier and domain; leave out --tier or --domain"
        )
    taken_of_cell = dict.fromkeys(CELLS, 0)
    turns: list[tuple[int, int, int]] = []
    for place, task in wanted:
        cell = (task.tier, task.domain)
        turns.append((taken_of_cell[cell], CELLS.index(cell), place))
        taken_of_cell[cell] += 1
    return tuple(tasks[place] for place in sorted(place for *_, place in sorted(turns)[:limit]))


def _known(option: str, value: str | None, known: Sequence[str]) -> None:
    if value is not None and value not in known:
        raise SelectionError(f"{option} is one of {', '.join(known)}, not {value!r:.60}")
