"""Alarms: thresholds that measurements of the last interval have crossed.

=================  =================================================  ========================
kind               crossed when                                       severity
=================  =================================================  ========================
sla_*              a slice, or the managed group by itself, misses    CRITICAL at twice the
                   a bound of its slice's SLA; throughput per slice,  bound, else MAJOR; other
                   only when more was offered than delivered          slices one step less
slice_congested    PRBs used up and a queue left (`admission`)        MAJOR
cell_outage        a cell radiates 40 dB below its setting, or less   CRITICAL
cell_power_low     1 dB or more below its setting                     MAJOR
backhaul_degraded  1 ms above its setting, or any loss                MAJOR
node_saturated     a compute node is 90 % busy                        CRITICAL from 98 %, MAJOR
handover_failed    a UAV's last handover failed                       MAJOR
better_cell        another cell is stronger by the hysteresis         MINOR
                   (event A3, TS 36.331 clause 5.5.4.4)
weak_link          a UAV's SINR is below 0 dB                         MAJOR, CRITICAL below -6
low_battery        below 20 %                                         CRITICAL below 10 %, MAJOR
heartbeat_lost     a UAV that has sent heartbeats is silent for 30 s  MINOR
geofence_breach    a UAV is where a fence forbids it                  CRITICAL
proximity          two UAVs are nearer than 10 m                      CRITICAL
=================  =================================================  ========================
"""

from collections.abc import Iterator
from itertools import combinations

from sixgym.domain.measurement import PacketFlow
from sixgym.domain.slices import SlaSpec
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.admission import is_congested
from sixgym.tools.types import Alarm, AlarmKind, Severity

# Thresholds of the table above. Chosen, not measured, unless a source stands there.
OUTAGE_DB = 40.0
POWER_LOW_DB = 1.0
BACKHAUL_SLACK_MS = 1.0
SATURATED = 0.9
SATURATED_CRITICAL = 0.98
WEAK_SINR_DB = 0.0
LOST_SINR_DB = -6.0
LOW_BATTERY_PERCENT = 20.0
EMPTY_BATTERY_PERCENT = 10.0
HEARTBEAT_TIMEOUT_MS = 30_000
SEPARATION_M = 10.0

_ORDER: dict[Severity, int] = {"CRITICAL": 0, "MAJOR": 1, "MINOR": 2, "WARNING": 3}
_MILDER: dict[Severity, Severity] = {"CRITICAL": "MAJOR", "MAJOR": "MINOR", "MINOR": "WARNING"}


def alarms(network: Snapshot) -> tuple[Alarm, ...]:
    """All alarms of the last interval, worst first."""
    found = [
        *_service_levels(network),
        *_congestion(network),
        *_cells(network),
        *_nodes(network),
        *_links(network),
        *_fleet(network),
    ]
    return tuple(sorted(found, key=lambda alarm: (_ORDER[alarm.severity], alarm.kind, alarm.subject)))


def _service_levels(network: Snapshot) -> Iterator[Alarm]:
    for known in network.scenario.slices:
        active = known.type is network.active_slice
        for alarm in _breaches(known.type.value, known.sla, network.interval.slices[known.type].flow):
            yield alarm if active else alarm.model_copy(update={"severity": _MILDER[alarm.severity]})
    managed = network.scenario.managed
    sla = network.scenario.slice(network.active_slice).sla
    # a slice's throughput is the sum over its groups, so its floor does not bind one of them
    own = sla.model_copy(update={"min_throughput_mbps": None})
    yield from _breaches(managed, own, network.interval.groups[managed])
    home = network.scenario.home_edge
    if home is not None and sla.max_edge_load is not None:
        load = network.interval.nodes[home].load
        if load > sla.max_edge_load:
            yield _alarm("sla_edge_load", "MAJOR", home, load, sla.max_edge_load, related=managed)


def _breaches(subject: str, sla: SlaSpec, flow: PacketFlow) -> Iterator[Alarm]:
    ceilings: tuple[tuple[AlarmKind, float, float | None], ...] = (
        ("sla_latency", flow.latency_ms, sla.max_latency_ms),
        ("sla_jitter", flow.jitter_ms, sla.max_jitter_ms),
        ("sla_loss", flow.loss_ratio, sla.max_loss_ratio),
    )
    for kind, measured, bound in ceilings:
        if bound is not None and measured > bound:
            severity: Severity = "CRITICAL" if measured >= 2 * bound else "MAJOR"
            yield _alarm(kind, severity, subject, measured, bound)
    floor = sla.min_throughput_mbps
    starved = flow.sent_bytes > flow.delivered_bytes
    if floor is not None and flow.throughput_mbps < floor and starved:
        severity = "CRITICAL" if 2 * flow.throughput_mbps <= floor else "MAJOR"
        yield _alarm("sla_throughput", severity, subject, flow.throughput_mbps, floor)


