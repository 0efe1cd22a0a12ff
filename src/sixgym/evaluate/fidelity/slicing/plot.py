"""The plots of the slicing grids. This module needs matplotlib."""

# matplotlib leaves its keyword arguments without types
# pyright: reportUnknownMemberType=false

import importlib.util
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sixgym.domain.extras import install_command
from sixgym.domain.measurement import DELAY_BIN_EDGES_MS
from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.slicing.comparison import RunGrid, RunGrids
from sixgym.evaluate.fidelity.slicing.control_schedules import AlternatingSchedule
from sixgym.evaluate.fidelity.slicing.response import FOLLOWED, drawn_weights, responses_of
from sixgym.evaluate.statistics import CONFIDENCE, Floats

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class _Line:
    """The line of one simulator in every panel."""

    grid: RunGrid
    colour: str
    style: str
    label: str

    def draw(self, axes: "Axes", x: npt.ArrayLike, y: Floats) -> None:
        axes.plot(x, y, color=self.colour, linestyle=self.style, label=self.label, linewidth=1.2)


_LABELS = {"delay_ms": "mean delay, ms", "queue_kb": "queue, kB", "throughput_mbps": "throughput, Mbit/s"}
_COLUMN_INCHES, _ROW_INCHES = 5.0, 2.4


class PlotError(RuntimeError):
    """Plots cannot be drawn here. The message says what to install."""


def require_matplotlib() -> None:
    """Check for matplotlib before the work begins.

    Raises:
        PlotError: matplotlib is not installed.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise PlotError(f"plots need matplotlib: {install_command('plot')}")


def plot_delays(grids: RunGrids, path: Path) -> None:
    """The distribution of the delay as SVG: a row for each schedule, a column for each slice."""
    figure, panels = _panels(len(grids.schedules), len(grids.slices))
    for row, schedule in zip(panels, grids.schedules, strict=True):
        for axes, kind in zip(row, grids.slices, strict=True):
            for line in _lines(grids):
                line.draw(axes, DELAY_BIN_EDGES_MS, _distribution(line.grid, schedule, kind))
            axes.set(xscale="log", xlim=(1, 1000), ylim=(0, 1), title=f"{kind}, {schedule}")
            axes.minorticks_off()
    for axes in panels[-1]:
        axes.set_xlabel("delay, ms")
    for row in panels:
        row[0].set_ylabel("share of packets")
    _save(figure, panels, path)


def plot_responses(grids: RunGrids, schedule: AlternatingSchedule, path: Path) -> None:
    """Delay, queue and throughput against the time since the quota was reduced, with intervals, as SVG."""
    figure, panels = _panels(len(FOLLOWED), len(grids.slices))
    for row, (name, curve) in zip(panels, FOLLOWED.items(), strict=True):
        for axes, kind in zip(row, grids.slices, strict=True):
            for line in _lines(grids):
                measured = responses_of(line.grid, schedule, kind)
                seeds = len(measured.periods)
                times_ms = schedule.interval_ms * (np.arange(schedule.intervals_per_period) + 0.5)
                sampled = curve(measured, drawn_weights(seeds))
                tail = 100 * (1 - CONFIDENCE) / 2
                low, high = np.nanpercentile(sampled, [tail, 100 - tail], axis=0)
                axes.fill_between(times_ms, low, high, color=line.colour, alpha=0.15, linewidth=0)
                line.draw(axes, times_ms, curve(measured, np.ones(seeds)))
            axes.axvline(schedule.hold_ms, color="#999999", linewidth=0.8, linestyle=":")
            axes.set(title=f"{kind}: {_LABELS[name]}", ylim=(0, None))
    for axes in panels[-1]:
        axes.set_xlabel("ms since the quota was reduced; the dotted line restores it")
    _save(figure, panels, path)


def _distribution(grid: RunGrid, schedule: str, kind: SliceType) -> Floats:
    """Share of the packets of all seeds with a delay up to each bin edge."""
    counts = np.zeros(len(DELAY_BIN_EDGES_MS) + 1)
    for run in (run for row in grid for run in row if run.key.schedule == schedule):
        for bin_, count in run.slices[kind].delay_histogram.items():
            counts[bin_] += count
    return np.cumsum(counts)[:-1] / max(counts.sum(), 1)


def _lines(grids: RunGrids) -> tuple[_Line, _Line]:
    reference, candidate = (grid[0][0].key for grid in (grids.reference, grids.candidate))
    other = "" if candidate.replica == reference.replica else ", another network seed"
    return (
        _Line(grids.reference, "#222222", "-", reference.network),
        _Line(grids.candidate, "#d1495b", "--", f"{candidate.network}{other}"),
    )


def _panels(rows: int, columns: int) -> "tuple[Figure, list[list[Axes]]]":
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_COLUMN_INCHES * columns, _ROW_INCHES * rows), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey="row")
    panels: list[list[Axes]] = grid.tolist()
    for axes in (axes for row in panels for axes in row):
        axes.grid(color="#eeeeee")
        axes.title.set_fontsize(9)
    return figure, panels


def _save(figure: "Figure", panels: "list[list[Axes]]", path: Path) -> None:
    """Write SVG without a date and random ids, so that equal figures make equal files."""
    import matplotlib as mpl

    panels[0][0].legend(frameon=False, fontsize=8)
    with mpl.rc_context({"svg.hashsalt": "sixgym", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
