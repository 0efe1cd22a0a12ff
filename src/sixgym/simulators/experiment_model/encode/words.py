"""The words that the experiment model reads and writes: figures on fixed grids, such as `latency=12.6`.

A figure is one word, so that a model trained from scratch predicts its distribution in one step. For a
pretrained model with its own vocabulary the same words are ordinary text. The steps of the grids, mostly 5 to
15 %, are about as large as the random variation of ns-3.
"""

import bisect
import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Figure:
    """A quantity that is written as one word of a fixed set.

    Attributes:
        name: Text before the equals sign.
        grid: Values of the words, ascending.
    """

    name: str
    grid: tuple[float, ...]

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Words of the figure, in the order of the grid."""
        return tuple(f"{self.name}={value:g}" for value in self.grid)

    @cached_property
    def values(self) -> dict[str, float]:
        """The value of each word."""
        return dict(zip(self.words, self.grid, strict=True))

    def word(self, value: float) -> str:
        """The word nearest to a value; a value outside the grid has the word at its edge."""
        after = bisect.bisect_left(self.grid, value)
        if after == 0:
            return self.words[0]
        if after == len(self.grid):
            return self.words[-1]
        low, high = self.grid[after - 1], self.grid[after]
        return self.words[after - 1 if value - low < high - value else after]


def _geometric(least: float, most: float, step: float, *, zero: bool = True) -> tuple[float, ...]:
    """Values that grow by a factor of about `step`, in three significant digits, after a 0 if `zero`."""
    count = math.ceil(math.log(most / least) / math.log(step))
    values = {_short(least * (most / least) ** (index / count)) for index in range(count + 1)}
    return ((0.0,) if zero else ()) + tuple(sorted(values))


def _even(least: float, most: float, step: float) -> tuple[float, ...]:
    return tuple(float(f"{least + index * step:.4g}") for index in range(round((most - least) / step) + 1))


def _share(least: float, most: float, step: float) -> tuple[float, ...]:
    """A geometric grid that is finer around 1, where everything sent is delivered."""
    below = [value for value in _geometric(least, 0.9, step) if value < 0.9]
    above = [value for value in _geometric(1.1, most, step, zero=False) if value > 1.1]
    return (*below, *_even(0.9, 1.1, 0.005), *above)


def _short(value: float) -> float:
    return float(f"{value:.3g}")


# ranges of the training traces with room on both sides; steps as in the module's docstring
LATENCY = Figure("latency", _geometric(0.5, 30_000, 1.05))
P95 = Figure("p95", _geometric(0.5, 1_000, 1.08))
LONGEST = Figure("longest", _geometric(0.5, 1_000, 1.08))
JITTER = Figure("jitter", _geometric(0.02, 500, 1.06))
SENT = Figure("sent", _share(0.02, 3, 1.06))
DELIVERED = Figure("delivered", _share(0.005, 30, 1.06))
LOST = Figure("lost", _geometric(0.002, 30, 1.08))
DROPPED = Figure("dropped", _geometric(0.005, 30, 1.15))
QUEUE = Figure("queue", _geometric(0.1, 5_000, 1.15))
"""Kilobytes."""
SINR = Figure("sinr", (-50.0, *_even(-30, 50, 1)))
DONE = Figure("done", _share(0.02, 30, 1.08))
COUNT = Figure("count", (*_even(0, 20, 1), *_geometric(22, 400, 1.1, zero=False)))
REFUSED = Figure("refused", (0.0, *_geometric(1, 400, 1.4, zero=False)))
BUSY = Figure("busy", _even(0, 1, 0.01))
GRANTED = Figure("granted", _geometric(0.2, 1_900, 1.05))
USED = Figure("used", _geometric(0.02, 1_900, 1.06))
# the model reads the figures below and never writes them
NOMINAL = Figure("nominal", _geometric(0.001, 100, 1.15))
SIZE = Figure("size", _geometric(20, 1_400, 1.2, zero=False))
LOAD = Figure("load", _share(0.02, 50, 1.12))
WAS_LOAD = Figure("wasload", LOAD.grid)
NEED = Figure("need", _geometric(0.02, 100, 1.15))
HAVE = Figure("have", _geometric(0.2, 110, 1.12))
RHO = Figure("rho", _geometric(0.01, 50, 1.12))
WAS_RHO = Figure("wasrho", RHO.grid)
OWN = Figure("own", RHO.grid)
PENDING = Figure("pending", _geometric(0.02, 100, 1.15))
OPEN = Figure("open", COUNT.grid)
FROM = Figure("from", SINR.grid)
SLICE_QUEUE = Figure("slicequeue", QUEUE.grid)
FLUID = Figure("fluid", (*_even(0, 1, 0.02), *_geometric(1.08, 30, 1.15, zero=False)))
WAS_FLUID = Figure("wasfluid", FLUID.grid)
FLUID_QUEUE = Figure("fluidqueue", QUEUE.grid)
SILENT = Figure("silent", _even(0, 30, 1))
EXPECT = Figure("expect", _geometric(0.5, 5_000, 1.1))
WAITING = Figure("waiting", QUEUE.grid)
WIRE = Figure("wire", _geometric(0.5, 10_000, 1.2))
LEAK = Figure("leak", _geometric(0.005, 1, 1.2))
WORK = Figure("work", _geometric(0.01, 100, 1.1))
BACK = Figure("back", _geometric(0.01, 5, 1.1))
PERCENT = {name: Figure(name, _even(0, 100, 1)) for name in ("dedicated", "min", "max")}
DEVICES = Figure("devices", _even(0, 30, 1))
MBPS = Figure("mbps", _geometric(0.002, 200, 1.06))
LOSS = Figure("loss", _geometric(0.001, 1, 1.08))

WRITTEN = (
    LATENCY,
    P95,
    LONGEST,
    JITTER,
    SENT,
    DELIVERED,
    LOST,
    DROPPED,
    QUEUE,
    SINR,
    DONE,
    COUNT,
    REFUSED,
    BUSY,
    GRANTED,
    USED,
    MBPS,
    LOSS,
)
"""Figures that the model writes."""

READ = (
    NOMINAL,
    SIZE,
    LOAD,
    WAS_LOAD,
    NEED,
    HAVE,
    RHO,
    WAS_RHO,
    OWN,
    PENDING,
    OPEN,
    FROM,
    SLICE_QUEUE,
    FLUID,
    WAS_FLUID,
    FLUID_QUEUE,
    SILENT,
    EXPECT,
    WAITING,
    WIRE,
    LEAK,
    WORK,
    BACK,
    *PERCENT.values(),
    DEVICES,
)
"""Figures that the model only reads."""

HANDOVER = ("handover=COMPLETE", "handover=FAILED")


@dataclass(frozen=True, slots=True)
class Blank:
    """A place in an answer that is filled with one word.

    Attributes:
        name: Name of the place.
        words: Words that may stand there.
        figure: Figure whose words they are, if any.
    """

    name: str
    words: tuple[str, ...]
    figure: Figure | None = None


def blank(figure: Figure) -> Blank:
    """A blank for a figure."""
    return Blank(figure.name, figure.words, figure)


HANDOVER_BLANK = Blank("handover", HANDOVER)


def all_figures() -> Sequence[Figure]:
    """Every figure, written or read."""
    return (*WRITTEN, *READ)


def figure_words() -> Iterable[str]:
    """Words of all figures."""
    return (word for figure in all_figures() for word in figure.words)


def words_digest() -> str:
    """Hash of the words of all figures, 12 digits. A model trained on other words cannot be used."""
    return hashlib.sha256("\n".join(figure_words()).encode()).hexdigest()[:12]
