"""Whether a simulator has the sign and the size of what a tool or a fault does on the reference."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.effects.cases import INTERVALS_AFTER, INTERVALS_BEFORE, KINDS, TOOLS, EffectCase
from sixgym.evaluate.fidelity.effects.runs import EffectRun, Played
from sixgym.evaluate.fidelity.source import Source
from sixgym.evaluate.markdown import number, table
from sixgym.scoring.intervals import Interval, clustered

NOISE_QUANTILE = 0.95
LEAST_CHANGE = 0.05
"""Of the figure's level: a smaller effect is none, however sure it is."""

LISTED = 20
ALL, ALL_TOOLS, ALL_FAULTS = "all", "all tools", "all faults"


class EffectTally(Record):
    """How often a candidate has the effects that the reference has.

    Attributes:
        of: A kind of action, `all tools`, `all faults`, `all`, or a figure such as `latency_ms`.
        cases: With at least one comparison that counts.
        comparisons: A case and a figure on which the reference has an effect.
        same_sign: Share of them; a candidate without an effect is wrong. None without comparisons.
        interval: 95 % interval of that share: Wilson's, cases taken as clusters of their comparisons.
        ratio: Median of the candidate's effect over the reference's.
        rank_correlation: Spearman's, of effects relative to the figure's level on the reference.
        quiet: Comparisons on which the reference has no effect on either seed.
        false: Of those, on which the candidate has one.
    """

    of: str
    cases: int
    comparisons: int
    same_sign: float | None
    interval: Interval | None
    ratio: float | None
    rank_correlation: float | None
    quiet: int
    false: int


class EffectDisagreement(Record):
    """An effect that the candidate has otherwise.

    Attributes:
        case, network, topology_seed, standing, action: Where, and what was done.
        figure: What was measured.
        reference, candidate: Its mean without the action and with it.
        distance: Difference of the effects over the sum of their sizes, times the reference's effect relative
            to its level: 0 to 1.
    """

    case: str
    network: str
    topology_seed: int
    standing: str
    action: str
    figure: str
    reference: tuple[float, float]
    candidate: tuple[float, float]
    distance: float


class EffectCandidate(Record):
    """One simulator against the reference: by kind of action, by figure, and where it is most wrong."""

    source: Source
    refused: tuple[str, ...]
    """Cases whose call its tool refused."""
    tallies: tuple[EffectTally, ...]
    by_figure: tuple[EffectTally, ...]
    disagreements: tuple[EffectDisagreement, ...]


class EffectFigures(Record):
    """The whole comparison.

    Attributes:
        reference: Whose effects are right.
        topology_seeds: Of the cases.
        cases: How many.
        refused: Cases left out, because a tool refused its call on the reference.
        candidates: In the order in which they were given.
    """

    reference: Source
    topology_seeds: tuple[int, ...]
    cases: int
    refused: tuple[str, ...]
    candidates: tuple[EffectCandidate, ...]


def effect_figures(
    cases: Sequence[EffectCase], reference: Sequence[EffectRun], candidates: Sequence[Sequence[EffectRun]]
) -> EffectFigures:
    """Everything the page says.

    Args:
        cases: What was played.
        reference: All runs of these cases on the reference.
        candidates: The same on each candidate. More runs do no harm.

    Raises:
        ValueError: a run is missing.
    """
    played = Played(cases, reference)
    accepted = [case for case in cases if not played.refused(case)]
    truths = _truths(accepted, played)
    seeds = sorted({case.network.topology_seed or 0 for case in cases})
    return EffectFigures(
        reference=Source.of(reference[0]),
        topology_seeds=tuple(seeds),
        cases=len(cases),
        refused=tuple(case.id for case in cases if played.refused(case)),
        candidates=tuple(_candidate(accepted, truths, Played(cases, runs)) for runs in candidates),
    )


# ---------------------------------------------------------------------- comparing
@dataclass(frozen=True, slots=True)
class _Truth:
    """One figure of one case on the reference."""

    case: EffectCase
    figure: str
    levels: tuple[float, float]
    noise: "_Noise"
    counts: bool
    quiet: bool

    @property
    def effect(self) -> float:
        return self.levels[1] - self.levels[0]

    @property
    def level(self) -> float:
        return _level(self.levels)


