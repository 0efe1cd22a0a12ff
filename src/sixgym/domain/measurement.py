"""Measurements of one interval. Every simulator reports exactly these fields.

They are plain frozen dataclasses, because many are built in every interval: pydantic's core parses a
simulator's JSON reply directly into them (`INTERVAL_JSON.validate_json`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import PlainSerializer, TypeAdapter

from sixgym.domain.geometry import Position
from sixgym.domain.slices import SliceType

DELAY_BIN_EDGES_MS = tuple(10 ** (k / 40) for k in range(121))
"""Edges of the bins of `Interval.delay_histograms`: 1 ms to 1 s, 40 a decade, 6 % apart."""


_AS_DICT = PlainSerializer(dict[Any, Any])
"""Serialises mappings that a simulator makes at their first use."""


@dataclass(frozen=True, slots=True)
class PacketFlow:
    """Measurements of a set of downlink packets: those of a device, a group or a slice.

    Attributes:
        sent_packets: Offered at the server during the interval.
        delivered_packets: Received by the device.
        lost_packets: Declared lost: overtaken by a later packet, or older than the loss timeout.
        late_packets: Delivered, but later than the SLA's max_latency_ms of the slice.
        dropped_packets: Refused by a full RLC buffer of a gNB (they are counted as lost, too, later).
        sent_bytes, delivered_bytes, dropped_bytes: The same in bytes of application payload.
        latency_ms: Mean one-way delay of the delivered packets; if none was delivered, the age of
            the oldest one still waiting; 0 when nothing was offered or waiting.
        latency_p95_ms, latency_max_ms: 95th percentile and maximum, with the same fallback.
        jitter_ms: Mean absolute delay difference between consecutive packets of a device.
        loss_ratio: lost / (lost + delivered), 0 when neither happened.
        throughput_mbps: Delivered payload.
    """

    sent_packets: int
    delivered_packets: int
    lost_packets: int
    late_packets: int
    dropped_packets: int
    sent_bytes: int
    delivered_bytes: int
    dropped_bytes: int
    latency_ms: float
    latency_p95_ms: float
    latency_max_ms: float
    jitter_ms: float
    loss_ratio: float
    throughput_mbps: float


@dataclass(frozen=True, slots=True)
class SliceMeasurement:
    """A slice over all cells.

    Attributes:
        flow: Its packets.
        prbs_granted: PRBs per TTI that the slice was entitled to, mean over TTIs, sum over cells.
        prbs_used: PRBs per TTI that it transmitted on, likewise.
        queue_bytes: Waiting in the gNBs' RLC buffers at the end of the interval.
        spectral_efficiency: Delivered bit/s per Hz of the granted bandwidth (slicing paper, eq. 1).
        devices: Devices in the slice.
    """

    flow: PacketFlow
    prbs_granted: float
    prbs_used: float
    queue_bytes: int
    spectral_efficiency: float
    devices: int


@dataclass(frozen=True, slots=True)
class WorkloadMeasurement:
    """Compute tasks of a group.

    Attributes:
        created, completed: Tasks during the interval.
        latency_ms: Mean from creation to answer of the completed ones; if none completed, the age of
            the oldest one open; 0 without tasks.
    """

    created: int
    completed: int
    latency_ms: float


@dataclass(frozen=True, slots=True)
class NodeMeasurement:
    """A compute node: busy share of the interval, tasks waiting at its end, tasks refused."""

    load: float
    queue: int
    refused: int


@dataclass(frozen=True, slots=True)
class CellMeasurement:
    """A cell: power it really radiates (-inf is written as -200 dBm), PRB use, attached devices."""

    tx_power_dbm: float
    prb_load: float
    devices: int
    backhaul_delay_ms: float
    backhaul_loss_ratio: float


@dataclass(frozen=True, slots=True)
class DeviceMeasurement:
    """A device.

    Attributes:
        flow: Its downlink packets.
        group, slice: Where it belongs; `slice` is the one that schedules it now.
        cell: Serving cell.
        position: Where it is.
        sinr_db: Mean downlink SINR over the interval, NaN-free; -50 when nothing could be measured.
        rsrp_dbm: Reference signal received power by cell, as its PHY measured it last.
        handover: IDLE, PREPARATION, EXECUTION, COMPLETE or FAILED (of the last attempt, kept until
            the next one); `handover_target` is that attempt's cell and `handover_ms` its duration.
        queue_bytes: Waiting for it in its gNB's RLC buffer.
    """

    flow: PacketFlow
    group: str
    slice: SliceType
    cell: str
    position: Position
    sinr_db: float
    rsrp_dbm: Mapping[str, float]
    handover: str
    handover_target: str | None
    handover_ms: float
    queue_bytes: int


@dataclass(frozen=True, slots=True)
class InterfererMeasurement:
    """A transmitter that is not ours: where it is and what it radiates over the carrier."""

    position: Position
    power_dbm: float


@dataclass(frozen=True, slots=True)
class Interval:
    """Everything measured between two decisions.

    Attributes:
        start_ms, end_ms: Network time, 0 at the end of the warm-up.
        slices, groups, workloads, nodes, cells, devices: Measurements by name; `workloads` by group.
        interferers: Foreign transmitters that were on at the end of the interval.
        faults: Kinds of the faults that were active at some time in the interval. Agents do not
            see them.
        prb_leakage: PRBs of one slice's share on which another slice transmitted. Always 0.
        traffic_share: By group, the share of its normal load that the group may offer, where that share
            was less than all of it. The backend tracks it and fills it in.
        battery_percent: By UAV, energy left. The backend tracks it and fills it in.
        delay_histograms: By slice, its delivered packets by one-way delay: a count for each bin between
            two `DELAY_BIN_EDGES_MS`, one before for what is below and one after for what is above.
            Counts add up over intervals, where quantiles do not. Empty if they were not counted.
    """

    start_ms: int
    end_ms: int
    slices: Mapping[SliceType, SliceMeasurement]
    groups: Annotated[Mapping[str, PacketFlow], _AS_DICT]
    workloads: Mapping[str, WorkloadMeasurement]
    nodes: Mapping[str, NodeMeasurement]
    cells: Mapping[str, CellMeasurement]
    devices: Annotated[Mapping[str, DeviceMeasurement], _AS_DICT]
    interferers: tuple[InterfererMeasurement, ...]
    faults: tuple[str, ...]
    prb_leakage: int
    traffic_share: Mapping[str, float] = field(default_factory=dict[str, float])
    battery_percent: Mapping[str, float] = field(default_factory=dict[str, float])
    delay_histograms: Annotated[Mapping[SliceType, tuple[int, ...]], _AS_DICT] = field(
        default_factory=dict[SliceType, tuple[int, ...]]
    )

    def only_devices(self, names: frozenset[str]) -> "Interval":
        """The same interval with the measurements of these devices alone."""
        return replace(self, devices={name: m for name, m in self.devices.items() if name in names})


INTERVAL_JSON: TypeAdapter[Interval] = TypeAdapter(Interval)
