"""Keeping episodes: JSON lines that survive a crash, Parquet for analysis.

JSONL: one episode a line, appended with one write and flushed to disk. A crash in the middle of a
write leaves at most one torn line at the end, which the next append removes and readers skip.
Parquet: one row an episode with its key figures, its steps as a nested table, and the whole record.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from sixgym.episodes.episode import Episode, Step


class EpisodeFileError(ValueError):
    """A file does not hold episodes. The message names the file and what is wrong."""


def append_episode(path: Path, episode: Episode) -> None:
    """Add an episode to a JSONL file, safely beside other writers and after a crashed one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    line = episode.model_dump_json().encode() + b"\n"
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _cut_torn_line(file.fileno())
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_episodes(path: Path) -> Iterator[Episode]:
    """The finished episodes of a JSONL or Parquet file, in order. A torn last line is skipped.

    Raises:
        EpisodeFileError: the file cannot be read, or a line that is complete is no episode.
    """
    try:
        lines = _parquet_records(path) if path.suffix == ".parquet" else _json_lines(path)
    except OSError as error:
        raise EpisodeFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except pa.ArrowException:
        raise EpisodeFileError(f"{path}: not a Parquet file of episodes") from None
    for number, line in enumerate(lines, 1):
        try:
            yield Episode.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(str(step) for step in first["loc"])
            raise EpisodeFileError(f"{path}: record {number} is no episode: {place} {first['msg']}") from None


def write_parquet(path: Path, episodes: Iterable[Episode]) -> None:
    """Write episodes as Parquet, atomically."""
    table = pa.Table.from_pylist([_row(episode) for episode in episodes], schema=_SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, partial, compression="zstd")  # pyright: ignore[reportUnknownMemberType]
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _cut_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    end = size
    while end > 0:
        start = max(0, end - 65_536)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def _json_lines(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        return [line for line in file if line.endswith(b"\n") and line.strip()]


def _parquet_records(path: Path) -> list[bytes]:
    table = pq.read_table(path, columns=["record"])  # pyright: ignore[reportUnknownMemberType]
    return [str(value.as_py()).encode() for value in table.column("record")]


_STEP = pa.struct(
    [
        ("index", pa.int32()),
        ("tool", pa.string()),
        ("arguments", pa.string()),
        ("error", pa.string()),
        ("slice", pa.string()),
        ("latency_ms", pa.float64()),
        ("jitter_ms", pa.float64()),
        ("loss_ratio", pa.float64()),
        ("throughput_mbps", pa.float64()),
        ("edge_load", pa.float64()),
        ("faults", pa.list_(pa.string())),
    ]
)
_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("task", pa.string()),
        ("scenario", pa.string()),
        ("seed", pa.int64()),
        ("agent", pa.string()),
        ("backend", pa.string()),
        ("backend_version", pa.string()),
        ("terminated", pa.bool_()),
        ("truncated", pa.bool_()),
        ("infrastructure_failure", pa.string()),
        ("steps", pa.list_(_STEP)),
        ("record", pa.string()),
    ]
)


def _row(episode: Episode) -> dict[str, Any]:
    return {
        "id": episode.id,
        "task": episode.task.id,
        "scenario": episode.task.scenario.name,
        "seed": episode.task.seed,
        "agent": episode.agent,
        "backend": episode.backend.name,
        "backend_version": episode.backend.version,
        "terminated": episode.terminated,
        "truncated": episode.truncated,
        "infrastructure_failure": episode.infrastructure_failure,
        "steps": [_step_row(step) for step in episode.steps],
        "record": episode.model_dump_json(),
    }


def _step_row(step: Step) -> dict[str, Any]:
    call = step.turn.call
    return {
        "index": step.index,
        "tool": call.tool if call else None,
        "arguments": call.model_dump_json(include={"arguments"}) if call else None,
        "error": step.outcome.error,
        **step.after.model_dump(mode="json", exclude={"version", "t_ms"}),
        "faults": list(step.interval.faults),
    }
