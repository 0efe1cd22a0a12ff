"""The figures of the grounded validation: does success on a candidate network predict success on ns-3?

This is the grounded validation of 6GAgentGym (section IV-E, table III): agents act on the candidate, their
tool calls are replayed on ns-3 over 120 tasks, 40 a tier, and the two success rates are compared. Common to
both: an open-loop replay, a held-out selection of that size, and a table with success on both networks, the
gap, and the correlation over agents. The differences:

- The candidate of the paper is a learned model that predicts the six dimensions of the network state. Here
  the candidate is any simulator of packets, and both sides are graded by the same predicate over recorded
  outcomes. The paper asks for a correct answer through a valid chain of calls.
- The heading of the table's last column is missing in our copy of the paper. Its values fit the share of
  tasks with the same verdict (1.00 where the gap is 0), which is what these figures hold.
- The paper gives no intervals. Here rates have Wilson's intervals, gaps are paired by task, and figures over
  several agents are clustered by task.
- A gap can be small because errors cancel. Tasks met on one network only are therefore counted in both
  directions, and listed with the targets that decided them.
- Agents that do nothing, and agents that know the solution, agree trivially and stretch the correlation.
  Figures over agents are therefore given for all agents and for the agents in between.
- An episode with an infrastructure failure on either network is left out of the pairs and listed: it tells
  nothing about fidelity. In the benchmark it would count as failed.
- Episodes of agents that acted on the reference itself can be added. A replay holds the calls fixed; only
  such episodes show how an agent reacts to the differences.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from sixgym.domain.base import Ratio, Record
from sixgym.episodes.episode import BackendInfo
from sixgym.evaluate.fidelity.transfer.disagreements import (
    Cause,
    PairedEpisodes,
    Side,
    VerdictDisagreement,
    causes,
    disagreement,
)
from sixgym.evaluate.fidelity.transfer.rows import TransferRow
from sixgym.scoring.comparison import AgentGap, Difference, Range, gap
from sixgym.scoring.metrics import Ends, success_interval, success_rate
from sixgym.scoring.result import GRADER, Count, Result
from sixgym.tasks.record import DOMAINS, TIERS

MEAN_GAP_GOAL = 0.02
"""Upper bound for the mean absolute gap; 6GAgentGym reports a mean of 2.2 points over eight agents."""

LARGEST_GAP_GOAL = 0.033
"""Upper bound for the largest absolute gap: the largest one of 6GAgentGym's table III."""

CEILING = "reference"
"""Name of the agent that plays the reference solution."""


class AgentFigures(Record):
    """One agent on both networks, over the tasks without an infrastructure failure on either.

    Attributes:
        agent: Name of the agent.
        n: Number of tasks.
        candidate, candidate_ci95, reference, reference_ci95: Success rate on each network.
        gap, gap_ci95: Success rate on the candidate minus that on the reference, paired by task.
        agreement, agreement_ci95: Share of tasks with the same verdict.
        only_candidate, only_reference: Number of tasks met on that network alone.
    """

    agent: str
    n: Annotated[int, Field(ge=1)]
    candidate: Ratio
    candidate_ci95: Ends
    reference: Ratio
    reference_ci95: Ends
    gap: Difference
    gap_ci95: Range
    agreement: Ratio
    agreement_ci95: Ends
    only_candidate: Count
    only_reference: Count


class GroupFigures(Record):
    """Several agents, or a part of the tasks.

    Attributes:
        agents: Figures of each agent.
        mean_gap, largest_gap: Mean and largest absolute gap of the agents. Chance alone makes them larger
            where there are fewer tasks.
        agreement, agreement_ci95: Share of episodes with the same verdict, clustered by task.
        correlation, correlation_ci95: Pearson's r of the agents' success rates; None where it does not exist.
    """

    agents: Annotated[tuple[AgentFigures, ...], Field(min_length=1)]
    mean_gap: Ratio
    largest_gap: Ratio
    agreement: Ratio
    agreement_ci95: Ends
    correlation: Difference | None
    correlation_ci95: Range | None


