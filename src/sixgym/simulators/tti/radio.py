# pyright: basic
"""SINR, channel quality reports, and whether a transmission arrives."""

import math

import numpy as np

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.link import (
    block_error_rate,
    mi_rbg_cqi,
    modulation_of,
    mutual_information,
    piro_cqi,
    piro_rbg_cqi,
    remember_failure,
    retransmission_error_rate,
)
from sixgym.simulators.tti.state import SENT
from sixgym.simulators.tti.streams import uniform

_AIR_TTIS = 2
"""From scheduling to the air, as in ns-3."""

AMPLITUDE_STEP = 2.0**-13
"""Unit of the fading trace: amplitudes up to 8 in 16 bits."""

_POWER_STEP = AMPLITUDE_STEP**2
"""Power of one step of the trace."""

_NEGLIGIBLE = _POWER_STEP * 1e-3
"""Power relative to noise below which a foreign signal is left out: 0.004 dB."""

_REPORT_TTIS = 5
"""From the measurement of a CQI to its use, as in ns-3."""

_DEAF_TTIS = 100
"""Time out of coverage after which nothing is sent to a device, as in the ns-3 program."""

_BEST_CQI = 15
_UNHEARD_DB = -50.0
"""Least SINR that is reported, see `DeviceMeasurement`."""


@compiled
def reference_sinr(net, trace, d, cell, tti, sinr):
    """SINR on the reference signals of a cell, which all cells always send, per PRB, into `sinr`."""
    # records are read before the loops: for LLVM, a store to `sinr` might change a record
    clock = net.clock[0]
    prbs, noise_mw = clock.prbs, clock.noise_mw
    power = net.cells[cell].power_mw * net.gain[cell, d] * clock.mode_gain * _POWER_STEP
    phase = _phase(trace, tti)
    row = trace[_row(net, trace, cell, d, phase)]
    if len(net.emitters) == 1:
        power /= noise_mw
        for p in range(prbs):
            sinr[p] = power * np.float64(row[p]) ** 2
        return
    for p in range(prbs):
        sinr[p] = noise_mw
    for m in range(len(net.emitters)):
        foreign = net.cells[m].power_mw if m < len(net.cells) else net.emitters[m].power_mw
        foreign *= net.gain[m, d] * _POWER_STEP
        if m != cell and foreign > noise_mw * _NEGLIGIBLE:
            other = trace[_row(net, trace, m, d, phase)]
            for p in range(prbs):
                sinr[p] += foreign * np.float64(other[p]) ** 2
    for p in range(prbs):
        sinr[p] = power * np.float64(row[p]) ** 2 / sinr[p]


@compiled
def _row(net, trace, m, d, phase):
    """Row of the fading trace for a pair of emitter and device; `phase` is the TTI within the period."""
    row = net.offset[m, d] + phase
    return row - len(trace) if row >= len(trace) else row


@compiled
def _phase(trace, tti):
    # one division for all emitters: a division takes as long as reading ten PRBs
    return np.int64(np.uint64(tti) % np.uint64(len(trace)))


@compiled
def update_cqi(net, tables, constants, d, tti, sinr):
    """Updates the CQI of a device to the last report that has arrived by `tti`."""
    device = net.devices[d]
    clock = net.clock[0]
    measured = tti - _REPORT_TTIS
    measured -= (measured - device.first_report) % clock.report_ttis
    if measured < device.first_report or measured == device.cqi_tti:
        return
    device.cqi_tti = measured
    if _is_at_its_best(net, tables, constants, d, measured):
        for rbg in range(clock.rbgs):
            net.cqi[d, rbg] = _BEST_CQI
        device.bytes_per_rbg = constants.sizes[_BEST_CQI, 1] * clock.layers
        device.deaf_since = -1
        return
    reference_sinr(net, constants.trace, d, device.cell, measured, sinr)
    hears = False
    total = 0
    cqis = net.cqi[d]
    for rbg in range(clock.rbgs):
        first = rbg * clock.rbg_prbs
        if clock.piro == 1:
            cqi = piro_rbg_cqi(tables, sinr, first, clock.rbg_prbs)
        else:
            cqi = mi_rbg_cqi(tables, sinr, first, clock.rbg_prbs)
        hears |= cqi > 0
        # CQI 0 (out of range) counts as 1: the most robust MCS still bridges a fading dip
        cqis[rbg] = max(cqi, 1)
        total += constants.sizes[cqis[rbg], 1]
    device.bytes_per_rbg = total * clock.layers / clock.rbgs
    if hears:
        device.deaf_since = -1
    elif device.deaf_since < 0:
        device.deaf_since = measured + _REPORT_TTIS


