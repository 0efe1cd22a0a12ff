"""Observation of the radio: predictions at a point, and measurements of a UAV's link.

Predictions come from the large-scale field of `domain.radio` with the measured power and PRB load of the
cells. A UAV's own link is reported as its modem measured it. Fast fading is not predicted.
"""

import math

from sixgym.domain.geometry import Position
from sixgym.domain.radio import (
    CQI_EFFICIENCY,
    PRB_HZ,
    LinkBudget,
    cqi_of_sinr,
    dbm,
    milliwatts,
    radio_map,
)
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.admission import refusal
from sixgym.tools.base import Effect, tool
from sixgym.tools.lookup import cell_of, device_of
from sixgym.tools.replies import (
    Gnb,
    GnbList,
    InterferenceLevel,
    LinkQuality,
    MigrationFeasibility,
    SignalStrength,
    SliceList,
    SliceOffer,
)
from sixgym.tools.types import GnbId, UavId

RECEIVABLE_DBM = -110.0
"""RSRP below which a cell is not listed (a usual qRxLevMin for data service, TS 36.304)."""

LOWEST_RSRP_DBM = -140.0
"""Least RSRP that a modem reports (TS 36.133 clause 9.1.4)."""

LOWEST_SINR_DB = -50.0
"""Least SINR that is measured or shown."""

NO_INTERFERENCE_DB = -50.0
"""Interference over noise that stands for none."""

INTERRUPTION_MS = 6.2
"""Break of the data flow during an X2 handover as measured on ns-3, whose RRC messages are ideal here.
A real LTE network takes about 49.5 ms (TR 36.881)."""

GAIN_SCALE_DB = 3.0
"""SINR gain at which a handover is worth 73 % of the best one: the customary A3 offset."""

BUSY_HANDOVER = ("PREPARATION", "EXECUTION")


def links_at(network: Snapshot, point: Position, *, external: bool = True) -> tuple[LinkBudget, ...]:
    """Predicted link budgets from all cells at a point, strongest first, as the network is now."""
    cells = network.interval.cells
    return radio_map(network.scenario).links(
        point,
        {name: cell.tx_power_dbm for name, cell in cells.items()},
        {name: min(1.0, cell.prb_load) for name, cell in cells.items()},
        {source.position: source.power_dbm for source in network.interval.interferers} if external else None,
    )


def shown_rsrp_dbm(rsrp_dbm: float) -> float:
    """An RSRP as a tool shows it."""
    return max(LOWEST_RSRP_DBM, rsrp_dbm)


def shown_sinr_db(sinr_db: float) -> float:
    """An SINR as a tool shows it."""
    return max(LOWEST_SINR_DB, sinr_db)


@tool(Effect.OBSERVATION, paper="observation", row=3)
def get_signal_strength(network: Snapshot, position: Position) -> SignalStrength:
    """Predict the strongest cell at a point: RSRP in dBm, SINR in dB, and the CQI (0 to 15) it supports.

    Use it to judge a place before flying there. The SINR is predicted at the neighbours' present load,
    so it may lie above what a modem measures, which is at full load. For a UAV's own link ask
    check_link_quality.

    Args:
        position: The point; UAVs get other propagation above 22.5 m than below.
    """
    best = links_at(network, position)[0]
    return SignalStrength(
        gnb=best.cell,
        rsrp_dbm=shown_rsrp_dbm(best.rsrp_dbm),
        sinr_db=shown_sinr_db(best.sinr_db),
        cqi=cqi_of_sinr(best.sinr_db),
    )


@tool(Effect.OBSERVATION, paper="observation", row=4)
def scan_available_gnbs(network: Snapshot, position: Position) -> GnbList:
    """List the cells that can be received at a point (RSRP above -110 dBm), strongest first, with load.

    Use it to find handover candidates; a lightly loaded second cell may beat the strongest one. A
    cell that is missing is too far away or does not radiate. The SINR is predicted at the neighbours'
    present load, not measured.

    Args:
        position: The point, for instance the UAV's position.
    """
    cells = network.interval.cells
    return GnbList(
        gnbs=tuple(
            Gnb(
                gnb=link.cell,
                rsrp_dbm=link.rsrp_dbm,
                sinr_db=shown_sinr_db(link.sinr_db),
                load=min(1.0, cells[link.cell].prb_load),
                devices=cells[link.cell].devices,
            )
            for link in links_at(network, position)
            if link.rsrp_dbm > RECEIVABLE_DBM
        )
    )


@tool(Effect.OBSERVATION, paper="observation", row=12)
def monitor_interference(network: Snapshot, position: Position) -> InterferenceLevel:
    """Predict interference over noise at a point in dB, and who causes it.

    `dominant` is one of our cells (neighbour interference: shed its load, or move on) or `external` (a
    foreign transmitter: fly away from it or hand over to a cell that is stronger there). The place of
    a foreign transmitter is not known; compare several points.

    Args:
        position: The point.
    """
    budgets = links_at(network, position)
    best = budgets[0]
    noise_mw = milliwatts(radio_map(network.scenario).noise_dbm())
    total_mw = max(0.0, milliwatts(best.rsrp_dbm - best.sinr_db) - noise_mw)
    cells = network.interval.cells
    own_mw = {
        link.cell: milliwatts(link.rsrp_dbm) * min(1.0, cells[link.cell].prb_load) for link in budgets[1:]
    }
    external_mw = max(0.0, total_mw - sum(own_mw.values())) if network.interval.interferers else 0.0
    sources = {**own_mw, "external": external_mw}
    dominant = max(sources, key=sources.__getitem__)
    floor_mw = noise_mw * 10 ** (NO_INTERFERENCE_DB / 10)
    return InterferenceLevel(
        inr_db=max(NO_INTERFERENCE_DB, dbm(max(total_mw, floor_mw) / noise_mw)),
        sinr_db=shown_sinr_db(best.sinr_db),
        serving=best.cell,
        dominant=dominant if sources[dominant] > floor_mw else "none",
        external_share=min(1.0, external_mw / total_mw) if total_mw > floor_mw else 0.0,
    )


