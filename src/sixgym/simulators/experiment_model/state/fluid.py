"""A fluid model of traffic: what each device would receive if packets were infinitely small.

The language model reads these expectations and has learned to correct them.
"""

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from sixgym.domain.network import Radio
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.experiment_model.state.context import Expected, RadioLink
from sixgym.simulators.experiment_model.state.prb_allocation import allocate, efficiency, offered_bits_per_s

_RADIO_MS = 4.0
"""Delay of a packet that does not wait: ns-3 takes at least 3.8 ms."""

_STEPS = 20
"""Steps of the queue calculation in an interval. Chosen, not measured."""


def expected(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    links: Iterable[RadioLink],
    *,
    backhaul_ms: Mapping[str, float],
    backhaul_loss: Mapping[str, float],
    seconds: float,
) -> dict[str, Expected]:
    """Expected delivery, delay and backlog by device, starting from the devices' present backlogs.

    Devices of a slice in a cell share its PRBs evenly, and none gets more than it can use. A queue is served
    in order of arrival. Traffic that does not fit into the buffer is dropped, and traffic that has waited
    longer than the loss timeout is lost.

    Args:
        scenario: The network.
        policies: PRB policies of the slices.
        links: Radio links of all devices.
        backhaul_ms, backhaul_loss: Backhaul delay and loss ratio by cell.
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
    """Bit/s at which the cell could serve each of its devices."""
    per_prb = [efficiency(link.sinr_db) * PRB_HZ for link in links]
    wants = [
        min(
            (offered_bits_per_s(link.device.group, link.load) + _backlog_bytes(link) * 8 / seconds) / rate,
            float(scenario.prbs),
        )
        for link, rate in zip(links, per_prb, strict=True)
    ]
    slices = [link.slice for link in links]
    needed = dict.fromkeys(policies, 0.0)
    for kind, want in zip(slices, wants, strict=True):
        needed[kind] += want
    served = [0.0] * len(links)
    for kind, allocated in allocate(policies, needed, float(scenario.prbs)).items():
        members = sorted((index for index, one in enumerate(slices) if one is kind), key=wants.__getitem__)
        left, waiting = allocated, len(members)
        for index in members:
            turn = left / waiting  # a device that wants less is served at the full rate and done sooner
            served[index] = turn * per_prb[index]
            left, waiting = left - min(wants[index], turn), waiting - 1
    return served


def _backlog_bytes(link: RadioLink) -> float:
    """Backlog of a device at the beginning; a target cell begins with an empty queue."""
    return 0.0 if link.requested_cell is not None and not link.refused else link.device.backlog_bytes


def _wait(link: RadioLink, rate: float, radio: Radio, seconds: float) -> Expected:
    """The queue of one device over an interval, served in order of arrival.

    Args:
        link: Link of the device.
        rate: Service rate in bit/s.
        radio: Buffer size and loss timeout.
        seconds: Length of the interval.
    """
    group = link.device.group
    offered = offered_bits_per_s(group, link.load)
    normal = offered_bits_per_s(group, link.load or 1.0) * seconds
    room, timeout = radio.rlc_buffer_bytes * 8.0, radio.loss_timeout_ms / 1e3
    backlog = min(_backlog_bytes(link) * 8.0, room)
    if not backlog and rate >= offered > 0:
        return Expected(offered * seconds / normal, _RADIO_MS, 0.0, offered)
    step = seconds / _STEPS
    before = link.device.accepted_bits_per_s
    queued = _initial_queue(backlog, (offered if before is None else before) * step, step, timeout)
    queue, accepted, arrived, waited = backlog, 0.0, 0.0, 0.0
    for number in range(1, _STEPS + 1):
        now = number * step
        new = min(offered * step, room - queue + rate * step)
        queued.append((new, now))
        accepted += new
        queue += new
        left = min(queue, rate * step)
        queue -= left
        while left > 0 and queued:
            bits, since = queued.popleft()
            served = min(bits, left)
            if now - since < timeout:
                arrived += served
                waited += served * (now - since)
            if bits > served:
                queued.appendleft((bits - served, since))
            left -= served
    latency_ms = waited / arrived * 1e3 + _RADIO_MS if arrived else timeout * 1e3
    return Expected(arrived / normal, latency_ms, queue / 8, accepted / seconds)


def _initial_queue(backlog: float, a_step: float, step: float, timeout: float) -> deque[tuple[float, float]]:
    """The queue at the beginning, oldest bits first: pairs of bits and their time of arrival in s, at most 0.

    Args:
        backlog: Bits in the queue.
        a_step: Bits that the buffer accepted per step, until now.
        step: Length of a step in s.
        timeout: Loss timeout in s. Bits older than the timeout are put into one entry, as all of them are
            lost.
    """
    queued: deque[tuple[float, float]] = deque()
    since = 0.0
    while backlog > 0 and a_step > 0 and since > -timeout:
        queued.appendleft((min(backlog, a_step), since))
        backlog, since = backlog - a_step, since - step
    if backlog > 0:
        queued.appendleft((backlog, -2 * timeout))
    return queued
