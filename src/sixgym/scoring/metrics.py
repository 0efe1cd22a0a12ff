"""Metrics of a benchmark run from its graded episodes.

A rate is a share of episodes. An episode with an infrastructure failure counts as failed, unless the caller
leaves it out.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Annotated

from pydantic import Field

from sixgym.domain.base import NonNegative, Ratio, Record
from sixgym.scoring import intervals
from sixgym.scoring.result import Count, Result

Ends = tuple[Ratio, Ratio]


class MetricError(ValueError):
    """These results have no such metric. The message gives the reason."""


class RunSummary(Record):
    """The metrics of a group of results. Shares are 0 to 1; intervals are 95 % intervals, clustered by task.

    Attributes:
        n: Number of episodes that count.
        tasks: Number of tasks in these episodes.
        tier_mix: Share of each tier in the episodes; overall rates are over this mix.
        success_rate, ci95: Share of episodes that met their goal.
        spl, spl_ci95: Success weighted by path length; see `spl`.
        pass_k, pass_k_ci95: pass^k by k, up to the number of trials that all tasks have; None with one trial.
        validity: Share of tool calls that were not refused; None without a call.
        unsafe: Share of episodes in which a safety constraint was violated.
        violations: Mean number of safety violations per episode.
        infrastructure_failures: Number of episodes with an infrastructure failure, counted in `n` or not.
        calls: Mean number of tool calls per episode.
        tokens, tokens_mean: Tokens of all episodes, and mean per episode with a language model; None without
            one.
        cost_usd, cost_usd_mean: Cost of these tokens in US dollars, total and mean; None if no price is
            known.
        agent_s, agent_s_mean: Wall-clock seconds in the agent, total and mean per episode.
        world_s, world_s_mean: Wall-clock seconds in the network, total and mean per episode.
    """

    n: Annotated[int, Field(ge=1)]
    tasks: Annotated[int, Field(ge=1)]
    tier_mix: dict[str, Ratio]
    success_rate: Ratio
    ci95: Ends
    spl: Ratio
    spl_ci95: Ends
    pass_k: dict[int, Ratio] | None
    pass_k_ci95: dict[int, Ends] | None
    validity: Ratio | None
    unsafe: Ratio
    violations: NonNegative
    infrastructure_failures: Count
    calls: NonNegative
    tokens: Count | None
    tokens_mean: NonNegative | None
    cost_usd: NonNegative | None
    cost_usd_mean: NonNegative | None
    agent_s: NonNegative
    agent_s_mean: NonNegative
    world_s: NonNegative
    world_s_mean: NonNegative


class Reweighted(Record):
    """Overall rates for another mix of tiers."""

    tier_mix: dict[str, Ratio]
    success_rate: Ratio
    ci95: Ends
    spl: Ratio
    spl_ci95: Ends


def summarise(results: Iterable[Result], *, exclude_infrastructure: bool = False) -> RunSummary:
    """The metrics of a run, or of a part of it.

    Args:
        results: The results of one agent on one network, one for each task and trial.
        exclude_infrastructure: Leave out episodes with an infrastructure failure, instead of counting them as
            failed.

    Raises:
        MetricError: no result is left to count, a task and trial appears twice, or the results were graded by
            different versions of the rules.
    """
    given = list(results)
    require_one_run(given)
    rows = counted(given, exclude_infrastructure=exclude_infrastructure)
    if not rows:
        raise MetricError("no results to summarise: the run is empty, or all its episodes are left out")
    trials = [len(task) for task in by_task(rows).values()]
    ks = range(1, min(trials) + 1) if max(trials) > 1 else range(0)
    tokens = [row.tokens for row in rows if row.tokens is not None]
    costs = [row.cost_usd for row in rows if row.cost_usd is not None]
    agent_s, world_s = math.fsum(row.agent_s for row in rows), math.fsum(row.world_s for row in rows)
    return RunSummary(
        n=len(rows),
        tasks=len(trials),
        tier_mix=tier_mix(rows),
        success_rate=success_rate(rows),
        ci95=success_interval(rows),
        spl=spl(rows),
        spl_ci95=spl_interval(rows),
        pass_k={k: pass_hat_k(rows, k) for k in ks} or None,
        pass_k_ci95={k: pass_hat_k_interval(rows, k) for k in ks} or None,
        validity=validity(rows),
        unsafe=sum(row.violations > 0 for row in rows) / len(rows),
        violations=sum(row.violations for row in rows) / len(rows),
        infrastructure_failures=sum(row.infrastructure_failure is not None for row in given),
        calls=sum(row.calls for row in rows) / len(rows),
        tokens=sum(tokens) if tokens else None,
        tokens_mean=sum(tokens) / len(tokens) if tokens else None,
        cost_usd=math.fsum(costs) if costs else None,
        cost_usd_mean=math.fsum(costs) / len(costs) if costs else None,
        agent_s=agent_s,
        agent_s_mean=agent_s / len(rows),
        world_s=world_s,
        world_s_mean=world_s / len(rows),
    )


def by_tier(
    results: Iterable[Result], tiers: Sequence[str], *, exclude_infrastructure: bool = False
) -> dict[str, RunSummary]:
    """The summary of each tier with results that count, in the given order.

    Raises:
        MetricError: a result belongs to another tier, or cannot be summarised, see `summarise`.
    """
    return _by(lambda row: row.tier, results, tiers, exclude_infrastructure)


def by_domain(
    results: Iterable[Result], domains: Sequence[str], *, exclude_infrastructure: bool = False
) -> dict[str, RunSummary]:
    """The summary of each domain with results that count, in the given order.

    Raises:
        MetricError: a result belongs to another domain, or cannot be summarised, see `summarise`.
    """
    return _by(lambda row: row.domain, results, domains, exclude_infrastructure)


def reweighted(tiers: Mapping[str, RunSummary], tier_mix: Mapping[str, float]) -> Reweighted:
    """Overall rates for a mix of tiers, such as a third each, from the summaries of the tiers.

    The overall rate is the sum of share times rate. Its interval follows from the tiers' intervals by
    `intervals.weighted`, since no task is in two tiers.

    Args:
        tiers: Summary of each tier.
        tier_mix: Share of each tier; the shares add up to 1.

    Raises:
        MetricError: the mix and the summaries are of different tiers, or the shares do not add up to 1.
    """
    if set(tier_mix) != set(tiers):
        raise MetricError(f"the mix has the tiers {sorted(tier_mix)}, but the results have {sorted(tiers)}")
    if min(tier_mix.values()) < 0 or not math.isclose(math.fsum(tier_mix.values()), 1, abs_tol=1e-9):
        raise MetricError(f"the shares of a mix of tiers add up to 1, unlike {dict(tier_mix)}")
    weights = [tier_mix[tier] for tier in tiers]
    success, success_ci95 = intervals.weighted(
        [tier.success_rate for tier in tiers.values()], [tier.ci95 for tier in tiers.values()], weights
    )
    path, path_ci95 = intervals.weighted(
        [tier.spl for tier in tiers.values()], [tier.spl_ci95 for tier in tiers.values()], weights
    )
    return Reweighted(
        tier_mix=dict(tier_mix), success_rate=success, ci95=success_ci95, spl=path, spl_ci95=path_ci95
    )


def success_rate(rows: Sequence[Result]) -> float:
    """Success rate (SR): the share of episodes that met their goal."""
    return sum(row.success for row in rows) / len(rows)


def success_interval(rows: Sequence[Result]) -> intervals.Interval:
    """The interval of `success_rate`; Wilson's interval if every task has one trial."""
    return _clustered(rows, lambda row: float(row.success), least_design_effect=1.0)


