# pyright: basic
"""SINR, channel quality reports, and whether a transmission arrives."""

import math

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.link import (
    QAM16,
    QAM64,
    QPSK,
    block_error_rate,
    mi_cqi,
    modulation_of,
    mutual_information,
    piro_cqi,
    remember_failure,
    retransmission_error_rate,
)
from sixgym.simulators.tti.state import SENT
from sixgym.simulators.tti.streams import uniform

_AIR_TTIS = 2
"""From scheduling to the air."""

AMPLITUDE_STEP = 2.0**-13
"""Unit of the fading trace: amplitudes up to 8 in 16 bits."""

_POWER_STEP = AMPLITUDE_STEP**2
_REPORT_TTIS = 5
_DEAF_TTIS = 100


@compiled
def reference_sinr(net, trace, d, cell, tti, sinr):
    """SINR on the reference signals of a cell, which all cells always send, per PRB, into `sinr`."""
    clock = net.clock[0]
    power = net.cells[cell].power_mw * net.gain[cell, d] * clock.mode_gain * _POWER_STEP
    row = _row(net, trace, cell, d, tti)
    if len(net.emitters) == 1:
        power /= clock.noise_mw
        for p in range(clock.prbs):
            sinr[p] = power * np.float64(trace[row, p]) ** 2
        return
    for p in range(clock.prbs):
        sinr[p] = clock.noise_mw
    for m in range(len(net.emitters)):
        foreign = net.cells[m].power_mw if m < len(net.cells) else net.emitters[m].power_mw
        if m == cell or foreign == 0.0:
            continue
        foreign *= net.gain[m, d] * _POWER_STEP
        other = _row(net, trace, m, d, tti)
        for p in range(clock.prbs):
            sinr[p] += foreign * np.float64(trace[other, p]) ** 2
    for p in range(clock.prbs):
        sinr[p] = power * np.float64(trace[row, p]) ** 2 / sinr[p]


@compiled
def _row(net, trace, m, d, tti):
    """Where a pair of emitter and device reads the trace; offsets and times are not negative."""
    return np.uint64(net.offset[m, d] + tti) % np.uint64(len(trace))


@compiled
def update_cqi(net, tables, constants, d, tti, sinr):
    """Brings what the scheduler knows of a device's channel to the last report that arrived by `tti`."""
    device = net.devices[d]
    clock = net.clock[0]
    measured = tti - _REPORT_TTIS
    measured -= (measured - device.first_report) % clock.report_ttis
    if measured < device.first_report or measured == device.cqi_tti:
        return
    device.cqi_tti = measured
    reference_sinr(net, constants.trace, d, device.cell, measured, sinr)
    hears = False
    total = 0
    cqis = net.cqi[d]
    for rbg in range(clock.rbgs):
        cqi = _rbg_cqi(tables, sinr, rbg * clock.rbg_prbs, clock.rbg_prbs, clock.piro == 1)
        hears |= cqi > 0
        # out of range counts as the lowest: the most robust MCS still bridges a fading dip
        cqis[rbg] = max(cqi, 1)
        total += constants.sizes[cqis[rbg], 1]
    device.bytes_per_rbg = total * clock.layers / clock.rbgs
    if hears:
        device.deaf_since = -1
    elif device.deaf_since < 0:
        device.deaf_since = measured + _REPORT_TTIS


@compiled
def _rbg_cqi(tables, sinr, first, prbs, piro):
    if piro:
        total = 0
        for p in range(first, first + prbs):
            total += piro_cqi(tables, sinr[p])
        return total // prbs
    qpsk = qam16 = qam64 = 0.0
    for p in range(first, first + prbs):
        qpsk += mutual_information(tables, QPSK, sinr[p])
        qam16 += mutual_information(tables, QAM16, sinr[p])
        qam64 += mutual_information(tables, QAM64, sinr[p])
    return mi_cqi(tables, prbs, qpsk / prbs, qam16 / prbs, qam64 / prbs)


@compiled
def is_deaf(device, tti):
    """Out of coverage for so long that nothing is sent to it."""
    return device.deaf_since >= 0 and tti - device.deaf_since > _DEAF_TTIS


