"""Whether the effects of tools and faults have the same sign and size on a simulator as on the reference."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.effects.cases import KINDS, TOOLS, EffectCase
from sixgym.evaluate.fidelity.effects.runs import EffectRun, Played
from sixgym.evaluate.fidelity.source import Source
from sixgym.scoring.intervals import Interval, clustered

NOISE_QUANTILE = 0.95
"""Quantile of the differences between two network seeds that counts as the noise."""

LEAST_CHANGE = 0.05
"""Share of the figure's level below which an effect counts as none, however significant it is."""

LISTED = 20
"""Number of listed disagreements of a candidate."""

ALL, ALL_TOOLS, ALL_FAULTS = "all", "all tools", "all faults"


class EffectTally(Record):
    """How often a candidate has the effects of the reference.

    Attributes:
        of: A kind of action, `all tools`, `all faults`, `all`, or a figure such as `latency_ms`.
        cases: Number of cases with a comparison that counts.
        comparisons: Number of comparisons that count: a case and a figure with an effect on the reference.
        same_sign: Share of comparisons with the same sign; no effect is wrong. None without comparisons.
        interval: 95 % Wilson interval of that share, with cases as clusters of their comparisons.
        ratio: Median of the candidate's effect divided by the reference's.
        rank_correlation: Spearman's correlation of effects relative to the figure's level on the reference.
        quiet: Number of comparisons in which the reference has no effect on either seed.
        false: Number of quiet comparisons in which the candidate has an effect.
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
    """An effect on which the candidate and the reference disagree.

    Attributes:
        case: Id of the case.
        network, topology_seed: Name of the scenario, and its topology seed.
        standing: The fault that is there from the start.
        action: The call or the fault.
        figure: The measured figure.
        reference, candidate: Mean of the figure without the action and with it.
        distance: Difference of the effects divided by the sum of their sizes, times the reference's effect
            relative to its level: 0 to 1.
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
    """One simulator against the reference.

    Attributes:
        source: The simulator.
        refused: Cases whose call the tool refused on this simulator.
        tallies: Agreement by kind of action.
        by_figure: Agreement by figure.
        disagreements: The largest disagreements.
    """

    source: Source
    refused: tuple[str, ...]
    tallies: tuple[EffectTally, ...]
    by_figure: tuple[EffectTally, ...]
    disagreements: tuple[EffectDisagreement, ...]


class EffectFigures(Record):
    """The whole comparison.

    Attributes:
        reference: The simulator whose effects are right.
        topology_seeds: Topology seeds of the cases.
        cases: Number of cases.
        refused: Cases left out, because a tool refused the call on the reference.
        candidates: The compared simulators.
    """

    reference: Source
    topology_seeds: tuple[int, ...]
    cases: int
    refused: tuple[str, ...]
    candidates: tuple[EffectCandidate, ...]


def effect_figures(
    cases: Sequence[EffectCase], reference: Sequence[EffectRun], candidates: Sequence[Sequence[EffectRun]]
) -> EffectFigures:
    """The figures of a comparison.

    Args:
        cases: The cases.
        reference: All runs of these cases on the reference; further runs are ignored.
        candidates: The same on each candidate.

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
    """The same figure and case on a candidate."""

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
    """Difference between two network seeds without an action.

    Attributes:
        absolute: Difference in the figure's unit.
        relative: Difference as a share of the figure's level.
    """

    absolute: float
    relative: float

    def exceeded(self, levels: tuple[float, float]) -> bool:
        """Whether an effect exceeds the noise in either way, and has a size that matters."""
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
    """The noise by scenario and figure, over the cases of the scenario."""
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
    """The noise of a figure with these values on two seeds, case by case; two zeros have no difference."""
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
    """Spearman's correlation; None with fewer than three pairs or where a side does not vary."""
    wanted = _ranks([pair.truth.effect / pair.truth.level for pair in pairs])
    found = _ranks([pair.effect / pair.truth.level for pair in pairs])
    if len(pairs) < 3 or min(np.ptp(wanted), np.ptp(found)) == 0:
        return None
    return float(np.corrcoef(wanted, found)[0, 1])


def _ranks(values: Sequence[float]) -> list[float]:
    """The ranks of values; equal values share the mean of their ranks."""
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
