"""What the model is asked about an interval: how each service, slice, cell, node and compute load will fare.

A question is a line of words that says what the thing is like, what it may use in the coming interval and how
it fared before; the answer is a line of figures. A network of 15 devices takes some 15 questions, which do
not depend on each other and are answered together.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Group
from sixgym.domain.slices import SliceType
from sixgym.domain.traffic import OnOff
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.answers import (
    KILO,
    Question,
    flow_figures,
    normal_packets,
    normal_tasks,
)
from sixgym.simulators.experiment_model.encode.words import Figure, blank
from sixgym.simulators.experiment_model.state.context import Link, Outlook
from sixgym.simulators.experiment_model.state.tracker import ONBOARD, Situation

_FLOW = (w.DELIVERED, w.LOST, w.DROPPED, w.LATENCY, w.P95, w.LONGEST, w.JITTER)
_DEVICE = (w.QUEUE, w.SINR)
_TASKS = (w.DONE, w.LATENCY)
_NODE = (w.BUSY, w.COUNT, w.REFUSED)
_SLICE = (w.GRANTED, w.USED, w.QUEUE)
_CELL = (w.BUSY,)
BEFORE = "before"
"""What follows is history."""
CHANGED = "changed"
"""Conditions are others now, so how it fared under the last ones is not told: only what still waits. Nor is
it told one interval later."""

_SAME = 0.05
_GREW = 1.1
_SCARCE = 0.5
_WHOLE = 0.98
_OTHER_DB, _WEAK_DB = 3.0, 12.0
_OTHER = 1.25


def questions(situation: Situation, outlook: Outlook) -> list[Question]:
    """All that the model is asked about the interval ahead."""
    return list(_questions(situation, outlook))


def _questions(situation: Situation, outlook: Outlook) -> Iterator[Question]:
    for group in situation.scenario.groups:
        links = [outlook.links[name] for name in group.device_ids]
        if group.airframe is None:
            yield _flow_question(situation, outlook, group, links, None)
        else:
            for link in links:
                yield _flow_question(situation, outlook, group, [link], link.device.id)
        if group.workload is not None:
            yield _tasks_question(situation, outlook, group, links)
    for node in situation.scenario.compute:
        yield _node_question(situation, outlook, node.id, node.kind)
    for kind in situation.policies:
        yield _slice_question(situation, outlook, kind)
    for cell in situation.scenario.cells:
        yield _cell_question(situation, outlook, cell.id)


def _flow_question(
    situation: Situation, outlook: Outlook, group: Group, links: list[Link], uav: str | None
) -> Question:
    kind = situation.slice_of[group.name]
    load = outlook.load[group.name]
    sporadic = isinstance(group.traffic, OnOff)
    known = [
        "flow",
        kind.value,
        "uav" if uav else "ground",
        "bursts" if sporadic else "steady",
        w.NOMINAL.word(group.traffic.rate_mbps),
        w.SIZE.word(group.traffic.packet_bytes),
    ]
    if load != 1.0:
        known.append(w.LOAD.word(load))
    if situation.outlook is not None and situation.outlook.load[group.name] != load:
        known.append(w.WAS_LOAD.word(situation.outlook.load[group.name]))
    if group.name in situation.moved:
        known.append("moved")
    known += _fluid_words(outlook, links)
    silent = sum(not link.heard for link in links)
    if silent:
        known.append(w.SILENT.word(silent))
    for link in sorted(links, key=lambda one: one.sinr_db):
        known += _link_words(situation, outlook, kind, link)
        arrives = outlook.expected[link.device.id].arrives
        if len(links) > 1 and not _WHOLE <= arrives <= 1 / _WHOLE:
            known.append(w.FLUID.word(arrives))
    blanks = [blank(w.SENT)] if sporadic else []
    blanks += [blank(figure) for figure in _FLOW]
    if uav is not None:
        blanks += [blank(figure) for figure in _DEVICE]
        if links[0].asked is not None:
            blanks.insert(0, w.HANDOVER_BLANK)
    if situation.outlook is not None:
        was = _fluid(situation.outlook, links)
        if abs(was - _fluid(outlook, links)) >= _SAME:
            known.append(w.WAS_FLUID.word(was))
    known += _flow_history(situation, outlook, group, uav)
    return Question("flow", uav or group.name, tuple(known), tuple(blanks))


def _fluid(outlook: Outlook, links: Sequence[Link]) -> float:
    """Share of what these devices are normally sent that would arrive."""
    return fmean(outlook.expected[link.device.id].arrives for link in links)


def _fluid_words(outlook: Outlook, links: Sequence[Link]) -> Iterator[str]:
    """What a fluid calculation expects of these devices together."""
    found = [outlook.expected[link.device.id] for link in links]
    arrive = sum(one.arrives for one in found)
    yield w.FLUID.word(arrive / len(found))
    if arrive:
        yield w.EXPECT.word(sum(one.arrives * one.latency_ms for one in found) / arrive)
    backlog = sum(one.backlog_bytes for one in found)
    if backlog:
        yield w.FLUID_QUEUE.word(backlog / KILO)


def _has_changed(before: Outlook | None, outlook: Outlook, group: Group, names: Iterable[str]) -> bool:
    """Whether the conditions of some devices of a group are so much others than in the interval before that
    how they fared then says little."""
    if before is None:
        return False
    load, loaded = outlook.load[group.name], before.load[group.name]
    if group.name in outlook.moved or not loaded / _OTHER <= load <= loaded * _OTHER:
        return True
    return any(_differs(before, outlook, name) for name in names)


def _differs(before: Outlook, outlook: Outlook, name: str) -> bool:
    """Whether a device's link or its slice's PRBs are others than they were, and it may matter."""
    then, link = before.links[name], outlook.links[name]
    if link.asked is not None and not link.refused:
        return True
    # by the map: that the books know a link better now is no change
    if abs(then.map_db - link.map_db) >= _OTHER_DB and min(then.map_db, link.map_db) < _WEAK_DB:
        return True
    cell = link.cell
    if before.backhaul_loss[cell] != outlook.backhaul_loss[cell]:
        return True
    if before.backhaul_ms[cell] != outlook.backhaul_ms[cell]:
        return True
    was, now = before.map_shares[cell, link.kind].rho, outlook.map_shares[cell, link.kind].rho
    return max(was, now) > _SCARCE and not was / _OTHER <= now <= was * _OTHER


def _link_words(situation: Situation, outlook: Outlook, kind: SliceType, link: Link) -> Iterator[str]:
    share = outlook.shares[link.cell, kind]
    yield w.SINR.word(link.sinr_db)
    yield w.RHO.word(share.rho)
    if share.rho > _SCARCE:
        yield w.OWN.word(share.equal(link.need))
    if link.asked is not None:
        yield "asked"
        yield w.FROM.word(link.from_db)
        if link.refused:
            yield "refused"
    if outlook.backhaul_ms[link.cell] != situation.scenario.backhaul.delay_ms:
        yield w.WIRE.word(outlook.backhaul_ms[link.cell])
    if outlook.backhaul_loss[link.cell]:
        yield w.LEAK.word(outlook.backhaul_loss[link.cell])
    if situation.outlook is not None:
        before = situation.outlook.links[link.device.id]
        change_db = link.map_db - before.map_db
        if abs(change_db) >= 1.0 and link.asked is None:
            yield w.FROM.word(link.sinr_db - change_db)
        then = situation.outlook
        was, now = then.map_shares[before.cell, kind].rho, outlook.map_shares[link.cell, kind].rho
        if not 1 / _GREW < (now + _SAME) / (was + _SAME) < _GREW:
            yield w.WAS_RHO.word(was * share.rho / now if now else was)


def _flow_history(situation: Situation, outlook: Outlook, group: Group, uav: str | None) -> Iterator[str]:
    if not situation.history or situation.outlook is None:
        yield "start"
        return
    last = situation.history[-1]
    names = group.device_ids if uav is None else (uav,)
    changed = _has_changed(situation.outlook, outlook, group, names)
    yield BEFORE
    if changed:
        yield CHANGED
    else:
        figures = flow_figures(_flow(last, group, uav), normal_packets(group, situation.outlook, len(names)))
        yield from _read((w.SENT, *_FLOW) if isinstance(group.traffic, OnOff) else _FLOW, figures)
    if uav is not None:
        device = last.devices[uav]
        yield w.QUEUE.word(device.queue_bytes / KILO)
        yield w.SINR.word(device.sinr_db)
    pending = situation.pending[uav or group.name]
    if pending:
        yield w.PENDING.word(pending / normal_packets(group, situation.outlook, len(names)))
    queue = last.slices[situation.slice_of[group.name]].queue_bytes
    if queue:
        yield w.SLICE_QUEUE.word(queue / KILO)
    if changed or situation.before is None or len(situation.history) < 2:
        return
    if not _has_changed(situation.before, situation.outlook, group, names):
        earlier = _flow(situation.history[-2], group, uav)
        yield "earlier"
        figures = flow_figures(earlier, normal_packets(group, situation.before, len(names)))
        yield from _read((w.DELIVERED, w.LOST, w.LATENCY), figures)


def _flow(interval: Interval, group: Group, uav: str | None) -> PacketFlow:
    return interval.groups[group.name] if uav is None else interval.devices[uav].flow


def _tasks_question(situation: Situation, outlook: Outlook, group: Group, links: list[Link]) -> Question:
    assert group.workload is not None  # it has tasks
    node = situation.runs_on[group.name]
    places = {one.id: one for one in situation.scenario.compute}
    place = places.get(node)
    kind = situation.slice_of[group.name]
    if place is None:
        assert group.airframe is not None  # only UAVs compute on board
        speed, wire_ms, background = group.airframe.onboard_megacycles_per_s, 0.0, 0.0
        work = outlook.work[f"{ONBOARD} {group.name}"]
    else:
        speed, wire_ms = place.megacycles_per_s, place.link_delay_ms
        work, background = outlook.work[node], outlook.background[node]
    known = [
        "tasks",
        ONBOARD if place is None else place.kind,
        w.WORK.word(work),
        w.BACK.word(background),
        w.LONGEST.word(group.workload.megacycles / speed * 1e3),
        w.WIRE.word(wire_ms),
    ]
    if work + background < 1:
        # a queue with random arrivals and work, and the wires there and back
        known.append(
            w.EXPECT.word(group.workload.megacycles / speed * 1e3 / (1 - work - background) + 2 * wire_ms)
        )
    known += [
        w.DEVICES.word(group.count),
        w.RHO.word(max(outlook.shares[one.cell, kind].rho for one in links)),
        *_fluid_words(outlook, links),
    ]
    # a device that hears little gets its answers late, if at all
    for link in sorted(links, key=lambda one: one.sinr_db):
        known.append(w.SINR.word(link.sinr_db))
        arrives = outlook.expected[link.device.id].arrives
        if len(links) > 1 and not _WHOLE <= arrives <= 1 / _WHOLE:
            known += list(_fluid_words(outlook, [link]))
    slow = max(outlook.backhaul_ms[one.cell] for one in links)
    if slow != situation.scenario.backhaul.delay_ms:
        known.append(w.WIRE.word(slow))
    leak = max(outlook.backhaul_loss[one.cell] for one in links)
    if leak:
        known.append(w.LEAK.word(leak))
    if group.name in situation.relocated:
        known.append("moved")
    if situation.history and situation.outlook is not None:
        last = situation.history[-1]
        before = last.workloads[group.name]
        known += [
            BEFORE,
            w.DONE.word(before.completed / normal_tasks(group, situation.outlook)),
            w.LATENCY.word(before.latency_ms),
            w.P95.word(last.groups[group.name].latency_ms),
            w.OPEN.word(situation.open_tasks[group.name]),
        ]
        if node in last.nodes:
            known += [w.BUSY.word(last.nodes[node].load), w.COUNT.word(last.nodes[node].queue)]
    else:
        known.append("start")
    return Question("tasks", group.name, tuple(known), tuple(blank(figure) for figure in _TASKS))


def _node_question(situation: Situation, outlook: Outlook, node: str, kind: str) -> Question:
    known = ["node", kind, w.WORK.word(outlook.work[node]), w.BACK.word(outlook.background[node])]
    before = situation.outlook
    if before is not None and (before.work[node], before.background[node]) != (
        outlook.work[node],
        outlook.background[node],
    ):
        known += ["was", w.WORK.word(before.work[node]), w.BACK.word(before.background[node])]
    if situation.history:
        last = situation.history[-1].nodes[node]
        known += [BEFORE, w.BUSY.word(last.load), w.COUNT.word(last.queue), w.REFUSED.word(last.refused)]
    else:
        known.append("start")
    return Question("node", node, tuple(known), tuple(blank(figure) for figure in _NODE))


def _slice_question(situation: Situation, outlook: Outlook, kind: SliceType) -> Question:
    policy = situation.policies[kind]
    known = ["slice", kind.value]
    known += [w.PERCENT[name].word(getattr(policy, name)) for name in w.PERCENT]
    shares = sorted(
        (outlook.shares[cell.id, kind] for cell in situation.scenario.cells), key=lambda one: one.rho
    )
    for share in shares:
        known += [w.NEED.word(share.need), w.HAVE.word(share.have)]
    members = [
        name for name, link in outlook.links.items() if situation.slice_of[link.device.group.name] is kind
    ]
    if members:
        known += _fluid_words(outlook, [outlook.links[name] for name in members])
    known += _slice_history(situation, kind)
    return Question("slice", kind.value, tuple(known), tuple(blank(figure) for figure in _SLICE))


def _slice_history(situation: Situation, kind: SliceType) -> Iterator[str]:
    if not situation.history:
        yield "start"
        return
    last = situation.history[-1].slices[kind]
    yield BEFORE
    yield w.GRANTED.word(last.prbs_granted)
    yield w.USED.word(last.prbs_used)
    yield w.QUEUE.word(last.queue_bytes / KILO)
    waiting = sum(
        situation.pending[group.name] * group.traffic.packet_bytes
        for group in situation.scenario.groups
        if situation.slice_of[group.name] is kind
    )
    yield w.WAITING.word(waiting / KILO)
    if situation.moved:
        yield "moved"


def _cell_question(situation: Situation, outlook: Outlook, cell: str) -> Question:
    known = ["cell"]
    if outlook.power_dbm[cell] <= -100.0:
        known.append("dark")
    for kind in situation.policies:
        share = outlook.shares[cell, kind]
        known += [w.NEED.word(share.need), w.HAVE.word(share.have)]
    if situation.history:
        known += [BEFORE, w.BUSY.word(situation.history[-1].cells[cell].prb_load)]
    else:
        known.append("start")
    return Question("cell", cell, tuple(known), (blank(w.BUSY),))


def _read(figures: tuple[Figure, ...], values: Mapping[str, float]) -> Iterator[str]:
    return (figure.word(values[figure.name]) for figure in figures)


def forgetting(question: Question) -> Question:
    """The question without what was before: so a model learns what follows from the present alone."""
    if BEFORE not in question.words:
        return question
    known = question.words[: question.words.index(BEFORE)]
    return replace(question, words=(*known, "unknown"))