def _congestion(network: Snapshot) -> Iterator[Alarm]:
    for known in network.scenario.slices:
        if is_congested(network, known.type):
            measured = network.interval.slices[known.type]
            yield _alarm(
                "slice_congested", "MAJOR", known.type.value, measured.prbs_used, measured.prbs_granted
            )


def _cells(network: Snapshot) -> Iterator[Alarm]:
    for cell in network.scenario.cells:
        measured = network.interval.cells[cell.id]
        missing_db = cell.tx_power_dbm - measured.tx_power_dbm
        if missing_db >= OUTAGE_DB:
            yield _alarm("cell_outage", "CRITICAL", cell.id, measured.tx_power_dbm, cell.tx_power_dbm)
        elif missing_db >= POWER_LOW_DB:
            yield _alarm("cell_power_low", "MAJOR", cell.id, measured.tx_power_dbm, cell.tx_power_dbm)
        usual_ms = network.scenario.backhaul.delay_ms
        if measured.backhaul_delay_ms > usual_ms + BACKHAUL_SLACK_MS or measured.backhaul_loss_ratio > 0:
            yield _alarm("backhaul_degraded", "MAJOR", cell.id, measured.backhaul_delay_ms, usual_ms)


def _nodes(network: Snapshot) -> Iterator[Alarm]:
    managed = network.scenario.managed
    for name, node in network.interval.nodes.items():
        if node.load >= SATURATED:
            severity: Severity = "CRITICAL" if node.load >= SATURATED_CRITICAL else "MAJOR"
            hosts = network.resources.runs_on.get(managed) == name
            yield _alarm(
                "node_saturated", severity, name, node.load, SATURATED, related=managed if hosts else None
            )


def _links(network: Snapshot) -> Iterator[Alarm]:
    hysteresis_db = network.scenario.handover.hysteresis_db
    for name in network.uavs:
        device = network.interval.devices[name]
        if device.handover == "FAILED":
            target = device.handover_target
            yield _alarm("handover_failed", "MAJOR", name, device.handover_ms, 0.0, related=target)
        if device.sinr_db < WEAK_SINR_DB:
            severity: Severity = "CRITICAL" if device.sinr_db < LOST_SINR_DB else "MAJOR"
            yield _alarm("weak_link", severity, name, device.sinr_db, WEAK_SINR_DB, related=device.cell)
        if device.rsrp_dbm:
            best = max(device.rsrp_dbm, key=device.rsrp_dbm.__getitem__)
            gain_db = device.rsrp_dbm[best] - device.rsrp_dbm.get(device.cell, -200.0)
            if best != device.cell and gain_db >= hysteresis_db:
                yield _alarm("better_cell", "MINOR", name, gain_db, hysteresis_db, related=best)


def _fleet(network: Snapshot) -> Iterator[Alarm]:
    for name, uav in network.uavs.items():
        percent = uav.battery_percent
        if percent < LOW_BATTERY_PERCENT:
            severity: Severity = "CRITICAL" if percent < EMPTY_BATTERY_PERCENT else "MAJOR"
            yield _alarm("low_battery", severity, name, percent, LOW_BATTERY_PERCENT)
        silence_ms = network.t_ms - uav.last_heartbeat_ms
        if uav.heartbeats and silence_ms > HEARTBEAT_TIMEOUT_MS:
            yield _alarm("heartbeat_lost", "MINOR", name, silence_ms, HEARTBEAT_TIMEOUT_MS)
        for index, fence in enumerate(network.scenario.geofences):
            if not fence.allows(uav.position):
                outside_m = fence.boundary_distance_m(uav.position)
                yield _alarm("geofence_breach", "CRITICAL", name, outside_m, 0.0, related=f"geofence {index}")
    for first, second in combinations(network.uavs.values(), 2):
        distance_m = first.position.distance_m(second.position)
        if distance_m < SEPARATION_M:
            yield _alarm("proximity", "CRITICAL", first.id, distance_m, SEPARATION_M, related=second.id)


def _alarm(
    kind: AlarmKind,
    severity: Severity,
    subject: str,
    measured: float,
    limit: float,
    *,
    related: str | None = None,
) -> Alarm:
    return Alarm(
        kind=kind, severity=severity, subject=subject, related=related, measured=measured, limit=limit
    )
