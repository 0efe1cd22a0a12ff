"""Troubles of links and servers: a cell fails under its UAVs, other tenants flood a compute node."""

from sixgym.domain.faults import CellOutage, CellPowerDrop, EdgeOverload
from sixgym.tasks.parts.draft import Draft, UnsuitableError, below
from sixgym.tasks.parts.slices import FOREVER_MS

CLEAR_DB = 4.0
"""A UAV counts as served by a cell, and a cell as the best of the rest, if it leads by this much."""

RECEIVABLE_DBM = -100.0
LINK_DELAY_MS = 60.0
LINK_LOSS = 0.05


def weak_cell(draft: Draft, *, late: bool = False) -> None:
    """The cell that serves some UAVs fails. Cure: hand each one over. 2 calls a UAV, and a look if late."""
    served: dict[str, list[str]] = {}
    for uav in draft.fleet.device_ids:
        first, second = draft.links_at(draft.start_of(uav))[:2]
        if first.rsrp_dbm - second.rsrp_dbm < CLEAR_DB:
            raise UnsuitableError(f"{uav} is between two cells")
        served.setdefault(first.cell, []).append(uav)
    cell = draft.rng.choice(sorted(served))
    draft.claim("cells", *served[cell])
    start_ms = _when(draft, late=late)
    if draft.rng.random() < 0.5:
        draft.strike(CellOutage(cell=cell, start_ms=start_ms, duration_ms=FOREVER_MS))
        draft.say("trouble", what=f"the cell {cell} may stop radiating")
    else:
        drop_db = draft.rng.choice((28.0, 32.0, 36.0))
        draft.strike(CellPowerDrop(cell=cell, drop_db=drop_db, start_ms=start_ms, duration_ms=FOREVER_MS))
        draft.say("trouble", what=f"the cell {cell} may lose most of its power")
    for uav in served[cell]:
        _rescue(draft, uav, cell)


def _rescue(draft: Draft, uav: str, cell: str) -> None:
    places = (draft.start_of(uav), draft.end_of(uav))
    best = {next(link.cell for link in draft.links_at(place) if link.cell != cell) for place in places}
    target = draft.rng.choice(sorted(best))
    if len(best) > 1 or not _is_good(draft, uav, target):
        raise UnsuitableError(f"no other cell is good for {uav} all the way")
    draft.call("check_migration_feasibility", uav=uav, gnb=target)
    draft.call("request_handover", uav=uav, gnb=target)
    delay_ms = draft.want(below("latency_ms", LINK_DELAY_MS, device=uav))
    percent = draft.want(below("loss_ratio", LINK_LOSS, device=uav))
    draft.say("uav-link", uav=uav, delay_ms=delay_ms, percent=percent)


def _is_good(draft: Draft, uav: str, cell: str) -> bool:
    return all(
        link.rsrp_dbm > RECEIVABLE_DBM
        for place in (draft.start_of(uav), draft.end_of(uav))
        for link in draft.links_at(place)
        if link.cell == cell
    )


def overloaded_edge(draft: Draft, *, late: bool = False) -> None:
    """Other tenants flood the node that computes for a group. Cure: compute elsewhere. 2 calls.

    Another edge node may be flooded as well, so that the nearest other one is a trap.
    """
    computing = [group for group in draft.scenario.groups if group.workload is not None]
    if not computing:
        raise UnsuitableError("nobody computes")
    group = draft.rng.choice(computing)
    assert group.workload is not None
    draft.claim("compute")
    home = group.workload.runs_on
    load = draft.rng.choice((1.3, 1.6, 2.0))
    start_ms = _when(draft, late=late)
    draft.strike(EdgeOverload(node=home, background_load=load, start_ms=start_ms, duration_ms=FOREVER_MS))
    may = "may soon " if late else ""
    draft.say("trouble", what=f"other tenants {may}flood the compute node {home}")
    others = [node.id for node in draft.scenario.compute if node.kind == "edge" and node.id != home]
    target = others[0] if others else "cloud"
    if others and draft.rng.random() < 0.5:
        draft.strike(EdgeOverload(node=others[0], background_load=1.5, start_ms=0, duration_ms=FOREVER_MS))
        target = "cloud"
    usual_ms = draft.rng.choice((150.0, 200.0, 250.0))
    bound_ms = draft.want(below("task_latency_ms", usual_ms, group=group.name))
    draft.say("task-latency", group=group.name, bound_ms=bound_ms)
    draft.call("get_edge_load")
    draft.call(
        "edge_offload",
        task={"id": group.name, "megacycles": group.workload.megacycles},
        target={"node": target},
    )


def _when(draft: Draft, *, late: bool) -> int:
    """Network time at which a fault strikes: before the first call, or when the reference has got so far."""
    if not late or not draft.calls:
        return 0
    start_ms = len(draft.calls) * draft.scenario.decision_interval_ms
    draft.call("read_telemetry")
    return start_ms
