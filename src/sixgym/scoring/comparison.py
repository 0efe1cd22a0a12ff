"""Comparing two runs over the same tasks: two agents on one network, or one agent on two networks."""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Annotated

from pydantic import Field

from sixgym.domain.base import Ratio, Record
from sixgym.scoring import intervals
from sixgym.scoring.metrics import (
    Ends,
    MetricError,
    by_task,
    counted,
    path_efficiency,
    require_one_run,
)
from sixgym.scoring.result import Count, Result

Difference = Annotated[float, Field(ge=-1, le=1)]
Range = tuple[Difference, Difference]


class RunComparison(Record):
    """The difference between a candidate run and a baseline run over their shared tasks, equally weighted.

    Attributes:
        tasks: Number of tasks that both runs have.
        only_candidate, only_baseline: Number of tasks that only one run has. These tasks do not count.
        candidate_success_rate, baseline_success_rate: Success rate of each run: the mean over the shared
            tasks of the mean over their trials.
        success_difference, ci95: Candidate's success rate less the baseline's, with a 95 % interval paired by
            task.
        candidate_spl, baseline_spl, spl_difference, spl_ci95: The same figures for SPL.
        won, lost, tied: Number of tasks in which the candidate succeeded more often, less often and as often.
        mcnemar_p: Exact two-sided p-value of McNemar's test (1947) on won and lost tasks; None if a task has
            several trials.
    """

    tasks: Annotated[int, Field(ge=1)]
    only_candidate: Count
    only_baseline: Count
    candidate_success_rate: Ratio
    baseline_success_rate: Ratio
    success_difference: Difference
    ci95: Range
    candidate_spl: Ratio
    baseline_spl: Ratio
    spl_difference: Difference
    spl_ci95: Range
    won: Count
    lost: Count
    tied: Count
    mcnemar_p: Ratio | None


class AgentGap(Record):
    """One agent on the candidate network and on the reference network.

    Attributes:
        agent: Name of the agent.
        comparison: The run on the candidate network compared with the run on the reference network.
        episodes: Number of episodes (task and trial) that both networks have.
        agreement, agreement_ci95: Share of these episodes with the same verdict on both networks.
    """

    agent: str
    comparison: RunComparison
    episodes: Count
    agreement: Ratio
    agreement_ci95: Ends


class Gap(Record):
    """How far success on a candidate network is from success on a reference network.

    Attributes:
        agents: The agents with results on both networks, by name.
        mean_gap, largest_gap: Mean and maximum over agents of the absolute difference in success rate.
        agreement, agreement_ci95: Share of all episodes with the same verdict on both networks; the episodes
            of a task, over all agents, are one cluster.
        correlation: Pearson's r between the agents' success rates on the two networks; None with fewer than
            three agents, or if all agents have the same rate on one network.
        correlation_ci95: 95 % interval of r over agents (Fisher's z); None with fewer than four agents, or at
            r = 1.
    """

    agents: Annotated[tuple[AgentGap, ...], Field(min_length=1)]
    mean_gap: Ratio
    largest_gap: Ratio
    agreement: Ratio
    agreement_ci95: Ends
    correlation: Difference | None
    correlation_ci95: Range | None


def compare(
    candidate: Iterable[Result], baseline: Iterable[Result], *, exclude_infrastructure: bool = False
) -> RunComparison:
    """Compare a candidate run with a baseline run over the tasks that both have.

    Args:
        candidate, baseline: The results of one agent each, one result for each task and trial.
        exclude_infrastructure: Leave out episodes with an infrastructure failure, instead of counting them as
            failed.

    Raises:
        MetricError: the runs share no task, were graded by different versions of the rules, or hold several
            agents or several results of one task and trial.
    """
    ours, theirs = list(candidate), list(baseline)
    require_one_run(ours)
    require_one_run(theirs)
    _require_same_grader(ours, theirs)
    left = by_task(counted(ours, exclude_infrastructure=exclude_infrastructure))
    right = by_task(counted(theirs, exclude_infrastructure=exclude_infrastructure))
    shared = sorted(left.keys() & right.keys())
    if not shared:
        raise MetricError("the two runs share no task; compare runs over the same task set")
    pairs = [(left[task], right[task]) for task in shared]
    success = _differences(pairs, lambda row: float(row.success))
    path = _differences(pairs, path_efficiency)
    won, lost = sum(d > 0 for d in success), sum(d < 0 for d in success)
    tried_once = all(len(a) == len(b) == 1 for a, b in pairs)
    return RunComparison(
        tasks=len(shared),
        only_candidate=len(left) - len(shared),
        only_baseline=len(right) - len(shared),
        candidate_success_rate=fmean([fmean([row.success for row in a]) for a, _ in pairs]),
        baseline_success_rate=fmean([fmean([row.success for row in b]) for _, b in pairs]),
        success_difference=fmean(success),
        ci95=intervals.paired(success),
        candidate_spl=fmean([fmean(map(path_efficiency, a)) for a, _ in pairs]),
        baseline_spl=fmean([fmean(map(path_efficiency, b)) for _, b in pairs]),
        spl_difference=fmean(path),
        spl_ci95=intervals.paired(path),
        won=won,
        lost=lost,
        tied=len(shared) - won - lost,
        mcnemar_p=mcnemar(won, lost) if tried_once else None,
    )


