"""Task sets in files: packed JSON lines beside a manifest with their checksum."""

import difflib
import gzip
import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import Field, ValidationError

from sixgym.domain.base import Name, Record, first_problem
from sixgym.domain.splits import require_split
from sixgym.episodes.files import write_whole
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask

SHIPPED = "6gagentbench-v1"
MANIFEST_SUFFIX, TASKS_SUFFIX = ".json", ".jsonl.gz"


class TaskSetError(ValueError):
    """A file holds no task set, or not the one it says. The message names the file and what is wrong."""


class Manifest(Record):
    """What a set holds and how it was made.

    Attributes:
        name, version: Of the set.
        sha256: Of the tasks' JSON lines, unpacked.
        tasks: How many there are.
        tiers, domains: How many of each.
        command: What made it.
        networks: Version by network on which it was checked.
        thrown_out: Candidates that were not taken, by reason.
    """

    name: Name
    version: str
    sha256: str
    tasks: int
    tiers: dict[str, int]
    domains: dict[str, int]
    command: str
    networks: dict[str, str] = Field(default_factory=dict[str, str])
    thrown_out: dict[str, int] = Field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class TaskSet:
    """Frozen tasks, in order of tier, domain and number."""

    manifest: Manifest
    tasks: tuple[BenchTask, ...]

    @property
    def name(self) -> str:
        """Name of the set."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Version of the set."""
        return self.manifest.version

    @property
    def sha256(self) -> str:
        """Checksum of its tasks."""
        return self.manifest.sha256


def load_task(name: str, path: Path | None = None) -> BenchTask:
    """The task of that id in a set.

    Args:
        name: Id of the task.
        path: Manifest of the set, see `load_task_set`.

    Raises:
        TaskSetError: the set has no such task, or the set cannot be read.
    """
    tasks = tasks_by_id(path)
    if name not in tasks:
        near = difflib.get_close_matches(name, tasks, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise TaskSetError(f"the set has no task {name!r:.80}{hint} (sixgym bench tasks lists them)")
    return tasks[name]


@lru_cache(maxsize=8)  # reading and checking 600 tasks takes 0.4 s
def task_set(path: Path | None = None) -> TaskSet:
    """The task set of a manifest, read and checked once in a process, see `load_task_set`."""
    return load_task_set(path)


@lru_cache(maxsize=8)
def tasks_by_id(path: Path | None = None) -> Mapping[str, BenchTask]:
    """The tasks of a set by id, in the order of the set, see `load_task_set`."""
    return MappingProxyType({task.task.id: task for task in task_set(path).tasks})


def load_task_set(path: Path | None = None) -> TaskSet:
    """Read a set and check that it is what its manifest says.

    Args:
        path: Its manifest, a `.json` file with the tasks in a `.jsonl.gz` file beside it; by default the
            set that ships with the package.

    Raises:
        TaskSetError: a file is missing or damaged, or the checksum does not fit.
    """
    manifest_path = path or Path(str(files("sixgym.tasks") / "frozen_sets" / f"{SHIPPED}{MANIFEST_SUFFIX}"))
    tasks_path = manifest_path.with_suffix("").with_name(manifest_path.stem + TASKS_SUFFIX)
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
        lines = gzip.decompress(tasks_path.read_bytes())
    except ValidationError as error:
        raise TaskSetError(f"{manifest_path}: no manifest of a task set: {first_problem(error)}") from None
    except (OSError, EOFError, zlib.error) as error:
        # the strerror of an OSError leaves the path out, which is said already; a damaged file has none
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise TaskSetError(f"{tasks_path if manifest_path.exists() else manifest_path}: {reason}") from None
    digest = hashlib.sha256(lines).hexdigest()
    if digest != manifest.sha256:
        raise TaskSetError(
            f"{tasks_path}: sha256 is {digest[:12]}…, the manifest says {manifest.sha256[:12]}…: "
            "not the set that was frozen"
        )
    return TaskSet(
        manifest, tuple(_task(tasks_path, number, line) for number, line in enumerate(lines.splitlines(), 1))
    )


def write_task_set(path: Path, tasks: Iterable[BenchTask], **facts: Any) -> Manifest:
    """Write a set: the manifest to `path`, the tasks beside it, atomically. Equal tasks give equal bytes.

    Args:
        path: The manifest's file, ending in `.json`.
        tasks: In any order; they are sorted.
        facts: The manifest's name, version, command, networks and thrown_out.

    Raises:
        ValueError: two tasks have one id, or a topology seed is not of the task's split.
    """
    ordered = sorted(tasks, key=_order)
    for task in ordered:
        require_split(task.task.scenario.topology_seed or 0, task.split)
    ids = [task.task.id for task in ordered]
    if len(set(ids)) < len(ids):
        raise ValueError(
            f"ids appear twice: {', '.join(name for name, count in Counter(ids).items() if count > 1)}"
        )
    lines = "".join(task.model_dump_json() + "\n" for task in ordered).encode()
    manifest = Manifest(
        sha256=hashlib.sha256(lines).hexdigest(),
        tasks=len(ordered),
        tiers={tier: sum(task.tier == tier for task in ordered) for tier in TIERS},
        domains={domain: sum(task.domain == domain for task in ordered) for domain in DOMAINS},
        **facts,
    )
    # without a time stamp equal tasks are equal bytes
    write_whole(path.with_name(path.stem + TASKS_SUFFIX), gzip.compress(lines, mtime=0))
    write_whole(path, (json.dumps(manifest.model_dump(), indent=2) + "\n").encode())
    return manifest


def _order(task: BenchTask) -> tuple[int, int, str]:
    return TIERS.index(task.tier), DOMAINS.index(task.domain), task.task.id


def _task(path: Path, number: int, line: bytes) -> BenchTask:
    try:
        return BenchTask.model_validate_json(line)
    except ValidationError as error:
        raise TaskSetError(f"{path}: line {number} is no task: {first_problem(error)}") from None
