"""The telemetry of a real network as transitions, in the same columns as explorations.

A CSV file has a line for every interval, with its state and the call in it. Two consecutive lines of a series
are a transition.

    series,t_ms,slice,latency_ms,jitter_ms,loss_ratio,throughput_mbps,edge_load,tool,arguments,faults
    site-7,0,URLLC,6.1,0.9,0,1.9,0.31,,,
    site-7,500,URLLC,7.4,1.1,0.002,1.9,0.34,check_network_state,{},backhaul_degradation
"""

import csv
import json
import random
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from sixgym.data.traces.reasons import movement
from sixgym.data.traces.transitions import state_columns
from sixgym.domain.base import first_problem
from sixgym.domain.slices import NetworkState
from sixgym.episodes.store import STATE_COLUMNS
from sixgym.tools.base import CATALOG, ToolError, find

STATE = tuple(name for name, _ in STATE_COLUMNS)
REQUIRED = ("t_ms", *STATE)
OPTIONAL = ("series", "tool", "arguments", "result", "error", "faults")

WATCHED = "check_network_state"
"""The tool of an interval without a call."""

MAX_FIELD_CHARACTERS = 1_000_000


class TelemetryError(ValueError):
    """A file cannot be imported. The message names the file, the line and the reason."""


def read_telemetry(path: Path, network: str) -> Iterator[dict[str, Any]]:
    """The transitions of a CSV file, in the columns of `transitions.SCHEMA`; unknown values are null.

    Args:
        path: UTF-8, with a header; columns in any order. `t_ms`, `slice`, `latency_ms`, `jitter_ms`,
            `loss_ratio` (0 to 1), `throughput_mbps` and `edge_load` (0 to 1) are required. `series` is the
            name of a network or run, `tool` and `arguments` (JSON) are the call in the interval, `result`
            (JSON) or `error` is its outcome, and `faults` are the kinds of active faults, separated by
            blanks.
        network: Name of the network in the rows.

    Raises:
        TelemetryError: the file cannot be imported.
    """
    last: dict[str, tuple[NetworkState, list[str]]] = {}
    counts: dict[str, int] = {}
    for line, row in _lines(path):
        state = _state(path, line, row)
        series = row.get("series") or path.stem
        faults = (row.get("faults") or "").split()
        before = last.get(series)
        if before is not None:
            if state.t_ms <= before[0].t_ms:
                raise TelemetryError(
                    f"{path}:{line}: t_ms {state.t_ms} of series {series!r:.60} does not come after "
                    f"{before[0].t_ms}; lines of a series have to be in order"
                )
            step = counts[series] = counts.get(series, -1) + 1
            names = {"episode": series, "step": step, "network": network}
            yield {**names, **_did(path, line, row), **_moved(before, state, faults, f"{series}/{step}")}
        last[series] = state, faults
    if not counts:
        raise TelemetryError(f"{path}: no series has two lines, so there is no transition")


def _lines(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames or ())
            for row in reader:
                if None in row or None in row.values():
                    raise TelemetryError(f"{path}:{reader.line_num}: not as many fields as the header has")
                yield reader.line_num, cast("Mapping[str, str]", row)
    except OSError as error:
        raise TelemetryError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise TelemetryError(f"{path}: not a UTF-8 text file") from None
    except csv.Error as error:
        raise TelemetryError(f"{path}: not a CSV file: {error}") from None


def _check_header(path: Path, names: Any) -> None:
    known = (*REQUIRED, *OPTIONAL)
    missing = [name for name in REQUIRED if name not in names]
    if missing:
        raise TelemetryError(f"{path}:1: column {missing[0]} is missing; needed are {', '.join(REQUIRED)}")
    unknown = [name for name in names if name not in known]
    if unknown:
        raise TelemetryError(f"{path}:1: unknown column {unknown[0]!r:.60}; there can be {', '.join(known)}")
    if len(set(names)) != len(names):
        raise TelemetryError(f"{path}:1: a column appears twice")


def _state(path: Path, line: int, row: Mapping[str, str]) -> NetworkState:
    try:
        return NetworkState.model_validate_strings({"version": "0", **{name: row[name] for name in REQUIRED}})
    except ValidationError as error:
        raise TelemetryError(f"{path}:{line}: {first_problem(error)}") from None


def _did(path: Path, line: int, row: Mapping[str, str]) -> dict[str, Any]:
    """The columns of the call in an interval, checked like an agent's call."""
    try:
        tool = find(row.get("tool") or WATCHED)
        arguments = row.get("arguments") or "{}"
        if not row.get("error"):
            tool.parse(arguments)
    except ToolError as error:
        raise TelemetryError(f"{path}:{line}: {error}") from None
    result = row.get("result") or None
    try:
        json.loads(result or "null")
    except ValueError as error:
        raise TelemetryError(f"{path}:{line}: result is no JSON: {error}") from None
    return {
        "tool": tool.name,
        "effect": CATALOG[tool.name].effect.value,
        "arguments": arguments,
        "ok": not row.get("error"),
        "result": result,
        "error": row.get("error") or None,
    }


def _moved(
    before: tuple[NetworkState, list[str]], after: NetworkState, faults: list[str], draw: str
) -> dict[str, Any]:
    state, then = before
    return {
        "faults_before": then,
        "faults": faults,
        **state_columns("before", state),
        **state_columns("after", after),
        "reasoning": f"{movement(state, after, random.Random(draw))}.",
    }
