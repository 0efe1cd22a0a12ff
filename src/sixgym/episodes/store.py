"""Keeping episodes: JSON lines that survive a crash, compressed or not, Parquet for analysis.

JSONL: one episode a line, appended with one write and flushed to disk. A crash in the middle of a
write leaves at most one torn line at the end, which the next append removes and readers skip.
JSONL.GZ: the same lines, each a gzip member of its own and followed by an empty member, which marks the
end of a whole line as the line feed does in plain text. It takes a seventh of the space; zcat reads it.
Parquet: one row an episode with its key figures, its steps as a nested table, and the whole record.
"""

import fcntl
import gzip
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from sixgym.domain.base import first_problem
from sixgym.episodes.episode import Episode, Step
from sixgym.episodes.files import replacing

_EMPTY_MEMBER = bytes.fromhex("1f8b08000000000000ff 0300 00000000 00000000")
"""A gzip member without content: header, empty block, check sum and size of nothing (RFC 1952)."""

_GZIP_LEVEL = 6
"""150 kB of episode become 20 kB in 2 ms; level 9 saves 4 % more in twice the time."""


class EpisodeFileError(ValueError):
    """A file does not hold episodes. The message names the file and what is wrong."""


def append_episode(path: Path, episode: Episode) -> None:
    """Add an episode to a JSONL file, safely beside other writers and after a crashed one.

    A file whose name ends in `.gz` is compressed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    line = episode.model_dump_json().encode() + b"\n"
    end = _end_of_line(path)
    if end == _EMPTY_MEMBER:
        line = gzip.compress(line, _GZIP_LEVEL, mtime=0) + end
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _cut_torn_line(file.fileno(), end)
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


def read_episodes(path: Path) -> Iterator[Episode]:
    """The finished episodes of a JSONL, JSONL.GZ or Parquet file, in order. A torn last line is skipped.

    Raises:
        EpisodeFileError: the file cannot be read, or a line that is complete is no episode.
    """
    for number, line in enumerate(_records(path), 1):
        try:
            yield Episode.model_validate_json(line)
        except ValidationError as error:
            raise EpisodeFileError(f"{path}: record {number} is no episode: {first_problem(error)}") from None


def write_parquet(path: Path, episodes: Iterable[Episode]) -> None:
    """Write episodes as Parquet, atomically."""
    table = pa.Table.from_pylist([_row(episode) for episode in episodes], schema=_SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")  # pyright: ignore[reportUnknownMemberType]


def _end_of_line(path: Path) -> bytes:
    return _EMPTY_MEMBER if path.suffix == ".gz" else b"\n"


def _cut_torn_line(descriptor: int, end_of_line: bytes) -> None:
    size = os.fstat(descriptor).st_size
    overlap = len(end_of_line) - 1
    end = size
    while end > 0:
        start = max(0, end - 65_536)
        found = os.pread(descriptor, end - start + overlap, start).rfind(end_of_line)
        if found >= 0:
            end = start + found + len(end_of_line)
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


def _records(path: Path) -> Iterator[bytes]:
    try:
        match path.suffix:
            case ".parquet":
                yield from _parquet_records(path)
            case ".gz":
                yield from _compressed_lines(path)
            case _:
                yield from _json_lines(path)
    except (OSError, EOFError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise EpisodeFileError(f"{path}: cannot be read: {reason or error}") from None
    except pa.ArrowException:
        raise EpisodeFileError(f"{path}: not a Parquet file of episodes") from None


def _json_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n") and line.strip():
                yield line


def _compressed_lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            start = 0
            while (end := content.find(_EMPTY_MEMBER, start)) >= 0:
                yield gzip.decompress(content[start:end])
                start = end + len(_EMPTY_MEMBER)


def _parquet_records(path: Path) -> list[bytes]:
    table = pq.read_table(path, columns=["record"])  # pyright: ignore[reportUnknownMemberType]
    return [str(value.as_py()).encode() for value in table.column("record")]


STATE_COLUMNS = (
    ("slice", pa.string()),
    ("latency_ms", pa.float64()),
    ("jitter_ms", pa.float64()),
    ("loss_ratio", pa.float64()),
    ("throughput_mbps", pa.float64()),
    ("edge_load", pa.float64()),
)
"""The six dimensions of a state (6GAgentGym, equation 2), by name and type."""

_STEP = pa.struct(
    [
        ("index", pa.int32()),
        ("tool", pa.string()),
        ("arguments", pa.string()),
        ("error", pa.string()),
        *STATE_COLUMNS,
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
