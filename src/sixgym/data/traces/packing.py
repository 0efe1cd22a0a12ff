"""A folder of traces in one small file, for a repository or a colleague.

xz of JSON lines: the manifest, then an episode a line. What its steps measured is turned from rows into
columns, and what never changes in an episode is written once.
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
"""An episode of 20 calls has some 60,000; a file that was made to fill the memory is not read."""

_PRESET = 9


def pack(folder: TracesFolder, traces: Traces, path: Path) -> int:
    """Write the episodes of a folder, in the order of their numbers; how many.

    Args:
        folder: Of the traces.
        traces: Its manifest.
        path: The file, replaced atomically.

    Raises:
        TracesError: episodes are missing.
        RecordFileError, OSError: something cannot be read or written.
    """
    missing = folder.missing(traces)
    if missing:
        raise TracesError(f"{folder.path} lacks {len(missing)} of {len(traces.jobs)} episodes: --resume")
    order = {task: place for place, task in enumerate(traces.task_ids)}
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
    """What a packed file holds.

    Raises:
        TracesError: it is no such file; for an episode, when it is its turn.
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
    first, *later = (_at(packed["intervals"], place) for place in range(calls + 1))
    steps = [_at(packed["steps"], place) | {"interval": later[place]} for place in range(calls)]
    return packed["episode"] | {"initial_interval": first, "steps": steps}


def _fold(rows: Sequence[Any]) -> dict[str, Any]:
    """Values that follow each other: one for all, by key, or each."""
    if all(row == rows[0] and type(row) is type(rows[0]) for row in rows):
        return {"all": rows[0] if rows else None}
    if all(isinstance(row, dict) for row in rows):
        named = cast("Sequence[dict[str, Any]]", rows)
        if all(list(row) == list(named[0]) for row in named):
            return {"by": {key: _fold([row[key] for row in named]) for key in named[0]}}
    return {"each": list(rows)}


def _at(folded: dict[str, Any], place: int) -> Any:
    """The value at a place of what was folded."""
    if "all" in folded:
        return folded["all"]
    if "by" in folded:
        return {key: _at(column, place) for key, column in folded["by"].items()}
    return folded["each"][place]
