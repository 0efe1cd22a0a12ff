"""One episode of the benchmark after the other, on one network that is kept running."""

import difflib
import hashlib
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

import sixgym
from sixgym.agents.base import Agent
from sixgym.agents.imported import is_imported
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.registry import AGENTS, MODEL_AGENTS, make_agent
from sixgym.agents.rules.reference import reference_agent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.bench.store import Key, RunFolder
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price
from sixgym.run.executor import WorkError
from sixgym.run.rollout import rollout
from sixgym.scoring.result import Result
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.frozen import TaskSet, load_task_set
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask

BENCH_AGENTS = (*(name for name in AGENTS if name != "scripted"), "reference")
"""Who can be put to the test without a language model; a script fits one task only."""


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
        self._backend = SimulatedBackend(make_simulator(assignment.network))

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
        self._backend.close()

    def _played(self, task: BenchTask, trial: int) -> Episode:
        agent = bench_agent(self._assignment.agent, task, trial, self._react)
        return play(self._backend, agent, task, lambda broken: self._keep_broken(task, trial, broken))

    def _keep_broken(self, task: BenchTask, trial: int, episode: Episode) -> None:
        """An episode without a model any more is run again; what was said in it was paid for."""
        if episode.steps or episode.earlier:
            self._folder.add(trial, self._labelled(task, trial, episode))

    def _labelled(self, task: BenchTask, trial: int, episode: Episode) -> Episode:
        # as it was asked for: an agent of one's own may call itself otherwise
        label = self._assignment.label
        name = episode_id(task, trial, label, episode.backend.name)
        return episode.model_copy(update={"id": name, "agent": label})


@lru_cache(maxsize=1)
def task_set(path: Path | None) -> TaskSet:
    """The task set of a file, or the frozen one; read and checked once in a process."""
    return load_task_set(path)


@lru_cache(maxsize=1)
def tasks_by_id(path: Path | None) -> dict[str, BenchTask]:
    """The same by id."""
    return {task.task.id: task for task in task_set(path).tasks}


def bench_agent(name: str, task: BenchTask, trial: int, react: ReactAgent | None = None) -> Agent:
    """The agent for a trial of a task.

    Args:
        name: As a user types it.
        task: What it is to work on.
        trial: Which attempt; another one has other luck.
        react: A language model and how it is asked, for an agent that asks one.

    Raises:
        ValueError: nobody of that name can be put to the test.
    """
    known = (*BENCH_AGENTS, *MODEL_AGENTS)
    if name not in known and not is_imported(name):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"no agent {name!r:.80} can be put to the test; {hint}Known: {', '.join(known)}")
    seed = agent_seed(task, trial)
    if name == "reference":
        return reference_agent(task)
    if react is not None and react.sampling.temperature > 0:
        react = replace(react, sampling=react.sampling.model_copy(update={"seed": seed}))
    return make_agent(name, seed=seed, react=react)


def agent_seed(task: BenchTask, trial: int) -> int:
    """Seed of what an agent draws: the first 31 bits of SHA-256 of `TASK ID/TASK SEED/TRIAL`.

    Tasks share network seeds, so the id is in it: equal seeds would make agents' luck go together.
    """
    digest = hashlib.sha256(f"{task.task.id}/{task.task.seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1


def play(
    backend: SimulatedBackend,
    agent: Agent,
    task: BenchTask,
    keep: Callable[[Episode], None] = lambda _: None,
) -> Episode:
    """An episode, also where our side broke: a mistake of ours costs one episode, not the run.

    Args:
        backend: Where it is played.
        agent: Who plays.
        task: What.
        keep: Takes what there is of an episode in which the language model became unusable.

    Raises:
        ModelUnusableError: the language model will never answer.
    """
    environment = Environment(backend)
    try:
        return rollout(environment, agent, task.task)
    except ModelUnusableError as error:
        keep(environment.episode(agent.name, infrastructure_failure=str(error)))
        raise
    except Exception as error:
        backend.close()
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
