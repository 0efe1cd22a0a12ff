"""`sixgym bench`: run an agent over the tasks, grade a run again."""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

import sixgym
from sixgym.agents.identity import Settings, label, settings_of
from sixgym.agents.llm.react import ReactAgent
from sixgym.cli.bench.view import progress_on, show_report
from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.language import NO_MODEL, ChosenModel, ModelRequest, language
from sixgym.cli.output import text as words
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.view import open_console
from sixgym.cli.run import choose_simulator
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.bench.report import BenchReport, bench_report, write_report
from sixgym.evaluate.bench.run import (
    LostEpisodesError,
    graded_episodes,
    open_run,
    run_missing,
    start_network,
    unfinished,
    write_results,
)
from sixgym.evaluate.bench.store import Key, RunFolder, RunFolderError, RunManifest
from sixgym.evaluate.bench.worker import Assignment
from sixgym.run.build import make_bench_agent
from sixgym.run.executor import WorkError
from sixgym.scoring.metrics import MetricError
from sixgym.scoring.result import Result
from sixgym.simulators.base import SimulatorError
from sixgym.tasks.frozen import TaskSet, task_set, tasks_by_id
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, SelectionError, select

AT_ONCE = 8
"""Episodes at a time where nothing else is asked for and a language model is waited for most of the time."""

NOTHING_KNOWN = "every episode broke on our side: nothing is known about the agent"


@dataclass(frozen=True, slots=True)
class BenchRequest:
    """What the command line asked for, unchecked.

    Attributes:
        agent, network: Names.
        tier, domain, limit: Which tasks; None is all.
        trials: Attempts at every task.
        workers: Episodes at a time, in processes, or in threads where a language model is asked; None is one
            a core, or `AT_ONCE`.
        resume: Whether the folder may hold this run already.
        out: Folder of the run; None is runs/bench-AGENT-NETWORK.
        as_json: The figures on standard output.
        tasks: File of a task set; None is the frozen one.
        exclude_infrastructure: Whether episodes that our side broke are left out of the figures.
        model: The language model, for an agent that asks one.
    """

    agent: str
    network: str
    tier: str | None
    domain: str | None
    limit: int | None
    trials: int
    workers: int | None
    resume: bool
    out: Path | None
    as_json: bool
    tasks: Path | None
    exclude_infrastructure: bool
    model: ModelRequest = NO_MODEL


def bench(request: BenchRequest) -> None:
    """Run what is missing of a run of the benchmark, show and write its figures.

    Raises:
        CommandError: wrong use, before anything has run; or the work failed, and what was finished is kept.
    """
    simulator = choose_simulator(request.network)
    network = BackendInfo(name=simulator.name, version=simulator.version)
    simulator.close()
    tasks = load_tasks(request.tasks)
    with wrong_use_on(SelectionError):
        selection = Selection(tier=request.tier, domain=request.domain, limit=request.limit)
        chosen = select(tasks.tasks, selection)
    # whoever manages processes sends SIGTERM where a person presses Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with language(request.agent, request.model, at_once=request.workers or AT_ONCE) as found:
        react = None if found is None else found.react
        check_agent(request.agent, chosen[0], react)
        manifest = _manifest(
            request, found=found, network=network, tasks=tasks, selection=selection, chosen=chosen
        )
        folder = RunFolder(request.out or Path("runs") / _folder_name(request, manifest))
        with wrong_use_on(RunFolderError, RecordFileError), folder.locked():
            manifest = open_run(folder, manifest, resume=request.resume)
            results = _run(request, folder, manifest, react)
            report = _report(folder, manifest, results, exclude_infrastructure=request.exclude_infrastructure)
            _print(report, as_json=request.as_json)


