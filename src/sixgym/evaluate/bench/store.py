"""The folder of a run: the manifest, every episode, the grades, and the report.

    run.json              the manifest, written before the first episode
    episodes-T.jsonl.gz   the episodes of trial T in the order in which they ended
    results.jsonl         a graded row for every episode, in the order of tasks and trials
    report.json, .md      the figures

Results and report are made from the episodes. If a trial was run twice because the first episode broke on
our side, the last episode counts.
"""

import fcntl
import os
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import Field, JsonValue, ValidationError

from sixgym.domain.base import Record, first_problem
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.episodes.files import write_whole
from sixgym.episodes.jsonl import RecordFileError, read_records
from sixgym.episodes.store import append_episode, read_episodes
from sixgym.models.prices import Price
from sixgym.scoring.result import Result
from sixgym.tasks.selection import Selection

Key = tuple[str, int]
"""A task and a trial."""


class RunFolderError(ValueError):
    """A folder does not hold the run that was asked for. The message names the folder and the difference."""


class RunManifest(Record):
    """The manifest of a run.

    Attributes:
        agent: Name of the agent.
        settings: Settings of the agent: language model and sampling, or checksum of a file of its own.
        price: Price of the language model, if it was known.
        network: Name and version of the network.
        task_set, task_set_version, task_set_sha256: Name, version and checksum of the task set.
        selection: Selection of the tasks from the set.
        tasks: Ids of the selected tasks, in order.
        trials: Number of trials of every task.
        sixgym_version: Version of the code.
        command: Command that makes the same run with any number of workers.
        started_at: Wall-clock time of the start, ISO 8601.
    """

    agent: str
    settings: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    price: Price | None = None
    network: BackendInfo
    task_set: str
    task_set_version: str
    task_set_sha256: str
    selection: Selection
    tasks: tuple[str, ...]
    trials: int
    sixgym_version: str
    command: str
    started_at: str

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every episode of the run, in order."""
        return tuple((task, trial) for task in self.tasks for trial in range(self.trials))


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def is_empty(self) -> bool:
        """Whether the folder is empty or missing. Hidden files are left over from broken writes."""
        if not self.path.exists():
            return True
        return self.path.is_dir() and all(file.name.startswith(".") for file in self.path.iterdir())

    @contextmanager
    def locked(self) -> Generator[None]:
        """Lock the folder against other runs inside the context. A missing folder is made.

        Raises:
            RunFolderError: the folder cannot be made, or another run works in it.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise RunFolderError(f"{self.path}: cannot be used as a folder: {error.strerror}") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError:
            raise RunFolderError(f"{self.path}: another run is at work there") from None
        finally:
            os.close(descriptor)

    def manifest(self) -> RunManifest:
        """The manifest of the run in the folder.

        Raises:
            RunFolderError: the folder holds no run.
        """
        path = self.path / "run.json"
        try:
            return RunManifest.model_validate_json(path.read_bytes())
        except OSError as error:
            raise RunFolderError(
                f"{self.path} holds no run of the benchmark: {path.name}: {error.strerror}"
            ) from None
        except ValidationError as error:
            raise RunFolderError(f"{path}: no manifest of a run: {first_problem(error)}") from None

    def write_manifest(self, manifest: RunManifest) -> None:
        """Write the manifest, atomically."""
        self.write("run.json", manifest.model_dump_json(indent=1) + "\n")

    def extend(self, manifest: RunManifest) -> RunManifest:
        """Extend the run by more tasks, see `extends`. Results and report of the smaller run are removed."""
        longer = manifest.model_copy(update={"started_at": self.manifest().started_at})
        for name in ("results.jsonl", "report.json", "report.md"):
            (self.path / name).unlink(missing_ok=True)
        self.write_manifest(longer)
        return longer

    def episodes_path(self, trial: int) -> Path:
        """The file of the episodes of a trial."""
        return self.path / f"episodes-{trial}.jsonl.gz"

    def add(self, trial: int, episode: Episode) -> None:
        """Store an episode, from any process."""
        append_episode(self.episodes_path(trial), episode)

    def episodes(self, trials: int) -> Iterator[tuple[int, Episode]]:
        """The stored episodes with the numbers of their trials, in the order in which they ended.

        Raises:
            RecordFileError: a file holds something else than episodes.
        """
        for trial in range(trials):
            path = self.episodes_path(trial)
            if path.exists():
                yield from ((trial, episode) for episode in read_episodes(path))

    def results(self) -> list[Result]:
        """The graded rows.

        Raises:
            RunFolderError: the run is not finished, or the file holds something else than results.
        """
        path = self.path / "results.jsonl"
        if not path.exists():
            raise RunFolderError(
                f"{self.path}: the run is not finished; its command with --resume goes on with it"
            )
        try:
            return list(read_records(path, Result))
        except RecordFileError as error:
            raise RunFolderError(str(error)) from None

    def write_results(self, results: Iterable[Result]) -> None:
        """Write the graded rows, atomically."""
        self.write("results.jsonl", "".join(f"{row.model_dump_json()}\n" for row in results))

    def write(self, name: str, text: str) -> None:
        """Write a file of the folder, atomically."""
        write_whole(self.path / name, text.encode())


def extends(stored: RunManifest, asked: RunManifest) -> bool:
    """Whether a stored run can continue as a run with more tasks of the same tier and domain.

    The tasks of a smaller limit are always among the tasks of a larger limit, see `select`.
    """
    unlimited = [run.selection.model_copy(update={"limit": None}) for run in (stored, asked)]
    same = {"selection": asked.selection, "tasks": asked.tasks}
    return (
        unlimited[0] == unlimited[1]
        and set(stored.tasks) < set(asked.tasks)
        and not differences(stored.model_copy(update=same), asked)
    )


def differences(stored: RunManifest, asked: RunManifest) -> list[str]:
    """The differences for which a stored run cannot continue. Command and time do not count."""
    pairs: Sequence[tuple[str, object, object]] = (
        ("agent", stored.agent, asked.agent),
        *_settings(stored, asked),
        ("network", _version(stored), _version(asked)),
        ("task set", stored.task_set_sha256[:12], asked.task_set_sha256[:12]),
    )
    last: Sequence[tuple[str, object, object]] = (
        ("trials", stored.trials, asked.trials),
        ("sixgym", stored.sixgym_version, asked.sixgym_version),
    )
    tasks = _other_tasks(stored, asked) if stored.tasks != asked.tasks else []
    return [*_changed(pairs), *tasks, *_changed(last)]


def _settings(stored: RunManifest, asked: RunManifest) -> list[tuple[str, object, object]]:
    names = dict.fromkeys([*stored.settings, *asked.settings])
    return [
        (f"the agent's {name}", stored.settings.get(name, "not there"), asked.settings.get(name, "not there"))
        for name in names
    ]


def _other_tasks(stored: RunManifest, asked: RunManifest) -> list[str]:
    """The options that select other tasks. Without such an option, the code or the set is another one."""
    options = [
        (f"--{name}", "not given" if then is None else then, "not given" if now is None else now)
        for (name, then), (_, now) in zip(stored.selection, asked.selection, strict=True)
    ]
    return _changed(options) or ["tasks differs"]


def _changed(pairs: Sequence[tuple[str, object, object]]) -> list[str]:
    return [f"{what} was {then} and is {now}" for what, then, now in pairs if then != now]


def _version(manifest: RunManifest) -> str:
    return f"{manifest.network.name} {manifest.network.version}"