class EpisodeFailure(Record):
    """An episode with an infrastructure failure."""

    agent: str
    task: str
    network: Side
    reason: str


class TransferFigures(Record):
    """The whole validation.

    Attributes:
        command: The command that made the figures.
        candidate, reference: The networks.
        task_set, task_set_sha256: Name and version of the task set, and its checksum.
        tasks: Number of selected tasks by tier.
        topology_seeds: First and last topology seed of the selection.
        replayed: Whether the agents' calls were replayed on the reference; else the agents acted there.
        grader: Version of the grading rules.
        overall: Figures of all agents and tasks.
        in_between: Figures of the agents that met a task on either network, without the reference solution.
        tiers, domains: Figures by tier and by domain.
        closed_loop: Figures of agents that acted on the reference themselves, compared with the candidate.
        mean_gap_goal, largest_gap_goal: Upper bounds for the gaps of `overall`.
        causes, disagreements: Why and where verdicts differ.
        failures: Episodes that are left out.
    """

    command: str
    candidate: BackendInfo
    reference: BackendInfo
    task_set: str
    task_set_sha256: str
    tasks: dict[str, int]
    topology_seeds: tuple[int, int]
    replayed: bool = True
    grader: int
    overall: GroupFigures
    in_between: GroupFigures | None
    tiers: dict[str, GroupFigures]
    domains: dict[str, GroupFigures]
    closed_loop: GroupFigures | None
    mean_gap_goal: float
    largest_gap_goal: float
    causes: tuple[Cause, ...]
    disagreements: tuple[VerdictDisagreement, ...]
    failures: tuple[EpisodeFailure, ...]

    @property
    def goals_met(self) -> bool:
        """Whether the gaps are within their goals."""
        return self.overall.mean_gap <= MEAN_GAP_GOAL and self.overall.largest_gap <= LARGEST_GAP_GOAL


@dataclass(frozen=True, slots=True)
class TransferSetting:
    """The networks and tasks of a validation; see `TransferFigures`."""

    command: str
    candidate: BackendInfo
    reference: BackendInfo
    task_set: str
    task_set_sha256: str
    tasks: dict[str, int]
    topology_seeds: tuple[int, int]
    replayed: bool = True


class NothingToCompareError(ValueError):
    """No pair of episodes is without an infrastructure failure."""


def transfer_figures(
    setting: TransferSetting,
    candidate: Sequence[TransferRow],
    reference: Sequence[TransferRow],
    closed_loop: Sequence[Result] = (),
) -> TransferFigures:
    """The figures of a validation.

    Args:
        setting: The networks and tasks.
        candidate: Rows of the agents on the candidate, in the order in which the agents are shown.
        reference: Rows of their replays on the reference, or of the agents themselves there if the setting is
            without replays. A row without a partner is left out.
        closed_loop: Grades of agents that acted on the reference themselves.

    Raises:
        NothingToCompareError: no pair of episodes is without an infrastructure failure.
        MetricError: an agent has a task twice.
    """
    partner = {(row.key.agent, row.key.task): row for row in reference}
    paired = [
        PairedEpisodes(row, partner[row.key.agent, row.key.task])
        for row in candidate
        if (row.key.agent, row.key.task) in partner
    ]
    pairs = [pair for pair in paired if pair.whole]
    if not pairs:
        raise NothingToCompareError(
            "every pair of episodes has an infrastructure failure: nothing is known about the gap; "
            "run the command again"
        )
    overall = group(*_results(pairs))
    between = {one.agent for one in overall.agents if one.agent != CEILING and one.candidate + one.reference}
    disagreements = tuple(disagreement(pair) for pair in pairs if pair.differs)
    return TransferFigures(
        command=setting.command,
        candidate=setting.candidate,
        reference=setting.reference,
        task_set=setting.task_set,
        task_set_sha256=setting.task_set_sha256,
        tasks=setting.tasks,
        topology_seeds=setting.topology_seeds,
        replayed=setting.replayed,
        grader=GRADER,
        overall=overall,
        in_between=_part(pairs, lambda row: row.agent in between),
        tiers=_parts(pairs, TIERS, lambda row: row.tier),
        domains=_parts(pairs, DOMAINS, lambda row: row.domain),
        closed_loop=_closed_loop(candidate, closed_loop),
        mean_gap_goal=MEAN_GAP_GOAL,
        largest_gap_goal=LARGEST_GAP_GOAL,
        causes=tuple(causes(disagreements)),
        disagreements=disagreements,
        failures=(*_failures(candidate, "candidate"), *_failures(reference, "reference")),
    )


