"""Making a task set: draw candidates, throw out what proves nothing, keep what is proved.

A candidate is taken if its reference solution succeeds and nobody gets it for free: not the null agent, not
a few random and spam agents. All of this is checked on the fast simulator first, and what remains is proved
on ns-3 (reference and null agent) if that is asked for. What was found out about a candidate is written down
at once, so that an interrupted making goes on where it stopped.
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
"""Who must not pass by chance, with which seeds; the benchmark's own have others. A task that one random
agent in ten passes gets through with a probability of 12 %."""


@dataclass(frozen=True, slots=True)
class Making:
    """What set to make.

    Attributes:
        per_cell: Tasks of every tier and domain.
        split: Whose topology seeds.
        first: Number of the first candidate.
        prove: A network on which the reference has to succeed and the null agent to fail, too.
        workers: Processes.
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
    """Make a set and write it; findings are kept in `path` + `.findings.jsonl` until it is complete.

    Raises:
        WorkError: the work cannot go on. Findings are kept.
        SimulatorError: a network does not start.
        RecordFileError: the findings there were made under other conditions.
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
    """The first tasks of a cell by number, as many as are wanted."""
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
    """The next candidates to look at: as many as a cell lacks, gaps in the numbers first."""
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
    # cells by turns, so that whatever is there when it is stopped is balanced
    return sorted(wanted, key=lambda candidate: candidate.number)


class _Maker:
    """Looks at candidates; its networks stay up from one to the next."""

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
    """Why a task proves nothing on a network, or None."""
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
