"""Facts about the links of the service UAVs: weak links, targets of handovers, interference."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.service import FactItems
from sixgym.domain.geometry import Position
from sixgym.domain.slices import SliceType
from sixgym.tools.replies import GnbList, HandoverCmd, InterferenceLevel
from sixgym.tools.types import TelemetryState, UavTelemetry

TELEMETRY_AGE = 6
SCAN_AGE = 8
INTERFERENCE_AGE = 6
SAME_PLACE_M = 100.0
"""Distance in m within which a scan is valid for a UAV: less than the correlation distance of path loss, more
than the flight of one step."""

HANDOVER_WAIT = 4
"""Steps between two handovers of a UAV: X2 takes tens of ms, the measurement one interval."""

REFUSAL_MEMORY = 8
EVER = 10_000
"""An age in steps that no episode reaches."""

UNHEARD_DBM = -130.0
"""Assumed RSRP of a cell that a scan did not list."""

RELIEF_DB = -6.0
REFUGE_M = 30.0
CLIMB_M = 20.0


@dataclass(frozen=True, slots=True)
class ServiceLink:
    """A service UAV, its serving cell, and its other cells.

    Attributes:
        uav: The UAV in the telemetry.
        cell: Serving cell, later requests of handovers included.
        gains_db: RSRP of other cells minus RSRP of the serving cell; None while unknown.
        load: PRB load of the scanned cells.
        refused_by: Cells that refused the UAV recently.
        scanned: Whether there was a scan near the UAV.
        waits: Whether a handover was requested recently.
        last_target: Target cell of the last request.
    """

    uav: UavTelemetry
    cell: str
    gains_db: Mapping[str, float] | None
    load: Mapping[str, float]
    refused_by: frozenset[str]
    scanned: bool
    waits: bool
    last_target: str | None

    def ranked(self, without: frozenset[str] = frozenset()) -> list[tuple[float, str]]:
        """Other cells by gain, best first, without cells that refused the UAV recently."""
        barred = without | self.refused_by
        gains = self.gains_db or {}
        return sorted(((gain, cell) for cell, gain in gains.items() if cell not in barred), reverse=True)


def radio_facts(memory: Memory) -> FactItems:
    """All facts about the links of the service UAVs; none if the service has no UAVs."""
    read = next(memory.results("read_telemetry", TelemetryState, TELEMETRY_AGE), None)
    if read is None:
        return
    event, telemetry = read
    yield "neighbour_alarm", _neighbour_alarm(telemetry)
    links = list(_links(memory, telemetry, event.age))
    if not links:
        return
    yield from _alarms(telemetry, links)
    yield from _victim(memory, links)
    yield from _unscanned(links)
    ready = [link for link in links if not link.waits]
    yield from _mover(ready)
    yield from _failed(ready)
    yield from _stranded(ready, _cells_with(telemetry, "backhaul_degraded"))
    yield from _crowded(ready)


Scan = tuple[Position, Mapping[str, tuple[float, float]]]
"""The scans: place, and RSRP in dBm and PRB load by cell."""


def _links(memory: Memory, telemetry: TelemetryState, age: int) -> Iterator[ServiceLink]:
    scans: list[Scan] = [
        (place, {gnb.gnb: (gnb.rsrp_dbm, gnb.load) for gnb in listed.gnbs})
        for scan, listed in memory.results("scan_available_gnbs", GnbList, SCAN_AGE)
        for place in scan.arguments.values()
        if isinstance(place, Position)
    ]
    stronger = {
        alarm.subject: (alarm.related, alarm.measured)
        for alarm in telemetry.alarms
        if alarm.kind == "better_cell" and alarm.related is not None
    }
    for uav in telemetry.uavs:
        group, _, number = uav.uav.rpartition("-")
        # a group `drone-x` beside `drone` has its own devices, such as drone-x-1
        if group == memory.observation.service and number.isdecimal():
            yield _link(memory, uav, age, scans, stronger.get(uav.uav))


def _link(
    memory: Memory, uav: UavTelemetry, age: int, scans: list[Scan], stronger: tuple[str, float] | None
) -> ServiceLink:
    """The link of a UAV; `age` is that of the telemetry, `stronger` its alarm of a better cell."""
    asked = [
        (request.age, reply.target)
        for request, reply in memory.results("request_handover", HandoverCmd, max_age=EVER)
        if reply.uav == uav.uav
    ]
    cell = next((target for request_age, target in asked if request_age < age), uav.gnb)
    near = next((heard for place, heard in scans if place.distance_m(uav.position) <= SAME_PLACE_M), None)
    gains = None if near is None else _gains(near, cell)
    if stronger is not None and cell == uav.gnb:
        gains = {**(gains or {}), stronger[0]: stronger[1]}
    # a handover that was reported as failed is over
    failed = uav.handover == "FAILED" and bool(asked) and asked[0][0] > age
    return ServiceLink(
        uav=uav,
        cell=cell,
        gains_db=gains,
        load={} if near is None else {name: load for name, (_, load) in near.items()},
        refused_by=_refusals(memory, uav, asked, age),
        scanned=near is not None,
        waits=bool(asked) and asked[0][0] <= HANDOVER_WAIT and not failed,
        last_target=asked[0][1] if asked else None,
    )


def _gains(heard: Mapping[str, tuple[float, float]], serving: str) -> dict[str, float]:
    own_dbm = heard[serving][0] if serving in heard else UNHEARD_DBM
    return {name: rsrp_dbm - own_dbm for name, (rsrp_dbm, _) in heard.items() if name != serving}


def _refusals(
    memory: Memory, uav: UavTelemetry, asked: list[tuple[int, str]], telemetry_age: int
) -> frozenset[str]:
    """Cells that refused the UAV: the request itself came back with an error, or the handover failed."""
    cells = {
        str(event.arguments.get("gnb"))
        for event in memory.events
        if event.refused
        and event.call.tool == "request_handover"
        and event.age <= REFUSAL_MEMORY
        and event.arguments.get("uav") == uav.uav
    }
    if uav.handover == "FAILED":
        failed = next((cell for age, cell in asked if telemetry_age < age <= REFUSAL_MEMORY), None)
        cells |= {failed} if failed else set()
    return frozenset(cells)


def _cells_with(telemetry: TelemetryState, kind: str) -> frozenset[str]:
    return frozenset(alarm.subject for alarm in telemetry.alarms if alarm.kind == kind)


def _alarms(telemetry: TelemetryState, links: list[ServiceLink]) -> FactItems:
    serving = {link.cell for link in links}
    yield "outage_alarm", bool(serving & _cells_with(telemetry, "cell_outage"))
    yield "power_alarm", bool(serving & _cells_with(telemetry, "cell_power_low"))
    yield "backhaul_alarm", bool(serving & _cells_with(telemetry, "backhaul_degraded"))


def _neighbour_alarm(telemetry: TelemetryState) -> bool:
    others = {kind.value for kind in SliceType if kind is not telemetry.network.slice}
    return any(
        alarm.subject in others and (alarm.kind == "slice_congested" or alarm.kind.startswith("sla_"))
        for alarm in telemetry.alarms
    )


def _victim(memory: Memory, links: list[ServiceLink]) -> FactItems:
    weakest = min(links, key=lambda link: link.uav.sinr_db)
    strongest = max(links, key=lambda link: link.uav.sinr_db)
    uav = weakest.uav
    yield "victim_uav", uav.uav
    yield "victim_sinr_db", uav.sinr_db
    yield "victim_speed_mps", sum(part**2 for part in uav.velocity_mps) ** 0.5
    yield from _place("victim", uav.position)
    yield "climb_z_m", uav.position.z_m + CLIMB_M
    yield "descend_z_m", max(0.0, uav.position.z_m - CLIMB_M)
    if strongest is not weakest:
        yield "refuge_gain_db", strongest.uav.sinr_db - uav.sinr_db
        yield from _place("refuge", strongest.uav.position.toward(uav.position, REFUGE_M))
    for event, level in memory.results("monitor_interference", InterferenceLevel, INTERFERENCE_AGE):
        places = [place for place in event.arguments.values() if isinstance(place, Position)]
        if any(place.distance_m(uav.position) <= SAME_PLACE_M for place in places):
            yield "inr_db", level.inr_db
            yield "external_percent", 100 * level.external_share
            break


def _unscanned(links: list[ServiceLink]) -> FactItems:
    blind = [link.uav for link in links if not link.scanned]
    if blind:
        weakest = min(blind, key=lambda uav: uav.sinr_db)
        yield "unscanned_sinr_db", weakest.sinr_db
        yield from _place("unscanned", weakest.position)


def _mover(links: list[ServiceLink]) -> FactItems:
    choices = [(link.ranked(), link) for link in links]
    movable = [(ranked, link) for ranked, link in choices if ranked]
    if not movable:
        return
    ranked, link = max(movable, key=lambda choice: (choice[0][0], choice[1].uav.uav))
    yield "mover_uav", link.uav.uav
    yield "mover_sinr_db", link.uav.sinr_db
    yield "best_gain_db", ranked[0][0]
    yield "best_cell", ranked[0][1]


def _failed(links: list[ServiceLink]) -> FactItems:
    for link in links:
        if link.uav.handover != "FAILED" or link.last_target is None:
            continue
        yield "failed_uav", link.uav.uav
        yield "failed_cell", link.last_target
        gains = link.gains_db or {}
        if link.last_target in gains:
            yield "failed_gain_db", gains[link.last_target]
        ranked = link.ranked(frozenset({link.last_target}))
        if ranked:
            yield "fallback_gain_db", ranked[0][0]
            yield "fallback_cell", ranked[0][1]
        return


def _stranded(links: list[ServiceLink], bad: frozenset[str]) -> FactItems:
    for link in links:
        ranked = link.ranked(bad)
        if link.cell in bad and ranked:
            yield "stranded_uav", link.uav.uav
            yield "detour_gain_db", ranked[0][0]
            yield "detour_cell", ranked[0][1]
            return


def _crowded(links: list[ServiceLink]) -> FactItems:
    scanned = [link for link in links if link.cell in link.load]
    if not scanned:
        return
    link = max(scanned, key=lambda link: link.load[link.cell])
    fair = [
        (link.load[cell], -gain, cell)
        for gain, cell in link.ranked()
        if gain > RELIEF_DB and cell in link.load
    ]
    if fair:
        load, loss_db, cell = min(fair)
        yield "crowded_uav", link.uav.uav
        yield "crowded_load_percent", 100 * link.load[link.cell]
        yield "relief_load_percent", 100 * load
        yield "relief_gain_db", -loss_db
        yield "relief_cell", cell


def _place(name: str, position: Position) -> FactItems:
    yield f"{name}_x_m", position.x_m
    yield f"{name}_y_m", position.y_m
    yield f"{name}_z_m", position.z_m
