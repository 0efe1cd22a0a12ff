# pyright: basic
"""The loop over TTIs."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numba
import numpy as np

from sixgym.domain import propagation, radio
from sixgym.simulators import fading
from sixgym.simulators.tti.compiled import compiled, pointer_to
from sixgym.simulators.tti.compute import compute_until, plan_compute, set_background, start_tasks
from sixgym.simulators.tti.mobility import (
    RSRP_TTIS,
    attach,
    await_report,
    enter_slice,
    go_on_with_handover,
    measure_rsrp,
    move,
    request_handover,
    update_gains,
)
from sixgym.simulators.tti.radio import is_deaf, measure_sinr, transmit, update_cqi, uplink_ttis
from sixgym.simulators.tti.rlc import receive_pdu, stop_reordering
from sixgym.simulators.tti.scheduler import (
    hear_feedback,
    measure_demand,
    plan_bands,
    send_again,
    send_new,
    share_prbs,
)
from sixgym.simulators.tti.state import (
    DELAYS_FULL,
    DONE,
    EXECUTION,
    HARQ_PROCESSES,
    MAX_RBGS,
    MS,
    NEVER,
    PACKETS_FULL,
    Array,
)
from sixgym.simulators.tti.summary import summarise
from sixgym.simulators.tti.traffic import (
    advance_backhaul,
    arrive_until,
    report_by_itself,
    send_until,
    set_factor,
    start_source,
)

SET_FACTOR, SET_BACKGROUND, REQUEST_HANDOVER, ENTER_SLICE, ATTACH, UPDATE_GAINS, PLAN_BANDS = range(7)
"""Commands of `command`."""

_RECEIVED_AFTER_TTIS = 3
"""From scheduling to reception: two TTIs to the air and the TTI of the transmission, as in ns-3."""

_SINR_TTIS = 50
"""Period of the samples of a device's SINR. ns-3 samples every 5 TTIs; 50 save time. Chosen."""


class Constants(NamedTuple):
    """Data that a network reads and never changes."""

    trace: Array  # uint16 (10000, PRBs), amplitudes of the fading
    fade_db: Array  # float64 (10000,), its mean power over the carrier
    faintest: Array  # float64 (10000,), its lowest power over the carrier
    sizes: Array  # int32 (16, MAX_RBGS + 1), bytes of a block by CQI and RBGs
    mcs_of_cqi: Array  # int32 (16,)
    decay: Array  # float64 (any,), powers of the averages' decay
    uplink_noise_mw: float  # per PRB


class Scratch(NamedTuple):
    """Memory of one TTI: by RBG, by device, or by candidate for new data."""

    sinr: Array
    lacks: Array
    waits: Array
    taken: Array
    waiting: Array
    retransmits: Array
    chosen: Array
    weight: Array
    worst: Array
    count: Array
    bitmap: Array
    covered: Array


def _compile(sources: str) -> tuple[Callable[..., int], Callable[..., None]]:
    """The loop, cached on disk in files whose names change with the sources of the whole package.

    numba looks at the file of the cached function and not at the files of the functions it calls, and it
    reads the records of an old cache before it compares keys. So the digest of all sources is in the names.
    """

    def advance(net, tables, constants, end_tti, summary):
        """Runs to the beginning of a TTI, then fills `summary` if it has rows."""
        scratch = _scratch(net.clock[0].prbs, len(net.devices), len(net.cells), len(net.slices))
        here = pointer_to(net)
        full = _loop(here, pointer_to(tables), pointer_to(constants), pointer_to(scratch), end_tti)
        if full == DONE and len(summary.counts) > 0:
            delays = 0
            for d in range(len(net.devices)):
                delays += net.devices[d].delays
            summarise(here, end_tti * MS, pointer_to(summary), np.empty(delays, np.float32))
        return full

    def command(net, what, row, value, now_ns):
        return _command(pointer_to(net), what, row, value, now_ns)

    def cached(function):
        function.__qualname__ = f"{function.__name__}_{sources}"
        return numba.njit(cache=True, nogil=True)(function)

    return cached(advance), cached(command)


