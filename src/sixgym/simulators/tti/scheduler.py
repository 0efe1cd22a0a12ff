# pyright: basic
"""The MAC scheduler of a cell: PRB shares between slices, proportional fair inside each, HARQ.

The same rules as the scheduler that runs inside ns-3: strict bands per slice with time-shared edges,
lending above the dedicated part, a device stops competing once its buffer is covered, and a
retransmission is sent only where its slice has room, within 4 TTIs.
"""

import math

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.rlc import fill_pdu
from sixgym.simulators.tti.state import FREE, HARQ_PROCESSES, MS, NACKED, SENT

UNOWNED = -1
SHARE_PERIOD = 100
"""TTIs after which time sharing between two slices repeats."""


_SHARE_STRIDE = 61  # coprime to the period, near the golden ratio
_PATIENCE_TTIS = 4  # how long a retransmission may wait; ns-3's scheduler frees the process later
_LAST_VERSION = 3  # ns-3 sends a block four times at most
_PROCESS_TIMEOUT_TTIS = 11  # HARQ_DL_TIMEOUT of ns-3's scheduler
_HEADER_BYTES = 8  # RLC and MAC headers of a transport block
_WINDOW_TTIS = 99.0  # of the average throughput, ns-3's default
_FEEDBACK_TTIS = 7  # from scheduling to the feedback, as in ns-3


@compiled
def hear_feedback(net, tti):
    """Processes the feedback to the blocks scheduled 7 TTIs ago."""
    flights = net.flights[(tti - _FEEDBACK_TTIS) % len(net.flights)]
    for i in range(flights[-1]):
        d, process = flights[i] // HARQ_PROCESSES, flights[i] % HARQ_PROCESSES
        device = net.devices[d]
        block = net.blocks[d, process]
        if block.state != SENT or block.tti != tti - _FEEDBACK_TTIS or tti < device.hold_until:
            continue
        heard = (block.sending & 1 == 1 and block.pdu_0 >= 0) or (block.sending & 2 == 2 and block.pdu_1 >= 0)
        if not heard:
            continue  # an empty block has no feedback
        if block.corrupt == 0 or block.version == _LAST_VERSION:
            block.state = FREE
        else:
            block.state = NACKED
            block.age = 0
            share = net.shares[device.cell, device.slice]
            net.late[device.cell, device.slice, share.late] = flights[i]
            share.late += 1


