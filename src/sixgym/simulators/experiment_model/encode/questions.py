"""Questions about an interval: one for each flow, workload, compute node, slice and cell.

A question is a line of words: properties of the object, its resources in the coming interval, and its last
measurements. The answer is a line of figures. A network of 15 devices takes some 15 questions, which are
independent of each other and answered in one batch.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.network import Group
from sixgym.domain.slices import SliceType
from sixgym.domain.traffic import OnOff
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.answers import (
    KILO,
    Question,
    flow_figures,
)
from sixgym.simulators.experiment_model.encode.words import Figure, blank
from sixgym.simulators.experiment_model.state.context import IntervalContext, RadioLink
from sixgym.simulators.experiment_model.state.tracker import ONBOARD, NetworkTracker

_FLOW = (w.DELIVERED, w.LOST, w.DROPPED, w.LATENCY, w.P95, w.LONGEST, w.JITTER)
_DEVICE = (w.QUEUE, w.SINR)
_TASKS = (w.DONE, w.LATENCY)
_NODE = (w.BUSY, w.COUNT, w.REFUSED)
_SLICE = (w.GRANTED, w.USED, w.QUEUE)
_CELL = (w.BUSY,)
BEFORE = "before"
"""Word before the history."""
CHANGED = "changed"
"""Word in place of the history when conditions have changed. The last measurements are left out, in this
interval and in the next one; queues stay in the question."""

# When a change is worth words. Chosen, not measured; docs/log.md says what leaving the history out gains.
_SAME = 0.05
"""Difference of expected delivery or utilisation below which both count as equal."""

_GREW = 1.1
"""Ratio of utilisations from which the question holds the last one."""

_SCARCE = 0.5
"""Utilisation of a slice's PRBs from which a device's own part of them matters."""

_ALL_ARRIVES = 0.98
"""Expected delivery from which a device loses nothing."""

_OTHER_DB, _WEAK_DB = 3.0, 12.0
"""Change of SINR that changes the conditions of a link, if one of the values is below the second bound."""

_OTHER_RATIO = 1.25
"""Ratio of loads or utilisations that changes the conditions."""


def questions(tracker: NetworkTracker, context: IntervalContext) -> list[Question]:
    """All questions about an interval."""
    return list(_questions(tracker, context))


def _questions(tracker: NetworkTracker, context: IntervalContext) -> Iterator[Question]:
    for group in tracker.scenario.groups:
        links = [context.links[name] for name in group.device_ids]
        if group.airframe is None:
            yield _flow_question(tracker, context, group, links, None)
        else:
            for link in links:
                yield _flow_question(tracker, context, group, [link], link.device.id)
        if group.workload is not None:
            yield _tasks_question(tracker, context, group, links)
    for node in tracker.scenario.compute:
        yield _node_question(tracker, context, node.id, node.kind)
    for kind in tracker.policies:
        yield _slice_question(tracker, context, kind)
    for cell in tracker.scenario.cells:
        yield _cell_question(tracker, context, cell.id)


def _flow_question(
    tracker: NetworkTracker, context: IntervalContext, group: Group, links: list[RadioLink], uav: str | None
) -> Question:
    kind = tracker.slice_of[group.name]
    load = context.load[group.name]
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
    if tracker.context is not None and tracker.context.load[group.name] != load:
        known.append(w.WAS_LOAD.word(tracker.context.load[group.name]))
    if group.name in tracker.moved:
        known.append("moved")
    known += _fluid_words(context, links)
    silent = sum(not link.in_coverage for link in links)
    if silent:
        known.append(w.SILENT.word(silent))
    for link in sorted(links, key=lambda one: one.sinr_db):
        known += _link_words(tracker, context, kind, link)
        arrives = context.expected[link.device.id].arrives
        if len(links) > 1 and not _ALL_ARRIVES <= arrives <= 1 / _ALL_ARRIVES:
            known.append(w.FLUID.word(arrives))
    blanks = [blank(w.SENT)] if sporadic else []
    blanks += [blank(figure) for figure in _FLOW]
    if uav is not None:
        blanks += [blank(figure) for figure in _DEVICE]
        if links[0].requested_cell is not None:
            blanks.insert(0, w.HANDOVER_BLANK)
    if tracker.context is not None:
        was = _fluid(tracker.context, links)
        if abs(was - _fluid(context, links)) >= _SAME:
            known.append(w.WAS_FLUID.word(was))
    known += _flow_history(tracker, context, group, uav)
    return Question("flow", uav or group.name, tuple(known), tuple(blanks))


def _fluid(context: IntervalContext, links: Sequence[RadioLink]) -> float:
    """Mean expected delivery of these devices."""
    return fmean(context.expected[link.device.id].arrives for link in links)


def _fluid_words(context: IntervalContext, links: Sequence[RadioLink]) -> Iterator[str]:
    """Expectations of the fluid model for these devices together."""
    found = [context.expected[link.device.id] for link in links]
    arrive = sum(one.arrives for one in found)
    yield w.FLUID.word(arrive / len(found))
    if arrive:
        yield w.EXPECT.word(sum(one.arrives * one.latency_ms for one in found) / arrive)
    backlog = sum(one.backlog_bytes for one in found)
    if backlog:
        yield w.FLUID_QUEUE.word(backlog / KILO)


def _has_changed(
    before: IntervalContext | None, context: IntervalContext, group: Group, names: Iterable[str]
) -> bool:
    """Whether a group's conditions differ so much from those of `before` that old measurements say little."""
    if before is None:
        return False
    load, loaded = context.load[group.name], before.load[group.name]
    if group.name in context.moved or not loaded / _OTHER_RATIO <= load <= loaded * _OTHER_RATIO:
        return True
    return any(_differs(before, context, name) for name in names)


