"""The holdout check: the networks and texts of the benchmark are absent from the training data.

Three checks (6GAgentGym, section IV-A3): every topology seed is on its side of the split, no benchmark text
is nearly a training text, and a probe shows how well a classifier separates the two kinds of texts by words.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated

import numpy as np
from pydantic import Field

from sixgym.domain.base import Ratio, Record
from sixgym.domain.splits import SPLITS, Split
from sixgym.evaluate.holdout.overlap import THRESHOLD, Overlap, contaminated, nearest
from sixgym.evaluate.holdout.separability import Separability, separability
from sixgym.evaluate.holdout.texts import HoldoutError, Text, benchmark_texts, read_texts, require
from sixgym.evaluate.markdown import table

__all__ = [
    "HoldoutError",
    "HoldoutReport",
    "Misplaced",
    "Text",
    "benchmark_texts",
    "check_holdout",
    "contaminated",
    "read_texts",
    "to_markdown",
]

Count = Annotated[int, Field(ge=0)]

SHOWN = 50
"""Largest number of listed texts in a rendered report; the record has all of them."""


class Misplaced(Record):
    """A text whose topology seed is on the wrong side of the split.

    Attributes:
        id: Id of the text.
        seed: Topology seed; None if a benchmark text has none.
        required: The split that the seed has to be from.
    """

    id: str
    seed: int | None
    required: Split


class HoldoutReport(Record):
    """The result of the holdout check.

    Attributes:
        benchmark_texts, training_texts: Number of compared texts.
        benchmark_seeds, training_seeds: Topology seeds of the texts.
        misplaced: Texts on the wrong side of the split.
        unknown_training_seeds: Number of training texts without a seed, which cannot be checked.
        threshold: ROUGE-L F1 from which on a benchmark text counts as contaminated.
        overlaps: The contaminated benchmark texts, the most similar one first.
        nearest_median, nearest_p95, nearest_max: ROUGE-L of the benchmark texts with their most similar
            training texts.
        separability: The probe; None with too few distinct texts.
    """

    benchmark_texts: Count
    training_texts: Count
    benchmark_seeds: tuple[int, ...]
    training_seeds: tuple[int, ...]
    misplaced: tuple[Misplaced, ...]
    unknown_training_seeds: Count
    threshold: Ratio
    overlaps: tuple[Overlap, ...]
    nearest_median: Ratio
    nearest_p95: Ratio
    nearest_max: Ratio
    separability: Separability | None

    @property
    def held_out(self) -> bool:
        """Whether no seed is misplaced and no text contaminated. The reader judges the separability."""
        return not self.misplaced and not self.overlaps


def check_holdout(
    benchmark: Sequence[Text], training: Sequence[Text], *, threshold: float = THRESHOLD, seed: int = 0
) -> HoldoutReport:
    """Compare every benchmark text with every training text.

    Args:
        benchmark: Texts from `benchmark_texts`.
        training: Texts from `read_texts`.
        threshold: ROUGE-L F1 above 0, at most 1.
        seed: Seed of the probe's sampling and folds.

    Raises:
        HoldoutError: there are no texts on a side, or rapidfuzz or scikit-learn is not installed.
    """
    require("rapidfuzz", "sklearn")
    if not benchmark or not training:
        raise HoldoutError(f"no {'training' if benchmark else 'benchmark'} texts to compare")
    found = nearest(benchmark, training, threshold)
    scores = np.array([overlap.rouge_l for overlap in found])
    return HoldoutReport(
        benchmark_texts=len(benchmark),
        training_texts=len(training),
        benchmark_seeds=_seeds(benchmark),
        training_seeds=_seeds(training),
        misplaced=(
            *_misplaced(benchmark, "held_out"),
            *_misplaced((text for text in training if text.seed is not None), "training"),
        ),
        unknown_training_seeds=sum(text.seed is None for text in training),
        threshold=threshold,
        overlaps=tuple(sorted((o for o in found if o.rouge_l >= threshold), key=lambda o: -o.rouge_l)),
        nearest_median=float(np.median(scores)),
        nearest_p95=float(np.quantile(scores, 0.95)),
        nearest_max=float(scores.max()),
        separability=separability([t.text for t in benchmark], [t.text for t in training], seed=seed),
    )


def to_markdown(report: HoldoutReport) -> str:
    """The report in Markdown."""
    return "\n".join([*_verdict(report), *_likeness(report), *_offenders(report)]).rstrip() + "\n"


def _seeds(texts: Iterable[Text]) -> tuple[int, ...]:
    return tuple(sorted({text.seed for text in texts if text.seed is not None}))


def _misplaced(texts: Iterable[Text], split: Split) -> Iterator[Misplaced]:
    return (
        Misplaced(id=text.id, seed=text.seed, required=split)
        for text in texts
        if text.seed is None or text.seed not in SPLITS[split]
    )


def _verdict(report: HoldoutReport) -> Iterator[str]:
    yield "# Holdout"
    yield ""
    yield "Held out." if report.held_out else "**Not held out.**"
    yield ""
    yield from table(
        ["", "benchmark", "training"],
        [
            ["texts", str(report.benchmark_texts), str(report.training_texts)],
            ["topology seeds", _ranges(report.benchmark_seeds), _ranges(report.training_seeds)],
            ["allowed seeds", _span("held_out"), _span("training")],
            ["on the wrong side", *(str(_wrong(report, split)) for split in ("held_out", "training"))],
            ["seed unknown", "–", str(report.unknown_training_seeds)],
        ],
    )


def _likeness(report: HoldoutReport) -> Iterator[str]:
    yield "## Wording"
    yield ""
    yield (
        f"ROUGE-L F1 of each benchmark text with its most similar training text: median "
        f"{report.nearest_median:.3f}, 95th percentile {report.nearest_p95:.3f}, largest "
        f"{report.nearest_max:.3f}. At or above {report.threshold:g}: {len(report.overlaps)}."
    )
    yield ""
    probe = report.separability
    if probe is None:
        yield "Separability by words: too few distinct texts."
    else:
        yield (
            f"Separability by words (TF-IDF, logistic regression, {probe.texts} distinct texts of each "
            f"kind): balanced accuracy {_percent(probe.balanced_accuracy)} ({_interval(probe.ci95)}); "
            f"by chance {_percent(probe.chance)} ({_interval(probe.chance_ci95)})."
        )
    yield ""


def _offenders(report: HoldoutReport) -> Iterator[str]:
    if report.misplaced:
        yield "## Seeds on the wrong side"
        yield ""
        rows = [[m.id, "none" if m.seed is None else str(m.seed), m.required] for m in report.misplaced]
        yield from _first(["text", "seed", "has to be"], rows)
    if report.overlaps:
        yield "## Texts that are too similar"
        yield ""
        rows = [
            [
                f"{o.rouge_l:.3f}",
                o.id,
                _cell(o.excerpt),
                o.nearest_id,
                _cell(o.nearest_excerpt),
                str(o.matches),
            ]
            for o in report.overlaps
        ]
        yield from _first(["ROUGE-L", "task", "text", "training", "nearest text", "at or above"], rows)


def _first(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from table(head, rows[:SHOWN])
    if len(rows) > SHOWN:
        yield f"{len(rows) - SHOWN} more are in the record."
        yield ""


def _wrong(report: HoldoutReport, split: Split) -> int:
    return sum(misplaced.required == split for misplaced in report.misplaced)


def _ranges(seeds: Sequence[int]) -> str:
    return f"{len(seeds)} ({seeds[0]} to {seeds[-1]})" if seeds else "none known"


def _span(split: Split) -> str:
    return f"{SPLITS[split].start} to {SPLITS[split].stop - 1}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(ends: tuple[float, float]) -> str:
    return f"{_percent(ends[0])} to {_percent(ends[1])}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
