# pyright: basic
"""The measurements of an interval as rows of numbers."""

from typing import NamedTuple

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.compute import settle_tasks
from sixgym.simulators.tti.rlc import settle
from sixgym.simulators.tti.state import EXECUTION, Array

SENT, DELIVERED, LOST, LATE, DROPPED, SENT_BYTES, DELIVERED_BYTES, DROPPED_BYTES, QUEUE_BYTES, DEVICES = (
    range(10)
)
"""Columns of `IntervalSummary.counts`."""

MEAN_MS, P95_MS, LONGEST_MS, JITTER_MS = range(4)
"""Columns of `IntervalSummary.figures`."""


PLACE_COLUMNS = 12
"""Slice, cell, x, y, z, SINR in dB and its samples, handover's state, target, begin and end, queue."""


class IntervalSummary(NamedTuple):
    """Rows for slices, then groups, then devices."""

    counts: Array  # int64 (rows, 10)
    figures: Array  # float64 (rows, 4)
    prbs: Array  # int64 (S, 2): granted and used, sums over cells and TTIs
    cells: Array  # int64 (C, 2): PRBs used, sum over TTIs, and attached devices
    places: Array  # float64 (D, 12 + C), see PLACE_COLUMNS; then RSRP by cell in dBm
    tasks: Array  # float64 (groups, 4): created, completed, their latencies in ms, age of the oldest open one
    histograms: Array  # int64 (S, bins) of delays; no bins, no histograms
    edges_ms: Array  # float64 (bins - 1,)


def empty_summary(slices: int, groups: int, devices: int, cells: int, edges_ms: Array) -> IntervalSummary:
    """Room for a summary; with no rows at all it is not filled."""
    rows = slices + groups + devices
    return IntervalSummary(
        counts=np.zeros((rows, 10), np.int64),
        figures=np.zeros((rows, 4)),
        prbs=np.zeros((slices, 2), np.int64),
        cells=np.zeros((cells, 2), np.int64),
        places=np.zeros((devices, PLACE_COLUMNS + cells)),
        tasks=np.zeros((groups, 4)),
        histograms=np.zeros((slices, len(edges_ms) + 1), np.int64),
        edges_ms=edges_ms,
    )


@compiled
def summarise(net, now_ns, summary, pool):
    """Ends the interval: fills the summary and starts the next interval.

    The clock of an interval stands one nanosecond before its end. `pool` has room for all delays.
    """
    slices, devices = len(net.slices), len(net.devices)
    for d in range(devices):
        _settle_device(net, d, now_ns - 1)
    _count_tasks(net, summary.tasks, now_ns - 1)
    groups = len(summary.counts) - slices - devices
    for row in range(slices + groups):
        size = _pool_delays(net, row, slices, pool)
        _fill_row(net, row, slices, groups, summary, pool, size)
        if row < slices:
            _count_delays(summary, row, pool, size)
    for d in range(devices):
        for i in range(net.devices[d].delays):
            pool[i] = net.delays[d, i]
        _fill_row(net, slices + groups + d, slices, groups, summary, pool, net.devices[d].delays)
    for d in range(devices):
        _fill_place(net, d, summary.places)
    _count_prbs(net, summary)
    _start_next(net)


@compiled
def _count_tasks(net, tasks, now_ns):
    for row in range(len(tasks)):
        for column in range(4):
            tasks[row, column] = 0.0
    for w in range(len(net.workloads)):
        settle_tasks(net, w, now_ns)
        workload = net.workloads[w]
        row = net.devices[workload.device].group
        tasks[row, 0] += workload.count_created
        tasks[row, 1] += workload.count_completed
        tasks[row, 2] += workload.latency_ms
        tasks[row, 3] = max(tasks[row, 3], workload.oldest_ms)
        workload.count_created = 0
        workload.count_completed = 0
        workload.latency_ms = 0.0


@compiled
def _settle_device(net, d, now_ns):
    settle(net, d, now_ns)
    device = net.devices[d]
    ring = net.packets[d]
    device.oldest_ms = 0.0
    number = device.settled
    while number < device.created and ring[number & (len(ring) - 1)].task >= 0:
        number += 1
    if number < device.created:
        device.oldest_ms = (now_ns - ring[number & (len(ring) - 1)].sent_ns) * 1e-6


