"""A run of the benchmark: missing episodes are run, all episodes are graded, no episode is lost."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from sixgym._version import __version__
from sixgym.episodes.episode import BackendInfo
from sixgym.evaluate.bench.store import Key, RunFolder, RunFolderError, RunManifest, differences, extends
from sixgym.evaluate.bench.tested import TestedAgent
from sixgym.evaluate.bench.worker import Assignment, BenchWorker, broken_episode, episode_id
from sixgym.run.build import make_network
from sixgym.run.executor import MOST_BROKEN_IN_A_ROW, Broken, Done, WorkError
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import TaskSet, tasks_by_id
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, select


class LostEpisodesError(RuntimeError):
    """A run has fewer results than episodes."""


class BenchView(Protocol):
    """The display of a run while it works."""

    def opened(self, folder: RunFolder, manifest: RunManifest, missing: int) -> None:
        """Show the run and the number of episodes that are missing."""
        ...

    def starting(self, network: str) -> AbstractContextManager[object]:
        """Show that a network starts, until the context ends."""
        ...

    def running(
        self, manifest: RunManifest, missing: int
    ) -> AbstractContextManager[Callable[[Result], None]]:
        """Show the progress until the context ends. The context gives a function for every new result."""
        ...


class SilentView:
    """A display that shows nothing."""

    def opened(self, folder: RunFolder, manifest: RunManifest, missing: int) -> None:
        """Nothing to show."""

    def starting(self, network: str) -> AbstractContextManager[object]:
        """Nothing to show."""
        return nullcontext()

    def running(
        self, manifest: RunManifest, missing: int
    ) -> AbstractContextManager[Callable[[Result], None]]:
        """Nothing to show."""
        return nullcontext(lambda _: None)


def new_manifest(
    agent: TestedAgent,
    network: BackendInfo,
    tasks: TaskSet,
    selection: Selection,
    *,
    trials: int,
    command: str,
) -> RunManifest:
    """The manifest of a run that starts now.

    Args:
        agent: The agent under test.
        network: Name and version of the network.
        tasks: The task set.
        selection: The tasks of the set that are run.
        trials: Trials of every task.
        command: What makes the same run.

    Raises:
        SelectionError: the set has no such tasks.
    """
    return RunManifest(
        agent=agent.label,
        settings=agent.settings,
        price=agent.price,
        network=network,
        task_set=tasks.name,
        task_set_version=tasks.version,
        task_set_sha256=tasks.sha256,
        selection=selection,
        tasks=tuple(task.task.id for task in select(tasks.tasks, selection)),
        trials=trials,
        sixgym_version=__version__,
        command=command,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def open_run(folder: RunFolder, manifest: RunManifest, *, resume: bool) -> RunManifest:
    """Check that the folder is free or holds this run; the manifest of the run.

    Raises:
        RunFolderError: the folder is not empty and `resume` is false, or it holds another run.
    """
    if folder.is_empty:
        return manifest
    if not resume:
        raise RunFolderError(
            f"{folder.path} is not empty: --resume continues its run, --out takes another folder"
        )
    stored = folder.manifest()
    price = manifest.price or stored.price
    if extends(stored, manifest):
        return folder.extend(manifest.model_copy(update={"price": price}))
    reasons = differences(stored, manifest)
    if reasons:
        raise RunFolderError(f"{folder.path} holds another run: {'; '.join(reasons)}")
    if price != stored.price:
        stored = stored.model_copy(update={"price": price})
        folder.write_manifest(stored)
    return stored


def graded_episodes(
    folder: RunFolder, manifest: RunManifest, tasks: Mapping[str, BenchTask]
) -> dict[Key, Result]:
    """The grades of the stored episodes of a run. The last episode of each task and trial counts.

    Raises:
        RunFolderError: an episode belongs to a task that the run or the set does not have.
        RecordFileError: a file holds something else than episodes.
    """
    wanted = set(manifest.keys)
    graded: dict[Key, Result] = {}
    for trial, episode in folder.episodes(manifest.trials):
        key = (episode.task.id, trial)
        if key not in wanted or episode.task != tasks[key[0]].task:
            raise RunFolderError(f"{folder.path}: episode {episode.id} is of another task set")
        graded[key] = grade(tasks[key[0]], trial, episode, manifest.price)
    return graded


def unfinished(manifest: RunManifest, graded: dict[Key, Result]) -> list[Key]:
    """The episodes to run: missing ones and infrastructure failures."""
    return [
        key for key in manifest.keys if key not in graded or graded[key].infrastructure_failure is not None
    ]


def complete(
    folder: RunFolder,
    manifest: RunManifest,
    agent: TestedAgent,
    *,
    tasks: Path | None,
    workers: int,
    view: BenchView,
) -> list[Result]:
    """Run the episodes that are missing in a run, and write the results of all episodes.

    Args:
        folder: Folder of the run. Every episode is stored there as soon as it is over.
        manifest: Manifest of the run.
        agent: The agent under test.
        tasks: Manifest of the task set; None for the frozen set.
        workers: Number of episodes at the same time. Results do not depend on it.
        view: Shows the progress.

    Returns:
        The results in the order of tasks and trials.

    Raises:
        SimulatorError: the network does not start.
        WorkError: the work cannot go on. Finished episodes are stored.
        LostEpisodesError: results are missing at the end.
        RunFolderError: the folder holds an episode of another run.
    """
    by_id = tasks_by_id(tasks)
    results = graded_episodes(folder, manifest, by_id)
    missing = unfinished(manifest, results)
    view.opened(folder, manifest, len(missing))
    if missing:
        with view.starting(manifest.network.name):
            start_network(manifest.network.name, by_id[missing[0][0]])
    if folder.is_empty:
        folder.write_manifest(manifest)
    make_worker = partial(
        BenchWorker,
        Assignment(agent.label, agent.make, manifest.network.name, tasks, folder.path, manifest.price),
    )
    with (
        view.running(manifest, len(missing)) as progress,
        closing(agent.executor(workers).execute(make_worker, missing)) as outcomes,
    ):
        broken_in_a_row = 0
        for outcome in outcomes:
            result = _result_of(outcome, folder, manifest, by_id)
            results[outcome.job] = result
            progress(result)
            broken_in_a_row = 0 if result.infrastructure_failure is None else broken_in_a_row + 1
            # every thread may be in the middle of an episode when the server of the model goes down
            if agent.react is not None and broken_in_a_row >= MOST_BROKEN_IN_A_ROW + workers:
                raise WorkError(
                    f"{broken_in_a_row} episodes in a row broke, the last because of: "
                    f"{result.infrastructure_failure}"
                )
    return write_results(folder, manifest, results)


def start_network(network: str, task: BenchTask) -> None:
    """Start the network once: a missing network fails now, and what has to be compiled is compiled.

    Raises:
        SimulatorError: the network does not start.
    """
    backend = make_network(network)
    try:
        backend.reset(task.task.scenario, seed=task.task.seed)
    finally:
        backend.close()


def _result_of(
    outcome: Done[Key, Result] | Broken[Key],
    folder: RunFolder,
    manifest: RunManifest,
    by_id: Mapping[str, BenchTask],
) -> Result:
    """The result of a job. An episode whose workers died is stored as an infrastructure failure."""
    if isinstance(outcome, Done):
        return outcome.value
    task, trial = by_id[outcome.job[0]], outcome.job[1]
    name = episode_id(task, trial, manifest.agent, manifest.network.name)
    episode = broken_episode(name, manifest.agent, manifest.network, task, outcome.reason)
    folder.add(trial, episode)
    return grade(task, trial, episode)


def write_results(folder: RunFolder, manifest: RunManifest, results: dict[Key, Result]) -> list[Result]:
    """Write the results of a complete run in order; the results in order.

    Raises:
        LostEpisodesError: a result is missing.
    """
    lost = [key for key in manifest.keys if key not in results]
    if lost:
        task, trial = lost[0]
        raise LostEpisodesError(
            f"{len(lost)} of {len(manifest.keys)} episodes are missing, first trial {trial} of {task}; "
            f"sixgym bench … --resume --out {folder.path} runs them"
        )
    ordered = [results[key] for key in manifest.keys]
    folder.write_results(ordered)
    return ordered
