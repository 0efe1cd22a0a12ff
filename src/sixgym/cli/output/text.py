"""Short, safe words for measurements, calls and results."""

import hashlib
import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from pydantic import JsonValue

from sixgym.domain.faults import FaultEvent
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SlaSpec
from sixgym.episodes.episode import ToolCall

LONGEST_FILE_NAME = 120

UNITS: Mapping[str, tuple[str, str, float]] = {
    "latency_ms": ("delay", "ms", 1),
    "latency_p95_ms": ("95th percentile of delay", "ms", 1),
    "jitter_ms": ("jitter", "ms", 1),
    "loss_ratio": ("loss", "%", 100),
    "throughput_mbps": ("throughput", "Mbit/s", 1),
    "task_latency_ms": ("task time", "ms", 1),
    "edge_load": ("edge", "%", 100),
    "traffic_share": ("allowed traffic", "%", 100),
    "distance_m": ("distance", "m", 1),
    "altitude_m": ("altitude", "m", 1),
    "battery_percent": ("battery", "%", 1),
    "separation_m": ("least distance between UAVs", "m", 1),
    "breaches": ("UAVs out of bounds", "", 1),
}
"""For each metric: its name, the unit of the output, and the factor from the stored unit to that unit."""


def number(value: float) -> str:
    """A value in about three significant digits, without an exponent."""
    size = abs(value)
    if size < 0.005:
        return "0"
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2}f}"


def quantity(metric: str, value: float) -> str:
    """A value of a metric with its unit."""
    _, unit, factor = UNITS[metric]
    return f"{number(value * factor)} {unit}".rstrip()


def sla_words(sla: SlaSpec) -> str:
    """The bounds of a service level in one line."""
    bounds = (
        ("delay ≤", sla.max_latency_ms, 1, "ms"),
        ("jitter ≤", sla.max_jitter_ms, 1, "ms"),
        ("loss ≤", sla.max_loss_ratio, 100, "%"),
        ("throughput ≥", sla.min_throughput_mbps, 1, "Mbit/s"),
        ("edge load ≤", sla.max_edge_load, 100, "%"),
    )
    words = [f"{name} {value * factor:g} {unit}" for name, value, factor, unit in bounds if value is not None]
    return f"{sla.slice}: {', '.join(words) or 'no bounds'}"


def strike_words(kind: str, scenario: Scenario, start_ms: int, end_ms: int) -> str:
    """The fault that became active in this interval, with its details from the timeline."""
    for fault in scenario.faults:
        if fault.kind == kind and start_ms < fault.end_ms and fault.start_ms < end_ms:
            return f"{timeline_words(fault)} strikes at {fault.start_ms / 1e3:g} s"
    return f"{kind} strikes"


def timeline_words(fault: FaultEvent) -> str:
    """A fault and what it hits, such as `cell_outage (cell=gnb-1)`."""
    details = fault.model_dump(mode="json", exclude={"kind", "start_ms", "duration_ms"})
    return f"{fault.kind} ({compact(details, 80)})"


def call_words(call: ToolCall, limit: int) -> str:
    """The arguments of a call as the agent wrote them, in at most `limit` characters."""
    if isinstance(call.arguments, str):
        return clean(call.arguments, limit)
    return compact(call.arguments, limit)


def compact(value: JsonValue, limit: int) -> str:
    """A JSON value in one line of at most `limit` characters: `key=value` pairs, rounded numbers."""
    if isinstance(value, dict):
        return clean(" ".join(f"{name}={_brief(inner)}" for name, inner in value.items()), limit)
    return clean(_brief(value), limit)


def clean(text: str, limit: int | None = None) -> str:
    """One line without control characters, so that text of an agent cannot control the terminal."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def file_name(name: str) -> str:
    """A name as part of a file name; every character that a shell or a path could interpret becomes a dash.

    A name that is too long for a file system ends in a digest, so that two long names stay different.
    """
    short = re.sub(r"[^A-Za-z0-9_.-]+", "-", name)
    if len(short) <= LONGEST_FILE_NAME:
        return short
    return f"{short[: LONGEST_FILE_NAME - 13]}-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def _brief(value: JsonValue) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return value if value and " " not in value else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Mapping):
        inner = cast("Mapping[str, JsonValue]", value)
        return "{" + ", ".join(f"{name}: {_brief(item)}" for name, item in inner.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_brief(item) for item in cast("Sequence[JsonValue]", value)) + "]"
    return json.dumps(value)


def command_line(words: Sequence[str], options: Iterable[tuple[str, object]]) -> str:
    """A command as a user types it; options without a value are left out."""
    given = [part for name, value in options if value is not None for part in (name, str(value))]
    return shlex.join([*words, *given])
