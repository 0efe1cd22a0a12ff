"""The state of a network as arrays of records for compiled code.

A `Network` holds one network. Every array is allocated once and changed in place, so that a copy of the
arrays is a copy of the whole network, random generators included. Times are integer
nanoseconds or whole TTIs of 1 ms since the start of the warm-up; powers are mW per PRB.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

NEVER = np.iinfo(np.int64).max
MS = 1_000_000
"""Nanoseconds of a TTI."""

PDU_RING = 256
"""PDUs of a device between sending and delivery: two per TTI for as long as HARQ and reordering take."""

HARQ_PROCESSES = 8
"""TS 36.213 clause 7, FDD."""

FLIGHT_SLOTS = 8
"""TTIs for which transmissions are remembered, until their feedback has arrived."""

MAX_RBGS = 28
"""Room for the 25 RBGs of 20 MHz, and for a multiple of four."""

DONE, PACKETS_FULL, DELAYS_FULL, WIRES_FULL = range(4)
"""Results of `advance`. After all but DONE, the full array has to grow, and the call has to be repeated."""

# states of a PDU
IN_FLIGHT, RECEIVED = 0, 1
# states of a HARQ process
FREE, SENT, NACKED = 0, 1, 2
# states of a handover
IDLE, PREPARATION, EXECUTION, COMPLETE, FAILED = 0, 1, 2, 3, 4
# what is on a wire between core and compute nodes
REQUEST, RESPONSE = 0, 1

CLOCK = np.dtype(
    [
        ("tti", "i8"),  # the TTI that is under way
        ("scheduled", "i8"),  # TTIs whose scheduling is done
        ("received", "i8"),  # TTIs whose reception is done
        ("started", "i8"),  # 1: traffic flows
        ("layers", "i8"),  # spatial layers of every transmission
        ("rbgs", "i8"),  # resource block groups that can be scheduled
        ("rbg_prbs", "i8"),  # PRBs of each
        ("prbs", "i8"),
        ("piro", "i8"),  # link adaptation: 1 Shannon with a gap, 0 error model
        ("report_ttis", "i8"),  # between two CQI reports of a device
        ("buffer_bytes", "i8"),  # RLC buffer of a device
        ("loss_timeout_ns", "i8"),
        ("noise_mw", "f8"),  # per PRB
        ("noise_dbm", "f8"),  # per subcarrier
        ("mode_gain", "f8"),  # transmission mode gain on every SINR
        ("traffic_ns", "i8"),  # when traffic starts
        ("wires", "i8"),  # messages under way between core and compute nodes
        ("wire_ns", "i8"),  # when the first of them arrives
        ("compute_ns", "i8"),  # next event of a compute queue
        ("frequency_mhz", "f8"),
        ("urban_macro", "i8"),
        ("shadowing", "i8"),
        ("x2_ns", "i8"),  # one way between two cells
        ("lends", "i8"),  # 1: owners of PRBs depend on demand
        ("leaked_prbs", "i8"),
    ]
)

DEVICE = np.dtype(
    [
        # what is looked at in every TTI, in one cache line
        ("wake_ns", "i8"),  # when anything above the radio happens next
        ("reported_bytes", "i8"),  # what the scheduler believes
        ("cell", "i4"),
        ("slice", "i4"),
        ("handover", "i4"),
        ("moving", "i4"),
        ("delays", "i8"),
        ("created", "i8"),
        ("settled", "i8"),  # first packet that is neither delivered nor lost
        ("group", "i4"),
        ("workload", "i4"),  # row of the compute arrays, -1 without tasks
        ("packet_bytes", "i4"),
        ("on_off", "i4"),
        ("gap_s", "f8"),
        ("mean_on_s", "f8"),
        ("mean_off_s", "f8"),
        # traffic source
        ("on", "i4"),
        ("factor", "f8"),
        ("remaining", "f8"),  # share of the gap before the next packet
        ("since_ns", "i8"),
        ("next_ns", "i8"),
        ("toggle_ns", "i8"),
        # packets by number: settled <= created, unsent <= arrived <= created
        ("arrived", "i8"),  # first one still on the backhaul
        ("unsent", "i8"),  # first one with bytes that were not sent
        ("unsent_bytes", "i8"),  # of that packet
        ("last_arrival_ns", "i8"),
        # RLC transmitter
        ("queue_bytes", "i8"),
        ("queue_packets", "i8"),  # whole or in part
        ("report_ns", "i8"),  # when RLC reports again by itself
        # RLC receiver
        ("next_pdu", "i8"),
        ("lowest_pdu", "i8"),  # VR(UR): first one not delivered
        ("highest_pdu", "i8"),  # VR(UH)
        ("gap_pdu", "i8"),  # VR(UX)
        ("reordering_ns", "i8"),
        # scheduler
        ("average", "f8"),  # bytes per s
        ("average_tti", "i8"),
        ("cqi_tti", "i8"),  # when the CQI that is known was measured, -1 for none
        ("first_report", "i8"),  # TTI of the first report in this cell
        ("blind_until", "i8"),  # the slice's scheduler knows no CQI before this TTI
        ("hold_until", "i8"),
        ("deaf_since", "i8"),  # TTI, -1 if the last report was above CQI 0
        ("bytes_per_rbg", "f8"),
        # handover
        ("target", "i4"),
        ("began_ns", "i8"),
        ("ended_ns", "i8"),
        ("switch_ns", "i8"),  # next step of the handover
        ("leg", "i4"),
        # place
        ("x", "f8"),
        ("y", "f8"),
        ("z", "f8"),
        ("field_x", "f8"),  # where the path gains were computed
        ("field_y", "f8"),
        ("field_z", "f8"),
        # measured in this interval
        ("sent", "i8"),
        ("delivered", "i8"),
        ("lost", "i8"),
        ("late", "i8"),
        ("dropped", "i8"),
        ("sent_bytes", "i8"),
        ("delivered_bytes", "i8"),
        ("dropped_bytes", "i8"),
        ("jitter_ms", "f8"),
        ("jitters", "i8"),
        ("last_delay_ms", "f8"),
        ("oldest_ms", "f8"),
        ("sinr_db", "f8"),
        ("sinrs", "i8"),
    ]
)

CELL = np.dtype(
    [
        ("power_mw", "f8"),  # per PRB
        ("subcarrier_dbm", "f8"),
        ("backhaul_ns", "i8"),
        ("backhaul_loss", "f8"),
        ("ns_per_byte", "f8"),
        ("down_free_ns", "i8"),  # when the link to the cell has sent what it holds
        ("down_work_ns", "i8"),  # what it got in this TTI
        ("up_free_ns", "i8"),
        ("refusing", "i8"),
        ("air", "i8"),  # bitmap of the RBGs it transmits on in this TTI
    ]
)

SLICE = np.dtype(
    [
        ("dedicated", "f8"),
        ("minimum", "f8"),
        ("maximum", "f8"),
        ("max_latency_ms", "f8"),
    ]
)

SHARE = np.dtype([("granted", "i8"), ("used", "i8"), ("credit", "f8"), ("demand", "i8"), ("late", "i8")])
"""PRBs of one slice in one cell."""

PACKET = np.dtype(
    [
        ("sent_ns", "i8"),
        ("arrival_ns", "i8"),
        ("bytes", "i4"),
        ("task", "i4"),
        ("broken", "i8"),  # 1: lost on the backhaul, dropped, or given up by RLC
    ]
)

PDU = np.dtype([("begin", "i4"), ("stop", "i4"), ("tail", "i4"), ("state", "i4")])
"""A PDU: packets begin … stop - 1 end in it, packets begin … tail - 1 have bytes in it."""

BLOCK = np.dtype(
    [
        ("state", "i4"),
        ("age", "i4"),
        ("tti", "i8"),
        ("rbgs", "u4"),  # bitmap of the first transmission
        ("air_rbgs", "u4"),  # bitmap of this one
        ("version", "i4"),
        ("mcs", "i4"),
        ("bytes", "i4"),  # per layer
        ("sending", "u4"),  # layers in this transmission
        ("corrupt", "u4"),  # layers that failed
        ("pdu_0", "i8"),  # RLC PDU of each layer, -1 for none
        ("pdu_1", "i8"),
    ]
)
"""A HARQ process: its last block and the block's decoding."""

