"""`sixgym fidelity bench`: agents' success on a stand-in, held against a replay of their calls."""

import signal
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from sixgym.cli.bench.run import check_agent, load_tasks, start
from sixgym.cli.bench.view import progress_on
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.fidelity.app import DEFAULT_LIMIT
from sixgym.cli.output import text as words
from sixgym.cli.run import choose_simulator, writable
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError, read_packed
from sixgym.evaluate.bench.store import RunFolder, RunFolderError
from sixgym.evaluate.fidelity.store import same_version
from sixgym.evaluate.fidelity.transfer.figures import (
    BenchFigures,
    NothingToCompareError,
    Setting,
    bench_figures,
)
from sixgym.evaluate.fidelity.transfer.report import bench_page, summary_lines
from sixgym.evaluate.fidelity.transfer.rows import (
    BenchRow,
    RowConditions,
    RowKey,
    RowStore,
    grade_alone,
    row_of,
)
from sixgym.evaluate.fidelity.transfer.runs import TRIAL, BenchJob, own_jobs, play_missing, replay_jobs
from sixgym.run.build import BENCH_AGENTS
from sixgym.run.executor import WorkError
from sixgym.scoring.metrics import MetricError
from sixgym.scoring.result import GRADER, Result
from sixgym.tasks.frozen import TaskSet
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, select


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What the command line asked for, unchecked.

    Attributes:
        candidate, reference: Names of networks.
        agents: Names with commas in between; None is processes.
        limit: How many tasks, balanced over tiers and domains.
        tasks: File of a task set; None is the frozen one.
        workers: Processes.
        runs: Folders of `sixgym bench` runs on the reference, or gzip files of their graded rows.
        replay: Repeat on the reference what agents did on the candidate, instead of taking `runs` alone.
        out: The page and its figures are written here, stored rows under `data`.
        as_json: The figures on standard output.
    """

    candidate: str
    reference: str
    agents: str | None
    limit: int
    tasks: Path | None
    workers: int
    runs: tuple[Path, ...]
    replay: bool
    out: Path
    as_json: bool


def fidelity_bench(request: ReplayRequest) -> None:
    """Play and replay what is missing, compare, write the page.

    Raises:
        CommandError: wrong use, before anything has run; or the work failed, and what was finished is kept.
    """
    candidate, reference = _network(request.candidate), _network(request.reference)
    tasks = load_tasks(request.tasks)
    with wrong_use_on(ValueError):
        chosen = select(tasks.tasks, Selection(limit=request.limit))
    agents = _agents(request.agents, chosen[0])
    closed_loop = [row for run in request.runs for row in _run_results(run, reference, tasks, agents)]
    worked = _run_rows(request, tasks, chosen, agents, closed_loop)
    writable(request.out)
    # whoever manages processes sends SIGTERM where a person presses Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with wrong_use_on(RunFolderError, RecordFileError), RunFolder(request.out / "data").locked():
        own = own_jobs(agents, chosen)
        rows = _rows(request, candidate, tasks, own, row_file(request, request.candidate))
        if request.replay:
            name = f"{request.candidate}-on-{request.reference}"
            there = _rows(request, reference, tasks, replay_jobs(rows), row_file(request, name))
        else:
            there = worked
    setting = Setting(
        command=_command(request),
        candidate=candidate,
        reference=reference,
        task_set=f"{tasks.name} {tasks.version}",
        task_set_sha256=tasks.sha256,
        tasks=dict(Counter(task.tier for task in chosen)),
        topology_seeds=_topology_seeds(chosen),
        replayed=request.replay,
    )
    try:
        beside = closed_loop if request.replay else ()
        figures = bench_figures(setting, _in_order(rows, agents), there, beside)
    except (NothingToCompareError, MetricError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    _write(request, figures)


def page_stem(request: ReplayRequest) -> str:
    """What the page is called; what is not the experiment as it stands in docs says so."""
    parts = ["fidelity-bench", *_task_file(request)]
    if (request.candidate, request.reference) != ("tti", "ns3"):
        parts.append(f"{request.candidate}-{request.reference}")
    if request.limit != DEFAULT_LIMIT:
        parts.append(str(request.limit))
    if not request.replay:
        parts.append("closed-loop")
    if request.agents is not None:
        parts += [name.strip() for name in request.agents.split(",")]
    return words.file_name("-".join(parts))


def row_file(request: ReplayRequest, network: str) -> Path:
    """Where the rows of a network are stored; those of `A-on-B` are replays."""
    name = "-".join(["bench-replay", *_task_file(request), network])
    return request.out / "data" / f"{name}.jsonl.gz"


def _task_file(request: ReplayRequest) -> list[str]:
    """Another task set has files of its own: it must not displace what took hours."""
    return [request.tasks.stem] if request.tasks is not None else []


def _network(name: str) -> BackendInfo:
    simulator = choose_simulator(name)
    found = BackendInfo(name=simulator.name, version=simulator.version)
    simulator.close()
    return found


def _agents(names: str | None, task: BenchTask) -> tuple[str, ...]:
    """The agents that were asked for, each once; all of them can be made."""
    asked = BENCH_AGENTS if names is None else tuple(name.strip() for name in names.split(","))
    for name in asked:
        check_agent(name, task)
    return tuple(dict.fromkeys(asked))


def _run_results(run: Path, reference: BackendInfo, tasks: TaskSet, agents: Sequence[str]) -> list[Result]:
    """The first trials of agents' own work on the reference, if they can be held against ours."""
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
    """The first trials in a file of graded rows, such as perf/bench.py keeps."""
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


