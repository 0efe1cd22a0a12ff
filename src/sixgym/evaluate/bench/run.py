"""A run of the benchmark: what is missing is run, everything is graded, nothing is lost."""

from collections.abc import Callable
from contextlib import closing
from functools import partial

from sixgym.agents.llm.react import ReactAgent
from sixgym.evaluate.bench.store import Key, RunFolder, RunFolderError, RunManifest, differences, extends
from sixgym.evaluate.bench.worker import Assignment, BenchWorker, broken_episode, episode_id
from sixgym.run.build import make_network
from sixgym.run.executor import MOST_BROKEN_IN_A_ROW, Broken, ThreadExecutor, WorkError, executor_for
from sixgym.scoring.result import Result
from sixgym.tasks.frozen import tasks_by_id
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask


class LostEpisodesError(RuntimeError):
    """There are fewer results than were asked for."""


def open_run(folder: RunFolder, manifest: RunManifest, *, resume: bool) -> RunManifest:
    """Make sure that the folder is free, or holds this run; returns what the run is.

    Raises:
        RunFolderError: something is in it and `resume` was not asked for, or it holds another run.
    """
    if folder.is_empty:
        return manifest
    if not resume:
        raise RunFolderError(
            f"{folder.path} is not empty; --resume goes on with its run, --out takes another"
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


def start_network(network: str, task: BenchTask) -> None:
    """Start the network once, so that one that is missing says so now, and what has to be compiled is.

    Raises:
        SimulatorError: it does not start.
    """
    backend = make_network(network)
    try:
        backend.reset(task.task.scenario, seed=task.task.seed)
    finally:
        backend.close()


def graded_episodes(
    folder: RunFolder, manifest: RunManifest, tasks: dict[str, BenchTask]
) -> dict[Key, Result]:
    """The stored episodes of a run, graded now, each task and trial as it went last.

    Raises:
        RunFolderError: an episode is of a task that the run or the set does not hold.
        RecordFileError: a file holds something else.
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
    """What is still to be run: what is not there, and what our side broke."""
    return [
        key for key in manifest.keys if key not in graded or graded[key].infrastructure_failure is not None
    ]


def run_missing(
    folder: RunFolder,
    manifest: RunManifest,
    graded: dict[Key, Result],
    *,
    assignment: Assignment,
    react: ReactAgent | None,
    workers: int,
    progress: Callable[[Result], None],
) -> list[Result]:
    """Run what is unfinished, and write the results of everything.

    Args:
        folder: Of the run; every episode is stored in it as soon as it is over.
        manifest: What the run is.
        graded: What is stored already.
        assignment: What a worker has to know.
        react: The language model that the agent asks, if it does. Then the workers are threads, for they
            share it and wait for it most of the time.
        workers: How many processes or threads. What comes out does not depend on it.
        progress: Called with every new result.

    Returns:
        All results in the order of tasks and trials.

    Raises:
        WorkError: the work cannot go on. What was finished is stored.
        LostEpisodesError: results are missing at the end.
    """
    if folder.is_empty:
        folder.write_manifest(manifest)
    results = dict(graded)
    by_id = tasks_by_id(assignment.tasks)
    missing = unfinished(manifest, graded)
    make_worker = partial(BenchWorker, assignment, react)
    executor = executor_for(workers) if react is None else ThreadExecutor(workers, react.model.close)
    broken_in_a_row = 0
    with closing(executor.execute(make_worker, missing)) as outcomes:
        for outcome in outcomes:
            task, trial = by_id[outcome.job[0]], outcome.job[1]
            if isinstance(outcome, Broken):
                name = episode_id(task, trial, manifest.agent, manifest.network.name)
                episode = broken_episode(name, manifest.agent, manifest.network, task, outcome.reason)
                folder.add(trial, episode)
                result = grade(task, trial, episode)
            else:
                result = outcome.value
            results[outcome.job] = result
            progress(result)
            broken_in_a_row = 0 if result.infrastructure_failure is None else broken_in_a_row + 1
            if react is not None and broken_in_a_row >= MOST_BROKEN_IN_A_ROW + workers:
                raise WorkError(
                    f"{broken_in_a_row} episodes in a row broke, the last because of: "
                    f"{result.infrastructure_failure}"
                )
    return write_results(folder, manifest, results)


def write_results(folder: RunFolder, manifest: RunManifest, results: dict[Key, Result]) -> list[Result]:
    """Write the results of a run in order, if they are all there; returns them.

    Raises:
        LostEpisodesError: some are missing.
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
