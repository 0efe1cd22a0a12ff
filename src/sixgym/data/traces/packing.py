"""Packed traces: a folder of traces in one small file, for a repository or a colleague.

The file is xz of JSON lines: the manifest, then an episode a line. The measurements of an episode's steps are
stored by column instead of by step, and a value that never changes in an episode is written once.
"""

import json
import lzma
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError
from sixgym.domain.base import first_problem
from sixgym.episodes.episode import Episode
from sixgym.episodes.files import replacing

MOST_BYTES_A_LINE = 10_000_000
"""Limit of a line: an episode of 20 calls has some 60,000 bytes. A file made to fill memory is refused."""

_PRESET = 9
"""The smallest files; a file is packed once and stored in the repository."""


def pack(folder: TracesFolder, traces: Traces, path: Path) -> int:
    """Write the episodes of a folder into one file, in the order of their numbers; returns how many.

    Args:
        folder: The folder of the traces.
        traces: The manifest of the folder.
        path: The file, replaced atomically.

    Raises:
        TracesError: episodes are missing.
        RecordFileError: the episodes cannot be read.
        OSError: the file cannot be written.
    """
    missing = folder.missing(traces)
    if missing:
        raise TracesError(
            f"{folder.path} lacks {len(missing)} of {len(traces.jobs)} episodes; --resume makes them"
        )
    order = {task: index for index, task in enumerate(traces.task_ids)}
    episodes = sorted(
        (one for one in folder.episodes() if one.task.id in order), key=lambda one: order[one.task.id]
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial, lzma.open(partial, "wt", encoding="utf-8", preset=_PRESET) as file:
        file.write(traces.model_dump_json() + "\n")
        for episode in episodes:
            file.write(json.dumps(_folded(episode), separators=(",", ":")) + "\n")
    return len(episodes)


def unpack(path: Path) -> tuple[Traces, Iterator[Episode]]:
    """The manifest and the episodes of a packed file.

    Raises:
        TracesError: the file is not packed traces; for a damaged episode, when the iterator reaches it.
    """
    lines = _lines(path)
    try:
        traces = Traces.model_validate_json(next(lines))
    except StopIteration:
        raise TracesError(f"{path} is empty") from None
    except ValidationError as error:
        raise TracesError(
            f"{path} does not begin with a manifest of traces: {first_problem(error)}"
        ) from None
    return traces, _episodes(path, lines)


# ---------------------------------------------------------------------- inside
def _lines(path: Path) -> Iterator[str]:
    try:
        with lzma.open(path, "rt", encoding="utf-8") as file:
            while line := file.readline(MOST_BYTES_A_LINE):
                if not line.endswith("\n"):
                    raise TracesError(f"{path} has a line that does not end")
                yield line
    except (OSError, EOFError, lzma.LZMAError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise TracesError(f"{path} is no packed traces: {reason}") from None


def _episodes(path: Path, lines: Iterator[str]) -> Iterator[Episode]:
    for number, line in enumerate(lines, 1):
        try:
            yield Episode.model_validate(_unfolded(json.loads(line)))
        except ValidationError as error:
            raise TracesError(f"{path}: episode {number}: {first_problem(error)}") from None
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
            raise TracesError(f"{path}: episode {number} is not packed as it should be: {error!r}") from None


def _folded(episode: Episode) -> dict[str, Any]:
    whole = json.loads(episode.model_dump_json())
    steps = whole.pop("steps")
    intervals = [whole.pop("initial_interval"), *(step.pop("interval") for step in steps)]
    return {"episode": whole, "calls": len(steps), "steps": _fold(steps), "intervals": _fold(intervals)}


def _unfolded(packed: dict[str, Any]) -> dict[str, Any]:
    calls = packed["calls"]
    first, *later = (_at(packed["intervals"], index) for index in range(calls + 1))
    steps = [_at(packed["steps"], index) | {"interval": later[index]} for index in range(calls)]
    return packed["episode"] | {"initial_interval": first, "steps": steps}


def _fold(rows: Sequence[Any]) -> dict[str, Any]:
    """A sequence of values, stored as one value for all, by key, or each."""
    if all(row == rows[0] and type(row) is type(rows[0]) for row in rows):
        return {"all": rows[0] if rows else None}
    if all(isinstance(row, dict) for row in rows):
        named = cast("Sequence[dict[str, Any]]", rows)
        if all(list(row) == list(named[0]) for row in named):
            return {"by": {key: _fold([row[key] for row in named]) for key in named[0]}}
    return {"each": list(rows)}


def _at(folded: dict[str, Any], index: int) -> Any:
    """The value at an index of a folded sequence."""
    if "all" in folded:
        return folded["all"]
    if "by" in folded:
        return {key: _at(column, index) for key, column in folded["by"].items()}
    return folded["each"][index]
