# pyright: basic
"""Compute tasks: FIFO queues with one server, background load, and the way there and back."""

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.state import (
    DONE,
    EXECUTION,
    MS,
    NEVER,
    PACKETS_FULL,
    REQUEST,
    RESPONSE,
    WIRES_FULL,
)
from sixgym.simulators.tti.streams import exponential, uniform
from sixgym.simulators.tti.traffic import IP_UDP_BYTES, push_packet

BACKGROUND_TASK_S = 0.01
"""Mean work of a background task, in seconds of the whole node. Chosen, the same as in the ns-3 program."""

ABANDONED_AFTER_NS = 10_000 * MS
"""Age at which a task is given up. Chosen, the same as in the ns-3 program."""

_UPLINK_TTIS = 12  # scheduling request, buffer report, grant, transmission: measured on ns-3
_UPLINK_ENDS_EARLY_NS = 71_429  # the last symbol of an uplink TTI is for sounding
_TUNNEL_BYTES = 38  # see `traffic`


@compiled
def start_tasks(net, now_ns):
    """All workloads begin at a random phase, all queues begin with their background load."""
    for w in range(len(net.workloads)):
        workload = net.workloads[w]
        phase = uniform(net.task_streams[w, 0])
        workload.next_ns = now_ns + np.int64(phase * workload.period_ns + 0.5)
    for q in range(len(net.queues)):
        set_background(net, q, net.queues[q].background, now_ns)
    plan_compute(net)


@compiled
def set_background(net, q, load, now_ns):
    """Sets the offered background load, 1 is all of the node, and draws the next background task."""
    queue = net.queues[q]
    queue.background = load
    _plan_tenant(net, q, now_ns)


@compiled
def _plan_tenant(net, q, now_ns):
    queue = net.queues[q]
    queue.arrival_ns = NEVER
    if queue.background > 0.0:
        gap_s = exponential(net.queue_streams[q, 0], BACKGROUND_TASK_S / queue.background)
        queue.arrival_ns = now_ns + np.int64(gap_s * 1e9 + 0.5)


@compiled
def plan_compute(net):
    """Sets the time of the next event."""
    clock = net.clock[0]
    first = clock.wire_ns
    for queue in net.queues:
        first = min(first, queue.arrival_ns, queue.done_ns)
    for workload in net.workloads:
        first = min(first, workload.next_ns)
    clock.compute_ns = first


@compiled
def compute_until(net, until_ns):
    """Runs all tasks and queues to a time, in the order of events. Returns the full array, or DONE."""
    clock = net.clock[0]
    while clock.compute_ns < until_ns:
        now = clock.compute_ns
        if len(net.wires) - clock.wires < len(net.workloads) + len(net.queues):
            return WIRES_FULL
        for w in range(len(net.workloads)):
            if net.workloads[w].next_ns == now:
                _create_task(net, w, now)
        for q in range(len(net.queues)):
            queue = net.queues[q]
            if queue.done_ns == now:
                _finish_job(net, q, now)
            if queue.arrival_ns == now:
                service_s = exponential(net.queue_streams[q, 1], BACKGROUND_TASK_S * queue.rate) / queue.rate
                _submit(net, q, -1, -1, service_s, now)
                _plan_tenant(net, q, now)
        if clock.wire_ns == now and not _take_from_wires(net, now):
            return PACKETS_FULL
        plan_compute(net)
    return DONE


@compiled
def _create_task(net, w, now):
    workload = net.workloads[w]
    workload.next_ns += workload.period_ns
    number = workload.created
    workload.created += 1
    workload.count_created += 1
    task = net.tasks[w, number & (net.tasks.shape[1] - 1)]
    task.created_ns = now
    task.open = 1
    megacycles = exponential(net.task_streams[w, 1], workload.megacycles)
    if workload.node < 0:
        on_board = len(net.queues) - len(net.workloads) + w
        _submit(net, on_board, workload.device, number, megacycles / net.queues[on_board].rate, now)
    else:
        _send_request(net, w, number, megacycles, now)