@dataclass(frozen=True, slots=True)
class _Pair:
    """The same on a candidate, beside it."""

    truth: _Truth
    levels: tuple[float, float]

    @property
    def effect(self) -> float:
        return self.levels[1] - self.levels[0]

    @property
    def same_sign(self) -> bool:
        return self.effect * self.truth.effect > 0

    @property
    def false(self) -> bool:
        return self.truth.quiet and self.truth.noise.exceeded(self.levels)

    @property
    def distance(self) -> float:
        apart = abs(self.effect - self.truth.effect) / (abs(self.effect) + abs(self.truth.effect))
        return apart * abs(self.truth.effect) / self.truth.level


@dataclass(frozen=True, slots=True)
class _Noise:
    """How far two seeds without an action are apart, in the figure's unit and as a share of its level."""

    absolute: float
    relative: float

    def exceeded(self, levels: tuple[float, float]) -> bool:
        """Whether an effect is more than that in either way, and of a size that matters."""
        effect, level = abs(levels[1] - levels[0]), _level(levels)
        return effect >= LEAST_CHANGE * level and effect > min(self.absolute, self.relative * level)


def _truths(cases: Sequence[EffectCase], played: Played) -> list[_Truth]:
    noise = _noise(cases, played)
    return [
        _truth(case, played, figure, of_figure)
        for case in cases
        for figure, of_figure in noise[case.network.name].items()
    ]


def _truth(case: EffectCase, played: Played, figure: str, noise: _Noise) -> _Truth:
    without, with_ = (played.figures(case, acting=acting) for acting in (False, True))
    by_seed = [(idle[figure], acted[figure]) for idle, acted in zip(without, with_, strict=True)]
    levels = played.levels(case, figure)
    one_sign = all(acted > idle for idle, acted in by_seed) or all(acted < idle for idle, acted in by_seed)
    return _Truth(
        case=case,
        figure=figure,
        levels=levels,
        noise=noise,
        counts=one_sign and noise.exceeded(levels),
        quiet=not any(noise.exceeded(one) for one in by_seed),
    )


def _noise(cases: Sequence[EffectCase], played: Played) -> dict[str, dict[str, _Noise]]:
    """By scenario and figure, over its cases."""
    seen: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for case in cases:
        first, second = played.figures(case, acting=False)
        of_scenario = seen.setdefault(case.network.name, {})
        for figure, value in first.items():
            of_scenario.setdefault(figure, []).append((value, second[figure]))
    return {
        scenario: {figure: _noise_of(found) for figure, found in figures.items()}
        for scenario, figures in seen.items()
    }


def _noise_of(seeds: Sequence[tuple[float, float]]) -> _Noise:
    """Of a figure with these values on two seeds, case by case; where it is 0 on both there is no noise."""
    apart = [abs(first - second) for first, second in seeds]
    shares = [gap / _level(pair) if gap else 0.0 for gap, pair in zip(apart, seeds, strict=True)]
    return _Noise(float(np.quantile(apart, NOISE_QUANTILE)), float(np.quantile(shares, NOISE_QUANTILE)))


def _level(levels: tuple[float, float]) -> float:
    return max(abs(level) for level in levels)


def _candidate(cases: Sequence[EffectCase], truths: Sequence[_Truth], played: Played) -> EffectCandidate:
    pairs = [_Pair(truth, played.levels(truth.case, truth.figure)) for truth in truths]
    wrong = [pair for pair in pairs if pair.truth.counts and pair.distance > 0]
    worst = sorted(wrong, key=lambda pair: (-pair.distance, pair.truth.case.id, pair.truth.figure))
    kinds = {kind: {kind} for kind in KINDS if any(case.kind == kind for case in cases)}
    kinds |= {ALL_TOOLS: set(TOOLS), ALL_FAULTS: set(KINDS) - set(TOOLS), ALL: set(KINDS)}
    figures = dict.fromkeys(_family(truth.figure) for truth in truths)
    return EffectCandidate(
        source=played.source,
        refused=tuple(case.id for case in cases if played.refused(case)),
        tallies=tuple(
            _tally(name, [pair for pair in pairs if pair.truth.case.kind in among])
            for name, among in kinds.items()
        ),
        by_figure=tuple(
            _tally(name, [pair for pair in pairs if _family(pair.truth.figure) == name]) for name in figures
        ),
        disagreements=tuple(_disagreement(pair) for pair in worst[:LISTED]),
    )