@compiled
def _command(net, what, row, value, now_ns):
    """A change between two TTIs. One function for all of them, because each function takes time to load."""
    if what == SET_FACTOR:
        set_factor(net.devices[row], value, now_ns)
    elif what == SET_BACKGROUND:
        set_background(net, row, value, now_ns)
        plan_compute(net)
    elif what == REQUEST_HANDOVER:
        request_handover(net, row, int(value), now_ns)
    elif what == ENTER_SLICE:
        enter_slice(net, row, int(value), now_ns // MS)
    elif what == ATTACH:
        tti = now_ns // MS
        attach(net, row, int(value), tti, max(tti, net.clock[0].report_ttis))
    elif what == UPDATE_GAINS:
        update_gains(net, row)
    elif what == PLAN_BANDS:
        plan_bands(net)


@compiled
def _loop(net, tables, constants, scratch, end_tti):
    clock = net.clock[0]
    while clock.tti < end_tti:
        tti = clock.tti
        if clock.scheduled <= tti:
            _schedule(net, tables, constants, scratch, tti)
            clock.scheduled = tti + 1
            if tti % RSRP_TTIS == 0:
                measure_rsrp(net, constants.fade_db, tti)
        full = _pass(net, tti, (tti + 1) * MS)
        if full != DONE:
            return full
        if tti % _SINR_TTIS == 0:
            for d in range(len(net.devices)):
                measure_sinr(net, constants, d, tti, scratch.sinr)
                # also for an idle device, so that nothing is sent to it when it is out of coverage
                update_cqi(net, tables, constants, d, tti, scratch.sinr)
            for workload in net.workloads:
                d = workload.device
                net.uplink_ttis[d] = uplink_ttis(net, tables, constants, d, workload.request_bytes)
        clock.tti = tti + 1
    return DONE


@numba.njit
def _scratch(prbs, devices, cells, slices):
    return Scratch(
        np.empty(prbs),
        np.empty(slices, np.int64),
        np.empty((cells, slices), np.int64),
        np.empty(MAX_RBGS, np.bool_),
        np.empty(devices, np.int64),
        np.zeros(devices, np.bool_),
        np.empty(devices, np.int64),
        np.empty(devices),
        np.empty(devices, np.int64),
        np.empty(devices, np.int64),
        np.empty(devices, np.int64),
        np.empty(devices, np.bool_),
    )


@compiled
def _schedule(net, tables, constants, scratch, tti):
    clock = net.clock[0]
    flights = net.flights[tti % len(net.flights)]
    flights[-1] = 0
    hear_feedback(net, tti)
    many = _find_waiting(net, tables, constants, scratch, tti)
    if clock.lends == 1:
        measure_demand(net, scratch, many)
    for c in range(len(net.cells)):
        net.cells[c].air = 0
        if not share_prbs(net, scratch, c, tti):
            continue
        for s in range(len(net.slices)):
            if scratch.waits[c, s] + net.shares[c, s].late > 0:
                for rbg in range(clock.rbgs):
                    scratch.taken[rbg] = net.owners[c, rbg] != s
                send_again(net, scratch, c, s, tti)
                send_new(net, constants, scratch, c, s, tti, many)
    for i in range(flights[-1]):
        d, process = flights[i] // HARQ_PROCESSES, flights[i] % HARQ_PROCESSES
        transmit(net, tables, constants, d, process, scratch.sinr)
        scratch.retransmits[d] = False


@compiled
def _find_waiting(net, tables, constants, scratch, tti):
    """Collects the devices in coverage that data wait for; returns their number."""
    for c in range(len(net.cells)):
        for s in range(len(net.slices)):
            scratch.waits[c, s] = 0
    many = 0
    clock = net.clock[0]
    for d in range(len(net.devices)):
        device = net.devices[d]
        if device.reported_bytes > 0 and device.handover != EXECUTION:
            if device.blind_until == NEVER:
                await_report(device, tti, clock.report_ttis)
            update_cqi(net, tables, constants, d, tti, scratch.sinr)
            if not is_deaf(device, tti):
                scratch.waiting[many] = d
                scratch.waits[device.cell, device.slice] += 1
                many += 1
    return many


@compiled
def _pass(net, tti, until_ns):
    """Everything between two TTIs. Returns the array that is full, or DONE; a second call resumes."""
    clock = net.clock[0]
    if until_ns > clock.traffic_ns and clock.started == 0:
        clock.started = 1
        for d in range(len(net.devices)):
            net.devices[d].since_ns = clock.traffic_ns
            start_source(net.devices[d], net.source_streams[d])
            net.devices[d].wake_ns = 0
        start_tasks(net, clock.traffic_ns)
    if clock.compute_ns < until_ns:
        full = compute_until(net, until_ns)
        if full != DONE:
            return full
    if clock.received <= tti:
        if not _receive(net, tti, until_ns - 1):
            return DELAYS_FULL
        clock.received = tti + 1
        advance_backhaul(net, tti * MS)
    for d in range(len(net.devices)):
        device = net.devices[d]
        if device.moving == 1:
            move(net, d, until_ns)
        if device.wake_ns < until_ns:
            full = _wake(net, d, until_ns)
            if full != DONE:
                return full
    return DONE


@compiled
def _receive(net, tti, now_ns):
    """Devices receive the blocks scheduled three TTIs before. False if there is no room for delays."""
    sent = tti + 1 - _RECEIVED_AFTER_TTIS
    flights = net.flights[sent % len(net.flights)]
    for i in range(flights[-1]):
        device = net.devices[flights[i] // HARQ_PROCESSES]
        if device.delays + device.created - device.settled > net.delays.shape[1]:
            return False
    for i in range(flights[-1]):
        d, process = flights[i] // HARQ_PROCESSES, flights[i] % HARQ_PROCESSES
        block = net.blocks[d, process]
        if block.tti != sent:
            continue
        arrived = block.sending & ~block.corrupt
        if arrived & 1 and block.pdu_0 >= 0:
            receive_pdu(net, d, block.pdu_0, now_ns)
        if arrived & 2 and block.pdu_1 >= 0:
            receive_pdu(net, d, block.pdu_1, now_ns)
        net.devices[d].wake_ns = min(net.devices[d].wake_ns, net.devices[d].reordering_ns)
    return True


@compiled
def _wake(net, d, until_ns):
    """Traffic, timers and handover of a device up to a time."""
    device = net.devices[d]
    if device.delays + device.created - device.settled > net.delays.shape[1]:
        return DELAYS_FULL
    if device.reordering_ns < until_ns:
        stop_reordering(net, d, device.reordering_ns)
    while device.switch_ns < until_ns:
        go_on_with_handover(net, d, device.switch_ns)
    if not send_until(net, d, until_ns):
        return PACKETS_FULL
    if device.report_ns < until_ns:
        report_by_itself(device, device.report_ns)
    arrive_until(net, d, until_ns)
    wake = min(device.next_ns, device.toggle_ns, device.report_ns, device.reordering_ns, device.switch_ns)
    if device.arrived < device.created and device.handover != EXECUTION:
        wake = min(wake, net.packets[d, device.arrived & (net.packets.shape[1] - 1)].arrival_ns)
    device.wake_ns = wake
    return DONE


def source_digest() -> str:
    """Hash of every file that decides results, 12 hexadecimal digits.

    These are this package with its tables, the fading traces, the radio field and its formulas.
    """
    own = (path for path in Path(__file__).parent.iterdir() if path.suffix in (".py", ".npz"))
    digest = hashlib.sha256()
    for path in (*sorted(own), Path(fading.__file__), Path(propagation.__file__), Path(radio.__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


advance, command = _compile(source_digest())