WORKLOAD = np.dtype(
    [
        ("device", "i4"),
        ("node", "i4"),  # -1: on board
        ("period_ns", "i8"),
        ("next_ns", "i8"),
        ("megacycles", "f8"),
        ("request_bytes", "i4"),
        ("response_bytes", "i4"),
        ("created", "i8"),
        ("oldest", "i8"),  # first task that may be open
        ("count_created", "i8"),
        ("count_completed", "i8"),
        ("latency_ms", "f8"),
        ("oldest_ms", "f8"),
        ("up_ns", "i8"),  # when the last request left the radio
    ]
)

TASK = np.dtype([("created_ns", "i8"), ("open", "i8")])

QUEUE = np.dtype(
    [
        ("rate", "f8"),  # megacycles per s
        ("limit", "i8"),
        ("link_ns", "i8"),
        ("background", "f8"),
        ("arrival_ns", "i8"),
        ("done_ns", "i8"),
        ("head", "i8"),
        ("count", "i8"),
        ("serving_ns", "i8"),
        ("busy_ns", "i8"),
        ("read_ns", "i8"),
        ("refused", "i8"),
    ]
)
"""A compute node, or the computer on board of a device."""

JOB = np.dtype([("device", "i4"), ("task", "i4"), ("service_ns", "i8")])