def _differs(before: IntervalContext, context: IntervalContext, name: str) -> bool:
    """Whether a device's link or its slice's PRB utilisation has changed to a degree that matters."""
    then, link = before.links[name], context.links[name]
    if link.requested_cell is not None and not link.refused:
        return True
    # by the map: a better estimate of the link is no change of the link
    if abs(then.map_db - link.map_db) >= _OTHER_DB and min(then.map_db, link.map_db) < _WEAK_DB:
        return True
    cell = link.cell
    if before.backhaul_loss[cell] != context.backhaul_loss[cell]:
        return True
    if before.backhaul_ms[cell] != context.backhaul_ms[cell]:
        return True
    was, now = before.map_shares[cell, link.slice].rho, context.map_shares[cell, link.slice].rho
    return max(was, now) > _SCARCE and not was / _OTHER_RATIO <= now <= was * _OTHER_RATIO


def _link_words(
    tracker: NetworkTracker, context: IntervalContext, kind: SliceType, link: RadioLink
) -> Iterator[str]:
    share = context.shares[link.cell, kind]
    yield w.SINR.word(link.sinr_db)
    yield w.RHO.word(share.rho)
    if share.rho > _SCARCE:
        yield w.OWN.word(share.load_of(link.need))
    if link.requested_cell is not None:
        yield "asked"
        yield w.FROM.word(link.source_sinr_db)
        if link.refused:
            yield "refused"
    if context.backhaul_ms[link.cell] != tracker.scenario.backhaul.delay_ms:
        yield w.WIRE.word(context.backhaul_ms[link.cell])
    if context.backhaul_loss[link.cell]:
        yield w.LEAK.word(context.backhaul_loss[link.cell])
    if tracker.context is not None:
        before = tracker.context.links[link.device.id]
        change_db = link.map_db - before.map_db
        if abs(change_db) >= 1.0 and link.requested_cell is None:
            yield w.FROM.word(link.sinr_db - change_db)
        then = tracker.context
        was, now = then.map_shares[before.cell, kind].rho, context.map_shares[link.cell, kind].rho
        if not 1 / _GREW < (now + _SAME) / (was + _SAME) < _GREW:
            yield w.WAS_RHO.word(was * share.rho / now if now else was)