@compiled
def measure_sinr(net, trace, d, tti, sinr):
    """Takes a sample of a device's SINR, mean over the carrier, without the gain of the mode."""
    device = net.devices[d]
    clock = net.clock[0]
    reference_sinr(net, trace, d, device.cell, tti, sinr)
    total = 0.0
    for p in range(clock.prbs):
        total += sinr[p]
    device.sinr_db += 10.0 * math.log10(max(total / clock.prbs / clock.mode_gain, 1e-5))
    device.sinrs += 1


@compiled
def transmit(net, tables, trace, d, process):
    """Decides which layers of a transmission arrive, while all cells send what they scheduled."""
    block = net.blocks[d, process]
    mi = _block_mi(net, tables, trace, d, block)
    block.corrupt = 0
    first_rate = block_error_rate(tables, block.bytes, block.mcs, mi) if block.version == 0 else 0.0
    for layer in range(net.clock[0].layers):
        draw = uniform(net.error_streams[d])
        pdu = block.pdu_0 if layer == 0 else block.pdu_1
        if (block.sending >> layer) & 1 == 0 or pdu < 0:
            continue
        rate = first_rate
        if block.version > 0:
            soft = net.soft[d, process, layer]
            rate = retransmission_error_rate(tables, block.bytes, block.mcs, mi, soft)
        if draw <= rate:
            block.corrupt |= 1 << layer
    # a layer that arrived empties the soft buffer of both, in the order of layers
    for layer in range(net.clock[0].layers):
        pdu = block.pdu_0 if layer == 0 else block.pdu_1
        if (block.sending >> layer) & 1 == 0 or pdu < 0:
            continue
        if (block.corrupt >> layer) & 1 == 1:
            remember_failure(tables, net.soft[d, process, layer], block.bytes, block.mcs, mi)
        else:
            net.soft[d, process, 0, 0] = 0.0
            net.soft[d, process, 1, 0] = 0.0
    block.state = SENT


@compiled
def _block_mi(net, tables, trace, d, block):
    """Mean mutual information over the PRBs of a transmission."""
    clock = net.clock[0]
    cell = net.devices[d].cell
    tti = block.tti + _AIR_TTIS
    modulation = modulation_of(block.mcs)
    power = net.cells[cell].power_mw * net.gain[cell, d] * clock.mode_gain * _POWER_STEP
    row = _row(net, trace, cell, d, tti)
    alone = len(net.emitters) == 1
    total = 0.0
    count = 0
    for rbg in range(clock.rbgs):
        if (block.air_rbgs >> rbg) & 1 == 0:
            continue
        for p in range(rbg * clock.rbg_prbs, (rbg + 1) * clock.rbg_prbs):
            noise = clock.noise_mw
            if not alone:
                noise += _interference(net, trace, d, cell, tti, rbg, p)
            total += mutual_information(tables, modulation, power * np.float64(trace[row, p]) ** 2 / noise)
            count += 1
    return total / count


@compiled
def _interference(net, trace, d, cell, tti, rbg, p):
    """Power of the other cells that transmit on an RBG, and of interferers, on one of its PRBs."""
    total = 0.0
    for m in range(len(net.emitters)):
        if m >= len(net.cells):
            power = net.emitters[m].power_mw
        elif m != cell and net.air[m, rbg] == 1:
            power = net.cells[m].power_mw
        else:
            continue
        if power > 0.0:
            row = _row(net, trace, m, d, tti)
            total += power * net.gain[m, d] * _POWER_STEP * np.float64(trace[row, p]) ** 2
    return total


@compiled
def uplink_ttis(net, tables, constants, d, request_bytes):
    """TTIs that a request of a device takes on the air at 23 dBm over the carrier; 0 if it cannot be heard.

    The uplink does not fade.
    """
    clock = net.clock[0]
    device = net.devices[d]
    sinr = 10.0 ** (2.3 + net.gain_db[device.cell, d] / 10.0) / clock.prbs / constants.uplink_noise_mw
    cqi = piro_cqi(tables, sinr)
    if cqi == 0:
        return 0
    size = tables.block_bytes[tables.mcs_of_cqi[cqi], clock.prbs]
    return np.int64(math.ceil((request_bytes + 40.0) / size))