def path_efficiency(row: Result) -> float:
    """The term of an episode in SPL: S l / max(p, l), with l calls of the reference and p calls of the agent.

    A success with fewer calls than the reference counts 1.
    """
    return row.success * row.reference_calls / max(row.calls, row.reference_calls)


def spl(rows: Sequence[Result]) -> float:
    """Success weighted by path length in calls (Anderson et al. 2018, arXiv 1807.06757)."""
    return math.fsum(map(path_efficiency, rows)) / len(rows)


def spl_interval(rows: Sequence[Result]) -> intervals.Interval:
    """The interval of `spl`."""
    return _clustered(rows, path_efficiency, least_design_effect=0.0)


def pass_hat_k(rows: Sequence[Result], k: int) -> float:
    """pass^k: probability that k trials of a task all succeed, mean over tasks (Yao et al. 2024, tau-bench).

    The estimate for a task with c successes in n trials is C(c, k) / C(n, k), which is unbiased for any n.

    Raises:
        MetricError: k is below 1, or a task has fewer than k trials.
    """
    values = _pass_of_tasks(rows, k)
    return math.fsum(values) / len(values)


def pass_hat_k_interval(rows: Sequence[Result], k: int) -> intervals.Interval:
    """The interval of `pass_hat_k`, a mean over tasks."""
    values = _pass_of_tasks(rows, k)
    return intervals.clustered(values, [1] * len(values), least_design_effect=0.0)


