"""Reasons: sentences, made from measurements, that explain the network state after a call.

A reason says what the call does to the network, which differences were measured and how they act, and how the
state of the managed service changed. The wording is drawn at random; the content is not.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any

from sixgym.data.traces.evidence import Evidence, Kind, evidence
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import TaskSpec
from sixgym.domain.slices import NetworkState, RrmPolicyRatio
from sixgym.episodes.episode import Step
from sixgym.tools.base import CATALOG, Effect
from sixgym.tools.types import DegradationSpec, OffloadTarget

MOST_CAUSES = 3
"""Largest number of causes in a reason. Causes come before their consequences."""

STEADY = 0.1
"""Share of a metric's value below which a difference counts as unchanged."""

_CAUSES: Mapping[Kind, Sequence[str]] = {
    "weaker-cell": (
        "{where} radiates {drop:.0f} dB less, so its devices get fewer bits per PRB",
        "the power of {where} fell by {drop:.0f} dB, which lowers the rate of every device it serves",
    ),
    "stronger-cell": (
        "{where} radiates {rise:.0f} dB more again, so a PRB carries more",
        "the power of {where} is back up by {rise:.0f} dB and its links get faster",
    ),
    "interference": (
        "a foreign transmitter came on and its noise covers the carrier",
        "interference set in, so blocks are lost and coding gets more cautious",
    ),
    "quiet-again": (
        "a foreign transmitter went silent, so links recover",
        "the interference is gone and blocks get through again",
    ),
    "slower-backhaul": (
        "the backhaul of {where} takes {rise:.0f} ms longer, and so does every packet to its devices",
        "packets for {where} wait {rise:.0f} ms more between the core and the cell",
    ),
    "faster-backhaul": (
        "the backhaul of {where} is {drop:.0f} ms faster again",
        "{where} gets its packets {drop:.0f} ms sooner than before",
    ),
    "lossy-backhaul": (
        "the backhaul of {where} drops {after:.1%} of the packets before they reach the radio",
        "{after:.1%} of what is sent to {where} is lost on its backhaul",
    ),
    "clean-backhaul": (
        "the backhaul of {where} loses less than before",
        "fewer packets are lost on the way to {where}",
    ),
    "more-load": (
        "{where} offers {ratio:.1f} times as much as before",
        "the load of {where} grew by a factor of {ratio:.1f}",
    ),
    "less-load": (
        "{where} offers only {share:.0%} of what it did",
        "the load of {where} fell to {share:.0%}",
    ),
    "more-prbs": (
        "slice {where} may use {after:.0f} PRBs instead of {before:.0f}",
        "slice {where} now gets {rise:.0f} PRBs more",
    ),
    "fewer-prbs": (
        "slice {where} is left with {after:.0f} PRBs instead of {before:.0f}",
        "slice {where} has {drop:.0f} PRBs less to send on",
    ),
    "moved-in": (
        "slice {where} has {after:.0f} devices now, which share its PRBs",
        "{rise:.0f} devices came into slice {where} and are scheduled there",
    ),
    "moved-out": (
        "{drop:.0f} devices left slice {where}",
        "slice {where} serves {after:.0f} devices instead of {before:.0f}",
    ),
    "busier-node": (
        "{where} is busy {after:.0%} of the time, up from {before:.0%}, so tasks wait there",
        "the load of {where} rose from {before:.0%} to {after:.0%}",
    ),
    "freer-node": (
        "{where} has room again: busy {after:.0%}, down from {before:.0%}",
        "the load of {where} fell from {before:.0%} to {after:.0%}",
    ),
    "handed-over": (
        "{where} changed from {detail}",
        "{where} was handed over, {detail}",
    ),
    "weaker-link": (
        "the link of {where} lost {drop:.0f} dB",
        "{where} hears its cell {drop:.0f} dB worse",
    ),
    "stronger-link": (
        "the link of {where} gained {rise:.0f} dB",
        "{where} hears its cell {rise:.0f} dB better",
    ),
    "saturated": (
        "more comes into slice {where} than it can send, so packets queue",
        "the queue of slice {where} grows to {after:.0f} bytes",
    ),
    "draining": (
        "the queue of slice {where} drains",
        "slice {where} catches up with what had waited",
    ),
}

_CALLS: Mapping[str, Sequence[str]] = {
    "refused": ("{tool} is refused and changes nothing", "the call of {tool} is not carried out"),
    "look": ("{tool} only looks", "{tool} reads and changes nothing"),
    "reason": ("{tool} computes from its arguments", "{tool} touches nothing in the network"),
    "command": ("{tool} is carried out", "{tool} is obeyed"),
    "trigger_slice_reallocation": (
        "the share of slice {slice} is set to {dedicated}/{min}/{max} percent",
        "slice {slice} gets dedicated {dedicated}, min {min}, max {max} percent of the PRBs",
    ),
    "switch_network_slice": (
        "the managed service moves from {from_slice} to {to_slice}",
        "the service is scheduled in {to_slice} instead of {from_slice}",
    ),
    "edge_offload": ("tasks of {task} go to {node}", "{task} is computed on {node} from now on"),
    "graceful_degradation": (
        "{whom} has to offer less ({action})",
        "{action} lowers what {whom} sends",
    ),
}

