"""`sixgym fidelity transfer`: does success on one network transfer to another network?"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.bench.prepare import check_agent, start
from sixgym.cli.bench.view import progress_on
from sixgym.cli.errors import WORK_FAILED, CommandError, interrupt_on_sigterm, wrong_use_on
from sixgym.cli.fidelity.options import OUT, Candidate, OutFolder, Processes, Reference
from sixgym.cli.fidelity.own_runs import graded_results, own_rows
from sixgym.cli.fidelity.pages import announce, write_page, writing_to
from sixgym.cli.network import network_info
from sixgym.cli.options import DEFAULT_NETWORK, AsJson, TaskFile
from sixgym.cli.output import text as words
from sixgym.cli.storing import writable
from sixgym.cli.task import load_tasks
from sixgym.episodes.episode import BackendInfo
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.bench.store import RunFolder, RunFolderError
from sixgym.evaluate.fidelity.transfer.figures import NothingToCompareError, TransferSetting, transfer_figures
from sixgym.evaluate.fidelity.transfer.report import summary_lines, transfer_page
from sixgym.evaluate.fidelity.transfer.rows import RowConditions, RowStore, TransferRow
from sixgym.evaluate.fidelity.transfer.runs import TransferJob, own_jobs, play_missing, replay_jobs
from sixgym.run.build import BENCH_AGENTS
from sixgym.run.executor import WorkError
from sixgym.scoring.metrics import MetricError
from sixgym.tasks.frozen import TaskSet
from sixgym.tasks.record import BenchTask
from sixgym.tasks.selection import Selection, select

DEFAULT_LIMIT = 120
"""Default number of tasks: 40 a tier, as in 6GAgentGym section IV-E."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """What is compared. It decides the page's name and its command.

    Attributes:
        candidate, reference: Names of the networks.
        agents: Names of agents, separated by commas; None is all agents without a language model.
        limit: Number of tasks.
        tasks: Manifest of the task set; None is the shipped set.
        runs: Folders of `sixgym bench` runs on the reference, or gzip files of their graded rows.
        replay: Whether the agents' calls are replayed on the reference; otherwise `runs` alone are compared.
    """

    candidate: str
    reference: str
    agents: str | None
    limit: int
    tasks: Path | None
    runs: tuple[Path, ...]
    replay: bool

    @property
    def page_stem(self) -> str:
        """Name of the page's files. Only the default comparison has the name `fidelity-transfer`."""
        parts = ["fidelity-transfer", *self._task_file]
        if (self.candidate, self.reference) != ("tti", "ns3"):
            parts.append(f"{self.candidate}-{self.reference}")
        if self.limit != DEFAULT_LIMIT:
            parts.append(str(self.limit))
        if not self.replay:
            parts.append("closed-loop")
        if self.agents is not None:
            parts += [name.strip() for name in self.agents.split(",")]
        return words.file_name("-".join(parts))

    @property
    def command(self) -> str:
        """The command that makes the same page."""
        options: list[tuple[str, object]] = [
            ("--candidate", self.candidate),
            ("--reference", self.reference),
            ("--agents", self.agents),
            ("--limit", self.limit),
            ("--tasks", self.tasks),
            *(("--runs", run) for run in self.runs),
        ]
        replay = [] if self.replay else ["--no-replay"]
        return words.command_line(["sixgym", "fidelity", "transfer", *replay], options)

    def row_file(self, out: Path, network: str) -> Path:
        """File of the rows of a network; `A-on-B` are replays on B of what agents did on A."""
        name = "-".join(["transfer", *self._task_file, network])
        return out / "data" / f"{name}.jsonl.gz"

    @property
    def _task_file(self) -> list[str]:
        """A set of the user's has files of its own, which must not replace rows that took hours."""
        return [self.tasks.stem] if self.tasks is not None else []


