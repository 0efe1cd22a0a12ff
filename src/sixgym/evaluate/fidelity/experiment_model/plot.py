"""The plots of the measurement of the experiment model. This module needs matplotlib."""

# matplotlib leaves its keyword arguments without types
# pyright: reportUnknownMemberType=false

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sixgym.evaluate.fidelity.experiment_model.calibration import PIT_BINS, Calibration
from sixgym.evaluate.fidelity.experiment_model.dimensions import DIMENSIONS
from sixgym.evaluate.fidelity.experiment_model.figures import ExperimentFigures
from sixgym.evaluate.fidelity.experiment_model.one_step import BASELINE, FLOOR, MODEL, NO_CHANGE, SHOWN_STEPS
from sixgym.evaluate.fidelity.experiment_model.report import LABELS, predictor_names

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STYLES = {
    MODEL: ("#d1495b", "-"),
    NO_CHANGE: ("#999999", ":"),
    BASELINE: ("#2e86ab", "--"),
    FLOOR: ("#222222", "-."),
}
_COLUMNS, _COLUMN_INCHES, _ROW_INCHES = 3, 3.6, 2.4


def plot_drift(figures: ExperimentFigures, path: Path) -> None:
    """Mean errors by step with their intervals, a panel for each dimension, as SVG."""
    figure, panels = _panels([LABELS[one.name] for one in DIMENSIONS])
    for index, axes in enumerate(panels):
        for name, label in predictor_names(figures).items():
            colour, style = _STYLES[name]
            found = [(one.step, one.dimensions[index].errors.get(name)) for one in figures.drift]
            known = [(step, error) for step, error in found if error is not None]
            steps = [step for step, _ in known]
            lows, highs = ([getattr(error, end) for _, error in known] for end in ("low", "high"))
            axes.fill_between(steps, lows, highs, color=colour, alpha=0.12, linewidth=0)
            values = [error.value for _, error in known]
            axes.plot(steps, values, color=colour, linestyle=style, label=label, linewidth=1.2)
        axes.set(xlabel="step", xticks=SHOWN_STEPS, ylim=(0, None))
    panels[0].legend(frameon=False, fontsize=8)
    _save(figure, path)


def plot_pit(found: Calibration, path: Path) -> None:
    """Histograms of the PIT values, one for each dimension, as SVG."""
    figure, panels = _panels([LABELS[one.dimension].partition(",")[0] for one in found.dimensions])
    left = np.arange(PIT_BINS) / PIT_BINS
    for axes, one in zip(panels, found.dimensions, strict=True):
        counts = np.array(one.pit) / max(1, found.transitions)
        axes.bar(left, counts, width=1 / PIT_BINS, align="edge", color="#d1495b", edgecolor="white")
        axes.axhline(1 / PIT_BINS, color="#222222", linewidth=0.8, linestyle="--")
        axes.set(xlabel="PIT value", xlim=(0, 1), ylim=(0, None))
    panels[0].set_ylabel("share of transitions")
    _save(figure, path)


def _panels(titles: Sequence[str]) -> "tuple[Figure, list[Axes]]":
    from matplotlib.figure import Figure

    rows = -(-len(titles) // _COLUMNS)
    figure = Figure(figsize=(_COLUMN_INCHES * _COLUMNS, _ROW_INCHES * rows), layout="constrained")
    grid: list[Axes] = figure.subplots(rows, _COLUMNS, squeeze=False).ravel().tolist()
    panels, spare = grid[: len(titles)], grid[len(titles) :]
    for axes in spare:
        axes.set_axis_off()
    for axes, title in zip(panels, titles, strict=True):
        axes.grid(color="#eeeeee")
        axes.set_title(title, fontsize=9)
    return figure, panels


def _save(figure: "Figure", path: Path) -> None:
    """Write SVG without a date and random ids, so that equal figures make equal files."""
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": "sixgym", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
