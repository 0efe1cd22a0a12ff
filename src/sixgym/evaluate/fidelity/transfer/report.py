"""The page of the grounded validation."""

from collections.abc import Iterator, Mapping

from sixgym.evaluate.fidelity.transfer.disagreements import VerdictDisagreement
from sixgym.evaluate.fidelity.transfer.figures import AgentFigures, GroupFigures, TransferFigures
from sixgym.evaluate.fidelity.transfer.rows import GradedPart
from sixgym.evaluate.markdown import number, table
from sixgym.scoring.metrics import Ends

DASH = "–"


def transfer_page(figures: TransferFigures, stem: str) -> str:
    """The page in Markdown. Its figures have the same stem."""
    parts = (
        _heading(figures, stem),
        _agents(figures, figures.overall),
        _over_agents(figures),
        _closed_loop(figures),
        _where(figures),
        _disagreements(figures),
        _failures(figures),
    )
    return "\n".join(line for part in parts for line in part)


def summary_lines(figures: TransferFigures) -> Iterator[str]:
    """A line for each agent, and the verdict, for a terminal."""
    candidate, reference = figures.candidate.name, figures.reference.name
    for one in figures.overall.agents:
        yield (
            f"{one.agent:<12} n {one.n:>3}   {candidate} {_percent(one.candidate):>5} %   "
            f"{reference} {_percent(one.reference):>5} %   gap {_signed(one.gap):>6}   "
            f"same verdict {_percent(one.agreement):>5} %"
        )
    yield _verdict(figures)


def _heading(figures: TransferFigures, stem: str) -> Iterator[str]:
    candidate, reference = figures.candidate, figures.reference
    tiers = ", ".join(f"{count} of {tier}" for tier, count in figures.tasks.items())
    first, last = figures.topology_seeds
    yield f"# How far success on {candidate.name} is from success on {reference.name}"
    yield ""
    yield (
        f"Made by `{figures.command}`: {sum(figures.tasks.values())} tasks ({tiers}) of {figures.task_set} "
        f"(sha256 {figures.task_set_sha256[:12]}), topology seeds {first} to {last}, one trial each, agents "
        f"seeded by task. Candidate {candidate.name} {candidate.version}, reference {reference.name} "
        f"{reference.version}, graded by version {figures.grader} of the rules. Every figure: `{stem}.json`."
    )
    yield ""
    how = (
        f"Every agent acts on {candidate.name}. Its tool calls are then replayed on {reference.name} in the "
        "same order, with the same final answer. Both episodes are graded by the measurements of their "
        "network, as in table III of 6GAgentGym."
        if figures.replayed
        else f"Every agent acts on {candidate.name} and, with the same tasks and seeds, on {reference.name}. "
        "Both are in closed loop, so the actions may differ as well. Both episodes are graded by the "
        "measurements of their network."
    )
    yield (
        f"{how} The gap is the success rate on {candidate.name} minus that on {reference.name}, in points, "
        "with an interval paired by task. Same verdict is the share of tasks met on both networks or missed "
        "on both. Intervals are 95 %."
    )
    yield ""


def _agents(figures: TransferFigures, group: GroupFigures) -> Iterator[str]:
    candidate, reference = figures.candidate.name, figures.reference.name
    head = (
        "agent",
        "n",
        f"{candidate}, %",
        f"{reference}, %",
        "gap, points",
        "same verdict, %",
        f"only on {candidate}",
        f"only on {reference}",
    )
    yield from table(head, map(_agent_row, group.agents))


def _agent_row(one: AgentFigures) -> tuple[str, ...]:
    return (
        one.agent,
        str(one.n),
        _rate(one.candidate, one.candidate_ci95),
        _rate(one.reference, one.reference_ci95),
        f"{_signed(one.gap)} ({_signed(one.gap_ci95[0])} to {_signed(one.gap_ci95[1])})",
        _rate(one.agreement, one.agreement_ci95),
        str(one.only_candidate),
        str(one.only_reference),
    )


def _over_agents(figures: TransferFigures) -> Iterator[str]:
    yield "## Over agents"
    yield ""
    rows = {"all": figures.overall, "in between": figures.in_between}
    yield from _groups("agents", {name: one for name, one in rows.items() if one is not None})
    yield _verdict(figures)
    yield ""
    yield (
        "In between are the agents that met a task on either network, without the reference solution. The "
        "other agents agree almost by construction, and stretch the correlation from 0 % to 100 %. r is "
        "Pearson's correlation of the agents' success rates on the two networks. r does not exist with fewer "
        "than three agents or with equal success rates; its interval needs four agents."
    )
    yield ""


def _verdict(figures: TransferFigures) -> str:
    overall = figures.overall
    words = "met" if figures.goals_met else "missed"
    return (
        f"Goals {words}: mean absolute gap {_percent(overall.mean_gap)} points, at most "
        f"{_percent(figures.mean_gap_goal)}; largest {_percent(overall.largest_gap)} points, at most "
        f"{_percent(figures.largest_gap_goal)}."
    )