WIRE = np.dtype(
    [("ns", "i8"), ("kind", "i4"), ("device", "i4"), ("task", "i4"), ("queue", "i4"), ("work", "f8")]
)

LEG = np.dtype(
    [
        ("from_x", "f8"), ("from_y", "f8"), ("from_z", "f8"),
        ("to_x", "f8"), ("to_y", "f8"), ("to_z", "f8"),
        ("start_ns", "i8"), ("end_ns", "i8"),
    ]
)  # fmt: skip

EMITTER = np.dtype(
    [
        ("x", "f8"), ("y", "f8"), ("z", "f8"),
        ("sector", "i8"), ("gain_dbi", "f8"), ("azimuth_deg", "f8"),
        ("power_mw", "f8"),  # per PRB, of an interferer; cells have theirs in CELL
        ("sight", "f8", (3, 64)),
        ("shadow", "f8", (3, 64)),
    ]
)  # fmt: skip

Array = npt.NDArray[Any]


class Network(NamedTuple):
    """The changing data of a network: D devices, C cells, S slices, M emitters, W workloads, Q queues."""

    clock: Array  # CLOCK ()
    devices: Array  # DEVICE (D,)
    cells: Array  # CELL (C,)
    slices: Array  # SLICE (S,)
    shares: Array  # SHARE (C, S)
    emitters: Array  # EMITTER (M,), the cells first
    packets: Array  # PACKET (D, a power of two)
    pdus: Array  # PDU (D, PDU_RING)
    blocks: Array  # BLOCK (D, HARQ_PROCESSES)
    workloads: Array  # WORKLOAD (W,)
    tasks: Array  # TASK (W, a power of two)
    queues: Array  # QUEUE (Q,), nodes first, then on board
    jobs: Array  # JOB (Q, a power of two)
    wires: Array  # WIRE (any,)
    legs: Array  # LEG (D, any)
    cqi: Array  # uint8 (D, MAX_RBGS)
    gain: Array  # float64 (M, D), linear path gain
    gain_db: Array  # float64 (M, D)
    uplink_ttis: Array  # int64 (D,), TTIs that a request takes on the air, 0 out of reach
    offset: Array  # int64 (M, D), into the fading trace, ms
    rsrp: Array  # float64 (C, D, 3): reported dBm, sum and count since
    delays: Array  # float32 (D, any), ms
    late: Array  # int32 (C, S, D * HARQ_PROCESSES), NACKs that wait for room
    flights: Array  # int32 (FLIGHT_SLOTS, D + 1), what was sent in a TTI; the last column counts
    bands: Array  # int64 (100, S, 4), by phase of time sharing: first RBG, owned, dedicated, most
    grid: Array  # int32 (100, MAX_RBGS), owners before lending
    owners: Array  # int32 (C, MAX_RBGS), -1 for none
    soft: Array  # float64 (D, HARQ_PROCESSES, 2, 4), what receivers hold of failed blocks, see `link`
    source_streams: Array  # uint64 (D, 3, 6)
    error_streams: Array  # uint64 (D, 6)
    task_streams: Array  # uint64 (W, 2, 6)
    queue_streams: Array  # uint64 (Q, 2, 6)
    backhaul_streams: Array  # uint64 (C, 2, 6)

    def copy(self) -> "Network":
        """An independent copy of the network."""
        return Network(*(array.copy() for array in self))
