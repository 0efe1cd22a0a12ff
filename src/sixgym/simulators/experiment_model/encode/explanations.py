"""Explanations: the model's reasons in words for a step of an episode, and the state that follows from them.

The form is the one of 6GAgentGym, equation 3: state, call, faults and history are the input, a chain of
thought and then the next state are the output. A simulation asks the questions of `questions` instead, which
are answered by figures alone.
"""

from collections.abc import Iterator

from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState
from sixgym.simulators.experiment_model.encode import words as w
from sixgym.simulators.experiment_model.encode.answers import KILO
from sixgym.simulators.experiment_model.encode.words import Blank, blank
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker

THUS = "=>"
"""Word between the reasons and the state."""

TOLD_DB = 3.0
"""Change of a link's SINR from which it is a fact of the explanation. Chosen, not measured."""

STATE = (w.LATENCY, w.JITTER, w.LOSS, w.MBPS, w.BUSY)
"""Figures of the six-dimensional state; its first component, the slice, is a word of its own."""


def state_blanks() -> tuple[Blank, ...]:
    """Blanks of the state after the reasons."""
    return tuple(blank(figure) for figure in STATE)


def state_words(state: NetworkState) -> list[str]:
    """Words of a state without its slice."""
    values = (state.latency_ms, state.jitter_ms, state.loss_ratio, state.throughput_mbps, state.edge_load)
    return [figure.word(value) for figure, value in zip(STATE, values, strict=True)]


def explanation_words(
    tool: str, *, ok: bool, facts: tuple[str, ...], before: NetworkState
) -> tuple[str, ...]:
    """The question that asks for an explanation of a step.

    Args:
        tool: Name of the called tool.
        ok: Whether the call was executed.
        facts: Known facts of the interval, from `facts`.
        before: State before the step.
    """
    return (
        "account",  # the word that the shipped model was trained on
        *tool[:40].split(),
        "obeyed" if ok else "refused",
        *facts,
        "before",
        before.slice.value,
        *state_words(before),
    )


def facts(tracker: NetworkTracker, context: IntervalContext) -> tuple[str, ...]:
    """Words for what changes in the coming interval, for active faults and for queues."""
    return tuple(_facts(tracker, context))


def _facts(tracker: NetworkTracker, context: IntervalContext) -> Iterator[str]:
    before = tracker.context
    if before is not None:
        yield from _cells(tracker.scenario, before, context)
        yield from _loads(before, context)
        yield from _links(before, context)
    for group in sorted(tracker.moved):
        yield from (group, "moved", tracker.slice_of[group].value)
    for kind, policy in tracker.policies.items():
        if tracker.policies_before[kind] != policy:
            yield kind.value
            yield from (figure.word(getattr(policy, name)) for name, figure in w.PERCENT.items())
    yield from context.fault_kinds
    if tracker.history:
        for kind, measured in tracker.history[-1].slices.items():
            if measured.queue_bytes:
                yield from (kind.value, w.SLICE_QUEUE.word(measured.queue_bytes / KILO))


def _loads(before: IntervalContext, now: IntervalContext) -> Iterator[str]:
    if len(now.interferers) != len(before.interferers):
        yield "interferer" if len(now.interferers) > len(before.interferers) else "quiet"
    for group, load in now.load.items():
        if load != before.load[group]:
            yield from (group, w.LOAD.word(load), w.WAS_LOAD.word(before.load[group]))
    for node, background in now.background.items():
        if background != before.background[node] or now.work[node] != before.work[node]:
            yield from (node, w.BACK.word(background), w.WORK.word(now.work[node]))


def _links(before: IntervalContext, now: IntervalContext) -> Iterator[str]:
    for name, link in now.links.items():
        # by the map: a better estimate of the link is no change of the link
        change_db = link.map_db - before.links[name].map_db
        if link.requested_cell is not None:
            yield from (
                name,
                "asked",
                link.requested_cell,
                w.SINR.word(link.sinr_db),
                w.FROM.word(link.source_sinr_db),
            )
        elif link.device.group.airframe is not None and abs(change_db) >= TOLD_DB:
            yield from (name, w.SINR.word(link.sinr_db), w.FROM.word(link.sinr_db - change_db))


def _cells(scenario: Scenario, before: IntervalContext, now: IntervalContext) -> Iterator[str]:
    for cell in scenario.cells:
        name = cell.id
        change_db = now.power_dbm[name] - before.power_dbm[name]
        if abs(change_db) >= 1.0:
            yield from (name, "stronger" if change_db > 0 else "weaker", w.FROM.word(abs(change_db)))
        if now.backhaul_ms[name] != before.backhaul_ms[name]:
            yield from (name, w.WIRE.word(now.backhaul_ms[name]))
        if now.backhaul_loss[name] != before.backhaul_loss[name]:
            yield from (name, w.LEAK.word(now.backhaul_loss[name]))