def transfer(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    agents: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,…",
            help="Agents, separated by commas  (all of `sixgym agents` without a language model).",
        ),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, metavar="N", help="Number of tasks, balanced over tiers and domains.")
    ] = DEFAULT_LIMIT,
    tasks: TaskFile = None,
    workers: Processes = 2,
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="PATH",
            help="A `sixgym bench` run of such an agent on the reference itself, or a gzip file of graded "
            "rows; repeatable.",
        ),
    ] = None,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay/--no-replay",
            help="Compare with a replay of the agents' calls on the reference, or with --runs alone.",
        ),
    ] = True,
    out: OutFolder = OUT,
    as_json: AsJson = False,
) -> None:
    """Compare the success of agents on two networks: gap, correlation, agreement.

    Agents work on the candidate over 40 tasks a tier, and their calls are replayed on the reference. Both are
    graded by outcomes. Writes DIR/fidelity-transfer.md with the tasks on which the verdicts differ, and why.
    After an interruption, the same command continues. --runs adds agents that worked on the reference
    themselves; --no-replay compares with these alone.

    - `sixgym fidelity transfer --agents null,mape-k,reference --limit 15 --out comparison`
    """
    compared = Transfer(
        candidate=candidate,
        reference=reference,
        agents=agents,
        limit=limit,
        tasks=tasks,
        runs=tuple(runs or ()),
        replay=replay,
    )
    here, there = network_info(candidate), network_info(reference)
    task_set = load_tasks(tasks)
    with wrong_use_on(ValueError):
        chosen = select(task_set.tasks, Selection(limit=limit))
    names = _agents(agents, chosen[0])
    graded = [row for run in compared.runs for row in graded_results(run, there, task_set, names)]
    worked = (
        []
        if replay
        else own_rows(compared.runs, graded, reference=reference, tasks=task_set, chosen=chosen, agents=names)
    )
    writable(out)
    interrupt_on_sigterm()
    played = _Rows(compared, task_set, out, workers)
    with wrong_use_on(RunFolderError, RecordFileError), RunFolder(out / "data").locked():
        rows = played.rows(here, own_jobs(names, chosen), candidate)
        if replay:
            worked = played.rows(there, replay_jobs(rows), f"{candidate}-on-{reference}")
    setting = TransferSetting(
        command=compared.command,
        candidate=here,
        reference=there,
        task_set=f"{task_set.name} {task_set.version}",
        task_set_sha256=task_set.sha256,
        tasks=dict(Counter(task.tier for task in chosen)),
        topology_seeds=_topology_seeds(chosen),
        replayed=replay,
    )
    rows.sort(key=lambda row: names.index(row.key.agent))
    try:
        figures = transfer_figures(setting, rows, worked, graded if replay else ())
    except (NothingToCompareError, MetricError) as error:
        raise CommandError(str(error), WORK_FAILED) from None
    path = out / f"{compared.page_stem}.md"
    with writing_to(out):
        write_page(path, transfer_page(figures, compared.page_stem), figures)
    announce(path, figures, summary=summary_lines(figures), as_json=as_json)


def _agents(names: str | None, task: BenchTask) -> tuple[str, ...]:
    """The agents of `--agents`, each once; all of them can be made."""
    asked = BENCH_AGENTS if names is None else tuple(name.strip() for name in names.split(","))
    for name in asked:
        check_agent(name, task)
    return tuple(dict.fromkeys(asked))


def _topology_seeds(tasks: Sequence[BenchTask]) -> tuple[int, int]:
    seeds = [task.task.scenario.topology_seed or 0 for task in tasks]
    return min(seeds), max(seeds)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of episodes: stored rows where they are valid, new rows where they are not.

    Attributes:
        compared: What is compared.
        tasks: The task set.
        out: Folder of the page.
        workers: Processes.
    """

    compared: Transfer
    tasks: TaskSet
    out: Path
    workers: int

    def rows(self, network: BackendInfo, jobs: Sequence[TransferJob], name: str) -> list[TransferRow]:
        """A row of each job on a network, in the order of the jobs."""
        store = RowStore(
            self.compared.row_file(self.out, name), RowConditions(network.version, self.tasks.sha256)
        )
        missing = [job for job in jobs if job.key not in store]
        broken = [job for job in jobs if job.key in store and store[job.key].broken]
        # without its engine a network breaks again, and the stored reason would be lost
        again = [] if network.version.startswith("missing+") else broken
        _announce_plan(store, network.name, len(jobs), len(missing), len(again))
        wanted = [*missing, *again]
        if wanted:
            start(network.name, next(task for task in self.tasks.tasks if task.task.id == wanted[0].task))
            self._play(network, store, wanted)
        rows = store.usable(job.key for job in jobs)
        if len(rows) < len(jobs):
            raise CommandError(
                f"the version of {network.name} changed while this command ran: run the command again",
                WORK_FAILED,
            )
        return list(rows.values())

    def _play(self, network: BackendInfo, store: RowStore, jobs: Sequence[TransferJob]) -> None:
        what = f"{'replay' if jobs[0].original else 'agents'} on {network.name}"
        kept = f"what is finished is kept beside {store.path}; the same command continues"
        tasks, workers = self.compared.tasks, self.workers
        try:
            with progress_on(sys.stderr, what, len(jobs)) as progress:
                play_missing(jobs, network, store, tasks=tasks, workers=workers, progress=progress)
            store.pack()
        except WorkError as error:
            raise CommandError(f"{error}\n{kept}", WORK_FAILED) from None
        except OSError as error:
            raise CommandError(f"{store.path}: cannot be written: {error.strerror}", WORK_FAILED) from None
        except KeyboardInterrupt:
            typer.echo(f"sixgym: interrupted; {kept}", err=True)
            raise


def _announce_plan(store: RowStore, network: str, jobs: int, missing: int, again: int) -> None:
    for reason, count in store.rejected.items():
        typer.echo(f"{network}: {count} rows in {store.path} are not used: {reason}", err=True)
    said = f"{network}: {jobs - missing} of {jobs} episodes are stored in {store.path}"
    if again:
        said += f", {again} of them broke and are tried again"
    if missing:
        said += f", {missing} are missing and run now"
    typer.echo(said, err=True)
