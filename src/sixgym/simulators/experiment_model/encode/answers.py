"""A question, and its true answer: what was measured, as shares of what is normal, in the model's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Group, Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.words import Blank
from sixgym.simulators.experiment_model.state.context import IntervalContext

Kind = Literal["flow", "tasks", "node", "slice", "cell"]

KILO = 1_000.0
"""Bytes in the kilobyte of a queue's figure."""


MIDDLE = 0.5
"""The quantile that is written where nothing is drawn: of a figure, its median."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Attributes:
        kind: What it is about.
        subject: Its name: a group, a UAV, a node, a slice or a cell.
        words: What is known.
        blanks: What the answer consists of.
    """

    kind: Kind
    subject: str
    words: tuple[str, ...]
    blanks: tuple[Blank, ...]


Answer = Mapping[str, str]
"""A word for each blank, by its name."""


def normal_packets(group: Group, context: IntervalContext, devices: int) -> float:
    """Packets that so many devices of a group are sent in an interval, at the load of that interval.

    At no load at all, those at the normal one, so that shares of it are defined.
    """
    load = context.load[group.name] or 1.0
    seconds = (context.end_ms - context.start_ms) / 1e3
    return group.traffic.packets_per_s * load * devices * seconds


def normal_tasks(group: Group, context: IntervalContext) -> float:
    """Compute tasks that a group makes in an interval."""
    assert group.workload is not None  # it has tasks
    return group.workload.rate_hz * group.count * (context.end_ms - context.start_ms) / 1e3


def flow_figures(flow: PacketFlow, normal: float) -> dict[str, float]:
    """A flow in figures, its packets as shares of the normal ones."""
    return {
        w.SENT.name: flow.sent_packets / normal,
        w.DELIVERED.name: flow.delivered_packets / normal,
        w.LOST.name: flow.lost_packets / normal,
        w.DROPPED.name: flow.dropped_packets / normal,
        w.LATENCY.name: flow.latency_ms,
        w.P95.name: flow.latency_p95_ms,
        w.LONGEST.name: flow.latency_max_ms,
        w.JITTER.name: flow.jitter_ms,
    }


def true_answer(
    question: Question, scenario: Scenario, context: IntervalContext, interval: Interval
) -> dict[str, str]:
    """What was measured, in the words of the answer."""
    figures = _measured(question, scenario, context, interval)
    answer = {one.name: one.figure.word(figures[one.name]) for one in question.blanks if one.figure}
    if any(one is w.HANDOVER_BLANK for one in question.blanks):
        state = interval.devices[question.subject].handover
        answer["handover"] = f"handover={state if state == 'FAILED' else 'COMPLETE'}"
    return answer


def _measured(
    question: Question, scenario: Scenario, context: IntervalContext, interval: Interval
) -> dict[str, float]:
    match question.kind:
        case "flow":
            if question.subject in interval.groups:
                group = scenario.group(question.subject)
                return flow_figures(interval.groups[group.name], normal_packets(group, context, group.count))
            device = interval.devices[question.subject]
            normal = normal_packets(scenario.group(device.group), context, 1)
            own = {w.QUEUE.name: device.queue_bytes / KILO, w.SINR.name: device.sinr_db}
            return flow_figures(device.flow, normal) | own
        case "tasks":
            measured = interval.workloads[question.subject]
            normal = normal_tasks(scenario.group(question.subject), context)
            return {w.DONE.name: measured.completed / normal, w.LATENCY.name: measured.latency_ms}
        case "node":
            node = interval.nodes[question.subject]
            return {w.BUSY.name: node.load, w.COUNT.name: node.queue, w.REFUSED.name: node.refused}
        case "slice":
            one = interval.slices[SliceType(question.subject)]
            return {
                w.GRANTED.name: one.prbs_granted,
                w.USED.name: one.prbs_used,
                w.QUEUE.name: one.queue_bytes / KILO,
            }
        case "cell":
            return {w.BUSY.name: interval.cells[question.subject].prb_load}
