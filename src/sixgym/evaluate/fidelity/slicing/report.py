"""The page of the slicing comparison."""

from collections.abc import Iterator

from sixgym.evaluate.fidelity.slicing.comparison import AccuracyGoal, SliceErrors
from sixgym.evaluate.fidelity.slicing.figures import SlicingFigures
from sixgym.evaluate.fidelity.slicing.metrics import METRICS, MIN_PACKETS
from sixgym.evaluate.fidelity.slicing.ranking import RankAgreement
from sixgym.evaluate.markdown import bare, number, table, within
from sixgym.evaluate.statistics import CONFIDENCE, RESAMPLES, Estimate

LABELS = {metric.name: metric.label for metric in METRICS}
FOLLOWED_LABELS = {"delay_ms": "mean delay", "queue_kb": "queue", "throughput_mbps": "throughput"}


def slicing_page(figures: SlicingFigures, stem: str) -> str:
    """The page in Markdown. Its plots and figures have the same stem."""
    parts = (
        _heading(figures, stem),
        _goals(figures),
        _order(figures),
        _response(figures, stem),
        *(_slice(figures, kind) for kind in dict.fromkeys(errors.slice for errors in figures.cells)),
        _method(stem),
    )
    return "\n".join(line for part in parts for line in part)


def summary_lines(figures: SlicingFigures) -> Iterator[str]:
    """A line for each goal, for a terminal."""
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


def _heading(figures: SlicingFigures, stem: str) -> Iterator[str]:
    candidate, reference = figures.candidate, figures.reference
    seeds = figures.topology_seeds
    yield f"# How far {candidate.label(reference)} is from {reference.network}: slicing"
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
            "Both simulators run on the same topologies with the same network seeds. Where both draw from "
            "the same random streams, a pair of runs has the same traffic and fading."
        )
    else:
        yield (
            "The candidate has the topologies of the reference, with other traffic and other fading. This "
            "page shows the distance between two runs of one simulator for that reason alone."
        )
    yield ""


def _goals(figures: SlicingFigures) -> Iterator[str]:
    yield "## Goals"
    yield ""
    yield (
        "The error is the mean absolute difference of paired runs, over slices, schedules and seeds, with "
        f"its {CONFIDENCE:.0%} interval. The bias is the mean difference with its sign. A goal is met if "
        "the error is within the goal. Worst is the slice and schedule with the largest error, mean over "
        "seeds. The last column is the error of the reference against itself with another network seed, "
        "which gives other traffic and fading."
    )
    yield ""
    yield from table(
        ("", "goal", "error", "", "bias", "worst slice and schedule", "its error", "", "another seed"),
        (_goal_row(goal) for goal in figures.goals),
    )
    yield (
        "Where both simulators grant the same PRBs, spectral efficiency and throughput have the same "
        "relative error. Bits per PRB used, in the tables below, compare the links."
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


def _order(figures: SlicingFigures) -> Iterator[str]:
    yield "## Order of schedules"
    yield ""
    yield (
        "Same order is the share of pairs of schedules on one network that both simulators put in the same "
        "order. Utility is that of the slicing paper for a step of 100 ms: 15 SE + 15 (1 - reconfigured) - "
        "300 violated. A pair is clear if the reference has the same order with another network seed, and "
        "noisy otherwise; the share counts both. By means: the order of the schedules' means over seeds. "
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


def _response(figures: SlicingFigures, stem: str) -> Iterator[str]:
    yield "## Response to a quota step"
    yield ""
    yield (
        f"Schedule `{figures.schedules[-1]}`, averaged over periods and seeds. The distance is the mean over "
        "time of the absolute difference between the two curves, in percent of the reference's mean."
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


def _slice(figures: SlicingFigures, kind: str) -> Iterator[str]:
    names = [metric.name for metric in METRICS]
    found = {(errors.schedule, errors.metric): errors for errors in figures.cells if errors.slice == kind}
    yield f"## {kind}: error of every schedule"
    yield ""
    yield "Mean absolute error with its interval; the bias is below it."
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
        "A static schedule `a+b` gives a of the carrier's 25 PRBs to the first slice and b to the second, "
        "for their sole use; the other PRBs stay idle. `random` draws a new allocation every 100 ms. Delay "
        "quantiles come from counts of all packets in bins 6 % apart, interpolated on the logarithmic "
        f"scale; a run with fewer than {MIN_PACKETS} delivered packets has none. Late packets are a share "
        "of the delivered packets, lost packets a share of the delivered and lost packets. Spectral "
        "efficiency counts the PRBs granted, bits per PRB used counts the PRBs transmitted on. Relative "
        "errors are in percent of the reference's run and exist where the reference is not 0. Intervals: "
        f"percentile bootstrap over topology seeds, {RESAMPLES} samples."
    )
    yield ""


def _error_and_bias(errors: SliceErrors) -> str:
    return f"{bare(errors.error)}<br>{bare(errors.bias, '+')}"


def _means(errors: SliceErrors) -> str:
    return f"{number(errors.reference)} → {number(errors.candidate)}"


def _shares(estimate: Estimate | None) -> str:
    if estimate is None:
        return "–"
    return f"{estimate.value:.1%} ({estimate.low:.1%} to {estimate.high:.1%})"


def _verdict(met: bool) -> str:
    return "met" if met else "missed"
