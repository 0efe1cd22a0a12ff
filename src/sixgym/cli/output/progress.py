"""Progress: a bar on a terminal; elsewhere a line every ten seconds and a line at the end."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

SECONDS_BETWEEN_LINES = 10.0


class Meter:
    """A counter of finished steps that shows its progress, see `metering`."""

    def __init__(self, bar: Progress, what: str, total: int, unit: str, done: int) -> None:
        self._bar = bar
        self._task = bar.add_task(what, total=total, completed=done, counts="")
        self._what, self._total, self._unit, self._done = what, total, unit, done
        self._said_at = time.monotonic()

    def advance(self, steps: int = 1, counts: str = "") -> None:
        """Count more finished steps.

        Args:
            steps: Number of steps that have finished since the last call.
            counts: Outcome of all finished steps, in words.
        """
        self._done += steps
        self._bar.update(self._task, advance=steps, counts=counts)
        last = steps > 0 and self._done == self._total
        if not self._bar.console.is_terminal and (last or self._is_time()):
            self.say(f"{self._what}: {self._done} of {self._total} {self._unit}{counts and f', {counts}'}")

    def say(self, line: str) -> None:
        """Print a line of its own, above the bar."""
        self._said_at = time.monotonic()
        self._bar.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def _is_time(self) -> bool:
        return time.monotonic() - self._said_at >= SECONDS_BETWEEN_LINES


@contextmanager
def metering(stream: TextIO, what: str, total: int, unit: str, done: int = 0) -> Generator[Meter]:
    """Show on a stream how many units are done.

    Args:
        stream: Where to show the progress.
        what: Name of the work.
        total: Number of units.
        unit: Name of a unit, in the plural.
        done: Number of units that are done already.
    """
    console = Console(file=stream)
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        "{task.fields[counts]}",
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal or not total,
    ) as bar:
        yield Meter(bar, what, total, unit, done)