def _tally(of: str, pairs: Sequence[_Pair]) -> EffectTally:
    counted = [pair for pair in pairs if pair.truth.counts]
    by_case: dict[str, list[bool]] = {}
    for pair in counted:
        by_case.setdefault(pair.truth.case.id, []).append(pair.same_sign)
    interval = None
    if counted:
        interval = clustered(
            [sum(same) for same in by_case.values()], [len(same) for same in by_case.values()]
        )
    ratios = [pair.effect / pair.truth.effect for pair in counted]
    return EffectTally(
        of=of,
        cases=len(by_case),
        comparisons=len(counted),
        same_sign=_mean(pair.same_sign for pair in counted) if counted else None,
        interval=interval,
        ratio=float(np.median(ratios)) if ratios else None,
        rank_correlation=_rank_correlation(counted),
        quiet=sum(pair.truth.quiet for pair in pairs),
        false=sum(pair.false for pair in pairs),
    )


def _rank_correlation(pairs: Sequence[_Pair]) -> float | None:
    """Spearman's; None with fewer than three pairs or where a side does not vary."""
    wanted = _ranks([pair.truth.effect / pair.truth.level for pair in pairs])
    found = _ranks([pair.effect / pair.truth.level for pair in pairs])
    if len(pairs) < 3 or min(np.ptp(wanted), np.ptp(found)) == 0:
        return None
    return float(np.corrcoef(wanted, found)[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    """Equal values share the mean of their ranks."""
    return [
        sum(other < value for other in values) + sum(other == value for other in values) / 2
        for value in values
    ]


def _disagreement(pair: _Pair) -> EffectDisagreement:
    case = pair.truth.case
    assert case.network.topology_seed is not None  # cases are placed
    standing = "; ".join(
        fault.model_dump_json(exclude={"start_ms", "duration_ms"}) for fault in case.network.faults
    )
    return EffectDisagreement(
        case=case.id,
        network=case.network.name,
        topology_seed=case.network.topology_seed,
        standing=standing,
        action=case.action,
        figure=pair.truth.figure,
        reference=pair.truth.levels,
        candidate=pair.levels,
        distance=pair.distance,
    )


def _family(figure: str) -> str:
    return figure.rpartition(" ")[2]


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))


# ---------------------------------------------------------------------- the page
def effects_section(figures: EffectFigures) -> str:
    """The section of a page, in Markdown."""
    return "\n".join(_lines(figures)) + "\n"


def _lines(figures: EffectFigures) -> Iterator[str]:
    reference = figures.reference.network
    yield "## What tools and faults do"
    yield ""
    seeds = figures.topology_seeds
    yield (
        f"{figures.cases} cases on topology seeds {seeds[0]} to {seeds[-1]}: a network whose UAVs hover, "
        "with a surge of traffic or a weak cell from the start, and one call of a configuration tool or one "
        f"fault after {INTERVALS_BEFORE} intervals (of handover_failure, with a handover to the cell that "
        f"refuses). An effect is the mean over {INTERVALS_AFTER} intervals, from the one after the action, "
        "minus the same without the action on the same network seed. A comparison is one figure of one case: "
        "delay, loss, throughput and jitter of every slice, load of every node, task latency of the managed "
        f"group. It counts if {reference}'s effect has one sign on both of two seeds and its mean is at "
        f"least {LEAST_CHANGE:.0%} of the figure and more than two seeds without an action are apart in "
        f"{NOISE_QUANTILE:.0%} of the scenario's cases, in the figure's unit or as a share of it. Intervals "
        "are 95 % Wilson intervals, with cases as clusters of their comparisons."
    )
    if figures.refused:
        yield ""
        yield f"Left out, as {reference}'s tool refused the call: {', '.join(figures.refused)}."
    yield ""
    yield from _table("action", figures, [one.tallies for one in figures.candidates])
    yield from _table("figure", figures, [one.by_figure for one in figures.candidates])
    yield (
        "Same sign: share of the comparisons that count in which the mean effect has the sign it has on "
        f"{reference}; no effect is wrong. Size: median of effect over {reference}'s effect, and in brackets "
        "Spearman's rank correlation of effects relative to the figure. Invented: effects beyond the noise "
        f"where {reference} has none on either seed, of all such comparisons."
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
    yield f"Largest disagreements of {name}, each without the action → with it:"
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
        yield f"On {name} the tool refused the call of {refused}: there it has no effect."
        yield ""


def _change(levels: tuple[float, float]) -> str:
    return " → ".join(number(level) for level in levels)
