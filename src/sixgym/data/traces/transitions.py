"""Transitions: a row for every call of an episode, for models that learn how a network responds."""

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sixgym.data.traces.reasons import reason
from sixgym.domain.measurement import INTERVAL_JSON, Interval
from sixgym.domain.slices import NetworkState
from sixgym.episodes.episode import Episode, Step
from sixgym.episodes.files import replacing
from sixgym.episodes.store import STATE_COLUMNS
from sixgym.tools.base import CATALOG

SCHEMA = pa.schema(
    [
        ("episode", pa.string()),
        ("step", pa.int32()),
        ("scenario", pa.string()),
        ("topology_seed", pa.int32()),
        ("seed", pa.int64()),
        ("network", pa.string()),
        ("network_version", pa.string()),
        ("tool", pa.string()),
        ("effect", pa.string()),
        ("arguments", pa.string()),
        ("probability", pa.float64()),
        ("ok", pa.bool_()),
        ("result", pa.string()),
        ("error", pa.string()),
        ("faults_before", pa.list_(pa.string())),
        ("faults", pa.list_(pa.string())),
        *((f"before_{name}", kind) for name, kind in STATE_COLUMNS),
        *((f"after_{name}", kind) for name, kind in STATE_COLUMNS),
        ("reasoning", pa.string()),
        ("interval", pa.string()),
    ]
)
"""Columns of a Parquet file of transitions.

`before_*` and `after_*` are the six-dimensional state before and after the call (6GAgentGym, equation 2).
`result` and `error` are what the agent received, `faults` the kinds of faults active in the interval of the
call, and `faults_before` those of the interval before. `probability` is the probability of the tool in these
episodes, `reasoning` the reason of the state (see `reasons`), and `interval` all measurements. Arguments,
result and interval are JSON.
"""


def transitions(episode: Episode, probabilities: Mapping[str, float]) -> Iterator[dict[str, Any]]:
    """The rows of an episode, in the columns of `SCHEMA`.

    Args:
        episode: The recorded episode.
        probabilities: Probability of each tool in episodes of this kind.
    """
    before = episode.initial_interval
    for step in episode.steps:
        assert before is not None  # an episode with steps has a first interval
        yield _row(episode, step, before, probabilities)
        before = step.interval


def state_columns(when: str, state: NetworkState) -> dict[str, Any]:
    """The columns of a state, `before` or `after` a call."""
    values = state.model_dump(mode="json")
    return {f"{when}_{name}": values[name] for name, _ in STATE_COLUMNS}


def write_transitions(path: Path, rows: Iterable[dict[str, Any]], *, provenance: Mapping[str, str]) -> int:
    """Write rows as Parquet, atomically; returns how many.

    Args:
        path: The file.
        rows: Rows from `transitions`.
        provenance: Entries of the file's metadata.
    """
    metadata = {key.encode(): value.encode() for key, value in provenance.items()}
    schema = SCHEMA.with_metadata(metadata)  # pyright: ignore[reportUnknownMemberType]
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with replacing(path) as partial, pq.ParquetWriter(partial, schema, compression="zstd") as writer:
        for batch in _batches(rows):
            writer.write_table(pa.Table.from_pylist(batch, schema=schema))
            written += len(batch)
    return written


def _batches(rows: Iterable[dict[str, Any]], size: int = 4_000) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _row(
    episode: Episode, step: Step, before: Interval, probabilities: Mapping[str, float]
) -> dict[str, Any]:
    call = step.turn.call
    assert call is not None  # a step is a turn that made a call
    tool = CATALOG.get(call.tool)
    return {
        "episode": episode.id,
        "step": step.index,
        "scenario": episode.task.scenario.name,
        "topology_seed": episode.task.scenario.topology_seed,
        "seed": episode.task.seed,
        "network": episode.backend.name,
        "network_version": episode.backend.version,
        "tool": call.tool,
        "effect": None if tool is None else tool.effect.value,
        "arguments": json.dumps(call.arguments),
        "probability": probabilities.get(call.tool),
        "ok": step.outcome.ok,
        "result": json.dumps(step.outcome.result) if step.outcome.ok else None,
        "error": step.outcome.error,
        "faults_before": list(before.faults),
        "faults": list(step.interval.faults),
        **state_columns("before", step.before),
        **state_columns("after", step.after),
        "reasoning": reason(before, step, random.Random(f"{episode.task.id}/{step.index}")),
        "interval": INTERVAL_JSON.dump_json(step.interval).decode(),
    }
