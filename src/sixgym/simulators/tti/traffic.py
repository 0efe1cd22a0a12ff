# pyright: basic
"""Packets from the server to the base stations: on-off sources and the backhaul."""

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.state import EXECUTION, MS, NEVER
from sixgym.simulators.tti.streams import exponential, uniform

IP_UDP_BYTES = 28  # headers of 20 and 8 bytes
PDCP_BYTES = 2  # header with a sequence number of 12 bits, TS 36.323 clause 6.2.3
_TUNNEL_BYTES = 38  # GTP-U 8, UDP 8, IP 20 and PPP 2 around an IP packet between the core and a cell
_LONGEST_GAP_S = 1e9  # a later packet never comes: its time would overflow int64
_CORE_NS = 541  # from the server through both gateways, measured on ns-3


@compiled
def start_source(device, streams):
    """Puts a source into its stationary state: on with the share of on periods, at a random phase."""
    now = device.since_ns
    device.remaining = uniform(streams[2])
    device.on = 1
    device.toggle_ns = NEVER
    if device.on_off == 1:
        share = device.mean_on_s / (device.mean_on_s + device.mean_off_s)
        device.on = 1 if uniform(streams[2]) < share else 0
        _plan_toggle(device, streams, now)
    _plan_packet(device, now)


@compiled
def set_factor(device, factor, now_ns):
    """Scales the load of a source; the packet under way keeps its progress."""
    _progress(device, now_ns)
    device.factor = factor
    _plan_packet(device, now_ns)
    device.wake_ns = 0


@compiled
def _plan_toggle(device, streams, now_ns):
    mean_s = device.mean_on_s if device.on == 1 else device.mean_off_s
    length_s = exponential(streams[0] if device.on == 1 else streams[1], mean_s)
    device.toggle_ns = now_ns + np.int64(length_s * 1e9 + 0.5)


@compiled
def _rate(device):
    return device.factor / device.gap_s if device.on == 1 else 0.0


@compiled
def _progress(device, now_ns):
    passed_s = (now_ns - device.since_ns) * 1e-9
    device.remaining = max(0.0, device.remaining - passed_s * _rate(device))
    device.since_ns = now_ns


@compiled
def _plan_packet(device, now_ns):
    rate = _rate(device)
    device.next_ns = NEVER
    if device.remaining < rate * _LONGEST_GAP_S:
        device.next_ns = now_ns + np.int64(device.remaining / rate * 1e9 + 0.5)


@compiled
def send_until(net, d, until_ns):
    """Sends the packets of a source up to a time. False if the ring of packets is full."""
    device = net.devices[d]
    streams = net.source_streams[d]
    while min(device.next_ns, device.toggle_ns) < until_ns:
        if device.toggle_ns <= device.next_ns:
            now = device.toggle_ns
            _progress(device, now)
            device.on = 1 - device.on
            _plan_packet(device, now)
            _plan_toggle(device, streams, now)
        else:
            now = device.next_ns
            if not push_packet(net, d, now, device.packet_bytes, -1):
                return False
            device.sent += 1
            device.sent_bytes += device.packet_bytes
            device.remaining = 1.0
            device.since_ns = now
            _plan_packet(device, now)
    return True


@compiled
def push_packet(net, d, now_ns, size, task):
    """A packet leaves the core for the cell of a device. False if the ring of packets is full."""
    device = net.devices[d]
    ring = net.packets[d]
    mask = len(ring) - 1
    if device.created - _oldest_packet(net, d) > mask:
        return False
    cell = net.cells[device.cell]
    sending_ns = np.int64((size + IP_UDP_BYTES + _TUNNEL_BYTES) * cell.ns_per_byte)
    start = max(now_ns + _CORE_NS, cell.down_free_ns)
    cell.down_work_ns += sending_ns
    arrival = max(start + sending_ns + cell.backhaul_ns, device.last_arrival_ns)
    device.last_arrival_ns = arrival
    packet = ring[device.created & mask]
    packet.sent_ns = now_ns
    packet.arrival_ns = arrival
    packet.bytes = size
    packet.task = task
    packet.broken = 0
    if cell.backhaul_loss > 0.0 and uniform(net.backhaul_streams[device.cell, 0]) < cell.backhaul_loss:
        packet.broken = 1
    device.created += 1
    return True


@compiled
def advance_backhaul(net, now_ns):
    """Queues the packets of the last TTI behind those that the links already hold.

    Packets of one TTI do not wait for each other: devices are served one by one and not in order of time.
    """
    for cell in net.cells:
        if cell.down_work_ns > 0:
            cell.down_free_ns = max(cell.down_free_ns, now_ns) + cell.down_work_ns
            cell.down_work_ns = 0


@compiled
def _oldest_packet(net, d):
    """Number of the first packet that is still in use."""
    device = net.devices[d]
    oldest = min(device.settled, device.unsent)
    if device.lowest_pdu < device.next_pdu:
        pdus = net.pdus[d]
        oldest = min(oldest, pdus[device.lowest_pdu & (len(pdus) - 1)].begin)
    return oldest


@compiled
def arrive_until(net, d, until_ns):
    """Packets that reached the cell enter the RLC buffer of a device, or are dropped when it is full.

    While a device changes cells they wait; the source cell forwards them to the target.
    """
    device = net.devices[d]
    if device.handover == EXECUTION:
        return
    ring = net.packets[d]
    mask = len(ring) - 1
    came = False
    while device.arrived < device.created:
        packet = ring[device.arrived & mask]
        if packet.arrival_ns > until_ns:
            break
        device.arrived += 1
        if packet.broken == 1:
            continue
        size = packet.bytes + IP_UDP_BYTES + PDCP_BYTES
        came = True
        if device.queue_bytes + size > net.clock[0].buffer_bytes:
            packet.broken = 1
            if packet.task < 0:
                device.dropped += 1
                device.dropped_bytes += packet.bytes
        else:
            device.queue_bytes += size
            device.queue_packets += 1
    if came:
        report_buffer(device)
        device.report_ns = NEVER


@compiled
def report_buffer(device):
    """RLC reports its buffer to the scheduler: the bytes, and two bytes of header per packet."""
    device.reported_bytes = device.queue_bytes + 2 * device.queue_packets


@compiled
def report_by_itself(device, now_ns):
    """RLC reports again 10 ms after a transmission that left bytes in the buffer, as in ns-3."""
    if device.queue_bytes > 0:
        report_buffer(device)
        device.report_ns = now_ns + 10 * MS
    else:
        device.report_ns = NEVER