def validity(rows: Sequence[Result]) -> float | None:
    """The share of tool calls that were not refused; None without a call."""
    calls = sum(row.calls for row in rows)
    return 1 - sum(row.refused for row in rows) / calls if calls else None


def tier_mix(rows: Sequence[Result]) -> dict[str, float]:
    """The share of each tier in the episodes."""
    return {tier: count / len(rows) for tier, count in sorted(Counter(row.tier for row in rows).items())}


def counted(rows: Iterable[Result], *, exclude_infrastructure: bool) -> list[Result]:
    """The results that count: all, or those without an infrastructure failure."""
    return [row for row in rows if not (exclude_infrastructure and row.infrastructure_failure is not None)]


def by_task(rows: Iterable[Result]) -> dict[str, list[Result]]:
    """The trials of each task."""
    tasks: dict[str, list[Result]] = {}
    for row in rows:
        tasks.setdefault(row.task, []).append(row)
    return tasks


def require_one_run(rows: Sequence[Result]) -> None:
    """Check that results belong to one run.

    Raises:
        MetricError: the results are of several agents, hold a task and trial twice, or were graded by
            different versions of the rules.
    """
    if len(graders := sorted({row.grader for row in rows})) > 1:
        raise MetricError(
            f"the results were graded by different versions of the rules, {graders}; grade all again"
        )
    if len(agents := sorted({row.agent for row in rows})) > 1:
        raise MetricError(f"the results are of several agents, {', '.join(agents)}; give those of one agent")
    (task, trial), times = max(Counter(row.key for row in rows).items(), key=_times, default=(("", 0), 0))
    if times > 1:
        raise MetricError(f"task {task}, trial {trial} has {times} results; give one")


def _times(entry: tuple[tuple[str, int], int]) -> int:
    return entry[1]


def _by(
    name_of: Callable[[Result], str],
    results: Iterable[Result],
    names: Sequence[str],
    exclude_infrastructure: bool,
) -> dict[str, RunSummary]:
    groups: dict[str, list[Result]] = {name: [] for name in names}
    for row in results:
        if name_of(row) not in groups:
            raise MetricError(
                f"task {row.task} belongs to {name_of(row)}, which is not one of {', '.join(names)}"
            )
        groups[name_of(row)].append(row)
    return {
        name: summarise(rows, exclude_infrastructure=exclude_infrastructure)
        for name, rows in groups.items()
        if counted(rows, exclude_infrastructure=exclude_infrastructure)
    }


def _clustered(
    rows: Sequence[Result], value: Callable[[Result], float], *, least_design_effect: float
) -> intervals.Interval:
    tasks = by_task(rows).values()
    sums, counts = [math.fsum(map(value, trials)) for trials in tasks], [len(trials) for trials in tasks]
    return intervals.clustered(sums, counts, least_design_effect=least_design_effect)


def _pass_of_tasks(rows: Sequence[Result], k: int) -> list[float]:
    tasks = by_task(rows)
    fewest = min(tasks, key=lambda task: len(tasks[task]))
    if not 1 <= k <= len(tasks[fewest]):
        raise MetricError(
            f"no pass^{k}: k is 1 to the number of trials, but task {fewest} has {len(tasks[fewest])} trials"
        )
    return [
        math.comb(sum(row.success for row in trials), k) / math.comb(len(trials), k)
        for trials in tasks.values()
    ]