@compiled
def measure_demand(net, scratch, many):
    """RBGs that every slice of every cell could fill now."""
    clock = net.clock[0]
    for c in range(len(net.cells)):
        for s in range(len(net.slices)):
            share = net.shares[c, s]
            share.demand = 0
            for i in range(share.late):
                code = net.late[c, s, i]
                share.demand += _bits(net.blocks[code // HARQ_PROCESSES, code % HARQ_PROCESSES].rbgs)
    for d in scratch.waiting[:many]:
        device = net.devices[d]
        share = net.shares[device.cell, device.slice]
        rbgs = min(math.ceil(device.reported_bytes / max(device.bytes_per_rbg, 1.0)), clock.rbgs)
        share.demand = min(share.demand + rbgs, clock.rbgs)


@compiled
def _bits(bitmap):
    count = 0
    while bitmap != 0:
        bitmap &= bitmap - 1
        count += 1
    return count


@compiled
def plan_bands(net):
    """Works out the bands of all slices for every phase of time sharing.

    A band's edge that falls inside an RBG is rounded with an offset that runs through 100 values, so that
    the mean over 100 TTIs is exact for whole percentages.
    """
    clock = net.clock[0]
    clock.lends = 0
    for phase in range(SHARE_PERIOD):
        offset = (phase + 0.5) / SHARE_PERIOD
        edge = 0.0
        for rbg in range(net.grid.shape[1]):
            net.grid[phase, rbg] = UNOWNED
        for s in range(len(net.slices)):
            policy = net.slices[s]
            if policy.dedicated != policy.maximum:
                clock.lends = 1
            first = _edge(edge, clock.rbgs, offset)
            stop = min(_edge(edge + policy.minimum, clock.rbgs, offset), clock.rbgs)
            for rbg in range(first, stop):
                net.grid[phase, rbg] = s
            net.bands[phase, s, 0] = first
            net.bands[phase, s, 1] = stop - first
            net.bands[phase, s, 2] = _edge(edge + policy.dedicated, clock.rbgs, offset) - first
            net.bands[phase, s, 3] = _edge(edge + policy.maximum, clock.rbgs, offset) - first
            edge += policy.minimum


@compiled
def _edge(share, rbgs, offset):
    # 1e-9: rounding may leave a sum of percentages slightly below an edge
    return math.floor(share * rbgs + offset + 1e-9)


@compiled
def share_prbs(net, scratch, c, tti):
    """Assigns the RBGs of a cell to slices for this TTI. False if nothing waits in the cell."""
    clock = net.clock[0]
    phase = tti * _SHARE_STRIDE % SHARE_PERIOD
    busy = 0
    lacking = False
    for s in range(len(net.slices)):
        share = net.shares[c, s]
        share.granted += net.bands[phase, s, 1] * clock.rbg_prbs
        busy += scratch.waits[c, s] + share.late
        scratch.lacks[s] = 0
        if clock.lends == 1:
            scratch.lacks[s] = min(net.bands[phase, s, 3], share.demand) - net.bands[phase, s, 1]
            lacking |= scratch.lacks[s] > 0
    if busy == 0:
        return False
    for rbg in range(clock.rbgs):
        net.owners[c, rbg] = net.grid[phase, rbg]
    if lacking:
        _lend(net, c, phase, scratch.lacks)
    return True


@compiled
def _lend(net, c, phase, lacks):
    """Lends RBGs that a slice does not demand above its dedicated share, and RBGs outside all bands."""
    clock = net.clock[0]
    # RBGs of the bands first, then those between the bands
    for covered in (True, False):
        for rbg in range(clock.rbgs):
            owner = net.grid[phase, rbg]
            if (owner != UNOWNED) != covered:
                continue
            if covered:
                demand = min(net.shares[c, owner].demand, net.bands[phase, owner, 1])
                if rbg < net.bands[phase, owner, 0] + max(net.bands[phase, owner, 2], demand):
                    continue
            s = _next_borrower(net, c, lacks)
            if s == UNOWNED:
                return
            lacks[s] -= 1
            net.owners[c, rbg] = s
            net.shares[c, s].granted += clock.rbg_prbs
            if covered:
                net.shares[c, owner].granted -= clock.rbg_prbs


@compiled
def _next_borrower(net, c, lacks):
    """Weighted round robin over the slices that lack RBGs."""
    total = 0.0
    best = UNOWNED
    for s in range(len(net.slices)):
        if lacks[s] <= 0:
            continue
        weight = net.slices[s].minimum + 1e-3  # a minimum of 0 still gets leftovers
        net.shares[c, s].credit += weight
        total += weight
        if best == UNOWNED or net.shares[c, s].credit > net.shares[c, best].credit:
            best = s
    if best != UNOWNED:
        net.shares[c, best].credit -= total
    return best


@compiled
def send_again(net, scratch, c, s, tti):
    """Sends the retransmissions of a slice that find room."""
    share = net.shares[c, s]
    late = net.late[c, s]
    kept = 0
    for i in range(share.late):
        code = late[i]
        d, process = code // HARQ_PROCESSES, code % HARQ_PROCESSES
        device = net.devices[d]
        block = net.blocks[d, process]
        if block.state != NACKED or device.cell != c or device.slice != s:
            continue  # the device is elsewhere by now
        rbgs = 0 if scratch.retransmits[d] else _reserve(block.rbgs, scratch.taken, net.clock[0].rbgs)
        if rbgs != 0:
            scratch.retransmits[d] = True
            block.version += 1
            block.sending = block.corrupt
            block.air_rbgs = rbgs
            _put_on_air(net, c, s, d, process, tti)
            continue
        block.age += 1
        if block.age <= _PATIENCE_TTIS:
            late[kept] = code
            kept += 1
        else:
            block.state = FREE  # given up: RLC loses the PDU
    share.late = kept


@compiled
def _reserve(bitmap, taken, rbgs):
    """Takes the same RBGs if all are free, else the next free ones after the last of them; 0 without room."""
    same = True
    last = 0
    missing = 0
    for rbg in range(rbgs):
        if (bitmap >> rbg) & 1:
            same = same and not taken[rbg]
            last = rbg
            missing += 1
    if same:
        for rbg in range(rbgs):
            if (bitmap >> rbg) & 1:
                taken[rbg] = True
        return bitmap
    moved = 0
    for step in range(1, rbgs):
        rbg = (last + step) % rbgs
        if missing > 0 and not taken[rbg]:
            moved |= 1 << rbg
            missing -= 1
    if missing > 0:
        return 0
    for rbg in range(rbgs):
        if (moved >> rbg) & 1:
            taken[rbg] = True
    return moved


@compiled
def _put_on_air(net, c, s, d, process, tti):
    block = net.blocks[d, process]
    block.tti = tti
    block.state = SENT
    clock, cell = net.clock[0], net.cells[c]
    bitmap, owners = np.int64(block.air_rbgs), net.owners[c]
    count = 0
    leaked = _bits(bitmap & cell.air)
    for rbg in range(clock.rbgs):
        if (bitmap >> rbg) & 1:
            count += 1
            if owners[rbg] != s:
                leaked += 1
    cell.air |= bitmap
    clock.leaked_prbs += leaked * clock.rbg_prbs
    net.shares[c, s].used += count * clock.rbg_prbs
    flights = net.flights[tti % len(net.flights)]
    flights[flights[-1]] = d * HARQ_PROCESSES + process
    flights[-1] += 1


@compiled
def _free_process(net, d, tti):
    """A HARQ process that can take new data, or -1."""
    for process in range(HARQ_PROCESSES):
        block = net.blocks[d, process]
        if block.state == FREE or tti > block.tti + _PROCESS_TIMEOUT_TTIS:
            return process
    return -1


@compiled
def send_new(net, constants, scratch, c, s, tti, many):
    """Gives every free RBG of a slice to the device with the best proportional fair metric on it."""
    candidates = _candidates(net, constants, scratch, c, s, tti, many)
    left = candidates
    for rbg in range(net.clock[0].rbgs):
        if left == 0:
            break
        if scratch.taken[rbg]:
            continue
        best = -1
        best_metric = 0.0
        for i in range(candidates):
            if not scratch.covered[i]:
                metric = constants.sizes[net.cqi[scratch.chosen[i], rbg], 1] * scratch.weight[i]
                if metric > best_metric:
                    best_metric = metric
                    best = i
        left -= _give(net, constants, scratch, best, rbg)
    for i in range(candidates):
        if scratch.count[i] > 0:
            _send(net, constants, scratch, c, s, i, tti)


@compiled
def _candidates(net, constants, scratch, c, s, tti, many):
    """Collects the devices of a slice that may receive new data; returns their number."""
    candidates = 0
    for d in scratch.waiting[:many]:
        device = net.devices[d]
        if device.cell != c or device.slice != s or scratch.retransmits[d] or tti < device.hold_until:
            continue
        if _free_process(net, d, tti) < 0:
            continue
        scratch.chosen[candidates] = d
        scratch.weight[candidates] = 1.0 / _average(device, constants.decay, tti)
        scratch.worst[candidates] = 15
        scratch.count[candidates] = 0
        scratch.bitmap[candidates] = 0
        scratch.covered[candidates] = False
        candidates += 1
    return candidates


@compiled
def _give(net, constants, scratch, i, rbg):
    """Gives a candidate an RBG; 1 if its buffer is covered now and it stops competing."""
    d = scratch.chosen[i]
    scratch.taken[rbg] = True
    scratch.count[i] += 1
    scratch.bitmap[i] |= 1 << rbg
    scratch.worst[i] = min(scratch.worst[i], net.cqi[d, rbg])
    size = constants.sizes[scratch.worst[i], scratch.count[i]] * net.clock[0].layers
    scratch.covered[i] = size >= net.devices[d].reported_bytes + _HEADER_BYTES
    return 1 if scratch.covered[i] else 0


@compiled
def _average(device, decay, tti):
    """Average throughput in bytes per s before this TTI. It is updated only when a block is sent."""
    passed = tti - device.average_tti
    if passed >= len(decay):
        return 1.0
    return max(device.average * decay[passed], 1.0)


@compiled
def _send(net, constants, scratch, c, s, i, tti):
    """Sends new data to a candidate on its RBGs, one block and one PDU per layer."""
    d = scratch.chosen[i]
    device = net.devices[d]
    clock = net.clock[0]
    cqi = 1 if tti < device.blind_until else scratch.worst[i]
    process = _free_process(net, d, tti)
    block = net.blocks[d, process]
    block.bytes = constants.sizes[cqi, scratch.count[i]]
    block.mcs = constants.mcs_of_cqi[cqi]
    block.version = 0
    block.sending = (1 << clock.layers) - 1
    block.rbgs = scratch.bitmap[i]
    block.air_rbgs = scratch.bitmap[i]
    block.pdu_0 = fill_pdu(net, d, block.bytes, tti * MS)
    block.pdu_1 = fill_pdu(net, d, block.bytes, tti * MS) if clock.layers == 2 else -1
    payload = max(block.bytes - 2, 0) * clock.layers
    device.reported_bytes -= min(device.reported_bytes, payload)
    device.wake_ns = min(device.wake_ns, device.report_ns)
    served = block.bytes * clock.layers * 1e3  # bytes per s
    average = _average(device, constants.decay, tti) * constants.decay[1] + served / _WINDOW_TTIS
    device.average = max(average, 1.0)
    device.average_tti = tti + 1
    _put_on_air(net, c, s, d, process, tti)
