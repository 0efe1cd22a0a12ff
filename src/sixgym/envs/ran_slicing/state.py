"""The observation in the slicing environment: five numbers per slice (slicing paper, equation 14)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium import spaces

from sixgym.domain.faults import TrafficSurge
from sixgym.domain.measurement import Interval, SliceMeasurement
from sixgym.domain.network import Group
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.domain.traffic import Constant, OnOff
from sixgym.envs.ran_slicing.actions import Allocation

FIELDS = ("prbs", "spectral_efficiency", "arriving_mbps", "queue_increment_kb", "dropped_kb")
"""The numbers of a slice: PRBs allocated in the interval that ended, bit/s/Hz of the granted
bandwidth, Mbit/s offered at the server, change of the gNBs' queues, payload that full queues refused."""

MAX_SPECTRAL_EFFICIENCY = 20.0
"""Two layers of the highest MCS carry 8.2 bit/s/Hz. Packets in flight when a share shrinks add to it."""

Observation = npt.NDArray[np.float32]


def observation_space(scenario: Scenario) -> spaces.Box:
    """Finite bounds of every number, from the scenario. Measurements beyond a bound are clipped.

    The bound of arrivals is all devices of a slice sending at once, in the strongest traffic surge, with one
    packet more than their rate. The bound of queues is full RLC buffers.
    """
    low: list[float] = []
    high: list[float] = []
    for slice_ in scenario.slices:
        members = [group for group in scenario.groups if group.slice is slice_.type]
        # a slice without devices keeps a range, because libraries divide by the range
        arriving_mbps = sum(_peak_mbps(group, scenario) for group in members) or 1.0
        queue_kb = (sum(group.count for group in members) or 1) * scenario.radio.rlc_buffer_bytes / 1e3
        dropped_kb = arriving_mbps * scenario.decision_interval_ms / 8
        low += [0.0, 0.0, 0.0, -queue_kb, 0.0]
        high += [scenario.prbs, MAX_SPECTRAL_EFFICIENCY, arriving_mbps, queue_kb, dropped_kb]
    return spaces.Box(np.array(low, np.float32), np.array(high, np.float32), dtype=np.float32)


def _peak_mbps(group: Group, scenario: Scenario) -> float:
    traffic, interval_s = group.traffic, scenario.decision_interval_ms / 1e3
    surges = (f.factor for f in scenario.faults if isinstance(f, TrafficSurge) and f.group == group.name)
    factor = max(surges, default=1.0)
    if isinstance(traffic, OnOff | Constant):
        mbps = traffic.rate_mbps
    else:
        mbps = traffic.packets_per_s * traffic.packet_bytes * 8 / 1e6
    return group.count * (factor * mbps + traffic.packet_bytes * 8 / 1e6 / interval_s)


def observe(
    interval: Interval,
    allocation: Allocation,
    queues_before: Mapping[SliceType, int],
    scenario: Scenario,
    space: spaces.Box,
) -> Observation:
    """The observation after an interval in which `allocation` held.

    Args:
        interval: The measured interval.
        allocation: PRBs per slice.
        queues_before: Queue at the start of the interval in bytes, by slice.
        scenario: Scenario, which has the order of the slices.
        space: Bounds of the numbers.
    """
    interval_s = (interval.end_ms - interval.start_ms) / 1e3
    numbers: list[float] = []
    for slice_, prbs in zip(scenario.slices, allocation, strict=True):
        measured = interval.slices[slice_.type]
        numbers += [
            prbs,
            measured.spectral_efficiency,
            measured.flow.sent_bytes * 8 / 1e6 / interval_s,
            (measured.queue_bytes - queues_before[slice_.type]) / 1e3,
            measured.flow.dropped_bytes / 1e3,
        ]
    return np.clip(np.array(numbers, np.float32), space.low, space.high)


def queues(interval: Interval) -> dict[SliceType, int]:
    """Queue at the end of the interval in bytes, by slice."""
    return {kind: measured.queue_bytes for kind, measured in interval.slices.items()}


def slice_facts(measured: SliceMeasurement, interval_ms: int) -> dict[str, Any]:
    """The figures of a slice in `info`, beside the observation."""
    flow = measured.flow
    return {
        "prbs_granted": measured.prbs_granted,
        "prbs_used": measured.prbs_used,
        "spectral_efficiency": measured.spectral_efficiency,
        "arriving_mbps": flow.sent_bytes * 8 / 1e3 / interval_ms,
        "throughput_mbps": flow.throughput_mbps,
        "latency_p95_ms": flow.latency_p95_ms,
        "queue_kb": measured.queue_bytes / 1e3,
        "dropped_kb": flow.dropped_bytes / 1e3,
        "late_packets": flow.late_packets,
        "lost_packets": flow.lost_packets,
        "violated": flow.late_packets > 0 or flow.lost_packets > 0,
    }