def group(candidate: Sequence[Result], reference: Sequence[Result]) -> GroupFigures:
    """Figures of some agents over some tasks, agents in the order of `candidate`.

    Args:
        candidate: Grades on the candidate network.
        reference: Grades of the same agents and tasks on the reference network.

    Raises:
        MetricError: an agent has a task twice, or there are no grades.
    """
    found = gap(candidate, reference)
    order = list(dict.fromkeys(row.agent for row in candidate))
    return GroupFigures(
        agents=tuple(
            _agent(one, candidate, reference)
            for one in sorted(found.agents, key=lambda one: order.index(one.agent))
        ),
        mean_gap=found.mean_gap,
        largest_gap=found.largest_gap,
        agreement=found.agreement,
        agreement_ci95=found.agreement_ci95,
        correlation=found.correlation,
        correlation_ci95=found.correlation_ci95,
    )


def _agent(found: AgentGap, candidate: Sequence[Result], reference: Sequence[Result]) -> AgentFigures:
    ours, theirs = ([row for row in rows if row.agent == found.agent] for rows in (candidate, reference))
    return AgentFigures(
        agent=found.agent,
        n=len(ours),
        candidate=success_rate(ours),
        candidate_ci95=success_interval(ours),
        reference=success_rate(theirs),
        reference_ci95=success_interval(theirs),
        gap=found.comparison.success_difference,
        gap_ci95=found.comparison.ci95,
        agreement=found.agreement,
        agreement_ci95=found.agreement_ci95,
        only_candidate=found.comparison.won,
        only_reference=found.comparison.lost,
    )


def _results(pairs: Sequence[PairedEpisodes]) -> tuple[list[Result], list[Result]]:
    return [pair.candidate.result for pair in pairs], [pair.reference.result for pair in pairs]


def _part(pairs: Sequence[PairedEpisodes], wanted: Callable[[Result], bool]) -> GroupFigures | None:
    chosen = [pair for pair in pairs if wanted(pair.candidate.result)]
    return group(*_results(chosen)) if chosen else None


def _parts(
    pairs: Sequence[PairedEpisodes], names: Sequence[str], name_of: Callable[[Result], str]
) -> dict[str, GroupFigures]:
    found = ((name, _part(pairs, lambda row, name=name: name_of(row) == name)) for name in names)
    return {name: figures for name, figures in found if figures is not None}


def _closed_loop(candidate: Sequence[TransferRow], graded: Sequence[Result]) -> GroupFigures | None:
    """The agents' own episodes on both networks, where neither has an infrastructure failure."""
    ours = {(row.key.agent, row.key.task): row.result for row in candidate if not row.broken}
    theirs = {(row.agent, row.task): row for row in graded if row.infrastructure_failure is None}
    both = [key for key in ours if key in theirs]
    return group([ours[key] for key in both], [theirs[key] for key in both]) if both else None


def _failures(rows: Sequence[TransferRow], network: Side) -> list[EpisodeFailure]:
    return [
        EpisodeFailure(agent=row.key.agent, task=row.key.task, network=network, reason=reason)
        for row in rows
        if (reason := row.result.infrastructure_failure) is not None
    ]
