"""What an interval teaches of links and queues that are not measured one by one.

A radio map is right on average, and a device may be lucky or not with its fading for seconds. So, as a filter
would, the books move a link up or down by what arrived over it, and share out what waits in the cells among
those for whom it must be. (To forget while a UAV flies made expectations no better, on training places.)
"""

from collections.abc import Iterator, Sequence

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Group, Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode.answers import normal_packets
from sixgym.simulators.experiment_model.state.context import IntervalContext, RadioLink

_DB_OF_ALL = 4.0
_MOST_DB = 12.0
_SURPRISE, _PACKETS = 0.08, 2
"""Of a device's normal packets; fewer are chance."""
_FEW_PACKETS = 10
_SOME, _NEARLY_ALL = 0.1, 0.95


class LinkBias:
    """By how much links carry more than the radio map says, by device and cell, in dB."""

    def __init__(self) -> None:
        self._db: dict[tuple[str, str], float] = {}

    def db(self, device: str, cell: str) -> float:
        """Of one link; 0 as long as nothing is known."""
        return self._db.get((device, cell), 0.0)

    def learn(self, scenario: Scenario, context: IntervalContext, interval: Interval) -> None:
        """Take an interval into explanation: links of devices for which more or less arrived than expected.

        Of devices on the ground only their group's packets are known: what it lacks is put down to the one
        that is shortest of PRBs, what it has too much to the one that would have got through next. Where a
        backhaul loses packets nothing is learned, for that is chance.
        """
        for group in scenario.groups:
            normal = normal_packets(group, context, 1)
            least = max(_SURPRISE, _PACKETS / normal)
            for names, flow in _measured(group, interval):
                links = [context.links[name] for name in names]
                if not context.load[group.name] or not all(_radio(context, interval, one) for one in links):
                    continue
                sent = flow.sent_packets / (normal * len(names))
                surprise = flow.delivered_packets / normal - sum(_due(context, one, sent) for one in links)
                if abs(surprise) >= least:
                    self._move(context, links, surprise)

    def _move(self, context: IntervalContext, links: Sequence[RadioLink], surprise: float) -> None:
        arrives = {link.device.id: context.expected[link.device.id].arrives for link in links}
        if surprise < 0:
            weaker = [link for link in links if arrives[link.device.id] > _SOME]
            if weaker:
                link = max(weaker, key=lambda one: _shortage(context, one))
                self._set(link, self._of(link) + _DB_OF_ALL * max(surprise, -1.0))
            return
        better = [link for link in links if arrives[link.device.id] < _NEARLY_ALL or self._of(link) < 0]
        if better:
            link = min(better, key=lambda one: _shortage(context, one))
            moved = self._of(link) + _DB_OF_ALL * min(surprise, 1.0)
            # where all was expected to arrive, that a link is better than the map says cannot be seen
            self._set(link, moved if arrives[link.device.id] < _NEARLY_ALL else min(moved, 0.0))

    def _of(self, link: RadioLink) -> float:
        return self.db(link.device.id, link.cell)

    def _set(self, link: RadioLink, db: float) -> None:
        self._db[link.device.id, link.cell] = min(max(db, -_MOST_DB), _MOST_DB)


def backlog_bytes(scenario: Scenario, context: IntervalContext, interval: Interval) -> dict[str, float]:
    """What waits for each device: measured for UAVs, of the others their part of the slice's queue.

    It is shared out as if traffic were fluid; where nothing would wait then, and for what would not fit into
    those buffers, by who is shortest of PRBs.
    """
    found: dict[str, float] = {}
    ground: dict[SliceType, list[RadioLink]] = {}
    left = {kind: float(measured.queue_bytes) for kind, measured in interval.slices.items()}
    for name, link in context.links.items():
        if link.device.group.airframe is None:
            ground.setdefault(link.kind, []).append(link)
        else:
            found[name] = float(interval.devices[name].queue_bytes)
            left[link.kind] -= found[name]
    for kind, links in ground.items():
        found |= _shared_out(context, links, max(left[kind], 0.0), scenario.radio.rlc_buffer_bytes)
    return found


# ---------------------------------------------------------------------- inside
def _shared_out(
    context: IntervalContext, links: Sequence[RadioLink], queue_bytes: float, room_bytes: float
) -> dict[str, float]:
    fluid = {link.device.id: context.expected[link.device.id].backlog_bytes for link in links}
    total = sum(fluid.values())
    found = {
        name: min(queue_bytes * part / total, room_bytes) if total else 0.0 for name, part in fluid.items()
    }
    left = queue_bytes - sum(found.values())
    for link in sorted(links, key=lambda one: _shortage(context, one), reverse=True):
        if left <= _FEW_PACKETS * link.device.group.traffic.packet_bytes:
            break  # which happen to be on their way
        more = min(left, room_bytes - found[link.device.id])
        found[link.device.id] += more
        left -= more
    return found


def _radio(context: IntervalContext, interval: Interval, link: RadioLink) -> bool:
    """Whether what arrived says something of this link."""
    if context.backhaul_loss[link.cell]:
        return False
    name = link.device.id
    return link.device.group.airframe is None or interval.devices[name].cell == link.cell


def _due(context: IntervalContext, link: RadioLink, sent: float) -> float:
    """Share of its normal packets that should arrive at a device when that share of them is sent."""
    arrives = context.expected[link.device.id].arrives
    return min(arrives, sent) if arrives <= 1 else arrives


def _shortage(context: IntervalContext, link: RadioLink) -> float:
    return context.shares[link.cell, link.kind].equal(link.need)


def _measured(group: Group, interval: Interval) -> Iterator[tuple[tuple[str, ...], PacketFlow]]:
    """Devices whose packets are measured together, and these."""
    if group.airframe is None:
        yield group.device_ids, interval.groups[group.name]
    else:
        yield from (((name,), interval.devices[name].flow) for name in group.device_ids)