@compiled
def _is_at_its_best(net, tables, constants, d, tti):
    """Whether even the weakest PRB of a single cell has the best CQI: a frequent case, quick to check."""
    clock = net.clock[0]
    if len(net.emitters) > 1 or clock.piro == 0:
        return False
    cell = net.devices[d].cell
    power = net.cells[cell].power_mw * net.gain[cell, d] * clock.mode_gain / clock.noise_mw
    return (
        power * constants.faintest[_row(net, constants.faintest, cell, d, _phase(constants.faintest, tti))]
        > tables.piro_sinr[14]
    )


@compiled
def is_deaf(device, tti):
    """Whether a device is out of coverage for so long that nothing is sent to it."""
    return device.deaf_since >= 0 and tti - device.deaf_since > _DEAF_TTIS


@compiled
def measure_sinr(net, constants, d, tti, sinr):
    """Samples the SINR of a device: the mean over the carrier, without the gain of the transmission mode."""
    device = net.devices[d]
    clock = net.clock[0]
    device.sinrs += 1
    if len(net.emitters) == 1:
        cell = device.cell
        level_dbm = net.cells[cell].subcarrier_dbm + net.gain_db[cell, d]
        fade_db = constants.fade_db[_row(net, constants.fade_db, cell, d, _phase(constants.fade_db, tti))]
        device.sinr_db += max(level_dbm + fade_db - clock.noise_dbm, _UNHEARD_DB)
        return
    reference_sinr(net, constants.trace, d, device.cell, tti, sinr)
    total = 0.0
    for p in range(clock.prbs):
        total += sinr[p]
    device.sinr_db += max(10.0 * math.log10(total / clock.prbs / clock.mode_gain), _UNHEARD_DB)


@compiled
def transmit(net, tables, constants, d, process, noise):
    """Decides which layers of a transmission are decoded, while all cells send what they scheduled."""
    block = net.blocks[d, process]
    mi = _block_mi(net, tables, constants, d, block, noise)
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
    # a decoded layer empties the soft buffers of both layers, in the order of layers, as in ns-3
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
def _block_mi(net, tables, constants, d, block, noise):
    """Mean mutual information over the PRBs of a transmission. `noise` is scratch by PRB."""
    clock = net.clock[0]
    cell = net.devices[d].cell
    tti = block.tti + _AIR_TTIS
    modulation = modulation_of(block.mcs)
    power = net.cells[cell].power_mw * net.gain[cell, d] * clock.mode_gain
    trace = constants.trace
    phase = _phase(trace, tti)
    row = _row(net, trace, cell, d, phase)
    if len(net.emitters) == 1:
        faintest = power * constants.faintest[row] / clock.noise_mw
        if mutual_information(tables, modulation, faintest) >= 1.0:
            return 1.0
    bitmap, rbgs, size = block.air_rbgs, clock.rbgs, clock.rbg_prbs
    _add_noise(net, trace, d, cell, bitmap, phase, noise)
    power *= _POWER_STEP
    signal = trace[row]
    total = 0.0
    count = 0
    for rbg in range(rbgs):
        if (bitmap >> rbg) & 1:
            for p in range(rbg * size, (rbg + 1) * size):
                sinr = power * np.float64(signal[p]) ** 2 / noise[p]
                total += mutual_information(tables, modulation, sinr)
            count += size
    return total / count


@compiled
def _add_noise(net, trace, d, cell, bitmap, phase, noise):
    """Noise, other cells that transmit on these RBGs, and interferers, by PRB in mW, into `noise`."""
    clock = net.clock[0]
    size, noise_mw, prbs, cells = clock.rbg_prbs, clock.noise_mw, clock.prbs, len(net.cells)
    for p in range(prbs):
        noise[p] = noise_mw
    for m in range(len(net.emitters)):
        left = np.int64(bitmap)
        if m < cells:
            foreign = net.cells[m].power_mw
            left &= net.cells[m].air
        else:
            foreign = net.emitters[m].power_mw
        foreign *= net.gain[m, d] * _POWER_STEP
        if m == cell or left == 0 or foreign <= noise_mw * _NEGLIGIBLE:
            continue
        other = trace[_row(net, trace, m, d, phase)]
        first = 0
        while left != 0:
            if left & 1:
                for p in range(first, first + size):
                    noise[p] += foreign * np.float64(other[p]) ** 2
            left >>= 1
            first += size


@compiled
def uplink_ttis(net, tables, constants, d, request_bytes):
    """TTIs that a device's request takes on the air at 23 dBm over the carrier; 0 if it is out of coverage.

    The uplink does not fade.
    """
    clock = net.clock[0]
    device = net.devices[d]
    # 23 dBm: power class 3, TS 36.101 clause 6.2.2
    sinr = 10.0 ** (2.3 + net.gain_db[device.cell, d] / 10.0) / clock.prbs / constants.uplink_noise_mw
    cqi = piro_cqi(tables, sinr)
    if cqi == 0:
        return 0
    size = tables.block_bytes[tables.mcs_of_cqi[cqi], clock.prbs]
    # 40 bytes: headers of IP and UDP (28), PDCP, RLC and MAC
    return np.int64(math.ceil((request_bytes + 40.0) / size))
