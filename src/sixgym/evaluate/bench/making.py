"""Making a task set: candidates are drawn, tested and kept or rejected.

A candidate is kept if its reference solution succeeds, and the null agent and all random and spam agents
fail. Candidates are tested on the fast simulator first. With `prove`, the reference solution has to succeed
and the null agent to fail on a second network too. Every finding about a candidate is stored at once, so an
interrupted run continues where it stopped.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sixgym.agents.base import Agent
from sixgym.agents.registry import make_agent
from sixgym.agents.rules.reference import reference_agent
from sixgym.domain.splits import Split
from sixgym.envs.environment import Environment
from sixgym.evaluate.bench.findings import Candidate, CandidateFinding, FindingsFile, ProofConditions
from sixgym.run.build import make_environment, make_network
from sixgym.run.executor import Broken, WorkError, executor_for
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.build.generate import TaskGenerator
from sixgym.tasks.frozen import Manifest, write_task_set
from sixgym.tasks.parts.draft import UnsuitableError
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask, Domain, Tier

DRY_RUN_NETWORK = "tti"
MOST_CANDIDATES_A_TASK = 20

CHANCE: Mapping[str, range] = {"random": range(1001, 1021), "spam": range(1001, 1006)}
"""Agents that must not pass by chance, and their seeds; the agents of the benchmark have other seeds. A task
that one random agent in ten passes is kept with a probability of 12 %."""


@dataclass(frozen=True, slots=True)
class Making:
    """The task set to make.

    Attributes:
        per_cell: Number of tasks in every tier and domain.
        split: Split of the topology seeds.
        first: Number of the first candidate.
        prove: Network on which the reference solution has to succeed and the null agent to fail as well.
        workers: Number of processes.
    """

    per_cell: int
    split: Split
    first: int = 0
    prove: str | None = None
    workers: int = 1


def make_task_set(
    making: Making,
    path: Path,
    *,
    name: str,
    version: str,
    command: str,
    progress: Callable[[CandidateFinding], None],
) -> Manifest:
    """Make a set and write it. Until the set is complete, `path` + `.findings.jsonl` keeps the findings.

    Raises:
        WorkError: the work cannot go on. Findings are kept.
        SimulatorError: a network does not start.
        RecordFileError: the stored findings were made under other conditions.
    """
    notes = path.with_name(f"{path.stem}.findings.jsonl")
    networks = {
        network: make_simulator(network).version
        for network in (DRY_RUN_NETWORK, making.prove)
        if network is not None
    }
    conditions = ProofConditions(
        split=making.split, first=making.first, prove=making.prove, networks=networks
    )
    file = FindingsFile(notes, conditions)
    findings = file.findings
    while missing := _missing(making, findings):
        if len(findings) > MOST_CANDIDATES_A_TASK * making.per_cell * len(DOMAINS) * len(TIERS):
            raise WorkError("hardly any candidate is taken: the last reasons are in the findings")
        for over in executor_for(making.workers).execute(functools.partial(_Maker, making), missing):
            finding = (
                CandidateFinding(candidate=over.job, reason=f"broke: {over.reason}")
                if isinstance(over, Broken)
                else over.value
            )
            file.add(finding)
            progress(finding)
    taken = [task for cell in _cells() for task in _taken(making, findings, cell)]
    last = {task.task.id for task in taken}
    reasons = Counter(finding.reason for finding in findings.values() if finding.reason is not None)
    reasons["not needed"] = sum(
        finding.task is not None and finding.task.task.id not in last for finding in findings.values()
    )
    manifest = write_task_set(
        path,
        taken,
        name=name,
        version=version,
        command=command,
        networks=networks,
        thrown_out=dict(sorted((reason, count) for reason, count in reasons.items() if count)),
    )
    file.delete()
    return manifest


def _cells() -> Iterator[tuple[Domain, Tier]]:
    return itertools.product(DOMAINS, TIERS)


def _taken(
    making: Making, findings: dict[Candidate, CandidateFinding], cell: tuple[Domain, Tier]
) -> list[BenchTask]:
    """The kept tasks of a tier and domain by number, at most `per_cell`."""
    here = sorted(
        (
            finding
            for finding in findings.values()
            if (finding.candidate.domain, finding.candidate.tier) == cell
        ),
        key=lambda finding: finding.candidate.number,
    )
    return [finding.task for finding in here if finding.task is not None][: making.per_cell]


def _missing(making: Making, findings: dict[Candidate, CandidateFinding]) -> list[Candidate]:
    """The next candidates to test: as many as each tier and domain lacks, gaps in the numbers first."""
    wanted: list[Candidate] = []
    for domain, tier in _cells():
        lacking = making.per_cell - len(_taken(making, findings, (domain, tier)))
        numbers = itertools.count(making.first)
        fresh = (
            candidate
            for number in numbers
            if (candidate := Candidate(domain=domain, tier=tier, number=number)) not in findings
        )
        wanted.extend(itertools.islice(fresh, lacking))
    # tiers and domains take turns, so that an interrupted set is balanced
    return sorted(wanted, key=lambda candidate: candidate.number)


class _Maker:
    """A worker that tests candidates on networks that it keeps running."""

    def __init__(self, making: Making) -> None:
        self._making = making
        fast = make_network(DRY_RUN_NETWORK)
        self._fast = make_environment(fast)
        self._truth = make_environment(making.prove) if making.prove else None
        self._generator = TaskGenerator(fast)

    def do(self, job: Candidate) -> CandidateFinding:
        try:
            task = self._generator.draw(job.domain, job.tier, job.number, split=self._making.split)
        except UnsuitableError as reason:
            return CandidateFinding(candidate=job, reason=str(reason))
        reason = self._objection(task)
        return CandidateFinding(candidate=job, task=None if reason else task, reason=reason)

    def close(self) -> None:
        self._fast.close()
        if self._truth is not None:
            self._truth.close()

    def _objection(self, task: BenchTask) -> str | None:
        chance = (make_agent(name, seed=seed) for name, seeds in CHANCE.items() for seed in seeds)
        on_fast = _objection(self._fast, task, chance)
        if on_fast is not None or self._truth is None:
            return on_fast
        return _objection(self._truth, task, ())


def _objection(environment: Environment, task: BenchTask, chance: Iterable[Agent]) -> str | None:
    """The reason to reject a task on a network, or None."""
    network = environment.info.name

    def succeeds(agent: Agent) -> bool:
        episode = rollout(environment, agent, task.task)
        if episode.infrastructure_failure is not None:
            raise SimulatorError(episode.infrastructure_failure)
        return judge(episode).success

    if not succeeds(reference_agent(task)):
        return f"the reference solution fails on {network}"
    for agent in itertools.chain([make_agent("null")], chance):
        if succeeds(agent):
            return f"{agent.name} passes on {network}"
    return None
