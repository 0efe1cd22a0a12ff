"""Link bias estimation: what an interval tells about radio links and queues that are not measured one by one.

A radio map is right on average, while the fading of one device may stay good or bad for seconds. As a filter
does, `LinkBias` corrects a link up or down by what was delivered over it. `backlog_bytes` divides a slice's
measured queue among the devices that need it most. (Forgetting the biases of a flying UAV did not improve the
expectations, on training places.)
"""

from collections.abc import Iterator, Sequence

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.network import Group
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.state.context import IntervalContext, RadioLink

# Chosen on training places; docs/log.md says what the filter gains as a whole.
_DB_PER_SURPRISE = 4.0
"""Correction for a whole nominal load too much or too little."""

_MOST_DB = 12.0
"""Largest bias."""

_LEAST_SURPRISE, _LEAST_PACKETS = 0.08, 2
"""Deviations below this share of a device's nominal packets, or below so many packets, count as chance."""

_FEW_PACKETS = 10
"""A queue of so many packets is traffic on its way rather than a backlog."""

_SOME, _NEARLY_ALL = 0.1, 0.95
"""Expected delivery below which a link cannot turn out weaker, and below which it can turn out better."""


class LinkBias:
    """Difference in dB between what links carry and what the radio map says, by device and cell."""

    def __init__(self) -> None:
        self._db: dict[tuple[str, str], float] = {}

    def db(self, device: str, cell: str) -> float:
        """Bias of the link between a device and a cell; 0 before the first estimate."""
        return self._db.get((device, cell), 0.0)

    def update(self, scenario: Scenario, context: IntervalContext, interval: Interval) -> None:
        """Correct the links of devices that received more or less than expected in an interval.

        For devices on the ground only the sum over their group is measured. A deficit is assigned to the
        device with the highest PRB utilisation, a surplus to the device with the lowest among those that were
        expected to lose traffic. A cell whose backhaul loses packets at random gives no estimate.
        """
        for group in scenario.groups:
            nominal = context.nominal_packets(group, 1)
            least = max(_LEAST_SURPRISE, _LEAST_PACKETS / nominal)
            for names, flow in _measured(group, interval):
                links = [context.links[name] for name in names]
                if not context.load[group.name] or not all(
                    _informative(context, interval, one) for one in links
                ):
                    continue
                sent = flow.sent_packets / (nominal * len(names))
                due = sum(_due(context, one, sent) for one in links)
                surprise = flow.delivered_packets / nominal - due
                if abs(surprise) >= least:
                    self._correct(context, links, surprise)

    def _correct(self, context: IntervalContext, links: Sequence[RadioLink], surprise: float) -> None:
        arrives = {link.device.id: context.expected[link.device.id].arrives for link in links}
        if surprise < 0:
            weaker = [link for link in links if arrives[link.device.id] > _SOME]
            if weaker:
                link = max(weaker, key=lambda one: _utilisation(context, one))
                self._set(link, self._of(link) + _DB_PER_SURPRISE * max(surprise, -1.0))
            return
        better = [link for link in links if arrives[link.device.id] < _NEARLY_ALL or self._of(link) < 0]
        if better:
            link = min(better, key=lambda one: _utilisation(context, one))
            corrected = self._of(link) + _DB_PER_SURPRISE * min(surprise, 1.0)
            # where all traffic was expected to arrive, a link better than the map cannot be observed
            self._set(link, corrected if arrives[link.device.id] < _NEARLY_ALL else min(corrected, 0.0))

    def _of(self, link: RadioLink) -> float:
        return self.db(link.device.id, link.cell)

    def _set(self, link: RadioLink, db: float) -> None:
        self._db[link.device.id, link.cell] = min(max(db, -_MOST_DB), _MOST_DB)


def backlog_bytes(scenario: Scenario, context: IntervalContext, interval: Interval) -> dict[str, float]:
    """Bytes that wait for each device: measured for UAVs, a part of the slice's queue for the others.

    The queue is divided in proportion to the backlogs of the fluid model. What these backlogs do not explain,
    or what does not fit into the devices' buffers, goes to the devices with the highest PRB utilisation.
    """
    found: dict[str, float] = {}
    ground: dict[SliceType, list[RadioLink]] = {}
    left = {kind: float(measured.queue_bytes) for kind, measured in interval.slices.items()}
    for name, link in context.links.items():
        if link.device.group.airframe is None:
            ground.setdefault(link.slice, []).append(link)
        else:
            found[name] = float(interval.devices[name].queue_bytes)
            left[link.slice] -= found[name]
    for kind, links in ground.items():
        found |= _divided(context, links, max(left[kind], 0.0), scenario.radio.rlc_buffer_bytes)
    return found


# ---------------------------------------------------------------------- inside
def _divided(
    context: IntervalContext, links: Sequence[RadioLink], queue_bytes: float, buffer_bytes: float
) -> dict[str, float]:
    """A queue divided among the devices of these links, by device."""
    fluid = {link.device.id: context.expected[link.device.id].backlog_bytes for link in links}
    total = sum(fluid.values())
    found = {
        name: min(queue_bytes * part / total, buffer_bytes) if total else 0.0 for name, part in fluid.items()
    }
    left = queue_bytes - sum(found.values())
    for link in sorted(links, key=lambda one: _utilisation(context, one), reverse=True):
        if left <= _FEW_PACKETS * link.device.group.traffic.packet_bytes:
            break
        more = min(left, buffer_bytes - found[link.device.id])
        found[link.device.id] += more
        left -= more
    return found


def _informative(context: IntervalContext, interval: Interval, link: RadioLink) -> bool:
    """Whether the delivered packets of an interval depend on this radio link alone."""
    if context.backhaul_loss[link.cell]:
        return False
    name = link.device.id
    return link.device.group.airframe is None or interval.devices[name].cell == link.cell


def _due(context: IntervalContext, link: RadioLink, sent: float) -> float:
    """Expected delivery to a device, relative to its nominal packets.

    Args:
        context: The interval.
        link: Link of the device.
        sent: Packets sent to the device relative to its nominal packets.
    """
    arrives = context.expected[link.device.id].arrives
    return min(arrives, sent) if arrives <= 1 else arrives


def _utilisation(context: IntervalContext, link: RadioLink) -> float:
    return context.shares[link.cell, link.slice].load_of(link.need)


def _measured(group: Group, interval: Interval) -> Iterator[tuple[tuple[str, ...], PacketFlow]]:
    """Sets of devices whose packets are measured together, each with its flow."""
    if group.airframe is None:
        yield group.device_ids, interval.groups[group.name]
    else:
        yield from (((name,), interval.devices[name].flow) for name in group.device_ids)
