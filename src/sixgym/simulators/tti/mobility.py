# pyright: basic
"""Positions of devices, their path gains, and the cells that serve them."""

import math

from sixgym.simulators.tti.compiled import compiled
from sixgym.simulators.tti.field import path_gain_db
from sixgym.simulators.tti.rlc import empty_buffers
from sixgym.simulators.tti.state import COMPLETE, EXECUTION, FAILED, MS, NEVER, PREPARATION

_STALE_AFTER_M = 0.25
"""Distance after which path gains are computed again, as in the ns-3 program (cpp/radio/propagation.h)."""

_RANDOM_ACCESS_NS = 4_214_286
"""From the first TTI after the command to the response of the target, measured on ns-3."""

_REPORT_TTIS = 5
"""From the measurement of a CQI to its use, as in ns-3."""

RSRP_TTIS = 5
"""Period of the samples of RSRP, the one that the ns-3 program sets (`RsrpSinrSamplePeriod`)."""

_RSRP_FILTER_TTIS = 200
"""Period of measurement reports, ns-3's default of `UeMeasurementsFilterPeriod`."""


@compiled
def update_gains(net, d):
    """Computes the path gains of a device from all emitters."""
    device = net.devices[d]
    device.field_x, device.field_y, device.field_z = device.x, device.y, device.z
    for m in range(len(net.emitters)):
        gain_db = path_gain_db(net.emitters[m], device.x, device.y, device.z, net.clock[0])
        net.gain_db[m, d] = gain_db
        net.gain[m, d] = 10.0 ** (gain_db / 10.0)


@compiled
def move(net, d, now_ns):
    """Moves a device along its legs, and updates its path gains every 25 cm."""
    device = net.devices[d]
    place(net, d, now_ns)
    distance = math.sqrt(
        (device.x - device.field_x) ** 2 + (device.y - device.field_y) ** 2 + (device.z - device.field_z) ** 2
    )
    if distance > _STALE_AFTER_M:
        update_gains(net, d)


@compiled
def place(net, d, now_ns):
    """Sets the position of a device on its route. A device at the end of its route stops moving."""
    device = net.devices[d]
    legs = net.legs[d]
    while now_ns >= legs[device.leg].end_ns and device.leg + 1 < len(legs):
        if legs[device.leg + 1].end_ns <= legs[device.leg].end_ns:
            break
        device.leg += 1
    leg = legs[device.leg]
    share = 1.0
    if now_ns < leg.end_ns:
        share = max(0.0, (now_ns - leg.start_ns) / (leg.end_ns - leg.start_ns))
    else:
        device.moving = 0
    device.x = leg.from_x + share * (leg.to_x - leg.from_x)
    device.y = leg.from_y + share * (leg.to_y - leg.from_y)
    device.z = leg.from_z + share * (leg.to_z - leg.from_z)


@compiled
def request_handover(net, d, target, now_ns):
    """The serving cell requests a handover over X2. A handover to the serving cell itself fails at once."""
    device = net.devices[d]
    if not ready(device):
        return
    device.target = target
    device.began_ns = now_ns
    device.ended_ns = now_ns
    if device.cell == target:
        device.handover = FAILED
        return
    device.handover = PREPARATION
    device.switch_ns = now_ns + 2 * net.clock[0].x2_ns
    device.wake_ns = 0


@compiled
def go_on_with_handover(net, d, now_ns):
    """The next step of a handover: the answer of the target, or the arrival there."""
    device = net.devices[d]
    device.switch_ns = NEVER
    if device.handover == PREPARATION:
        if net.cells[device.target].refusing == 1:
            device.handover = FAILED
            device.ended_ns = now_ns
            return
        device.handover = EXECUTION
        device.switch_ns = (now_ns + MS - 1) // MS * MS + _RANDOM_ACCESS_NS
        empty_buffers(net, d)
    else:
        device.handover = COMPLETE
        device.ended_ns = now_ns
        # the PHY was reset when the random access began and reports again a period later
        first_report = (now_ns - _RANDOM_ACCESS_NS) // MS + net.clock[0].report_ttis - 1
        attach(net, d, device.target, (now_ns + MS - 1) // MS, first_report)


@compiled
def attach(net, d, cell, tti, first_report):
    """Connects a device to a cell, which has no CQI of it before TTI `first_report`."""
    device = net.devices[d]
    device.cell = cell
    device.cqi_tti = -1
    device.first_report = first_report
    device.blind_until = NEVER
    device.hold_until = 0
    device.deaf_since = -1
    device.bytes_per_rbg = 0.0
    device.average = 1.0
    device.average_tti = tti
    for rbg in range(net.cqi.shape[1]):
        net.cqi[d, rbg] = 1


@compiled
def enter_slice(net, d, slice_, tti):
    """Schedules a device in another slice: blocks in flight are not retransmitted, a new CQI is awaited."""
    device = net.devices[d]
    if device.slice == slice_:
        return
    in_flight = False
    for process in range(net.blocks.shape[1]):
        block = net.blocks[d, process]
        in_flight |= block.state != 0 and tti <= block.tti + 11
        block.state = 0
    if in_flight:
        device.hold_until = tti + 11
    device.slice = slice_
    if device.blind_until != NEVER:
        await_report(device, tti, net.clock[0].report_ttis)


@compiled
def await_report(device, tti, report_ttis):
    """Sets the TTI from which a slice's scheduler has a CQI of a device that is new to it."""
    heard = device.first_report + _REPORT_TTIS
    device.blind_until = heard if tti < heard else tti + (heard - tti) % report_ttis


@compiled
def measure_rsrp(net, fade_db, tti):
    """Samples the power of reference signals. Every 200 TTIs the means become the report."""
    reports = tti % _RSRP_FILTER_TTIS == 0 and tti > 0
    for c in range(len(net.cells)):
        level_dbm = net.cells[c].subcarrier_dbm
        for d in range(len(net.devices)):
            if reports:
                net.rsrp[c, d, 0] = net.rsrp[c, d, 1] / net.rsrp[c, d, 2]
                net.rsrp[c, d, 1] = 0.0
                net.rsrp[c, d, 2] = 0.0
            fade = fade_db[(net.offset[c, d] + tti) % len(fade_db)]
            net.rsrp[c, d, 1] += level_dbm + net.gain_db[c, d] + fade
            net.rsrp[c, d, 2] += 1.0


@compiled
def ready(device):
    """Whether a device can begin a handover."""
    return device.handover not in (PREPARATION, EXECUTION)
