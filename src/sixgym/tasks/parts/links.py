"""Parts about radio links and compute nodes: a cell that fails, and a compute node with too much load."""

from sixgym.domain.faults import CellOutage, CellPowerDrop, EdgeOverload
from sixgym.tasks.parts.draft import Draft, UnsuitableError, below
from sixgym.tasks.parts.slices import FOREVER_MS

CLEAR_DB = 4.0
"""Smallest lead in RSRP of the serving cell over the next one, in dB, for an unambiguous serving cell.
Chosen, not measured."""

RECEIVABLE_DBM = -100.0
"""Smallest RSRP of a cell that can serve a UAV, in dBm. Chosen, not measured."""

LINK_DELAY_MS = 60.0
"""Usual bound on the mean delay of a UAV's link, in ms. Chosen; the dry run weakens it if a network needs
that."""

LINK_LOSS = 0.05
"""Usual bound on the loss of a UAV's link, as a ratio of packets. Chosen; the dry run weakens it likewise."""


def weak_cell(draft: Draft, *, late: bool = False) -> None:
    """The cell that serves some UAVs fails. Solution: hand over each UAV. 2 calls per UAV, 1 more if late."""
    served: dict[str, list[str]] = {}
    for uav in draft.fleet.device_ids:
        first, second = draft.links_at(draft.start_of(uav))[:2]
        if first.rsrp_dbm - second.rsrp_dbm < CLEAR_DB:
            raise UnsuitableError(f"{uav} receives two cells about equally")
        served.setdefault(first.cell, []).append(uav)
    cell = draft.rng.choice(sorted(served))
    draft.claim("cells", *served[cell])
    start_ms = _when(draft, late=late)
    if draft.rng.random() < 0.5:
        draft.inject(CellOutage(cell=cell, start_ms=start_ms, duration_ms=FOREVER_MS))
        draft.say("trouble", what=f"the cell {cell} may stop radiating")
    else:
        drop_db = draft.rng.choice((28.0, 32.0, 36.0))
        draft.inject(CellPowerDrop(cell=cell, drop_db=drop_db, start_ms=start_ms, duration_ms=FOREVER_MS))
        draft.say("trouble", what=f"the cell {cell} may lose most of its power")
    for uav in served[cell]:
        _rescue(draft, uav, cell)


def _rescue(draft: Draft, uav: str, cell: str) -> None:
    places = (draft.start_of(uav), draft.end_of(uav))
    best = {next(link.cell for link in draft.links_at(place) if link.cell != cell) for place in places}
    target = draft.rng.choice(sorted(best))
    if len(best) > 1 or not _is_good(draft, uav, target):
        raise UnsuitableError(f"no other cell can serve {uav} on its whole route")
    draft.call("check_migration_feasibility", uav=uav, gnb=target)
    draft.call("request_handover", uav=uav, gnb=target)
    delay_ms = draft.add_target(below("latency_ms", LINK_DELAY_MS, device=uav))
    percent = draft.add_target(below("loss_ratio", LINK_LOSS, device=uav))
    draft.say("uav-link", uav=uav, delay_ms=delay_ms, percent=percent)


def _is_good(draft: Draft, uav: str, cell: str) -> bool:
    return all(
        link.rsrp_dbm > RECEIVABLE_DBM
        for place in (draft.start_of(uav), draft.end_of(uav))
        for link in draft.links_at(place)
        if link.cell == cell
    )


def overloaded_edge(draft: Draft, *, late: bool = False) -> None:
    """Other tenants overload the compute node of a group. Solution: offload to another node. 2 calls.

    The other edge node may be overloaded as well; then the cloud is the solution.
    """
    computing = [group for group in draft.scenario.groups if group.workload is not None]
    if not computing:
        raise UnsuitableError("no group has compute tasks")
    group = draft.rng.choice(computing)
    assert group.workload is not None
    draft.claim("compute")
    home = group.workload.runs_on
    load = draft.rng.choice((1.3, 1.6, 2.0))
    start_ms = _when(draft, late=late)
    draft.inject(EdgeOverload(node=home, background_load=load, start_ms=start_ms, duration_ms=FOREVER_MS))
    may = "may soon " if late else ""
    draft.say("trouble", what=f"other tenants {may}flood the compute node {home}")
    others = [node.id for node in draft.scenario.compute if node.kind == "edge" and node.id != home]
    target = others[0] if others else "cloud"
    if others and draft.rng.random() < 0.5:
        draft.inject(EdgeOverload(node=others[0], background_load=1.5, start_ms=0, duration_ms=FOREVER_MS))
        target = "cloud"
    usual_ms = draft.rng.choice((150.0, 200.0, 250.0))
    bound_ms = draft.add_target(below("task_latency_ms", usual_ms, group=group.name))
    draft.say("task-latency", group=group.name, bound_ms=bound_ms)
    draft.call("get_edge_load")
    draft.call(
        "edge_offload",
        task={"id": group.name, "megacycles": group.workload.megacycles},
        target={"node": target},
    )


def _when(draft: Draft, *, late: bool) -> int:
    """Start of a fault in network time, in ms: 0, or the time of the calls so far for a late fault."""
    if not late or not draft.calls:
        return 0
    start_ms = len(draft.calls) * draft.scenario.decision_interval_ms
    draft.call("read_telemetry")
    return start_ms
