"""Evidence: measured differences of a network between two intervals, which explain the state of its services.

Each piece of evidence is a visible cause: a cell radiates less, a slice gets more PRBs, a group offers more
traffic. Evidence comes from measurements alone, never from the fault timeline or the result of a call.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from sixgym.domain.measurement import Interval

Kind = Literal[
    "weaker-cell",
    "stronger-cell",
    "interference",
    "quiet-again",
    "slower-backhaul",
    "faster-backhaul",
    "lossy-backhaul",
    "clean-backhaul",
    "more-load",
    "less-load",
    "more-prbs",
    "fewer-prbs",
    "moved-in",
    "moved-out",
    "busier-node",
    "freer-node",
    "handed-over",
    "weaker-link",
    "stronger-link",
    "saturated",
    "draining",
]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A measured difference.

    Attributes:
        kind: Kind of the difference.
        where: The cell, group, slice, node or device.
        before, after: The two values, in the unit of the kind: dBm of a cell, ms or share of a backhaul,
            bytes offered, PRBs granted, devices of a slice, load of a node, SINR of a device in dB, bytes
            of a queue.
        detail: The serving cells of a handover.
    """

    kind: Kind
    where: str
    before: float
    after: float
    detail: str = ""


# the least differences that count as evidence
POWER_DB = 1.0
BACKHAUL_MS = 1.0
BACKHAUL_LOSS = 0.005
LOAD_RATIO = 1.3
PRB_SHARE = 0.15
NODE_LOAD = 0.2
SINR_DB = 3.0
QUEUE_BYTES = 10_000
QUEUE_RATIO = 2.0


def evidence(before: Interval, after: Interval) -> list[Evidence]:
    """The differences of `after` from `before`, causes before their consequences."""
    return [
        *_cells(before, after),
        *_interferers(before, after),
        *_groups(before, after),
        *_slices(before, after),
        *_nodes(before, after),
        *_devices(before, after),
        *_queues(before, after),
    ]


def _cells(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.cells.items():
        then = before.cells[name]
        if abs(now.tx_power_dbm - then.tx_power_dbm) >= POWER_DB:
            kind: Kind = "weaker-cell" if now.tx_power_dbm < then.tx_power_dbm else "stronger-cell"
            yield Evidence(kind, name, then.tx_power_dbm, now.tx_power_dbm)
        if abs(now.backhaul_delay_ms - then.backhaul_delay_ms) >= BACKHAUL_MS:
            slower = now.backhaul_delay_ms > then.backhaul_delay_ms
            kind = "slower-backhaul" if slower else "faster-backhaul"
            yield Evidence(kind, name, then.backhaul_delay_ms, now.backhaul_delay_ms)
        if abs(now.backhaul_loss_ratio - then.backhaul_loss_ratio) >= BACKHAUL_LOSS:
            lossy = now.backhaul_loss_ratio > then.backhaul_loss_ratio
            kind = "lossy-backhaul" if lossy else "clean-backhaul"
            yield Evidence(kind, name, then.backhaul_loss_ratio, now.backhaul_loss_ratio)


def _interferers(before: Interval, after: Interval) -> Iterator[Evidence]:
    then, now = len(before.interferers), len(after.interferers)
    if now != then:
        yield Evidence("interference" if now > then else "quiet-again", "the carrier", then, now)


def _groups(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.groups.items():
        then = before.groups[name]
        larger, smaller = max(now.sent_bytes, then.sent_bytes), min(now.sent_bytes, then.sent_bytes)
        if larger >= LOAD_RATIO * smaller and larger > 0:
            kind: Kind = "more-load" if now.sent_bytes > then.sent_bytes else "less-load"
            yield Evidence(kind, name, then.sent_bytes, now.sent_bytes)


def _slices(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.slices.items():
        then = before.slices[name]
        if now.devices != then.devices:
            kind: Kind = "moved-in" if now.devices > then.devices else "moved-out"
            yield Evidence(kind, name.value, then.devices, now.devices)
        if abs(now.prbs_granted - then.prbs_granted) > PRB_SHARE * max(then.prbs_granted, 1.0):
            kind = "more-prbs" if now.prbs_granted > then.prbs_granted else "fewer-prbs"
            yield Evidence(kind, name.value, then.prbs_granted, now.prbs_granted)


def _nodes(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.nodes.items():
        then = before.nodes[name]
        if abs(now.load - then.load) >= NODE_LOAD:
            yield Evidence("busier-node" if now.load > then.load else "freer-node", name, then.load, now.load)


def _devices(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.devices.items():
        then = before.devices.get(name)
        if then is None:
            continue
        if now.cell != then.cell:
            yield Evidence("handed-over", name, then.sinr_db, now.sinr_db, f"{then.cell} to {now.cell}")
        elif abs(now.sinr_db - then.sinr_db) >= SINR_DB:
            kind: Kind = "weaker-link" if now.sinr_db < then.sinr_db else "stronger-link"
            yield Evidence(kind, name, then.sinr_db, now.sinr_db)


def _queues(before: Interval, after: Interval) -> Iterator[Evidence]:
    for name, now in after.slices.items():
        then = before.slices[name]
        if now.queue_bytes >= max(QUEUE_BYTES, QUEUE_RATIO * then.queue_bytes):
            yield Evidence("saturated", name.value, then.queue_bytes, now.queue_bytes)
        elif then.queue_bytes >= max(QUEUE_BYTES, QUEUE_RATIO * now.queue_bytes):
            yield Evidence("draining", name.value, then.queue_bytes, now.queue_bytes)
