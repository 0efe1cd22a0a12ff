"""The comparison as a page for people."""

from collections.abc import Iterator

from sixgym.evaluate.fidelity.slicing.figures import AccuracyGoal, Figures, RankAgreement, SliceErrors, Source
from sixgym.evaluate.fidelity.slicing.metrics import METRICS, MIN_PACKETS
from sixgym.evaluate.fidelity.statistics import CONFIDENCE, RESAMPLES, Estimate
from sixgym.evaluate.markdown import bare, number, table, within

LABELS = {metric.name: metric.label for metric in METRICS}
FOLLOWED_LABELS = {"delay_ms": "mean delay", "queue_kb": "queue", "throughput_mbps": "throughput"}


def page(figures: Figures, stem: str) -> str:
    """The page in Markdown. Plots and figures are beside it under the same stem."""
    parts = (
        _heading(figures, stem),
        _goals(figures),
        _order(figures),
        _response(figures, stem),
        *(_slice(figures, kind) for kind in dict.fromkeys(cell.slice for cell in figures.cells)),
        _method(stem),
    )
    return "\n".join(line for part in parts for line in part)


def summary_lines(figures: Figures) -> Iterator[str]:
    """The verdicts, a line each, for a terminal."""
    for goal in figures.goals:
        yield (
            f"{_verdict(goal.met):6}  {LABELS[goal.metric]}: {within(goal.error, goal.unit)}, "
            f"goal {goal.goal:g} {goal.unit}; worst {within(goal.worst.error, goal.unit)} "
            f"({goal.worst.slice}, {goal.worst.schedule})"
        )
    utility = figures.orders[0]
    yield (
        f"{_verdict(utility.same.value >= figures.order_goal):6}  same order of two schedules: "
        f"{_shares(utility.same)} of pairs, goal {figures.order_goal:.0%}"
    )


def _heading(figures: Figures, stem: str) -> Iterator[str]:
    candidate, reference = figures.candidate, figures.reference
    seeds = figures.topology_seeds
    yield f"# How far {_named(candidate)} is from {reference.network}: slicing"
    yield ""
    yield (
        f"Made by `{figures.command}`: scenario {figures.scenario}, topology seeds {seeds[0]} to {seeds[-1]} "
        f"({len(seeds)}), {len(figures.schedules)} control schedules of {figures.seconds:g} s after the "
        f"warm-up on each. Candidate {candidate.network} {candidate.version}, reference {reference.network} "
        f"{reference.version}. Every figure: `{stem}.json`."
    )
    yield ""
    if candidate.replica == reference.replica:
        yield (
            "Both run on the same places with the same network seed. Where they draw from the same random "
            "streams, each run is held against its replicate with the same traffic and fading."
        )
    else:
        yield (
            "The candidate sees the places of the reference, but other traffic and other fading: this page "
            "shows how far apart two runs of one simulator are for that reason alone."
        )
    yield ""


def _goals(figures: Figures) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield (
        "Error is the mean absolute difference of paired runs, over slices, schedules and seeds, with its "
        f"{CONFIDENCE:.0%} interval; bias is the same with its sign. A goal is met if the error is within "
        "it. Worst is the slice and schedule with the largest error, mean over seeds. The last column is "
        "the reference against itself with another network seed: other traffic, other fading."
    )
    yield ""
    yield from table(
        ("", "goal", "error", "", "bias", "worst slice and schedule", "its error", "", "another seed"),
        (_goal_row(goal) for goal in figures.goals),
    )
    yield (
        "Where the same PRBs are granted, spectral efficiency and throughput have the same relative error; "
        "bits per PRB used, further down, tell the links apart."
    )
    yield ""
    utility = figures.orders[0]
    yield (
        f"Same order of any two schedules by utility: {_shares(utility.same)} of {utility.pairs} pairs, "
        f"goal {figures.order_goal:.0%}: **{_verdict(utility.same.value >= figures.order_goal)}**."
    )
    yield ""


def _goal_row(goal: AccuracyGoal) -> tuple[str, ...]:
    return (
        LABELS[goal.metric],
        f"{goal.goal:g} {goal.unit}",
        within(goal.error, goal.unit),
        f"**{_verdict(goal.met)}**",
        within(goal.bias, goal.unit, sign="+"),
        f"{goal.worst.slice}, {goal.worst.schedule}",
        within(goal.worst.error, goal.unit),
        _verdict(goal.worst_met),
        within(goal.floor, goal.unit),
    )