_ONGOING = ("still going on: {faults}", "there still is {faults}")
_NOTHING = (
    "nothing else changes but traffic and fading",
    "what differs is the chance of traffic and fading",
    "no other cause is measured",
)
_STEADY = ("the state stays as it was", "latency, loss and throughput hold")

_NAMES = {
    "latency_ms": ("latency", "{before:.1f} to {after:.1f} ms"),
    "jitter_ms": ("jitter", "{before:.1f} to {after:.1f} ms"),
    "loss_ratio": ("loss", "{before:.1%} to {after:.1%}"),
    "throughput_mbps": ("throughput", "{before:.2f} to {after:.2f} Mbit/s"),
    "edge_load": ("edge load", "{before:.0%} to {after:.0%}"),
}
_FLOORS = {
    "latency_ms": 0.5,
    "jitter_ms": 0.3,
    "loss_ratio": 0.005,
    "throughput_mbps": 0.05,
    "edge_load": 0.1,
}
"""Differences below these values count as chance, whatever their share of the value."""


def reason(before: Interval, step: Step, rng: random.Random) -> str:
    """The reason of the state after a step.

    Args:
        before: The interval before the step.
        step: The call, and the interval that it took.
        rng: Draws the wording.
    """
    found = evidence(before, step.interval)
    parts = [_call(step, rng)]
    parts += [_cause(one, rng) for one in found[:MOST_CAUSES]]
    lasting = sorted(set(before.faults) & set(step.interval.faults))
    if lasting:
        parts.append(rng.choice(_ONGOING).format(faults=" and ".join(lasting).replace("_", " ")))
    elif not found:
        parts.append(rng.choice(_NOTHING))
    return f"{'; '.join(parts)}. {movement(step.before, step.after, rng)}."


def _call(step: Step, rng: random.Random) -> str:
    call = step.turn.call
    assert call is not None  # a step is a turn that made a call
    tool = CATALOG.get(call.tool)
    if tool is None or not step.outcome.ok:
        return rng.choice(_CALLS["refused"]).format(tool=call.tool[:40] or "what was written")
    match tool.effect:
        case Effect.CONFIGURATION:
            return rng.choice(_CALLS[tool.name]).format(**_facts(tool.parse(call.arguments)))
        case Effect.COMMAND:
            return rng.choice(_CALLS["command"]).format(tool=tool.name)
        case Effect.OBSERVATION:
            return rng.choice(_CALLS["look"]).format(tool=tool.name)
        case Effect.REASONING:
            return rng.choice(_CALLS["reason"]).format(tool=tool.name)


def _facts(arguments: Mapping[str, Any]) -> dict[str, object]:
    """The names and figures in the arguments of a configuration call, by the placeholders of its wording."""
    facts: dict[str, object] = {}
    for name, value in arguments.items():
        match value:
            case RrmPolicyRatio(dedicated=dedicated, min=low, max=high):
                facts |= {"dedicated": dedicated, "min": low, "max": high}
            case TaskSpec(id=task):
                facts["task"] = task
            case OffloadTarget(node=node):
                facts["node"] = node
            case DegradationSpec(group=group, slice=slice_, action=action):
                facts |= {"whom": group or f"slice {slice_}", "action": action}
            case _:
                facts[name] = str(value)
    return facts


def _cause(one: Evidence, rng: random.Random) -> str:
    smallest = 1e-9
    return rng.choice(_CAUSES[one.kind]).format(
        where=one.where,
        before=one.before,
        after=one.after,
        drop=one.before - one.after,
        rise=one.after - one.before,
        ratio=one.after / max(one.before, smallest),
        share=one.after / max(one.before, smallest),
        detail=one.detail,
    )


def movement(before: NetworkState, after: NetworkState, rng: random.Random) -> str:
    """The differences of two states in words, the largest first."""
    moved: list[tuple[float, str]] = []
    for metric, (name, form) in _NAMES.items():
        then, now = (state.model_dump()[metric] for state in (before, after))
        largest = max(abs(then), abs(now))
        if abs(now - then) < max(_FLOORS[metric], STEADY * largest):
            continue
        verb = rng.choice(("rises", "goes up", "grows") if now > then else ("falls", "goes down", "drops"))
        moved.append((abs(now - then) / largest, f"{name} {verb} from {form.format(before=then, after=now)}"))
    if not moved:
        return rng.choice(_STEADY)
    return ", ".join(words for _, words in sorted(moved, reverse=True)[:3])
