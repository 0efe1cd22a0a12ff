"""How a decision of the DRL-Slicing agent becomes a tool call.

A decision has a discrete part, the admission, and a continuous part, the shares of PRBs. Each maps to the
nearest call:

| Decision | Call |
|---|---|
| admit all users, keep the shares | the reading that is oldest |
| admit all users, set the shares | `trigger_slice_reallocation` of the slice furthest from its share |
| reject users of a slice | `graceful_degradation` of its group of lowest priority, a step of `REJECTED` |
| admit the service into another slice | `switch_network_slice` |
| admit its tasks to another kind of node | `edge_offload` to the least loaded node of that kind |

The last two are admissions too, into a slice and onto a server. With them the agent reaches all four
configuration tools. A decision that already holds, was refused before, or needs a reading that is missing
becomes a reading.
"""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from itertools import chain

import numpy as np
from pydantic import JsonValue

from sixgym.agents.learned.drl_slicing.view import SLICES, PolicyView
from sixgym.agents.rules.mape_k.analysis.service import NEVER
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.episodes.episode import ToolCall, Turn


class Decision(IntEnum):
    """The discrete part."""

    HOLD = 0
    SHARE = 1
    REJECT_URLLC = 2
    REJECT_EMBB = 3
    REJECT_MMTC = 4
    ENTER_URLLC = 5
    ENTER_EMBB = 6
    ENTER_MMTC = 7
    COMPUTE_AT_EDGE = 8
    COMPUTE_IN_CLOUD = 9
    COMPUTE_ONBOARD = 10


_REJECT = {
    Decision.REJECT_URLLC: SliceType.URLLC,
    Decision.REJECT_EMBB: SliceType.EMBB,
    Decision.REJECT_MMTC: SliceType.MMTC,
}
_ENTER = {
    Decision.ENTER_URLLC: SliceType.URLLC,
    Decision.ENTER_EMBB: SliceType.EMBB,
    Decision.ENTER_MMTC: SliceType.MMTC,
}
_COMPUTE = {
    Decision.COMPUTE_AT_EDGE: "edge",
    Decision.COMPUTE_IN_CLOUD: "cloud",
    Decision.COMPUTE_ONBOARD: "onboard",
}

REJECTED = (0.4, 0.8)
"""Rejected share of a group's load after the first and the second time: two users of five each time."""

REJECTED_S = 600.0
FLOOR_PERCENT = 4
"""Guaranteed share of every slice, in percent."""

SHARED_PERCENT = 90
"""Sum of the guaranteed shares, in percent: a tenth of the PRBs stays free for short-term demand."""

HEADROOM_PERCENT = 25
"""Share that a slice may borrow beyond its guaranteed share, in percent."""

CONTRAST = 2.0
"""Levels are between -1 and 1, so the largest shared part is e^4 = 55 times the smallest."""

CLOSE_PERCENT = 3
"""Difference of a share from its target, in percent, up to which the share is kept."""


def turn_for(view: PolicyView, decision: Decision, levels: Sequence[float]) -> Turn:
    """The call for a decision.

    Args:
        view: Knowledge of the agent at the step.
        decision: The discrete part of the decision.
        levels: Level of each of `SLICES`, -1 to 1, which gives its share of PRBs relative to the others.
    """
    call = _call(view, decision, levels)
    if call is None or call in view.refused:
        return look(view, f"{decision.name}: look")
    return Turn(thought=decision.name, call=call)


def look(view: PolicyView, thought: str) -> Turn:
    """The oldest reading made again: a slice, or the compute nodes."""
    ages = {kind: known.age for kind, known in view.slices.items()}
    ages.update(dict.fromkeys(view.unread, NEVER + 1))
    stalest = max(ages, key=lambda kind: ages[kind], default=None)
    nodes_age = view.edge.age if view.edge is not None else NEVER
    if stalest is None or (_has_nodes(view) and nodes_age > ages[stalest]):
        return Turn(thought=thought, call=ToolCall(tool="get_edge_load", arguments={}))
    return Turn(thought=thought, call=status_call(stalest))


def status_call(kind: SliceType) -> ToolCall:
    """The reading of a slice."""
    return ToolCall(tool="get_slice_status", arguments={"slice": kind.value})


def _has_nodes(view: PolicyView) -> bool:
    return any(node != "onboard" for node in view.observation.nodes)


