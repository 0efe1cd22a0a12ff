"""Which tasks of a set a run is about."""

from collections.abc import Sequence

from sixgym.domain.base import Record
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask, Domain, Tier

CELLS: tuple[tuple[Tier, Domain], ...] = tuple(
    (TIERS[i % len(TIERS)], DOMAINS[i % len(DOMAINS)]) for i in range(len(TIERS) * len(DOMAINS))
)
"""Every tier with every domain, once each as 3 and 5 have no common divisor. Any run of consecutive ones
holds tiers and domains in numbers that differ by at most one."""


class SelectionError(ValueError):
    """There are no such tasks. The message says what there is."""


class Selection(Record):
    """What was asked for; None is no restriction."""

    tier: str | None = None
    domain: str | None = None
    limit: int | None = None


def select(tasks: Sequence[BenchTask], selection: Selection) -> tuple[BenchTask, ...]:
    """The tasks that were asked for, in the order of the set: always the same ones.

    A limit takes one task of each tier and domain in turn, each time the first that is not taken yet, so 30
    of the frozen set are two of each of the 15 pairs.

    Raises:
        SelectionError: no such tier or domain, a limit below 1, or no task left.
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
        raise SelectionError(f"none of the {len(tasks)} tasks is of that tier and domain")
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
