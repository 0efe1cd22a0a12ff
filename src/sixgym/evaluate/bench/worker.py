"""Episodes of the benchmark, one after another on one network that is kept running."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sixgym._version import __version__
from sixgym.agents.base import Agent
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.bench.store import Key, RunFolder
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price
from sixgym.run.build import make_environment
from sixgym.run.executor import WorkError
from sixgym.run.rollout import rollout
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import tasks_by_id
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that a worker needs to run episodes; small, because it is sent to every worker.

    Attributes:
        label: Name of the agent in the records.
        make_agent: Makes the agent for a task and the number of a trial.
        network: Name of the network.
        tasks: Manifest of the task set; None for the frozen set.
        folder: Folder of the run.
        price: Price of the language model, if it is known.
    """

    label: str
    make_agent: Callable[[BenchTask, int], Agent]
    network: str
    tasks: Path | None
    folder: Path
    price: Price | None = None


class BenchWorker:
    """A worker that runs, stores and grades episodes. A stored episode stays finished."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._folder = RunFolder(assignment.folder)
        self._tasks = tasks_by_id(assignment.tasks)
        self._environment = make_environment(assignment.network)

    def do(self, job: Key) -> Result:
        """Run a trial of a task.

        Raises:
            WorkError: the language model will answer in no other episode either.
        """
        task, trial = self._tasks[job[0]], job[1]
        try:
            episode = self._labelled(task, trial, self._played(task, trial))
        except ModelUnusableError as error:
            raise WorkError(str(error)) from None
        self._folder.add(trial, episode)
        return grade(task, trial, episode, self._assignment.price)

    def close(self) -> None:
        """Stop the network."""
        self._environment.close()

    def _played(self, task: BenchTask, trial: int) -> Episode:
        agent = self._assignment.make_agent(task, trial)
        return play(self._environment, agent, task, lambda broken: self._keep_broken(task, trial, broken))

    def _keep_broken(self, task: BenchTask, trial: int, episode: Episode) -> None:
        """Store an episode whose model became unusable. It will run again, but its replies were paid for."""
        if episode.steps or episode.earlier:
            self._folder.add(trial, self._labelled(task, trial, episode))

    def _labelled(self, task: BenchTask, trial: int, episode: Episode) -> Episode:
        # an agent of one's own may have another name than the name that it was asked for by
        label = self._assignment.label
        name = episode_id(task, trial, label, episode.backend.name)
        return episode.model_copy(update={"id": name, "agent": label})


def play(
    environment: Environment,
    agent: Agent,
    task: BenchTask,
    keep: Callable[[Episode], None] = lambda _: None,
) -> Episode:
    """An episode. A bug of our side breaks one episode, and not the run.

    Args:
        environment: The environment. It is closed after a bug, and starts again with the next episode.
        agent: The agent.
        task: The task.
        keep: Receives the unfinished episode if the language model becomes unusable.

    Raises:
        ModelUnusableError: the language model will answer in no other episode either.
    """
    try:
        return rollout(environment, agent, task.task)
    except ModelUnusableError as error:
        keep(environment.episode(agent.name, infrastructure_failure=str(error)))
        raise
    except Exception as error:
        environment.close()
        return environment.episode(agent.name, infrastructure_failure=_words(error))


def episode_id(task: BenchTask, trial: int, agent: str, network: str) -> str:
    """Id of an episode in a run. Equal runs have equal ids."""
    return f"{task.task.id}-{agent}-{network}-{trial}"


def broken_episode(name: str, agent: str, network: BackendInfo, task: BenchTask, reason: str) -> Episode:
    """The record of an episode whose worker died: the task, and the reason."""
    return Episode(
        id=name,
        task=task.task,
        scenario_digest=task.task.scenario.digest,
        agent=agent,
        backend=network,
        sixgym_version=__version__,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        initial=None,
        initial_interval=None,
        steps=(),
        terminated=False,
        truncated=False,
        infrastructure_failure=reason,
    )


def _words(error: Exception) -> str:
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"stopped by {error!r} at {Path(place.filename).name}:{place.lineno}"