def _call(view: PolicyView, decision: Decision, levels: Sequence[float]) -> ToolCall | None:
    if decision is Decision.SHARE:
        return _share(view, levels)
    if decision in _REJECT:
        return _reject(view, _REJECT[decision])
    if decision in _ENTER:
        return _enter(view, _ENTER[decision])
    if decision in _COMPUTE:
        return _compute(view, _COMPUTE[decision])
    return None


# ---------------------------------------------------------------------- shares
def wanted_shares(kinds: Sequence[SliceType], levels: Mapping[SliceType, float]) -> dict[SliceType, int]:
    """Guaranteed percent of PRBs of each slice: a floor for all, the rest by softmax of the levels."""
    if not kinds:
        return {}
    weights = np.exp(CONTRAST * np.clip([levels[kind] for kind in kinds], -1.0, 1.0))
    rest = SHARED_PERCENT - FLOOR_PERCENT * len(kinds)
    parts = np.floor(rest * weights / weights.sum())
    return {kind: FLOOR_PERCENT + int(part) for kind, part in zip(kinds, parts, strict=True)}


def _share(view: PolicyView, levels: Sequence[float]) -> ToolCall | None:
    """The reallocation of the slice that is furthest from its target share.

    If the other slices leave too little for it, the slice with the largest excess is lowered first.
    """
    if view.unread or not view.slices:
        return status_call(view.unread[0]) if view.unread else None
    level_of = dict(zip(SLICES, map(float, levels), strict=True))
    policies = {kind: known.policy for kind, known in view.slices.items()}
    wanted = {
        kind: _policy(policies[kind], percent)
        for kind, percent in wanted_shares(tuple(policies), level_of).items()
    }
    distance = {kind: _distance(policies[kind], wanted[kind]) for kind in policies}
    furthest = max(distance, key=lambda kind: distance[kind])
    if distance[furthest] < CLOSE_PERCENT:
        return None
    left = 100 - sum(policy.min for kind, policy in policies.items() if kind is not furthest)
    if wanted[furthest].min > left:
        furthest = max(policies, key=lambda kind: policies[kind].min - wanted[kind].min)
    arguments: dict[str, JsonValue] = {
        "slice": furthest.value,
        "resources": wanted[furthest].model_dump(mode="json"),
    }
    return ToolCall(tool="trigger_slice_reallocation", arguments=arguments)


def _policy(now: RrmPolicyRatio, percent: int) -> RrmPolicyRatio:
    ceiling = min(100, percent + HEADROOM_PERCENT)
    return RrmPolicyRatio(dedicated=min(now.dedicated, percent), min=percent, max=ceiling)


def _distance(now: RrmPolicyRatio, wanted: RrmPolicyRatio) -> int:
    return max(abs(now.min - wanted.min), wanted.max - now.max)


# ---------------------------------------------------------------------- admission
def _reject(view: PolicyView, kind: SliceType) -> ToolCall | None:
    times = view.rejected.get(kind, 0)
    if times >= len(REJECTED) or kind in view.absent:
        return None
    spec: dict[str, JsonValue] = {
        "slice": kind.value,
        "action": "reduce_rate",
        "value": REJECTED[times],
        "duration_s": REJECTED_S,
    }
    return ToolCall(tool="graceful_degradation", arguments={"spec": spec})


def _enter(view: PolicyView, kind: SliceType) -> ToolCall | None:
    active = view.observation.state.slice
    if kind is active or kind in view.absent:
        return None
    arguments: dict[str, JsonValue] = {"from_slice": active.value, "to_slice": kind.value}
    return ToolCall(tool="switch_network_slice", arguments=arguments)


def _compute(view: PolicyView, kind: str) -> ToolCall | None:
    if view.edge is None:
        return ToolCall(tool="get_edge_load", arguments={}) if _has_nodes(view) else None
    node = view.edge.lightest(kind)
    if view.edge.workload is None or node is None:
        return None
    task: JsonValue = view.edge.workload.task.model_dump(mode="json", exclude_none=True)
    return ToolCall(tool="edge_offload", arguments={"task": task, "target": {"node": node.node}})


DECISIONS = len(Decision)
SHARES = len(SLICES)
OUTPUTS: tuple[str, ...] = tuple(
    chain((decision.name for decision in Decision), (f"level.{kind.value}" for kind in SLICES))
)
"""Names of the outputs of the network: a score for each decision, then the level of each slice."""
