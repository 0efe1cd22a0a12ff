"""Plots of an episode in text: every target over time, its threshold, faults and calls."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rich.text import Text

from sixgym.cli.output import text as words
from sixgym.cli.output.goals import condition_words
from sixgym.domain.intent import Target
from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Episode, Step
from sixgym.scoring.goals import Verdict, measured_value, recorded_intervals
from sixgym.tools.base import CATALOG

ROWS = 6
LABEL_WIDTH = 9
BLOCKS = " ▁▂▃▄▅▆▇█"
CALL_MARKS = {"reasoning": "r", "observation": "o", "command": "c", "configuration": "C"}


Column = tuple[int, int]
"""Neighbouring intervals: the index of the first interval, and one past the index of the last."""


def timelines(episode: Episode, verdict: Verdict, width: int) -> Iterator[Text]:
    """Lines of text that show the targets of the goal over the task, in at most `width` columns.

    A target that was met all the time, and whose value never changed, has no plot; the lines only name it.
    """
    intervals = recorded_intervals(episode)
    if not intervals:
        return
    columns = _columns(len(intervals), width - LABEL_WIDTH - 1)
    zoom = min(2, (width - LABEL_WIDTH - 1) // len(columns))
    quiet: list[str] = []
    for verdict_of_target in verdict.targets:
        target = verdict_of_target.target
        values = [measured_value(target, interval, episode.task.scenario) for interval in intervals]
        if len(set(values)) == 1 and target.met_by(values[0]):
            quiet.append(condition_words(target))
            continue
        yield Text(condition_words(target), "bold")
        yield from bars(values, target, columns, zoom)
    if quiet:
        yield Text(f"never touched: {'; '.join(quiet)}", "dim")
    yield from _marks(episode, intervals, columns, zoom)


def bars(values: Sequence[float], target: Target, columns: Sequence[Column], zoom: int = 1) -> Iterator[Text]:
    """A bar per column, on a logarithmic axis around the threshold; the axis is linear if the threshold is 0.

    A column shows its worst interval, and is red if the target was missed in that interval.
    """
    worst: Callable[[Sequence[float]], float] = max if target.condition == "IS_LESS_THAN" else min
    heights = [worst(values[start:stop]) for start, stop in columns]
    is_share = words.UNITS[target.metric][1:] == ("%", 100)
    scale = _Scale.around(target.value, heights, 1.0 if is_share else math.inf)
    line_row = scale.row_of(target.value)
    cells = [scale.eighths(height) for height in heights]
    for row in range(ROWS - 1, -1, -1):
        label = scale.label(row, line_row, target)
        line = _labelled(label)
        for height, eighths in zip(heights, cells, strict=True):
            block = BLOCKS[max(0, min(8, eighths - 8 * row))]
            empty = "┄" if row == line_row else " "
            style = "green" if target.met_by(height) else "red"
            filled = block != " "
            line.append((block if filled else empty) * zoom, style if filled else "dim")
        yield line


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    logarithmic: bool

    @classmethod
    def around(cls, threshold: float, values: Sequence[float], ceiling: float) -> "_Scale":
        """An axis with room for all values and the threshold, which lies below the top up to the ceiling."""
        logarithmic = threshold > 0
        top = max(*values, threshold)
        if not logarithmic:
            return cls(min(*values, threshold), top or 1.0, False)
        positive = [value for value in (*values, threshold) if value > 0]
        return cls(max(min(positive) / 2, top / 1e4), max(top, min(threshold * 2, ceiling)), True)

    def position(self, value: float) -> float:
        """Place on the axis, 0 at the bottom and 1 at the top."""
        if not self.logarithmic:
            return (value - self.low) / (self.high - self.low)
        return math.log(max(value, self.low) / self.low) / math.log(self.high / self.low)

    def eighths(self, value: float) -> int:
        """Height of a bar in eighths of a row; at least one, so that a value of 0 is visible."""
        return max(1, round(self.position(value) * ROWS * 8))

    def row_of(self, value: float) -> int:
        return min(ROWS - 1, int(self.position(value) * ROWS))

    def label(self, row: int, line_row: int, target: Target) -> str:
        factor = words.UNITS[target.metric][2]
        if row == line_row:
            return f"{target.value * factor:g}"
        if row == ROWS - 1:
            return words.number(self.high * factor)
        return f"≤ {words.number(self.low * factor)}" if row == 0 else ""


def _columns(intervals: int, width: int) -> list[Column]:
    count = min(intervals, max(1, width))
    edges = [round(index * intervals / count) for index in range(count + 1)]
    return list(pairwise(edges))


def _marks(
    episode: Episode, intervals: Sequence[Interval], columns: Sequence[Column], zoom: int
) -> Iterator[Text]:
    kinds = sorted({kind for interval in intervals for kind in interval.faults})
    for number, kind in enumerate(kinds, start=1):
        struck = [
            any(kind in interval.faults for interval in intervals[start:stop]) for start, stop in columns
        ]
        line = _labelled(f"fault {number}")
        line.append("".join(("━" if on else " ") * zoom for on in struck), "red")
        yield line
    calls = _labelled("calls")
    for start, stop in columns:
        calls.append(_call_mark(episode.steps[start:stop]).ljust(zoom), "yellow")
    yield calls
    judged_from = len(intervals) - episode.task.goal.window
    window = _labelled("judged")
    window.append("".join(("═" if stop > judged_from else " ") * zoom for _, stop in columns), "bold")
    yield window
    start_s, end_s = intervals[0].start_ms / 1e3, intervals[-1].end_ms / 1e3
    legend = [
        f"{start_s:g} s to {end_s:g} s of network time",
        "calls: o observation, r reasoning, c command, C configuration, ! error",
        *(f"fault {number}: {kind}" for number, kind in enumerate(kinds, start=1)),
    ]
    for line in legend:
        yield _labelled("").append(line, "dim")


def _labelled(label: str) -> Text:
    return Text().append(f"{label:>{LABEL_WIDTH}} ", "dim")


def _call_mark(steps: Sequence[Step]) -> str:
    """The mark of the call with the largest effect in a column; an error comes first."""
    marks: list[str] = []
    for step in steps:
        assert step.turn.call is not None
        known = CATALOG.get(step.turn.call.tool)
        marks.append("!" if not step.outcome.ok or known is None else CALL_MARKS[known.effect.value])
    return max(marks, key="roc!C".index, default=" ")
