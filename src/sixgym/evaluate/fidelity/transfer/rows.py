"""What is kept of an episode of the grounded validation, and the files it is kept in."""

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
    """One part of a goal, as an episode fulfilled it.

    Attributes:
        about: What was asked for, such as `latency_ms of drone < 40`.
        metric: The metric, or `duty` or `answer`.
        met: Whether it was fulfilled.
        held: Share of the counting intervals in which it was; None where it is not about intervals.
        lowest, median, highest: Of what was measured in them, in the metric's unit; for an answer, of the
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
    """Which episode. `script` is the checksum of what was replayed; None where the agent itself worked."""

    agent: str
    task: str
    script: str | None = None


class TransferRow(Record):
    """An episode, graded, with what decided it.

    Attributes:
        key: Which episode.
        version: Of the network.
        task_set_sha256: Checksum of the task set.
        result: Its grade. Wall-clock times are 0, so that equal episodes are equal rows.
        parts: Targets, constraints, duties and answer of the goal; none where our side broke, or where
            nothing but the grade was kept.
        episode: Its id; a replay's is the id of the original and `-on-NETWORK`; empty where only the grade
            was kept.
        script: What the agent did; None in a replay, and where our side broke.
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
        """Whether our side broke."""
        return self.result.infrastructure_failure is not None


@dataclass(frozen=True, slots=True)
class RowConditions:
    """Under which rows can be used: the network's version and the checksum of the task set."""

    version: str
    task_set_sha256: str

    def objection(self, row: TransferRow) -> str | None:
        """Why a row says nothing here, or None."""
        if row.task_set_sha256 != self.task_set_sha256:
            return f"of task set {row.task_set_sha256[:12]}, here is {self.task_set_sha256[:12]}"
        if row.result.grader != GRADER:
            return f"graded by version {row.result.grader} of the rules, here is {GRADER}"
        return version_objection(row.version, self.version)


class RowStore(RecordStore[RowKey, TransferRow]):
    """Rows that can be used under given conditions, each with all its fields."""

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
    """What is kept of an episode."""
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
    """A row of an episode of which nothing but the grade was kept."""
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
