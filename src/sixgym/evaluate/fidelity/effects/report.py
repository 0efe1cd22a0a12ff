"""The section of a page about the effects of tools and faults."""

from collections.abc import Iterator, Sequence

from sixgym.evaluate.fidelity.effects.cases import INTERVALS_AFTER, INTERVALS_BEFORE
from sixgym.evaluate.fidelity.effects.figures import (
    LEAST_CHANGE,
    NOISE_QUANTILE,
    EffectCandidate,
    EffectFigures,
    EffectTally,
)
from sixgym.evaluate.markdown import number, table


def effects_section(figures: EffectFigures) -> str:
    """The section in Markdown."""
    return "\n".join(_lines(figures)) + "\n"


def _lines(figures: EffectFigures) -> Iterator[str]:
    reference = figures.reference.network
    yield "## What tools and faults do"
    yield ""
    seeds = figures.topology_seeds
    yield (
        f"{figures.cases} cases on topology seeds {seeds[0]} to {seeds[-1]}. A case is a network whose UAVs "
        "hover, with a traffic surge or a weak cell from the start, and one call of a configuration tool or "
        f"one fault after {INTERVALS_BEFORE} intervals. A handover_failure comes with a handover to the "
        f"failing cell. An effect is the mean over {INTERVALS_AFTER} intervals, from the one after the "
        "action, minus the same mean without the action on the same network seed. A comparison is one "
        "figure of one case: delay, loss, throughput and jitter of every slice, load of every node, task "
        f"latency of the managed group. A comparison counts if the effect on {reference} has the same sign "
        f"on two network seeds, and its mean is at least {LEAST_CHANGE:.0%} of the figure and exceeds the "
        f"noise. The noise is the {NOISE_QUANTILE:.0%} quantile, over the scenario's cases, of the "
        "difference between two seeds without an action, in the figure's unit or as a share of the figure. "
        "Intervals are 95 % Wilson intervals, with cases as clusters of their comparisons."
    )
    if figures.refused:
        yield ""
        refused = ", ".join(figures.refused)
        yield f"These cases are left out, because the tool refused the call on {reference}: {refused}."
    yield ""
    yield from _table("action", figures, [one.tallies for one in figures.candidates])
    yield from _table("figure", figures, [one.by_figure for one in figures.candidates])
    yield (
        "Same sign is the share of the counting comparisons in which the mean effect has the same sign as "
        f"on {reference}; no effect is wrong. Size is the median of the effect divided by the effect on "
        f"{reference}; in brackets, Spearman's rank correlation of effects relative to the figure. Invented "
        f"is the number of effects beyond the noise where {reference} has none on either seed, of all such "
        "comparisons."
    )
    yield ""
    for one in figures.candidates:
        yield from _worst(one, reference)


def _table(head: str, figures: EffectFigures, tallies: Sequence[Sequence[EffectTally]]) -> Iterator[str]:
    columns = [head, "cases", "comparisons"]
    for one in figures.candidates:
        columns += [f"{one.source.network}: same sign", "size", "invented"]
    yield from table(columns, (_row(row) for row in zip(*tallies, strict=True)))


def _row(row: Sequence[EffectTally]) -> list[str]:
    cells = [row[0].of, str(row[0].cases), str(row[0].comparisons)]
    for one in row:
        cells.append(_share(one))
        cells.append(f"{number(one.ratio)} [{number(one.rank_correlation)}]")
        cells.append(f"{one.false} of {one.quiet}")
    return cells


def _share(tally: EffectTally) -> str:
    if tally.same_sign is None or tally.interval is None:
        return "–"
    low, high = tally.interval
    return f"{tally.same_sign:.0%} ({low:.0%} to {high:.0%})"


def _worst(candidate: EffectCandidate, reference: str) -> Iterator[str]:
    name = candidate.source.network
    yield f"Largest disagreements of {name}; values without the action → with the action:"
    yield ""
    rows = (
        (
            f"{one.case} ({one.network}, {one.topology_seed})",
            f"`{one.action}`",
            one.figure,
            _change(one.reference),
            _change(one.candidate),
        )
        for one in candidate.disagreements
    )
    yield from table(("case", "action", "figure", reference, name), rows)
    if candidate.refused:
        refused = ", ".join(candidate.refused)
        yield f"On {name} the tool refused the call of {refused}: these calls have no effect."
        yield ""


def _change(levels: tuple[float, float]) -> str:
    return " → ".join(number(level) for level in levels)