@tool(Effect.OBSERVATION, paper="observation", row=13)
def check_link_quality(network: Snapshot, uav: UavId, gnb: GnbId) -> LinkQuality:
    """Read the link between a UAV and a cell: RSRP, SINR, CQI, and the rate its slice could carry on it.

    The serving cell's link is measured, its SINR as if all neighbours sent at full load; of other cells
    the modem measures RSRP, and SINR is predicted at the neighbours' present load. The two kinds of SINR
    do not compare: for the gain of a handover ask check_migration_feasibility. The rate is for all PRBs
    that the UAV's slice may use, as if no one else wanted them.

    Args:
        uav: Name of the UAV.
        gnb: Name of the cell, serving or not.
    """
    device = device_of(network, uav)
    link = _link(network, uav, gnb)
    serving = device.cell == gnb
    measured_dbm = device.rsrp_dbm.get(gnb)
    # with the measured level in place of the predicted one, the same interference gives the SINR
    shift_db = 0.0 if measured_dbm is None else measured_dbm - link.rsrp_dbm
    sinr_db = shown_sinr_db(device.sinr_db if serving else link.sinr_db + shift_db)
    cqi = cqi_of_sinr(sinr_db)
    share = network.resources.policies[device.slice].max / 100
    rate = CQI_EFFICIENCY[cqi] * network.scenario.radio.mimo_layers * PRB_HZ * network.scenario.prbs * share
    return LinkQuality(
        uav=uav,
        gnb=gnb,
        serving=serving,
        rsrp_dbm=shown_rsrp_dbm(link.rsrp_dbm + shift_db),
        sinr_db=sinr_db,
        cqi=cqi,
        rate_mbps=rate / 1e6,
        source="measured" if serving else "predicted" if measured_dbm is None else "rsrp measured",
    )


@tool(Effect.OBSERVATION, paper="observation", row=15)
def get_available_slices(network: Snapshot, position: Position) -> SliceList:
    """List which slices could serve a device at a point, and why the others could not.

    A slice is available when the best cell can be received there and the slice admits another
    service: it has PRBs and is not congested. Ask before switch_network_slice.

    Args:
        position: The point, for instance where the managed UAV is.
    """
    best = links_at(network, position)[0]
    rsrp_dbm, sinr_db = shown_rsrp_dbm(best.rsrp_dbm), shown_sinr_db(best.sinr_db)
    covered = best.rsrp_dbm > RECEIVABLE_DBM and cqi_of_sinr(best.sinr_db) > 0
    offers: list[SliceOffer] = []
    for known in network.scenario.slices:
        reason = refusal(network, known.type)
        if not covered:
            reason = f"no coverage: {rsrp_dbm:.1f} dBm and {sinr_db:.1f} dB from {best.cell}"
        offers.append(SliceOffer(slice=known.type, available=reason is None, reason=reason))
    return SliceList(gnb=best.cell, slices=tuple(offers))


@tool(Effect.OBSERVATION, paper="observation", row=16)
def check_migration_feasibility(network: Snapshot, uav: UavId, gnb: GnbId) -> MigrationFeasibility:
    """Judge a handover of a UAV to a cell before asking for it: score 0 to 1, blockers, SINR gain in dB.

    Both SINRs are predicted where the UAV is, at the cells' present load. The score grows with the SINR
    gained and with the share of PRBs that is free in the target; without a gain it is not feasible. A
    blocker makes it 0: it is the serving cell already, a handover is under way, or the target cannot be
    received. It cannot foresee that the target refuses.

    Args:
        uav: Name of the UAV.
        gnb: Name of the target cell.
    """
    device = device_of(network, uav)
    target = check_link_quality(network, uav, gnb)
    load = min(1.0, network.interval.cells[gnb].prb_load)
    # the modem measures SINR at full load, so only two predictions compare
    predicted_db = {link.cell: shown_sinr_db(link.sinr_db) for link in links_at(network, device.position)}
    gain_db = predicted_db[gnb] - predicted_db[device.cell]
    blockers: list[str] = []
    if target.serving:
        blockers.append(f"{gnb} serves {uav} already")
    if device.handover in BUSY_HANDOVER:
        blockers.append(f"a handover to {device.handover_target} is under way")
    if target.rsrp_dbm <= RECEIVABLE_DBM:
        blockers.append(f"{gnb} cannot be received: {target.rsrp_dbm:.1f} dBm")
    worth = 1 / (1 + math.exp(-max(-60.0, min(60.0, gain_db)) / GAIN_SCALE_DB))
    score = 0.0 if blockers else worth * (1 - load)
    return MigrationFeasibility(
        score=score,
        feasible=not blockers and gain_db > 0,
        blockers=tuple(blockers),
        sinr_gain_db=gain_db,
        target_load=load,
        interruption_ms=INTERRUPTION_MS,
    )


def _link(network: Snapshot, uav: UavId, gnb: GnbId) -> LinkBudget:
    cell_of(network, gnb)
    position = device_of(network, uav).position
    return next(link for link in links_at(network, position) if link.cell == gnb)
