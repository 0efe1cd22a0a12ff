"""Making the rows of the grounded validation that are missing: agents at work, and their calls replayed."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sixgym.agents.base import Agent
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.bench.worker import broken_episode, episode_id, play
from sixgym.evaluate.fidelity.transfer.rows import RowKey, RowStore, TransferRow, row_of
from sixgym.run.build import make_bench_agent, make_environment
from sixgym.run.executor import Broken, executor_for
from sixgym.run.replay import ReplayAgent, Script, replay_id
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import task_set, tasks_by_id
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask

TRIAL = 0
"""Every agent has one attempt; more would say more about the agent, not about the network."""


@dataclass(frozen=True, slots=True)
class Original:
    """An episode to replay: its id and what the agent did in it."""

    episode: str
    script: Script


@dataclass(frozen=True, slots=True)
class TransferJob:
    """An agent at a task: itself, or what it did elsewhere."""

    agent: str
    task: str
    original: Original | None = None

    @property
    def key(self) -> RowKey:
        """Of the row that comes out."""
        script = self.original.script.sha256 if self.original is not None else None
        return RowKey(agent=self.agent, task=self.task, script=script)


def own_jobs(agents: Sequence[str], tasks: Sequence[BenchTask]) -> list[TransferJob]:
    """Every agent at every task."""
    return [TransferJob(agent, task.task.id) for task in tasks for agent in agents]


def replay_jobs(rows: Sequence[TransferRow]) -> list[TransferJob]:
    """The replay of each of these; an episode that broke off has none."""
    return [
        TransferJob(row.key.agent, row.key.task, Original(row.episode, row.script))
        for row in rows
        if row.script is not None
    ]


class TransferPlayer:
    """Plays and grades episodes on one network that is kept running."""

    def __init__(self, network: str, tasks: Path | None) -> None:
        self._sha256 = task_set(tasks).sha256
        self._tasks = tasks_by_id(tasks)
        self._environment = make_environment(network)

    def do(self, job: TransferJob) -> TransferRow:
        """Play an episode."""
        task = self._tasks[job.task]
        episode = self._play(job, task)
        return row_of(job.key, self._sha256, episode, grade(task, TRIAL, episode))

    def close(self) -> None:
        """Stop the network."""
        self._environment.close()

    def _play(self, job: TransferJob, task: BenchTask) -> Episode:
        if job.original is not None:
            agent: Agent = ReplayAgent(job.agent, job.original.script)
        else:
            agent = make_bench_agent(job.agent, task, TRIAL)
        episode = play(self._environment, agent, task)
        name = _id(job, task, self._environment.info.name)
        return episode.model_copy(update={"id": name, "agent": job.agent})


def play_missing(
    jobs: Sequence[TransferJob],
    network: BackendInfo,
    store: RowStore,
    *,
    tasks: Path | None,
    workers: int,
    progress: Callable[[Result], None],
) -> None:
    """Do these jobs and keep each row as soon as it is there.

    Args:
        jobs: What is missing.
        network: Where.
        store: Takes the rows.
        tasks: File of the task set; None for the frozen one.
        workers: How many processes. What comes out does not depend on it.
        progress: Called with every new result.

    Raises:
        WorkError: the work cannot go on. What was finished is in the store.
    """
    make_worker = partial(TransferPlayer, network.name, tasks)
    with closing(executor_for(workers).execute(make_worker, jobs)) as outcomes:
        for outcome in outcomes:
            row = _lost(outcome, network, tasks) if isinstance(outcome, Broken) else outcome.value
            store.add([row])
            progress(row.result)


def _id(job: TransferJob, task: BenchTask, network: str) -> str:
    if job.original is not None:
        return replay_id(job.original.episode, network)
    return episode_id(task, TRIAL, job.agent, network)


def _lost(broken: Broken[TransferJob], network: BackendInfo, tasks: Path | None) -> TransferRow:
    """The row of an episode whose process died."""
    job = broken.job
    task = tasks_by_id(tasks)[job.task]
    episode = broken_episode(_id(job, task, network.name), job.agent, network, task, broken.reason)
    return row_of(job.key, task_set(tasks).sha256, episode, grade(task, TRIAL, episode))