def _flow_history(
    tracker: NetworkTracker, context: IntervalContext, group: Group, uav: str | None
) -> Iterator[str]:
    if not tracker.history or tracker.context is None:
        yield "start"
        return
    last = tracker.history[-1]
    names = group.device_ids if uav is None else (uav,)
    changed = _has_changed(tracker.context, context, group, names)
    yield BEFORE
    if changed:
        yield CHANGED
    else:
        figures = flow_figures(_flow(last, group, uav), tracker.context.nominal_packets(group, len(names)))
        yield from _read((w.SENT, *_FLOW) if isinstance(group.traffic, OnOff) else _FLOW, figures)
    if uav is not None:
        device = last.devices[uav]
        yield w.QUEUE.word(device.queue_bytes / KILO)
        yield w.SINR.word(device.sinr_db)
    pending = tracker.pending[uav or group.name]
    if pending:
        yield w.PENDING.word(pending / tracker.context.nominal_packets(group, len(names)))
    queue = last.slices[tracker.slice_of[group.name]].queue_bytes
    if queue:
        yield w.SLICE_QUEUE.word(queue / KILO)
    if changed or tracker.before is None or len(tracker.history) < 2:
        return
    if not _has_changed(tracker.before, tracker.context, group, names):
        earlier = _flow(tracker.history[-2], group, uav)
        yield "earlier"
        figures = flow_figures(earlier, tracker.before.nominal_packets(group, len(names)))
        yield from _read((w.DELIVERED, w.LOST, w.LATENCY), figures)


def _flow(interval: Interval, group: Group, uav: str | None) -> PacketFlow:
    return interval.groups[group.name] if uav is None else interval.devices[uav].flow


def _tasks_question(
    tracker: NetworkTracker, context: IntervalContext, group: Group, links: list[RadioLink]
) -> Question:
    kind = tracker.slice_of[group.name]
    known = [
        "tasks",
        *_computer_words(tracker, context, group),
        w.DEVICES.word(group.count),
        w.RHO.word(max(context.shares[one.cell, kind].rho for one in links)),
        *_fluid_words(context, links),
    ]
    # answers to a device with a weak link arrive late or never
    for link in sorted(links, key=lambda one: one.sinr_db):
        known.append(w.SINR.word(link.sinr_db))
        arrives = context.expected[link.device.id].arrives
        if len(links) > 1 and not _ALL_ARRIVES <= arrives <= 1 / _ALL_ARRIVES:
            known += list(_fluid_words(context, [link]))
    slow = max(context.backhaul_ms[one.cell] for one in links)
    if slow != tracker.scenario.backhaul.delay_ms:
        known.append(w.WIRE.word(slow))
    leak = max(context.backhaul_loss[one.cell] for one in links)
    if leak:
        known.append(w.LEAK.word(leak))
    if group.name in tracker.relocated:
        known.append("moved")
    known += _tasks_history(tracker, group)
    return Question("tasks", group.name, tuple(known), tuple(blank(figure) for figure in _TASKS))


def _computer_words(tracker: NetworkTracker, context: IntervalContext, group: Group) -> Iterator[str]:
    """The computer of a group's tasks: its kind, its load, the time of a task and of the way there."""
    assert group.workload is not None  # the group has tasks
    node = tracker.runs_on[group.name]
    place = next((one for one in tracker.scenario.compute if one.id == node), None)
    if place is None:
        assert group.airframe is not None  # only UAVs compute on board
        speed, wire_ms, background = group.airframe.onboard_megacycles_per_s, 0.0, 0.0
        work = context.work[f"{ONBOARD} {group.name}"]
    else:
        speed, wire_ms = place.megacycles_per_s, place.link_delay_ms
        work, background = context.work[node], context.background[node]
    service_ms = group.workload.megacycles / speed * 1e3
    yield ONBOARD if place is None else place.kind
    yield w.WORK.word(work)
    yield w.BACK.word(background)
    yield w.LONGEST.word(service_ms)
    yield w.WIRE.word(wire_ms)
    if work + background < 1:
        # mean sojourn time in an M/M/1 queue, and the way there and back
        yield w.EXPECT.word(service_ms / (1 - work - background) + 2 * wire_ms)