def _order(figures: Figures) -> Iterator[str]:
    yield "## RankAgreement of schedules"
    yield ""
    yield (
        "For every two schedules on one network: does the candidate put them in the order of the reference? "
        "Utility is the slicing paper's, per 100 ms step: 15 SE + 15 (1 - reconfigured) - 300 violated. "
        "A pair is clear if the reference orders it alike with another network seed, and noisy otherwise; "
        "the share counts both. By means: each schedule's mean over seeds, one order for all networks. "
        "Pairs that are equal on the reference have no order and are left out."
    )
    yield ""
    yield from table(
        ("by", "same order", "clear pairs", "noisy pairs", "equal pairs", "by means", "another seed"),
        (_order_row(order) for order in figures.orders),
    )


def _order_row(order: RankAgreement) -> tuple[str, ...]:
    metric, _, kind = order.by.partition(" ")
    return (
        f"{LABELS.get(metric, metric)} {kind}".strip(),
        _shares(order.same),
        f"{_shares(order.clear)} of {order.clear_pairs}",
        f"{_shares(order.noisy)} of {order.noisy_pairs}",
        str(order.ties),
        "–" if order.of_means is None else f"{order.of_means:.1%}",
        _shares(order.floor),
    )


def _response(figures: Figures, stem: str) -> Iterator[str]:
    yield "## Response to a quota step"
    yield ""
    yield (
        f"Programme `{figures.schedules[-1]}`, averaged over periods and seeds. Distance: mean over time of "
        "the absolute difference of the two curves, in percent of the reference's mean."
    )
    yield ""
    yield f"![Mean delay, queue and throughput against time since the step]({stem}-response.svg)"
    yield ""
    yield from table(
        ("slice", "", "distance", "another seed"),
        (
            (one.slice, FOLLOWED_LABELS[one.metric], within(one.distance, "%"), within(one.floor, "%"))
            for one in figures.responses
        ),
    )


def _slice(figures: Figures, kind: str) -> Iterator[str]:
    names = [metric.name for metric in METRICS]
    found = {(cell.schedule, cell.metric): cell for cell in figures.cells if cell.slice == kind}
    yield f"## {kind}: error of every schedule"
    yield ""
    yield "Mean absolute error with its interval, and below it the bias."
    yield ""
    yield from table(
        ("schedule", *(f"{metric.label}, {metric.unit}" for metric in METRICS)),
        (
            (schedule, *(_error_and_bias(found[schedule, name]) for name in names))
            for schedule in figures.schedules
        ),
    )
    yield f"Means over seeds, {figures.reference.network} → {figures.candidate.network}:"
    yield ""
    yield from table(
        ("schedule", *names),
        ((schedule, *(_means(found[schedule, name]) for name in names)) for schedule in figures.schedules),
    )


def _method(stem: str) -> Iterator[str]:
    yield "## Distribution of the delay"
    yield ""
    yield "Packets of all seeds together."
    yield ""
    yield f"![Share of packets by delay, for every schedule and slice]({stem}.svg)"
    yield ""
    yield "## Method"
    yield ""
    yield (
        "A static schedule `a+b` gives the first slice a and the second b of the carrier's 25 PRBs, for "
        "themselves alone; the rest stays idle. `random` draws a new allocation every 100 ms. Delay "
        "quantiles come from counts of all packets in bins 6 % apart, interpolated on the logarithmic scale; "
        f"a run with fewer than {MIN_PACKETS} delivered packets has none. Late packets are a share of the "
        "delivered ones, lost packets of all that were settled. Spectral efficiency counts the PRBs granted, "
        "bits per PRB used those transmitted on. Relative errors are in percent of the reference's run and "
        "exist where that is not 0. Intervals: percentile bootstrap over topology seeds, "
        f"{RESAMPLES} samples."
    )
    yield ""


def _error_and_bias(cell: SliceErrors) -> str:
    return f"{bare(cell.error)}<br>{bare(cell.bias, '+')}"


def _means(cell: SliceErrors) -> str:
    return f"{number(cell.reference)} → {number(cell.candidate)}"


def _named(source: Source) -> str:
    return source.network if source.replica == 0 else f"{source.network} with another network seed"


def _shares(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"


def _verdict(met: bool) -> str:
    return "met" if met else "missed"
