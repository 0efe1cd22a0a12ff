"""Questions, and their true answers: measurements relative to nominal counts, in the model's words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.words import Blank
from sixgym.simulators.experiment_model.state.context import IntervalContext

Kind = Literal["flow", "tasks", "node", "slice", "cell"]

KILO = 1_000.0
"""Bytes in a kilobyte of the figure `queue`."""

MEDIAN = 0.5
"""Quantile of every word when answers are not sampled."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one object in one interval.

    Attributes:
        kind: Kind of the object.
        subject: Name of the object: a group, a UAV, a node, a slice or a cell.
        words: Words of the question.
        blanks: Blanks of the answer, in order.
    """

    kind: Kind
    subject: str
    words: tuple[str, ...]
    blanks: tuple[Blank, ...]


Answer = Mapping[str, str]
"""A word for each blank, by the blank's name."""


def flow_figures(flow: PacketFlow, nominal: float) -> dict[str, float]:
    """Figures of a flow by name; packet counts are relative to the nominal count."""
    return {
        w.SENT.name: flow.sent_packets / nominal,
        w.DELIVERED.name: flow.delivered_packets / nominal,
        w.LOST.name: flow.lost_packets / nominal,
        w.DROPPED.name: flow.dropped_packets / nominal,
        w.LATENCY.name: flow.latency_ms,
        w.P95.name: flow.latency_p95_ms,
        w.LONGEST.name: flow.latency_max_ms,
        w.JITTER.name: flow.jitter_ms,
    }


def true_answer(
    question: Question, scenario: Scenario, context: IntervalContext, interval: Interval
) -> dict[str, str]:
    """The measured interval in the words of the answer."""
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
                return flow_figures(interval.groups[group.name], context.nominal_packets(group, group.count))
            device = interval.devices[question.subject]
            nominal = context.nominal_packets(scenario.group(device.group), 1)
            own = {w.QUEUE.name: device.queue_bytes / KILO, w.SINR.name: device.sinr_db}
            return flow_figures(device.flow, nominal) | own
        case "tasks":
            measured = interval.workloads[question.subject]
            nominal = context.nominal_tasks(scenario.group(question.subject))
            return {w.DONE.name: measured.completed / nominal, w.LATENCY.name: measured.latency_ms}
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