def mcnemar(won: int, lost: int) -> float:
    """Exact two-sided p-value of McNemar's test.

    It is the probability that a fair coin splits `won + lost` tosses at least as unevenly.
    """
    flips = won + lost
    tail = sum(math.comb(flips, heads) for heads in range(min(won, lost) + 1))
    return min(1.0, 2 * tail / 2**flips)


def gap(
    candidate: Iterable[Result], reference: Iterable[Result], *, exclude_infrastructure: bool = False
) -> Gap:
    """How far success on the candidate network is from the reference network, by agent and overall.

    Raises:
        MetricError: no agent has results on both networks, or the results of an agent cannot be compared,
            see `compare`.
    """
    here = _by_agent(counted(candidate, exclude_infrastructure=exclude_infrastructure))
    there = _by_agent(counted(reference, exclude_infrastructure=exclude_infrastructure))
    if not (names := sorted(here.keys() & there.keys())):
        raise MetricError("no agent has results on both networks; run at least one agent on each")
    agents: list[AgentGap] = []
    verdicts: dict[str, list[bool]] = {}
    for name in names:
        comparison = compare(here[name], there[name])
        same = _same_verdicts(here[name], there[name])
        if not same:
            raise MetricError(
                f"agent {name} has no trial of a task on both networks; run the same trials on both"
            )
        agreement, ends = _agreement(same)
        agents.append(
            AgentGap(
                agent=name,
                comparison=comparison,
                episodes=sum(map(len, same.values())),
                agreement=agreement,
                agreement_ci95=ends,
            )
        )
        for task, verdict in same.items():
            verdicts.setdefault(task, []).extend(verdict)
    gaps = [abs(agent.comparison.success_difference) for agent in agents]
    agreement, ends = _agreement(verdicts)
    r, r_ends = intervals.correlation(
        [agent.comparison.candidate_success_rate for agent in agents],
        [agent.comparison.baseline_success_rate for agent in agents],
    )
    return Gap(
        agents=tuple(agents),
        mean_gap=fmean(gaps),
        largest_gap=max(gaps),
        agreement=agreement,
        agreement_ci95=ends,
        correlation=r,
        correlation_ci95=r_ends,
    )


def _require_same_grader(ours: Sequence[Result], theirs: Sequence[Result]) -> None:
    if ours and theirs and ours[0].grader != theirs[0].grader:
        raise MetricError(
            f"the runs were graded by versions {ours[0].grader} and {theirs[0].grader} of the rules; "
            "grade both again"
        )


def _by_agent(rows: Iterable[Result]) -> dict[str, list[Result]]:
    agents: dict[str, list[Result]] = {}
    for row in rows:
        agents.setdefault(row.agent, []).append(row)
    return agents


def _same_verdicts(here: Iterable[Result], there: Iterable[Result]) -> dict[str, list[bool]]:
    """For each task, whether each trial on both networks has the same verdict."""
    reference = {row.key: row.success for row in there}
    same: dict[str, list[bool]] = {}
    for row in here:
        if row.key in reference:
            same.setdefault(row.task, []).append(row.success == reference[row.key])
    return same


def _agreement(same: dict[str, list[bool]]) -> tuple[float, intervals.Interval]:
    sums, counts = [sum(verdicts) for verdicts in same.values()], [len(v) for v in same.values()]
    return sum(sums) / sum(counts), intervals.clustered(sums, counts)


def _differences(
    pairs: Iterable[tuple[Sequence[Result], Sequence[Result]]], value: Callable[[Result], float]
) -> list[float]:
    return [fmean([value(row) for row in a]) - fmean([value(row) for row in b]) for a, b in pairs]