@compiled
def _send_request(net, w, number, megacycles, now):
    """Sends a request over the uplink: the time of the grant, then its size over the rate of the link."""
    workload = net.workloads[w]
    device = net.devices[workload.device]
    if device.handover == EXECUTION:
        now = max(now, device.switch_ns)
    ttis = _UPLINK_TTIS + net.uplink_ttis[workload.device] - 1
    if net.uplink_ttis[workload.device] == 0:
        return  # out of reach
    sent = ((now + MS - 1) // MS + ttis) * MS - _UPLINK_ENDS_EARLY_NS
    sent = max(sent, workload.up_ns)
    workload.up_ns = sent
    cell = net.cells[device.cell]
    if cell.backhaul_loss > 0.0 and uniform(net.backhaul_streams[device.cell, 1]) < cell.backhaul_loss:
        return
    size = workload.request_bytes + IP_UDP_BYTES + _TUNNEL_BYTES
    cell.up_free_ns = max(cell.up_free_ns, sent) + np.int64(size * cell.ns_per_byte)
    at = cell.up_free_ns + cell.backhaul_ns + net.queues[workload.node].link_ns
    _put_on_wire(net, at, REQUEST, workload.device, number, workload.node, megacycles)


@compiled
def _put_on_wire(net, at_ns, kind, device, task, queue, work):
    clock = net.clock[0]
    wire = net.wires[clock.wires]
    wire.ns = at_ns
    wire.kind = kind
    wire.device = device
    wire.task = task
    wire.queue = queue
    wire.work = work
    clock.wires += 1
    clock.wire_ns = min(clock.wire_ns, at_ns)


@compiled
def _take_from_wires(net, now):
    """Delivers the messages that arrive now. False if a ring of packets is full; the rest stays."""
    clock = net.clock[0]
    i = 0
    done = True
    while i < clock.wires:
        wire = net.wires[i]
        if wire.ns > now:
            i += 1
            continue
        if wire.kind == REQUEST:
            service_s = wire.work / net.queues[wire.queue].rate
            _submit(net, wire.queue, wire.device, wire.task, service_s, wire.ns)
        else:
            workload = net.workloads[net.devices[wire.device].workload]
            if not push_packet(net, wire.device, now, workload.response_bytes, wire.task):
                done = False
                break
            net.devices[wire.device].wake_ns = 0
        clock.wires -= 1
        net.wires[i] = net.wires[clock.wires]
    clock.wire_ns = NEVER
    for i in range(clock.wires):
        clock.wire_ns = min(clock.wire_ns, net.wires[i].ns)
    return done


@compiled
def _submit(net, q, device, task, service_s, now):
    queue = net.queues[q]
    if queue.count > queue.limit:  # the task in service does not wait
        queue.refused += 1
        return
    jobs = net.jobs[q]
    job = jobs[(queue.head + queue.count) & (len(jobs) - 1)]
    job.device = device
    job.task = task
    job.service_ns = np.int64(service_s * 1e9 + 0.5)
    queue.count += 1
    if queue.count == 1:
        queue.serving_ns = now
        queue.done_ns = now + job.service_ns


@compiled
def _finish_job(net, q, now):
    queue = net.queues[q]
    jobs = net.jobs[q]
    job = jobs[queue.head & (len(jobs) - 1)]
    queue.busy_ns += now - max(queue.serving_ns, queue.read_ns)
    if job.device >= 0:
        if q >= len(net.queues) - len(net.workloads):
            answer_arrived(net, net.devices[job.device].workload, job.task, now)
        else:
            _put_on_wire(net, now + queue.link_ns, RESPONSE, job.device, job.task, q, 0.0)
    queue.head += 1
    queue.count -= 1
    queue.done_ns = NEVER
    if queue.count > 0:
        queue.serving_ns = now
        queue.done_ns = now + jobs[queue.head & (len(jobs) - 1)].service_ns


@compiled
def answer_arrived(net, w, number, now):
    """A device receives the answer to a task. An answer to an abandoned task is ignored."""
    workload = net.workloads[w]
    task = net.tasks[w, number & (net.tasks.shape[1] - 1)]
    if number >= workload.oldest and task.open == 1:
        task.open = 0
        workload.count_completed += 1
        workload.latency_ms += (now - task.created_ns) * 1e-6


@compiled
def settle_tasks(net, w, now_ns):
    """Abandons old tasks and sets the age of the oldest open task."""
    workload = net.workloads[w]
    mask = net.tasks.shape[1] - 1
    while workload.oldest < workload.created:
        task = net.tasks[w, workload.oldest & mask]
        if task.open == 1 and now_ns - task.created_ns <= ABANDONED_AFTER_NS:
            break
        task.open = 0
        workload.oldest += 1
    workload.oldest_ms = 0.0
    if workload.oldest < workload.created:
        workload.oldest_ms = (now_ns - net.tasks[w, workload.oldest & mask].created_ns) * 1e-6
