"""Admission control: whether a slice can take another service, judged on what was measured."""

from sixgym.domain.slices import SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.lookup import listed

FULL_SHARE = 0.9
"""A slice that transmits on this share of the PRBs it is entitled to has none to spare."""

DRAIN_MS = 20.0
"""Queues that take longer to drain at the delivered rate show that the PRBs do not suffice."""


def is_congested(network: Snapshot, kind: SliceType) -> bool:
    """Whether a slice used up its PRBs and still leaves a queue behind."""
    measured = network.interval.slices[kind]
    if measured.prbs_used < FULL_SHARE * measured.prbs_granted:
        return False
    delivered_bytes_per_ms = measured.flow.delivered_bytes / max(1, _duration_ms(network))
    return measured.queue_bytes > DRAIN_MS * delivered_bytes_per_ms


def refusal(network: Snapshot, kind: SliceType) -> str | None:
    """Why a slice admits no other service, or None.

    It has to own at least one PRB of every cell and must not be congested.
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
