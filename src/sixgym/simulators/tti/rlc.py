# pyright: basic
"""RLC in unacknowledged mode (TS 36.322): segmentation, reordering and what a device received."""

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.compute import answer_arrived
from sixgym.simulators.tti.state import IN_FLIGHT, MS, NEVER, RECEIVED
from sixgym.simulators.tti.traffic import IP_UDP_BYTES, PDCP_BYTES

_HEADER_BYTES = 2  # TS 36.322 clause 6.2.1.3, 10 bit sequence numbers
_REORDERING_NS = 40 * MS  # as in the ns-3 program: longer than three retransmissions
_REPORT_NS = 10 * MS  # of ns-3's RLC


@compiled
def fill_pdu(net, d, block_bytes, now_ns):
    """Takes bytes from the buffer into a PDU for a transport block; its number, or -1 if there is none.

    The header has 2 bytes; every packet after the first costs a length indicator, 2 and 1 bytes in turn.
    """
    device = net.devices[d]
    room = block_bytes - _HEADER_BYTES
    if room <= 0 or device.queue_bytes <= 0:
        return -1
    ring = net.packets[d]
    mask = len(ring) - 1
    _skip_broken(device, ring, mask)
    pdus = net.pdus[d]
    if device.next_pdu - device.lowest_pdu == len(pdus) - 1:
        _deliver_below(net, d, device.lowest_pdu + 1, now_ns)  # its place in the ring is needed again
        device.highest_pdu = max(device.highest_pdu, device.lowest_pdu)
    pdu = pdus[device.next_pdu & (len(pdus) - 1)]
    pdu.begin = device.unsent
    pdu.state = IN_FLIGHT
    indicator = 2
    while True:
        if device.unsent_bytes > room:
            device.unsent_bytes -= room
            device.queue_bytes -= room
            pdu.stop = device.unsent
            pdu.tail = device.unsent + 1
            break
        room -= device.unsent_bytes
        device.queue_bytes -= device.unsent_bytes
        device.unsent_bytes = 0
        device.unsent += 1
        device.queue_packets -= 1
        pdu.stop = device.unsent
        pdu.tail = device.unsent
        if room <= 2 or device.queue_bytes <= 0:
            break
        room -= indicator
        indicator = 3 - indicator
        _skip_broken(device, ring, mask)
        if room <= 0:
            break
    device.next_pdu += 1
    device.report_ns = now_ns + _REPORT_NS if device.queue_bytes > 0 else device.report_ns
    return device.next_pdu - 1


@compiled
def _skip_broken(device, ring, mask):
    """Skips packets that never entered the buffer, up to the next packet in it."""
    if device.unsent_bytes > 0:
        return
    while ring[device.unsent & mask].broken == 1:
        device.unsent += 1
    device.unsent_bytes = ring[device.unsent & mask].bytes + IP_UDP_BYTES + PDCP_BYTES


@compiled
def receive_pdu(net, d, number, now_ns):
    """A PDU arrived at a device."""
    device = net.devices[d]
    if number < device.lowest_pdu:
        return  # reordering gave the PDU up before
    pdus = net.pdus[d]
    mask = len(pdus) - 1
    pdus[number & mask].state = RECEIVED
    device.highest_pdu = max(device.highest_pdu, number + 1)
    if number == device.lowest_pdu:
        _deliver_below(net, d, _next_missing(device, pdus, number + 1), now_ns)
    if device.reordering_ns != NEVER and device.gap_pdu <= device.lowest_pdu:
        device.reordering_ns = NEVER
    _watch_gap(device, now_ns)


@compiled
def stop_reordering(net, d, now_ns):
    """Gives up the missing PDUs before the mark of the expired reordering timer."""
    device = net.devices[d]
    device.reordering_ns = NEVER
    _deliver_below(net, d, _next_missing(device, net.pdus[d], device.gap_pdu), now_ns)
    _watch_gap(device, now_ns)


@compiled
def _watch_gap(device, now_ns):
    if device.reordering_ns == NEVER and device.highest_pdu > device.lowest_pdu:
        device.reordering_ns = now_ns + _REORDERING_NS
        device.gap_pdu = device.highest_pdu


@compiled
def _next_missing(device, pdus, number):
    mask = len(pdus) - 1
    while number < device.highest_pdu and pdus[number & mask].state == RECEIVED:
        number += 1
    return number


@compiled
def _deliver_below(net, d, stop, now_ns):
    """Delivers all packets that end in PDUs below `stop`; packets with bytes in a missing PDU are broken."""
    device = net.devices[d]
    pdus = net.pdus[d]
    mask = len(pdus) - 1
    ring = net.packets[d]
    ring_mask = len(ring) - 1
    for number in range(device.lowest_pdu, stop):
        pdu = pdus[number & mask]
        if pdu.state == RECEIVED:
            for packet in range(pdu.begin, pdu.stop):
                if ring[packet & ring_mask].broken == 0:
                    _deliver(net, d, packet, now_ns)
        else:
            for packet in range(pdu.begin, pdu.tail):
                ring[packet & ring_mask].broken = 1
    device.lowest_pdu = stop


@compiled
def _deliver(net, d, number, now_ns):
    """Delivers a complete packet. Packets that it overtook are lost, and so is a packet that is too old."""
    device = net.devices[d]
    ring = net.packets[d]
    mask = len(ring) - 1
    packet = ring[number & mask]
    if packet.task >= 0:
        answer_arrived(net, device.workload, packet.task, now_ns)
        return
    settle(net, d, now_ns)
    if number < device.settled:
        return
    for overtaken in range(device.settled, number):
        if ring[overtaken & mask].task < 0:
            device.lost += 1
    device.settled = number + 1
    delay_ms = (now_ns - packet.sent_ns) * 1e-6
    device.delivered += 1
    device.delivered_bytes += packet.bytes
    if delay_ms > net.slices[device.slice].max_latency_ms:
        device.late += 1
    net.delays[d, device.delays] = np.float32(delay_ms)
    device.delays += 1
    if device.last_delay_ms >= 0.0:
        device.jitter_ms += abs(delay_ms - device.last_delay_ms)
        device.jitters += 1
    device.last_delay_ms = delay_ms


@compiled
def settle(net, d, now_ns):
    """Counts packets as lost that are older than the loss timeout."""
    device = net.devices[d]
    ring = net.packets[d]
    mask = len(ring) - 1
    timeout_ns = net.clock[0].loss_timeout_ns
    while device.settled < device.created:
        packet = ring[device.settled & mask]
        if packet.task < 0:
            if now_ns - packet.sent_ns <= timeout_ns:
                break
            device.lost += 1
        device.settled += 1


@compiled
def empty_buffers(net, d):
    """Discards everything that a cell holds for a device, when the device leaves."""
    device = net.devices[d]
    device.unsent = device.arrived
    device.unsent_bytes = 0
    device.queue_bytes = 0
    device.queue_packets = 0
    device.reported_bytes = 0
    device.report_ns = NEVER
    device.lowest_pdu = device.next_pdu
    device.highest_pdu = device.next_pdu
    device.reordering_ns = NEVER
    for process in range(net.blocks.shape[1]):
        net.blocks[d, process].state = 0
        net.blocks[d, process].tti = -1000
        net.soft[d, process, 0, 0] = 0.0
        net.soft[d, process, 1, 0] = 0.0