def _groups(what: str, groups: Mapping[str, GroupFigures]) -> Iterator[str]:
    head = (what, "agents", "episodes", "mean gap", "largest gap", "same verdict, %", "r")
    yield from table(head, (_group_row(name, one) for name, one in groups.items()))


def _group_row(name: str, group: GroupFigures) -> tuple[str, ...]:
    worst = max(group.agents, key=lambda one: abs(one.gap))
    return (
        name,
        str(len(group.agents)),
        str(sum(one.n for one in group.agents)),
        _percent(group.mean_gap),
        f"{_percent(group.largest_gap)} ({worst.agent})" if group.largest_gap else "0.0",
        _rate(group.agreement, group.agreement_ci95),
        _correlation(group),
    )


def _correlation(group: GroupFigures) -> str:
    if group.correlation is None:
        return DASH
    if group.correlation_ci95 is None:
        return f"{group.correlation:.3f}"
    low, high = group.correlation_ci95
    return f"{group.correlation:.3f} ({low:.3f} to {high:.3f})"


def _closed_loop(figures: TransferFigures) -> Iterator[str]:
    if figures.closed_loop is None:
        return
    yield "## Closed loop"
    yield ""
    yield (
        f"The same agents act on {figures.reference.name} itself and react to its measurements. Where a "
        "verdict differs here and not above, the agent acted differently."
    )
    yield ""
    yield from _agents(figures, figures.closed_loop)
    yield from _groups("agents", {"closed loop": figures.closed_loop})


def _where(figures: TransferFigures) -> Iterator[str]:
    yield "## By tier and domain"
    yield ""
    yield "Absolute gaps in points. With fewer tasks, chance alone makes the gaps larger."
    yield ""
    places = {**figures.tiers, **figures.domains}
    yield from _groups("", places)
    yield f"Success in percent, {figures.candidate.name} → {figures.reference.name}:"
    yield ""
    names = [one.agent for one in figures.overall.agents]
    yield from table(
        ("", *names), ((place, *(_arrow(one, name) for name in names)) for place, one in places.items())
    )


def _arrow(group: GroupFigures, agent: str) -> str:
    for one in group.agents:
        if one.agent == agent:
            return f"{_percent(one.candidate)} → {_percent(one.reference)}"
    return DASH


def _disagreements(figures: TransferFigures) -> Iterator[str]:
    candidate, reference = figures.candidate.name, figures.reference.name
    yield "## Where verdicts differ"
    yield ""
    if not figures.disagreements:
        yield "Nowhere."
        yield ""
        return
    yield (
        f"Parts of goals that were missed on one network and met on the other, over "
        f"{len(figures.disagreements)} episodes. Several parts may differ in one episode."
    )
    yield ""
    yield from table(
        ("metric", f"missed on {candidate} only", f"missed on {reference} only"),
        ((one.metric, str(one.missed_on_candidate), str(one.missed_on_reference)) for one in figures.causes),
    )
    if unknown := sum(not one.decided for one in figures.disagreements):
        yield (
            f"The table leaves out {unknown} episodes that were missed on {reference} only: their grade "
            "alone is stored."
        )
        yield ""
    yield (
        "Each part: the share of the counting intervals in which it was met, then the lowest, median and "
        "highest value measured in these intervals, in the metric's unit."
    )
    yield ""
    yield from table(
        ("task", "tier", "agent", "met on", "refused calls", "decided by", candidate, reference),
        (_row(figures, one) for one in figures.disagreements),
    )


def _row(figures: TransferFigures, one: VerdictDisagreement) -> tuple[str, ...]:
    sides = {"candidate": figures.candidate.name, "reference": figures.reference.name}
    refused = f"{one.refused_candidate} → {one.refused_reference} of {one.calls}"
    return (
        one.task,
        one.tier,
        one.agent,
        sides[one.met_on],
        refused if one.refused_candidate or one.refused_reference else "none",
        "<br>".join(decided.candidate.about for decided in one.decided),
        "<br>".join(_values(decided.candidate) for decided in one.decided),
        "<br>".join(_values(decided.reference) for decided in one.decided),
    )


def _values(part: GradedPart) -> str:
    held = "met" if part.met else "missed"
    if part.held is not None:
        held = f"{100 * part.held:.0f} %"
    if part.median is None:
        return held
    return f"{held}: {number(part.lowest)}, {number(part.median)}, {number(part.highest)}"


def _failures(figures: TransferFigures) -> Iterator[str]:
    if not figures.failures:
        return
    sides = {"candidate": figures.candidate.name, "reference": figures.reference.name}
    yield "## Infrastructure failures"
    yield ""
    yield "These episodes are left out above. The same command tries them again."
    yield ""
    yield from table(
        ("task", "agent", "network", "reason"),
        ((one.task, one.agent, sides[one.network], _line(one.reason)) for one in figures.failures),
    )


def _line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")[:200]


def _rate(share: float, ends: Ends) -> str:
    return f"{_percent(share)} ({_percent(ends[0])} to {_percent(ends[1])})"


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}" if round(100 * share, 1) else "0.0"