@compiled
def _pool_delays(net, row, slices, pool):
    size = 0
    for d in range(len(net.devices)):
        device = net.devices[d]
        if (device.slice == row) if row < slices else (device.group == row - slices):
            for i in range(device.delays):
                pool[size + i] = net.delays[d, i]
            size += device.delays
    return size


@compiled
def _fill_row(net, row, slices, groups, summary, pool, size):
    counts, figures = summary.counts, summary.figures
    for column in range(counts.shape[1]):
        counts[row, column] = 0
    oldest = 0.0
    jitter = 0.0
    jitters = 0
    own = row - slices - groups
    for d in range(max(own, 0), own + 1 if own >= 0 else len(net.devices)):
        device = net.devices[d]
        if (row < slices and device.slice != row) or (
            own < 0 and row >= slices and device.group != row - slices
        ):
            continue
        counts[row, SENT] += device.sent
        counts[row, DELIVERED] += device.delivered
        counts[row, LOST] += device.lost
        counts[row, LATE] += device.late
        counts[row, DROPPED] += device.dropped
        counts[row, SENT_BYTES] += device.sent_bytes
        counts[row, DELIVERED_BYTES] += device.delivered_bytes
        counts[row, DROPPED_BYTES] += device.dropped_bytes
        counts[row, QUEUE_BYTES] += device.reported_bytes
        counts[row, DEVICES] += 1
        jitter += device.jitter_ms
        jitters += device.jitters
        oldest = max(oldest, device.oldest_ms)
    figures[row, JITTER_MS] = jitter / jitters if jitters > 0 else 0.0
    figures[row, MEAN_MS] = oldest
    figures[row, P95_MS] = oldest
    figures[row, LONGEST_MS] = oldest
    if size > 0:
        total = 0.0
        longest = np.float32(0.0)
        for i in range(size):
            total += pool[i]
            longest = max(longest, pool[i])
        figures[row, MEAN_MS] = total / size
        figures[row, P95_MS] = _select(pool, size, (size * 95 + 99) // 100 - 1)  # nearest rank
        figures[row, LONGEST_MS] = longest


@compiled
def _select(values, size, rank):
    """The value of that rank among the first `size`, which are reordered (quickselect)."""
    low, high = 0, size - 1
    while low < high:
        pivot = values[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            high = j
        elif rank >= i:
            low = i
        else:
            break
    return values[rank]


@compiled
def _count_delays(summary, row, pool, size):
    edges, bins = summary.edges_ms, summary.histograms
    for bin_ in range(bins.shape[1]):
        bins[row, bin_] = 0
    if len(edges) == 0:
        return
    for i in range(size):
        low, high = 0, len(edges)
        while low < high:
            middle = (low + high) // 2
            if pool[i] < edges[middle]:
                high = middle
            else:
                low = middle + 1
        bins[row, low] += 1


@compiled
def _fill_place(net, d, places):
    device = net.devices[d]
    places[d, 0] = device.slice
    places[d, 1] = device.cell
    places[d, 2] = device.x
    places[d, 3] = device.y
    places[d, 4] = device.z
    places[d, 5] = device.sinr_db
    places[d, 6] = device.sinrs
    places[d, 7] = device.handover
    places[d, 8] = device.target
    places[d, 9] = device.began_ns
    places[d, 10] = device.ended_ns
    places[d, 11] = device.reported_bytes
    for c in range(len(net.cells)):
        places[d, PLACE_COLUMNS + c] = net.rsrp[c, d, 0]


@compiled
def _count_prbs(net, summary):
    for s in range(len(net.slices)):
        summary.prbs[s, 0] = 0
        summary.prbs[s, 1] = 0
    for c in range(len(net.cells)):
        summary.cells[c, 0] = 0
        summary.cells[c, 1] = 0
        for s in range(len(net.slices)):
            share = net.shares[c, s]
            summary.prbs[s, 0] += share.granted
            summary.prbs[s, 1] += share.used
            summary.cells[c, 0] += share.used
            share.granted = 0
            share.used = 0
    for device in net.devices:
        if device.handover != EXECUTION:
            summary.cells[device.cell, 1] += 1


@compiled
def _start_next(net):
    for device in net.devices:
        device.sent = device.delivered = device.lost = device.late = device.dropped = 0
        device.sent_bytes = device.delivered_bytes = device.dropped_bytes = 0
        device.jitter_ms = 0.0
        device.jitters = 0
        device.delays = 0
        device.sinr_db = 0.0
        device.sinrs = 0
