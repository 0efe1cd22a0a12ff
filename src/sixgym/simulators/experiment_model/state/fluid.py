"""What would become of traffic if it flowed like water: the model is told, and has learned to correct it."""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Radio, Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.experiment_model.state.context import Expected, RadioLink
from sixgym.simulators.experiment_model.state.prb_allocation import allocate, efficiency, offered_bits_per_s

_RADIO_MS = 4.0
"""What a packet takes that need not wait."""
_STEPS = 20


def expected(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    links: Iterable[RadioLink],
    *,
    backhaul_ms: Mapping[str, float],
    backhaul_loss: Mapping[str, float],
    seconds: float,
) -> dict[str, Expected]:
    """How every device would fare, from what waits for it at the beginning.

    Devices of a slice in a cell share its PRBs evenly, and none gets more than it can use. A queue is served
    in order; what does not fit is dropped, and what has waited longer than the loss timeout is lost.

    Args:
        scenario: The network.
        policies: Of its slices.
        links: Of all devices.
        backhaul_ms, backhaul_loss: By cell.
        seconds: Length of the interval.
    """
    by_cell: dict[str, list[RadioLink]] = {}
    for link in links:
        by_cell.setdefault(link.cell, []).append(link)
    found: dict[str, Expected] = {}
    for cell, members in by_cell.items():
        rates = _service(scenario, policies, members, seconds)
        for link, rate in zip(members, rates, strict=True):
            alone = _wait(link, rate, scenario.radio, seconds)
            found[link.device.id] = Expected(
                alone.arrives * (1 - backhaul_loss[cell]),
                alone.latency_ms + backhaul_ms[cell],
                alone.backlog_bytes,
                alone.accepted_bits_per_s,
            )
    return found


def _service(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    links: Sequence[RadioLink],
    seconds: float,
) -> list[float]:
    """Bit/s that each device of a cell could be sent."""
    per_prb = [efficiency(link.sinr_db) * PRB_HZ for link in links]
    wants = [
        min(
            (offered_bits_per_s(link.device.group, link.load) + _backlog_bytes(link) * 8 / seconds) / rate,
            float(scenario.prbs),
        )
        for link, rate in zip(links, per_prb, strict=True)
    ]
    kinds = [link.kind for link in links]
    need = dict.fromkeys(policies, 0.0)
    for kind, want in zip(kinds, wants, strict=True):
        need[kind] += want
    served = [0.0] * len(links)
    for kind, have in allocate(policies, need, float(scenario.prbs)).items():
        members = sorted((index for index, one in enumerate(kinds) if one is kind), key=wants.__getitem__)
        left, waiting = have, len(members)
        for index in members:
            turn = left / waiting  # who wants less than its turn is served the sooner for it
            served[index] = turn * per_prb[index]
            left, waiting = left - min(wants[index], turn), waiting - 1
    return served


def _backlog_bytes(link: RadioLink) -> float:
    """What waits for a device; a new cell begins with an empty queue."""
    return 0.0 if link.asked is not None and not link.refused else link.device.backlog_bytes


def _wait(link: RadioLink, rate: float, radio: Radio, seconds: float) -> Expected:
    """A queue of bits over an interval, served in order at a rate in bit/s."""
    group = link.device.group
    offered = offered_bits_per_s(group, link.load)
    normal = offered_bits_per_s(group, link.load or 1.0) * seconds
    room, timeout = radio.rlc_buffer_bytes * 8.0, radio.loss_timeout_ms / 1e3
    backlog = min(_backlog_bytes(link) * 8.0, room)
    if not backlog and rate >= offered > 0:
        return Expected(offered * seconds / normal, _RADIO_MS, 0.0, offered)
    step = seconds / _STEPS
    before = link.device.accepted_bits_per_s
    line = _standing(backlog, (offered if before is None else before) * step, step, timeout)
    queue, accepted, arrived, waited = backlog, 0.0, 0.0, 0.0
    for number in range(1, _STEPS + 1):
        now = number * step
        new = min(offered * step, room - queue + rate * step)
        line.append((new, now))
        accepted += new
        queue += new
        left = min(queue, rate * step)
        queue -= left
        while left > 0 and line:
            bits, since = line.popleft()
            served = min(bits, left)
            if now - since < timeout:
                arrived += served
                waited += served * (now - since)
            if bits > served:
                line.appendleft((bits - served, since))
            left -= served
    latency_ms = waited / arrived * 1e3 + _RADIO_MS if arrived else timeout * 1e3
    return Expected(arrived / normal, latency_ms, queue / 8, accepted / seconds)


def _standing(backlog: float, a_step: float, step: float, timeout: float) -> deque[tuple[float, float]]:
    """Bits that wait at the beginning, the oldest first, and since when.

    Args:
        backlog: All of them.
        a_step: What was let into the buffer in a step, until now.
        step, timeout: In seconds; what has waited for longer than the timeout is all the same.
    """
    line: deque[tuple[float, float]] = deque()
    since = 0.0
    while backlog > 0 and a_step > 0 and since > -timeout:
        line.appendleft((min(backlog, a_step), since))
        backlog, since = backlog - a_step, since - step
    if backlog > 0:
        line.appendleft((backlog, -2 * timeout))
    return line