def _manifest(
    request: BenchRequest,
    *,
    found: ChosenModel | None,
    network: BackendInfo,
    tasks: TaskSet,
    selection: Selection,
    chosen: Sequence[BenchTask],
) -> RunManifest:
    react = None if found is None else found.react
    return RunManifest(
        agent=label(request.agent, react),
        settings=_settings(request, found),
        price=None if found is None else found.price,
        network=network,
        task_set=tasks.name,
        task_set_version=tasks.version,
        task_set_sha256=tasks.sha256,
        selection=selection,
        tasks=tuple(task.task.id for task in chosen),
        trials=request.trials,
        sixgym_version=sixgym.__version__,
        command=_command(request),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _settings(request: BenchRequest, found: ChosenModel | None) -> Settings:
    settings = settings_of(request.agent, None if found is None else found.react)
    if found is not None and found.digest is not None:
        settings["checkpoint"] = found.digest()
    return settings


def _folder_name(request: BenchRequest, manifest: RunManifest) -> str:
    return words.file_name(f"bench-{manifest.agent}-{request.network}")


def grade(run: Path, tasks: Path | None, *, as_json: bool, exclude_infrastructure: bool) -> None:
    """Grade the stored episodes of a run again, rewrite its results and report, say what changed.

    Raises:
        CommandError: the folder holds no such run, or not all of its episodes.
    """
    folder = RunFolder(run)
    with wrong_use_on(RunFolderError, RecordFileError):
        manifest = folder.manifest()
        found = load_tasks(tasks)
        if found.sha256 != manifest.task_set_sha256:
            raise RunFolderError(
                f"{run} was run on task set {manifest.task_set_sha256[:12]}, not on {found.sha256[:12]}; "
                "--tasks FILE names another"
            )
        with folder.locked():
            graded = graded_episodes(folder, manifest, tasks_by_id(tasks))
            before = _verdicts_before(folder)
            try:
                results = write_results(folder, manifest, graded)
            except LostEpisodesError as error:
                raise CommandError(str(error), WORK_FAILED) from None
            changed = [row for row in results if before.get(row.key, row.success) != row.success]
            report = _report(folder, manifest, results, exclude_infrastructure=exclude_infrastructure)
    _print(report, as_json=as_json)
    typer.echo(f"{len(results)} episodes graded again, {len(changed)} verdicts changed", err=True)
    for row in changed:
        typer.echo(f"{row.task} trial {row.trial}: {'met' if row.success else 'not met'} now", err=True)


def _verdicts_before(folder: RunFolder) -> dict[Key, bool]:
    """What the rows say that are there; rows of other rules may be in a form that is not read any more."""
    try:
        return {row.key: row.success for row in folder.results()}
    except RunFolderError:
        return {}


def load_tasks(path: Path | None) -> TaskSet:
    """The task set of a file, or the frozen one."""
    with wrong_use_on(ValueError):
        return task_set(path)


def _run(
    request: BenchRequest, folder: RunFolder, manifest: RunManifest, react: ReactAgent | None
) -> list[Result]:
    """The results of a run, after running what is missing."""
    by_id = tasks_by_id(request.tasks)
    graded = graded_episodes(folder, manifest, by_id)
    missing = unfinished(manifest, graded)
    typer.echo(_said(folder, manifest, len(missing)), err=True)
    if missing:
        start(manifest.network.name, by_id[missing[0][0]])
    workers = request.workers or (AT_ONCE if react is not None else os.cpu_count()) or 1
    assignment = Assignment(
        request.agent, manifest.agent, manifest.network.name, request.tasks, folder.path, manifest.price
    )
    try:
        with progress_on(
            sys.stderr, f"{manifest.agent} on {manifest.network.name}", len(missing)
        ) as progress:
            return run_missing(
                folder,
                manifest,
                graded,
                assignment=assignment,
                react=react,
                workers=workers,
                progress=progress,
            )
    except (WorkError, LostEpisodesError) as error:
        raise CommandError(f"{error}\n{_kept(folder)}", WORK_FAILED) from None
    except OSError as error:
        raise CommandError(f"{folder.path}: cannot be written: {error.strerror}", WORK_FAILED) from None
    except KeyboardInterrupt:
        typer.echo(f"sixgym: interrupted; {_kept(folder)}", err=True)
        raise


def start(network: str, task: BenchTask) -> None:
    """Start a network once, so that one that cannot says so before the work."""
    with saying_why_it_takes_long(network):
        try:
            start_network(network, task)
        except SimulatorError as error:
            raise CommandError(str(error), WORK_FAILED) from None


def _report(
    folder: RunFolder, manifest: RunManifest, results: list[Result], *, exclude_infrastructure: bool
) -> BenchReport:
    """The figures of a run, which are kept in its folder."""
    if exclude_infrastructure and all(row.infrastructure_failure is not None for row in results):
        raise CommandError(NOTHING_KNOWN, WORK_FAILED)
    with wrong_use_on(MetricError):
        report = bench_report(folder, manifest, results, exclude_infrastructure=exclude_infrastructure)
    write_report(folder, report)
    return report


def _print(report: BenchReport, *, as_json: bool) -> None:
    show_report(open_console(sys.stderr if as_json else sys.stdout), report)
    if as_json:
        typer.echo(report.model_dump_json())
    if not report.exclude_infrastructure and report.overall.infrastructure_failures == report.overall.n:
        raise CommandError(NOTHING_KNOWN, WORK_FAILED)


def check_agent(name: str, task: BenchTask, react: ReactAgent | None = None) -> None:
    """Refuse an agent that cannot be put to the test."""
    with wrong_use_on(ValueError):
        try:
            make_bench_agent(name, task, 0, react)
        except ImportError as error:
            raise CommandError(f"the agent {name} cannot be loaded: {error}", WORK_FAILED) from None


def _said(folder: RunFolder, manifest: RunManifest, missing: int) -> str:
    stored = len(manifest.keys) - missing
    kept = f", {stored} of them stored already" if stored else ""
    tasks = f"{len(manifest.tasks)} tasks of {manifest.task_set} {manifest.task_set_version}"
    who = f"{manifest.agent} on {manifest.network.name}"
    return f"{who}: {len(manifest.keys)} episodes ({tasks}){kept}; {folder.path}"


def _kept(folder: RunFolder) -> str:
    return f"what is finished is kept in {folder.path}; the same command with --resume goes on"


def _unless(value: int, default: int) -> int | None:
    return None if value == default else value


def _command(request: BenchRequest) -> str:
    """The command that makes the same run."""
    options: dict[str, object] = {
        "--agent": request.agent,
        "--network": request.network,
        "--tier": request.tier,
        "--domain": request.domain,
        "--limit": request.limit,
        "--trials": request.trials if request.trials > 1 else None,
        "--tasks": request.tasks,
        "--model": request.model.model,
        "--base-url": request.model.base_url,
        "--style": request.model.style,
        "--temperature": request.model.temperature or None,
        "--max-tokens": _unless(request.model.max_tokens, NO_MODEL.max_tokens),
    }
    return words.command_line(["sixgym", "bench"], options.items())
