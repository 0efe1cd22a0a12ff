"""Episodes of the grounded validation: agents on the candidate, and replays of their calls."""

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
"""Number of the only trial. More trials would tell more about the agent, not about the network."""


@dataclass(frozen=True, slots=True)
class Original:
    """An episode to replay.

    Attributes:
        episode: Id of the episode.
        script: Calls and answer of the agent.
    """

    episode: str
    script: Script


@dataclass(frozen=True, slots=True)
class TransferJob:
    """An episode to play.

    Attributes:
        agent: Name of the agent.
        task: Id of the task.
        original: The episode to replay; None where the agent itself acts.
    """

    agent: str
    task: str
    original: Original | None = None

    @property
    def key(self) -> RowKey:
        """Key of the row that the job makes."""
        script = self.original.script.sha256 if self.original is not None else None
        return RowKey(agent=self.agent, task=self.task, script=script)


def own_jobs(agents: Sequence[str], tasks: Sequence[BenchTask]) -> list[TransferJob]:
    """A job for every agent and task."""
    return [TransferJob(agent, task.task.id) for task in tasks for agent in agents]


def replay_jobs(rows: Sequence[TransferRow]) -> list[TransferJob]:
    """The replays of these rows; an episode with an infrastructure failure has none."""
    return [
        TransferJob(row.key.agent, row.key.task, Original(row.episode, row.script))
        for row in rows
        if row.script is not None
    ]


class TransferPlayer:
    """Plays and grades episodes on one network, which runs until `close`."""

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
    """Play episodes and store each row as soon as it is made.

    Args:
        jobs: The episodes.
        network: The network that they are played on.
        store: Receives the rows.
        tasks: Manifest of the task set; None is the shipped set.
        workers: Number of processes. The rows do not depend on it.
        progress: Called with every new result.

    Raises:
        WorkError: the work cannot go on. Finished rows are in the store.
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
    """The row of an episode whose worker process died."""
    job = broken.job
    task = tasks_by_id(tasks)[job.task]
    episode = broken_episode(_id(job, task, network.name), job.agent, network, task, broken.reason)
    return row_of(job.key, task_set(tasks).sha256, episode, grade(task, TRIAL, episode))
