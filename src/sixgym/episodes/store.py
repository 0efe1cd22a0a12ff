"""Stored episodes: JSON lines that survive a crash, compressed or not, and Parquet for analysis.

JSONL and JSONL.GZ: one episode a record, see `jsonl`. Compressed episodes take a seventh of the space.
Parquet: one row an episode with its key figures, its steps as a nested table, and the whole record.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sixgym.episodes.episode import Episode, Step
from sixgym.episodes.files import replacing
from sixgym.episodes.jsonl import RecordFileError, append_lines, parsed, read_records


def append_episode(path: Path | str, episode: Episode) -> None:
    """Add an episode to a JSONL file, safely beside other writers and after a crashed one.

    A file whose name ends in `.gz` is compressed.
    """
    append_lines(Path(path), [episode.model_dump_json()])


def read_episodes(path: Path | str) -> Iterator[Episode]:
    """The finished episodes of a JSONL, JSONL.GZ or Parquet file, in order. A torn last record is skipped.

    Raises:
        RecordFileError: the file cannot be read, or a whole record is no episode.
    """
    path = Path(path)
    yield from _read_parquet(path) if path.suffix == ".parquet" else read_records(path, Episode)


def write_parquet(path: Path, episodes: Iterable[Episode]) -> None:
    """Write episodes as Parquet, atomically."""
    table = pa.Table.from_pylist([_row(episode) for episode in episodes], schema=_SCHEMA)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        pq.write_table(table, partial, compression="zstd")  # pyright: ignore[reportUnknownMemberType]


def _read_parquet(path: Path) -> Iterator[Episode]:
    try:
        table = pq.read_table(path, columns=["record"])  # pyright: ignore[reportUnknownMemberType]
    except OSError as error:
        raise RecordFileError(f"{path}: cannot be read: {error.strerror or error}") from None
    except pa.ArrowException:
        raise RecordFileError(f"{path}: not a Parquet file of episodes") from None
    for number, value in enumerate(table.column("record"), 1):
        yield parsed(path, number, str(value.as_py()).encode(), Episode)


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
