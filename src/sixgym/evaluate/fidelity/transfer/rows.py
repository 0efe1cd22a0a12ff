"""Rows of graded episodes of the grounded validation, and the files that store them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from sixgym.domain.base import Ratio, Record
from sixgym.domain.intent import Measurand, Target
from sixgym.episodes.episode import Episode
from sixgym.episodes.record_store import RecordStore
from sixgym.evaluate.fidelity.store import version_objection
from sixgym.run.replay import Script
from sixgym.scoring.goals import TargetVerdict, answer_values, judge
from sixgym.scoring.result import GRADER, Result

DIGITS = 5
"""Significant digits of stored measurements."""


class GradedPart(Record):
    """One part of a goal, and whether an episode met it.

    Attributes:
        about: The part in words, such as `latency_ms of drone < 40`.
        metric: The metric, or `duty` or `answer`.
        met: Whether the part was met.
        held: Share of the counting intervals in which the part was met; None where it is not about intervals.
        lowest, median, highest: Values measured in these intervals, in the metric's unit; for an answer, the
            values that would have been right. None where nothing finite was measured.
    """

    about: str
    metric: str
    met: bool
    held: Ratio | None = None
    lowest: float | None = None
    median: float | None = None
    highest: float | None = None


class RowKey(Record):
    """The identity of an episode.

    Attributes:
        agent: Name of the agent.
        task: Id of the task.
        script: Checksum of the replayed calls and answer; None where the agent itself acted.
    """

    agent: str
    task: str
    script: str | None = None


class TransferRow(Record):
    """A graded episode, with the measurements that decided its grade.

    Attributes:
        key: Identity of the episode.
        version: Version of the network.
        task_set_sha256: Checksum of the task set.
        result: Grade of the episode. Wall-clock times are 0, so that equal episodes are equal rows.
        parts: Targets, constraints, duties and answer of the goal; empty after an infrastructure failure, or
            where only the grade was stored.
        episode: Id of the episode; the id of a replay is that of the original and `-on-NETWORK`; empty where
            only the grade was stored.
        script: Calls and answer of the agent; None in a replay, and after an infrastructure failure.
    """

    key: RowKey
    version: str
    task_set_sha256: str
    result: Result
    parts: tuple[GradedPart, ...]
    episode: str
    script: Script | None = None

    @property
    def broken(self) -> bool:
        """Whether the episode ended with an infrastructure failure."""
        return self.result.infrastructure_failure is not None


@dataclass(frozen=True, slots=True)
class RowConditions:
    """Conditions under which stored rows can be used.

    Attributes:
        version: Version of the network here.
        task_set_sha256: Checksum of the task set here.
    """

    version: str
    task_set_sha256: str

    def objection(self, row: TransferRow) -> str | None:
        """The reason why a row cannot be used here, or None."""
        if row.task_set_sha256 != self.task_set_sha256:
            return f"of task set {row.task_set_sha256[:12]}, here is {self.task_set_sha256[:12]}"
        if row.result.grader != GRADER:
            return f"graded by version {row.result.grader} of the rules, here is {GRADER}"
        return version_objection(row.version, self.version)


class RowStore(RecordStore[RowKey, TransferRow]):
    """The rows that can be used under given conditions.

    A row is stored with all its fields, so that it keeps the version of the grading rules.
    """

    def __init__(self, path: Path, conditions: RowConditions) -> None:
        """Read what is stored.

        Args:
            path: The packed file.
            conditions: The network's version and the task set here.

        Raises:
            RecordFileError: a file holds something else.
        """
        super().__init__(path, TransferRow, lambda row: row.key, conditions.objection)


def row_of(key: RowKey, task_set_sha256: str, episode: Episode, result: Result) -> TransferRow:
    """The row of a graded episode."""
    intact = result.infrastructure_failure is None
    return TransferRow(
        key=key,
        version=episode.backend.version,
        task_set_sha256=task_set_sha256,
        result=result.model_copy(update={"agent_s": 0.0, "world_s": 0.0}),
        parts=tuple(_parts(episode)) if intact else (),
        episode=episode.id,
        script=Script.of(episode) if intact and key.script is None else None,
    )


def grade_alone(key: RowKey, version: str, task_set_sha256: str, result: Result) -> TransferRow:
    """The row of an episode whose grade alone was stored."""
    return TransferRow(
        key=key, version=version, task_set_sha256=task_set_sha256, result=result, parts=(), episode=""
    )


def _parts(episode: Episode) -> Iterator[GradedPart]:
    verdict = judge(episode)
    for one in verdict.targets:
        yield _measured(one, "")
    for one in verdict.constraints:
        yield _measured(one, ", always")
    for duty in verdict.duties:
        about = f"{duty.duty.kind} {duty.duty.item} on {duty.duty.uav} alone"
        yield GradedPart(about=about, metric="duty", met=duty.met)
    question = episode.task.goal.answer
    if verdict.answer is not None and question is not None:
        about = f"the answer, {_words(question.measured)}" if question.measured else "the answer"
        yield GradedPart(about=about, metric="answer", met=verdict.answer, **_spread(answer_values(episode)))


def _measured(verdict: TargetVerdict, when: str) -> GradedPart:
    target = verdict.target
    return GradedPart(
        about=f"{_condition(target)}{when}",
        metric=target.metric,
        met=verdict.met,
        held=verdict.held,
        **_spread(verdict.measured),
    )


def _condition(target: Target) -> str:
    sign = "<" if target.condition == "IS_LESS_THAN" else ">"
    return f"{_words(target)} {sign} {target.value:g}"


def _words(measurand: Measurand) -> str:
    owner = measurand.device or measurand.group or measurand.slice
    return f"{measurand.metric} of {owner}" if owner else measurand.metric


def _spread(values: Sequence[float]) -> dict[str, float]:
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return {}
    spread = {"lowest": min(finite), "median": median(finite), "highest": max(finite)}
    return {name: float(f"{value:.{DIGITS}g}") for name, value in spread.items()}
