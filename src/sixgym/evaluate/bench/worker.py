"""One episode of the benchmark after the other, on one network that is kept running."""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sixgym
from sixgym.agents.base import Agent
from sixgym.agents.llm.react import ReactAgent
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.bench.store import Key, RunFolder
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price
from sixgym.run.build import make_bench_agent, make_environment
from sixgym.run.executor import WorkError
from sixgym.run.rollout import rollout
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import tasks_by_id
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask


@dataclass(frozen=True, slots=True)
class Assignment:
    """All that a process needs to know to run episodes; small, because it is sent to each.

    Attributes:
        agent: The agent as a user types it.
        label: Its name in the records.
        network: Name.
        tasks: File of the task set; None for the frozen one.
        folder: Of the run.
        price: Of the language model, where it is known.
    """

    agent: str
    label: str
    network: str
    tasks: Path | None
    folder: Path
    price: Price | None = None


class BenchWorker:
    """Runs, stores and grades episodes. What is stored is finished, whatever happens afterwards."""

    def __init__(self, assignment: Assignment, react: ReactAgent | None = None) -> None:
        self._assignment = assignment
        self._react = react
        self._folder = RunFolder(assignment.folder)
        self._tasks = tasks_by_id(assignment.tasks)
        self._environment = make_environment(assignment.network)

    def do(self, job: Key) -> Result:
        """Run a trial of a task."""
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
        agent = make_bench_agent(self._assignment.agent, task, trial, self._react)
        return play(self._environment, agent, task, lambda broken: self._keep_broken(task, trial, broken))

    def _keep_broken(self, task: BenchTask, trial: int, episode: Episode) -> None:
        """An episode without a model any more is run again; what was said in it was paid for."""
        if episode.steps or episode.earlier:
            self._folder.add(trial, self._labelled(task, trial, episode))

    def _labelled(self, task: BenchTask, trial: int, episode: Episode) -> Episode:
        # as it was asked for: an agent of one's own may call itself otherwise
        label = self._assignment.label
        name = episode_id(task, trial, label, episode.backend.name)
        return episode.model_copy(update={"id": name, "agent": label})


def play(
    environment: Environment,
    agent: Agent,
    task: BenchTask,
    keep: Callable[[Episode], None] = lambda _: None,
) -> Episode:
    """An episode, also where our side broke: a mistake of ours costs one episode, not the run.

    Args:
        environment: Where it is played.
        agent: Who plays.
        task: What.
        keep: Takes what there is of an episode in which the language model became unusable.

    Raises:
        ModelUnusableError: the language model will never answer.
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
    """Name of an episode in a run: the same whenever the run is made."""
    return f"{task.task.id}-{agent}-{network}-{trial}"


def broken_episode(name: str, agent: str, network: BackendInfo, task: BenchTask, reason: str) -> Episode:
    """The record of an episode whose process died: nothing but that."""
    return Episode(
        id=name,
        task=task.task,
        scenario_digest=task.task.scenario.digest,
        agent=agent,
        backend=network,
        sixgym_version=sixgym.__version__,
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