def _tasks_history(tracker: NetworkTracker, group: Group) -> Iterator[str]:
    if not tracker.history or tracker.context is None:
        yield "start"
        return
    last = tracker.history[-1]
    before = last.workloads[group.name]
    yield BEFORE
    yield w.DONE.word(before.completed / tracker.context.nominal_tasks(group))
    yield w.LATENCY.word(before.latency_ms)
    yield w.P95.word(last.groups[group.name].latency_ms)
    yield w.OPEN.word(tracker.open_tasks[group.name])
    node = tracker.runs_on[group.name]
    if node in last.nodes:
        yield w.BUSY.word(last.nodes[node].load)
        yield w.COUNT.word(last.nodes[node].queue)


def _node_question(tracker: NetworkTracker, context: IntervalContext, node: str, kind: str) -> Question:
    known = ["node", kind, w.WORK.word(context.work[node]), w.BACK.word(context.background[node])]
    before = tracker.context
    if before is not None and (before.work[node], before.background[node]) != (
        context.work[node],
        context.background[node],
    ):
        known += ["was", w.WORK.word(before.work[node]), w.BACK.word(before.background[node])]
    if tracker.history:
        last = tracker.history[-1].nodes[node]
        known += [BEFORE, w.BUSY.word(last.load), w.COUNT.word(last.queue), w.REFUSED.word(last.refused)]
    else:
        known.append("start")
    return Question("node", node, tuple(known), tuple(blank(figure) for figure in _NODE))


def _slice_question(tracker: NetworkTracker, context: IntervalContext, kind: SliceType) -> Question:
    policy = tracker.policies[kind]
    known = ["slice", kind.value]
    known += [w.PERCENT[name].word(getattr(policy, name)) for name in w.PERCENT]
    shares = sorted(
        (context.shares[cell.id, kind] for cell in tracker.scenario.cells), key=lambda one: one.rho
    )
    for share in shares:
        known += [w.NEED.word(share.needed), w.HAVE.word(share.allocated)]
    members = [
        name for name, link in context.links.items() if tracker.slice_of[link.device.group.name] is kind
    ]
    if members:
        known += _fluid_words(context, [context.links[name] for name in members])
    known += _slice_history(tracker, kind)
    return Question("slice", kind.value, tuple(known), tuple(blank(figure) for figure in _SLICE))


def _slice_history(tracker: NetworkTracker, kind: SliceType) -> Iterator[str]:
    if not tracker.history:
        yield "start"
        return
    last = tracker.history[-1].slices[kind]
    yield BEFORE
    yield w.GRANTED.word(last.prbs_granted)
    yield w.USED.word(last.prbs_used)
    yield w.QUEUE.word(last.queue_bytes / KILO)
    waiting = sum(
        tracker.pending[group.name] * group.traffic.packet_bytes
        for group in tracker.scenario.groups
        if tracker.slice_of[group.name] is kind
    )
    yield w.WAITING.word(waiting / KILO)
    if tracker.moved:
        yield "moved"


def _cell_question(tracker: NetworkTracker, context: IntervalContext, cell: str) -> Question:
    known = ["cell"]
    if context.power_dbm[cell] <= -100.0:
        known.append("dark")
    for kind in tracker.policies:
        share = context.shares[cell, kind]
        known += [w.NEED.word(share.needed), w.HAVE.word(share.allocated)]
    if tracker.history:
        known += [BEFORE, w.BUSY.word(tracker.history[-1].cells[cell].prb_load)]
    else:
        known.append("start")
    return Question("cell", cell, tuple(known), (blank(w.BUSY),))


def _read(figures: tuple[Figure, ...], values: Mapping[str, float]) -> Iterator[str]:
    return (figure.word(values[figure.name]) for figure in figures)


def without_history(question: Question) -> Question:
    """The question without its history, so that a model learns what follows from the present alone."""
    if BEFORE not in question.words:
        return question
    known = question.words[: question.words.index(BEFORE)]
    return replace(question, words=(*known, "unknown"))
