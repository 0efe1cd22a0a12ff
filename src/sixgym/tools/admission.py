"""Admission control: whether a slice can take another service, by the last measurements."""

from sixgym.domain.slices import SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.lookup import listed

FULL_SHARE = 0.9
"""Share of its granted PRBs from which a slice has no PRBs to spare. Chosen, not measured."""

DRAIN_MS = 20.0
"""Time to drain a queue at the delivered rate from which the PRBs do not suffice. Chosen, not measured."""


def is_congested(network: Snapshot, kind: SliceType) -> bool:
    """Whether a slice used all its PRBs and still has a queue."""
    measured = network.interval.slices[kind]
    if measured.prbs_used < FULL_SHARE * measured.prbs_granted:
        return False
    delivered_bytes_per_ms = measured.flow.delivered_bytes / max(1, _duration_ms(network))
    return measured.queue_bytes > DRAIN_MS * delivered_bytes_per_ms


def refusal(network: Snapshot, kind: SliceType) -> str | None:
    """Why a slice admits no other service, or None.

    An admitting slice owns at least one PRB of every cell and is not congested.
    """
    if network.resources.policies[kind].max * network.scenario.prbs < 100:
        return "its share of PRBs is less than one PRB; raise its max"
    if is_congested(network, kind):
        measured = network.interval.slices[kind]
        return (
            f"it is congested: {measured.prbs_used:.1f} of {measured.prbs_granted:.1f} PRBs used, "
            f"{measured.queue_bytes} bytes waiting"
        )
    return None


def admitting(network: Snapshot, besides: SliceType) -> str:
    """The other slices that admit a service, for a message."""
    return listed(
        known.type.value
        for known in network.scenario.slices
        if known.type is not besides and refusal(network, known.type) is None
    )


def _duration_ms(network: Snapshot) -> int:
    return network.interval.end_ms - network.interval.start_ms
