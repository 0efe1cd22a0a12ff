"""Packet flows merged into one: counts add up, delays are those of the delivered packets."""

from collections.abc import Sequence

from sixgym.domain.measurement import PacketFlow

_BISECTIONS = 24
"""Steps of the search for a percentile: 2^-24 of the longest delay, below 0.1 microseconds."""


def together(flows: Sequence[PacketFlow], seconds: float) -> PacketFlow:
    """Several flows of one interval as one flow.

    Args:
        flows: The flows.
        seconds: Length of the interval.
    """
    arrived = [flow for flow in flows if flow.delivered_packets]
    delivered = sum(flow.delivered_packets for flow in flows)
    lost = sum(flow.lost_packets for flow in flows)
    counted = arrived or list(flows)
    weights = [flow.delivered_packets / delivered for flow in arrived]

    def mean(values: list[float]) -> float:
        if not weights:
            return max(values, default=0.0)  # nothing arrived: the age of the oldest waiting packet
        return sum(weight * value for weight, value in zip(weights, values, strict=True))

    delivered_bytes = sum(flow.delivered_bytes for flow in flows)
    return PacketFlow(
        sent_packets=sum(flow.sent_packets for flow in flows),
        delivered_packets=delivered,
        lost_packets=lost,
        late_packets=sum(flow.late_packets for flow in flows),
        dropped_packets=sum(flow.dropped_packets for flow in flows),
        sent_bytes=sum(flow.sent_bytes for flow in flows),
        delivered_bytes=delivered_bytes,
        dropped_bytes=sum(flow.dropped_bytes for flow in flows),
        latency_ms=mean([flow.latency_ms for flow in counted]),
        latency_p95_ms=_p95(counted, weights),
        latency_max_ms=max((flow.latency_max_ms for flow in counted), default=0.0),
        jitter_ms=mean([flow.jitter_ms for flow in counted]) if arrived else 0.0,
        loss_ratio=lost / (lost + delivered) if lost + delivered else 0.0,
        throughput_mbps=delivered_bytes * 8 / (seconds * 1e6),
    )


def beyond(at_ms: float, latency: float, p95: float, longest: float) -> float:
    """Share of packets slower than a delay, by straight lines between the known points of the distribution.

    Half of the packets count as slower than the mean delay.
    """
    p95 = max(p95, latency)
    if at_ms >= longest:
        return 0.0
    if at_ms >= p95:
        return 0.05 * (longest - at_ms) / max(longest - p95, 1e-9)
    if at_ms >= latency:
        return 0.05 + 0.45 * (p95 - at_ms) / max(p95 - latency, 1e-9)
    return 1.0 - 0.5 * at_ms / max(latency, 1e-9)


def _p95(flows: Sequence[PacketFlow], weights: Sequence[float]) -> float:
    """95th percentile of the delay of several flows together."""
    if not weights:
        return max((flow.latency_p95_ms for flow in flows), default=0.0)
    low, high = 0.0, max(flow.latency_max_ms for flow in flows)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        slower = sum(
            weight * beyond(middle, flow.latency_ms, flow.latency_p95_ms, flow.latency_max_ms)
            for flow, weight in zip(flows, weights, strict=True)
        )
        low, high = (middle, high) if slower > 0.05 else (low, middle)
    return high