def _run_rows(
    request: ReplayRequest,
    tasks: TaskSet,
    chosen: Sequence[BenchTask],
    agents: Sequence[str],
    graded: Sequence[Result],
) -> list[BenchRow]:
    """What the agents did on the reference themselves, where that is all there is to compare with."""
    if request.replay:
        return []
    wanted = {task.task.id for task in chosen}
    results = {(row.agent, row.task): row for row in graded if row.task in wanted}
    missing = [agent for agent in agents if not any((agent, task) in results for task in wanted)]
    if missing:
        raise CommandError(
            f"--no-replay compares with runs on {request.reference}, and --runs names none of "
            f"{' and '.join(missing)}: `sixgym bench --agent {missing[0]} --network {request.reference}`",
            WRONG_USE,
        )
    rows: dict[RowKey, BenchRow] = {}  # of an episode that was tried again, the last
    for result in results.values():
        version = result.network.partition(" ")[2]
        key = RowKey(agent=result.agent, task=result.task)
        rows[key] = grade_alone(key, version, tasks.sha256, result)
    for run in request.runs:
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


def _rows(
    request: ReplayRequest, network: BackendInfo, tasks: TaskSet, jobs: Sequence[BenchJob], path: Path
) -> list[BenchRow]:
    """A row of each job: stored ones where they can be used, new ones where not. Says which."""
    store = RowStore(path, RowConditions(network.version, tasks.sha256))
    missing = [job for job in jobs if job.key not in store]
    broken = [job for job in jobs if job.key in store and store[job.key].broken]
    # without its engine a network breaks again, and the stored reason would be lost
    again = [] if network.version.startswith("missing+") else broken
    _say(store, network.name, len(jobs), len(missing), len(again))
    wanted = [*missing, *again]
    if wanted:
        start(network.name, next(task for task in tasks.tasks if task.task.id == wanted[0].task))
        _play(request, network, store, wanted)
    return [store[job.key] for job in jobs]


def _say(store: RowStore, network: str, jobs: int, missing: int, again: int) -> None:
    for reason, count in store.rejected.items():
        typer.echo(f"{network}: {count} rows in {store.path} are not used: {reason}", err=True)
    said = f"{network}: {jobs - missing} of {jobs} episodes are stored in {store.path}"
    if again:
        said += f", {again} of them broke and are tried again"
    if missing:
        said += f", {missing} are missing and run now"
    typer.echo(said, err=True)


def _play(request: ReplayRequest, network: BackendInfo, store: RowStore, jobs: Sequence[BenchJob]) -> None:
    what = f"{'replay' if jobs[0].original else 'agents'} on {network.name}"
    kept = f"what is finished is kept beside {store.path}; the same command goes on"
    try:
        with progress_on(sys.stderr, what, len(jobs)) as progress:
            play_missing(
                jobs, network, store, tasks=request.tasks, workers=request.workers, progress=progress
            )
        store.pack()
    except WorkError as error:
        raise CommandError(f"{error}\n{kept}", WORK_FAILED) from None
    except OSError as error:
        raise CommandError(f"{store.path}: cannot be written: {error.strerror}", WORK_FAILED) from None
    except KeyboardInterrupt:
        typer.echo(f"sixgym: interrupted; {kept}", err=True)
        raise


def _in_order(rows: Sequence[BenchRow], agents: Sequence[str]) -> list[BenchRow]:
    """By agent as they were named, then by task as selected."""
    return sorted(rows, key=lambda row: agents.index(row.key.agent))


def _topology_seeds(tasks: Sequence[BenchTask]) -> tuple[int, int]:
    seeds = [task.task.scenario.topology_seed or 0 for task in tasks]
    return min(seeds), max(seeds)


def _write(request: ReplayRequest, figures: BenchFigures) -> None:
    stem = page_stem(request)
    path = request.out / f"{stem}.md"
    try:
        path.write_text(bench_page(figures, stem), encoding="utf-8")
        path.with_suffix(".json").write_text(figures.model_dump_json(indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise CommandError(f"--out {request.out}: cannot write there: {error.strerror}", WRONG_USE) from None
    for line in summary_lines(figures):
        typer.echo(line, err=request.as_json)
    typer.echo(f"written: {path}, and its figures as .json", err=request.as_json)
    if request.as_json:
        typer.echo(figures.model_dump_json())


def _command(request: ReplayRequest) -> str:
    """The command that makes the same page."""
    options: list[tuple[str, object]] = [
        ("--candidate", request.candidate),
        ("--reference", request.reference),
        ("--agents", request.agents),
        ("--limit", request.limit),
        ("--tasks", request.tasks),
        *(("--runs", run) for run in request.runs),
    ]
    if not request.replay:
        return words.command_line(["sixgym", "fidelity", "bench", "--no-replay"], options)
    return words.command_line(["sixgym", "fidelity", "bench"], options)
