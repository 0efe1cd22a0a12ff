"""Frozen task sets: a file of compressed JSON lines, and a manifest with its checksum."""

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
    """A task set cannot be read, or differs from its manifest. The message names the file and the reason."""


class Manifest(Record):
    """The contents of a set, and how it was made.

    Attributes:
        name, version: Name and version of the set.
        sha256: SHA-256 of the tasks' JSON lines, uncompressed.
        tasks: Number of tasks.
        tiers, domains: Number of tasks of each tier and of each domain.
        command: The command that made the set.
        networks: Version of each network that the tasks were checked on.
        thrown_out: Number of rejected candidates by reason.
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
    """A frozen set of tasks.

    Attributes:
        manifest: The manifest of the set.
        tasks: The tasks, in order of tier, domain and number.
    """

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
        """SHA-256 of the tasks' JSON lines."""
        return self.manifest.sha256


def load_task(name: str, path: Path | None = None) -> BenchTask:
    """A task of a set by its id.

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
        raise TaskSetError(f"the set has no task {name!r:.80}{hint} (sixgym bench tasks lists all)")
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
    """Read a set and check it against its manifest.

    Args:
        path: The manifest, a `.json` file; the tasks are in a `.jsonl.gz` file of the same name beside it. By
            default, the set that ships with the package.

    Raises:
        TaskSetError: a file is missing or damaged, or the checksum differs from the manifest's.
    """
    manifest_path = path or Path(str(files("sixgym.tasks") / "frozen_sets" / f"{SHIPPED}{MANIFEST_SUFFIX}"))
    tasks_path = manifest_path.with_suffix("").with_name(manifest_path.stem + TASKS_SUFFIX)
    try:
        manifest = Manifest.model_validate_json(manifest_path.read_bytes())
        lines = gzip.decompress(tasks_path.read_bytes())
    except ValidationError as error:
        raise TaskSetError(f"{manifest_path}: no manifest of a task set: {first_problem(error)}") from None
    except (OSError, EOFError, zlib.error) as error:
        # strerror leaves out the path, which the message names already; errors of gzip have no strerror
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise TaskSetError(f"{tasks_path if manifest_path.exists() else manifest_path}: {reason}") from None
    digest = hashlib.sha256(lines).hexdigest()
    if digest != manifest.sha256:
        raise TaskSetError(
            f"{tasks_path}: sha256 is {digest[:12]}…, but the manifest says {manifest.sha256[:12]}…: this "
            "is not the set that was frozen; fetch both files again"
        )
    return TaskSet(
        manifest, tuple(_task(tasks_path, number, line) for number, line in enumerate(lines.splitlines(), 1))
    )


def write_task_set(path: Path, tasks: Iterable[BenchTask], **facts: Any) -> Manifest:
    """Write a set: the manifest to `path` and the tasks beside it. Equal tasks give equal bytes.

    Args:
        path: The file of the manifest, ending in `.json`.
        tasks: The tasks in any order; they are sorted.
        facts: Name, version, command, networks and thrown_out of the manifest.

    Raises:
        ValueError: two tasks have the same id, or a topology seed is outside the task's split.
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
    # without a time stamp, equal tasks give equal bytes
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
