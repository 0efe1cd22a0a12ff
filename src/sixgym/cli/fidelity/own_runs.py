"""Runs of agents on the reference itself, as `--runs` names them."""

from collections.abc import Sequence
from pathlib import Path

from sixgym.cli.errors import WRONG_USE, CommandError, wrong_use_on
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError, read_packed
from sixgym.evaluate.bench.store import RunFolder, RunFolderError
from sixgym.evaluate.fidelity.store import same_version
from sixgym.evaluate.fidelity.transfer.rows import RowKey, TransferRow, grade_alone, row_of
from sixgym.evaluate.fidelity.transfer.runs import TRIAL
from sixgym.scoring.result import GRADER, Result
from sixgym.tasks.frozen import TaskSet
from sixgym.tasks.record import BenchTask


def graded_results(run: Path, reference: BackendInfo, tasks: TaskSet, agents: Sequence[str]) -> list[Result]:
    """The first trials of agents that ran on the reference themselves.

    Args:
        run: Folder of a `sixgym bench` run on the reference, or a gzip file of graded rows.
        reference: Name and version of the reference.
        tasks: The task set.
        agents: Names of the agents that are compared.

    Raises:
        CommandError: the run has another network, task set, agent or grader than this comparison.
    """
    if run.is_file():
        return [row for row in _graded_rows(run, reference, tasks) if row.agent in agents]
    with wrong_use_on(RunFolderError):
        folder = RunFolder(run)
        manifest = folder.manifest()
        rows = [row for row in folder.results() if row.trial == TRIAL]
    wrong = [
        *_other_network(manifest.network, reference),
        *_unequal("task set", manifest.task_set_sha256[:12], tasks.sha256[:12]),
        *(
            []
            if manifest.agent in agents
            else _unequal("agent", manifest.agent, f"one of {', '.join(agents)}")
        ),
        *_other_grader(rows),
    ]
    if wrong:
        raise CommandError(f"--runs {run}: {'; '.join(wrong)}", WRONG_USE)
    return rows


def _graded_rows(path: Path, reference: BackendInfo, tasks: TaskSet) -> list[Result]:
    """The first trials in a file of graded rows, such as perf/bench.py writes."""
    try:
        rows = list(read_packed(path, Result))
    except RecordFileError as error:
        raise CommandError(f"--runs: neither a run's folder nor graded rows: {error}", WRONG_USE) from None
    known = {task.task.id for task in tasks.tasks}
    networks = [
        BackendInfo(name=name, version=v) for name, _, v in {row.network.partition(" ") for row in rows}
    ]
    wrong = [
        *(one for network in networks for one in _other_network(network, reference)),
        *(f"task {row.task} is none of the task set" for row in rows if row.task not in known),
        *_other_grader(rows),
    ]
    if wrong:
        raise CommandError(f"--runs {path}: {wrong[0]}", WRONG_USE)
    return [row for row in rows if row.trial == TRIAL]


def _other_network(theirs: BackendInfo, ours: BackendInfo) -> list[str]:
    if theirs.name == ours.name and same_version(theirs.version, ours.version):
        return []
    what = "network" if theirs.name != ours.name else "version of the network"
    return _unequal(what, *((one.name if what == "network" else one.version) for one in (theirs, ours)))


def _other_grader(rows: Sequence[Result]) -> list[str]:
    others = sorted({row.grader for row in rows} - {GRADER})
    return [f"grader is {others[0]}, not {GRADER}"] if others else []


def _unequal(what: str, theirs: str, ours: str) -> list[str]:
    return [] if theirs == ours else [f"{what} is {theirs}, not {ours}"]


def own_rows(
    runs: Sequence[Path],
    graded: Sequence[Result],
    *,
    reference: str,
    tasks: TaskSet,
    chosen: Sequence[BenchTask],
    agents: Sequence[str],
) -> list[TransferRow]:
    """Rows of what the agents did on the reference themselves.

    Args:
        runs: Folders and files of `--runs`.
        graded: Their results, see `graded_results`.
        reference: Name of the reference.
        tasks: The task set.
        chosen: The tasks that are compared.
        agents: Names of the agents that are compared.

    Raises:
        CommandError: an agent has no run.
    """
    wanted = {task.task.id for task in chosen}
    results = {(row.agent, row.task): row for row in graded if row.task in wanted}
    missing = [agent for agent in agents if not any((agent, task) in results for task in wanted)]
    if missing:
        raise CommandError(
            f"--no-replay compares with runs on {reference}, and --runs names none of "
            f"{' and '.join(missing)}: `sixgym bench --agent {missing[0]} --network {reference}`",
            WRONG_USE,
        )
    rows: dict[RowKey, TransferRow] = {}  # the last attempt of an episode that was tried again
    for result in results.values():
        version = result.network.partition(" ")[2]
        key = RowKey(agent=result.agent, task=result.task)
        rows[key] = grade_alone(key, version, tasks.sha256, result)
    for run in runs:
        if run.is_file():
            continue
        folder = RunFolder(run)
        agent = folder.manifest().agent
        for trial, episode in folder.episodes(TRIAL + 1):
            result = results.get((agent, episode.task.id))
            if trial == TRIAL and result is not None:
                key = RowKey(agent=agent, task=episode.task.id)
                rows[key] = row_of(key, tasks.sha256, episode, result)
    return list(rows.values())
