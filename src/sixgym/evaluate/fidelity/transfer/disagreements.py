"""Tasks on which two networks give different verdicts, and the parts of the goal that decided them."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.transfer.rows import GradedPart, TransferRow
from sixgym.scoring.result import Count

Side = Literal["candidate", "reference"]


@dataclass(frozen=True, slots=True)
class PairedEpisodes:
    """The same agent and task on both networks."""

    candidate: TransferRow
    reference: TransferRow

    @property
    def whole(self) -> bool:
        """Whether neither episode ended with an infrastructure failure."""
        return not self.candidate.broken and not self.reference.broken

    @property
    def differs(self) -> bool:
        """Whether the verdicts differ."""
        return self.candidate.result.success != self.reference.result.success


class DifferingPart(Record):
    """A part of a goal that was met on one network and missed on the other."""

    candidate: GradedPart
    reference: GradedPart


class VerdictDisagreement(Record):
    """A task that an agent met on one network only.

    Attributes:
        agent, task, tier, domain: The agent, and the task with its tier and domain.
        met_on: The network on which the task was met.
        refused_candidate, refused_reference: Number of calls that returned an error.
        calls: Number of tool calls of the episode.
        decided: The parts of the goal that differ.
    """

    agent: str
    task: str
    tier: str
    domain: str
    met_on: Side
    refused_candidate: Count
    refused_reference: Count
    calls: Count
    decided: tuple[DifferingPart, ...]


class Cause(Record):
    """The number of disagreements that a metric decided; several metrics may decide one.

    Attributes:
        metric: The metric.
        missed_on_candidate, missed_on_reference: Disagreements in which it was missed on that network alone.
    """

    metric: str
    missed_on_candidate: Count
    missed_on_reference: Count


def disagreement(pair: PairedEpisodes) -> VerdictDisagreement:
    """The disagreement of a pair whose verdicts differ."""
    candidate, reference = pair.candidate, pair.reference
    return VerdictDisagreement(
        agent=candidate.key.agent,
        task=candidate.key.task,
        tier=candidate.result.tier,
        domain=candidate.result.domain,
        met_on="candidate" if candidate.result.success else "reference",
        refused_candidate=candidate.result.refused,
        refused_reference=reference.result.refused,
        calls=candidate.result.calls,
        decided=tuple(_differing(candidate, reference)),
    )


def causes(disagreements: Sequence[VerdictDisagreement]) -> list[Cause]:
    """The causes of disagreements, the most frequent one first."""
    missed: Counter[tuple[str, bool]] = Counter()
    for one in disagreements:
        missed.update({(part.candidate.metric, part.candidate.met) for part in one.decided})
    found = [
        Cause(
            metric=metric,
            missed_on_candidate=missed[metric, False],
            missed_on_reference=missed[metric, True],
        )
        for metric in dict.fromkeys(metric for metric, _ in missed)
    ]
    return sorted(found, key=lambda one: (-one.missed_on_candidate - one.missed_on_reference, one.metric))


def _differing(candidate: TransferRow, reference: TransferRow) -> Iterator[DifferingPart]:
    if reference.parts:
        for ours, theirs in zip(candidate.parts, reference.parts, strict=True):
            if ours.met != theirs.met:
                yield DifferingPart(candidate=ours, reference=theirs)
    elif reference.result.success:  # the grade alone is stored, and a success means that every part was met
        for ours in candidate.parts:
            if not ours.met:
                theirs = GradedPart(about=ours.about, metric=ours.metric, met=True)
                yield DifferingPart(candidate=ours, reference=theirs)
