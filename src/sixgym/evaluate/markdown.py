"""Tables and estimates in Markdown."""

from collections.abc import Iterable, Iterator, Sequence

from sixgym.evaluate.statistics import Estimate


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table, and the empty line after it."""
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def within(estimate: Estimate | None, unit: str, sign: str = "") -> str:
    """The value, its interval and the unit, or a dash."""
    return "–" if estimate is None else f"{bare(estimate, sign)} {unit}"


def bare(estimate: Estimate | None, sign: str = "") -> str:
    """The value and its interval, or a dash; with `sign` `+`, positive values have their sign."""
    if estimate is None:
        return "–"
    return f"{estimate.value:{sign}.3g} ({estimate.low:{sign}.3g} to {estimate.high:{sign}.3g})"


def number(figure: float | None) -> str:
    """A figure with three digits, or a dash where there is none."""
    return "–" if figure is None else f"{figure:.3g}"
