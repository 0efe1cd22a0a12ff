"""Facts about the service level and about earlier actions."""

from collections.abc import Iterator, Mapping, Sequence

from pydantic import JsonValue

from sixgym.agents.memory import Event, Memory
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.tools.types import TelemetryState

FactItems = Iterator[tuple[str, JsonValue]]

NEVER = 99
"""Age in steps of an action that did not happen."""

ACTING = (
    "trigger_slice_reallocation",
    "switch_network_slice",
    "edge_offload",
    "graceful_degradation",
    "request_handover",
    "set_waypoint",
    "adjust_altitude",
    "adjust_speed",
)
"""Tools whose effect on the service takes a step or more to show."""

GROUP_ALARM_AGE = 2
SLICE_STATUS_AGE = 9
TREND_STEPS = 3
PEAK_STEPS = 6
NO_PACKETS = 99.0

ALARMS = {"sla_latency": "latency_stress", "sla_jitter": "jitter_stress", "sla_loss": "loss_stress"}
WITHIN = 0.95
"""Assumed stress of a metric without an alarm: it is within its bound, by an unknown margin."""


def stresses(state: NetworkState, sla: SlaSpec) -> dict[str, float]:
    """Every bounded metric relative to its bound: 1 is at the bound, above 1 is a violation."""
    found: dict[str, float] = {}
    for name, measured, bound in (
        ("latency_stress", state.latency_ms, sla.max_latency_ms),
        ("jitter_stress", state.jitter_ms, sla.max_jitter_ms),
        ("loss_stress", state.loss_ratio, sla.max_loss_ratio),
        ("edge_stress", state.edge_load, sla.max_edge_load),
    ):
        if bound is not None:
            found[name] = measured / bound if bound > 0 else (NO_PACKETS if measured > 0 else 0.0)
    floor = sla.min_throughput_mbps
    if floor is not None:
        reached = state.throughput_mbps
        found["throughput_stress"] = floor / reached if reached > 0 else (NO_PACKETS if floor > 0 else 0.0)
    return found


def stress(state: NetworkState, sla: SlaSpec) -> float:
    """The largest stress of the network; 0 without any bound.

    The load of the home node is left out: other tenants may cause it, and no radio action lowers it.
    """
    return _worst(stresses(state, sla))


def _worst(found: Mapping[str, float]) -> float:
    return max((value for name, value in found.items() if name != "edge_stress"), default=0.0)


def service_facts(memory: Memory) -> FactItems:
    """The state against the service level, now and over the last steps."""
    seen = memory.observation
    past = [exchange.after for exchange in seen.history]
    levels = [stress(state, seen.sla) for state in (*past[:-1], seen.state)]
    own = _service_stresses(memory)
    now = _worst(own)
    yield "stress", now
    yield from own.items()
    yield "slice_stress", levels[-1]
    if len(levels) > TREND_STEPS:
        yield "stress_trend", levels[-1] - levels[-1 - TREND_STEPS]
    yield "latency_ms", seen.state.latency_ms
    yield "throughput_mbps", seen.state.throughput_mbps
    yield "edge_load", seen.state.edge_load
    peak = max((state.throughput_mbps for state in past[-PEAK_STEPS:]), default=0.0)
    if peak > 0:
        yield "throughput_kept", seen.state.throughput_mbps / peak
    yield "steps_left", seen.steps_left
    yield "steps_violated", _run_length([*levels[:-1], now], violated=True)
    yield "steps_held", _run_length([*levels[:-1], now], violated=False)
    yield "active_slice", seen.state.slice.value
    yield "service", seen.service
    yield "state", seen.state.model_dump(mode="json")
    # the bounds stay with the service after a move to another slice
    moved = seen.sla.model_copy(update={"slice": seen.state.slice})
    yield "sla", moved.model_dump(mode="json", exclude_none=True)


def _service_stresses(memory: Memory) -> dict[str, float]:
    """Stresses of the service's own packets where alarms of the telemetry tell them, otherwise of its slice.

    The state describes the whole slice, so other users on a dead cell keep it violated for ever.
    """
    seen = memory.observation
    found = stresses(seen.state, seen.sla)
    for _, telemetry in memory.results("read_telemetry", TelemetryState, GROUP_ALARM_AGE):
        own = {
            ALARMS[alarm.kind]: alarm.measured / alarm.limit
            for alarm in telemetry.alarms
            if alarm.subject == seen.service and alarm.kind in ALARMS and alarm.limit > 0
        }
        for name in ALARMS.values():
            if name in found:
                found[name] = own.get(name, min(found[name], WITHIN))
        break
    return found


def _run_length(levels: Sequence[float], *, violated: bool) -> int:
    length = 0
    for level in reversed(levels):
        if (level > 1) is not violated:
            break
        length += 1
    return length


def action_facts(memory: Memory) -> FactItems:
    """Earlier actions and reads, and their ages."""
    seen = memory.observation
    yield "steps_since_change", _age(memory.done(*ACTING))
    yield "steps_since_logged", _age(memory.done("log_decision"))
    yield "handovers", sum(1 for _ in memory.done("request_handover"))
    switch = next(memory.done("switch_network_slice"), None)
    yield "steps_since_switch", NEVER if switch is None else switch.age
    if switch is not None and switch.before.slice is not seen.state.slice:
        yield "switch_gain", stress(switch.before, seen.sla) - stress(seen.state, seen.sla)
        yield "previous_slice", switch.before.slice.value
    for name, tool in (
        ("telemetry_age", "read_telemetry"),
        ("edge_age", "get_edge_load"),
        ("interference_age", "monitor_interference"),
    ):
        yield name, _age(_asked(memory, tool))
    own = seen.state.slice
    yield "own_status_age", _age(_asked(memory, "get_slice_status", own))
    yield "traffic_age", _age(_asked(memory, "get_traffic_pattern", own))
    for kind in SliceType:
        elsewhere = kind is not own and kind not in absent_slices(memory)
        if elsewhere and _age(_asked(memory, "get_slice_status", kind)) > SLICE_STATUS_AGE:
            yield "unread_slice", kind.value
            break


def absent_slices(memory: Memory) -> frozenset[SliceType]:
    """Slices whose status was refused because the network does not have them."""
    return frozenset(
        kind
        for event in memory.events
        if event.refused and event.call.tool == "get_slice_status"
        for kind in event.arguments.values()
        if isinstance(kind, SliceType)
    )


def _asked(memory: Memory, tool: str, kind: SliceType | None = None) -> Iterator[Event]:
    """Calls of a tool, refused calls included, optionally only calls about one slice."""
    for event in memory.events:
        if event.call.tool == tool and (kind is None or kind in event.arguments.values()):
            yield event


def _age(events: Iterator[Event]) -> int:
    return next((event.age for event in events), NEVER)
