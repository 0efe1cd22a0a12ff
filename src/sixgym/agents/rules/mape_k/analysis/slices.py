"""Facts about shares of PRBs: use, slack, and the next step of every slice."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.service import FactItems, absent_slices, stresses
from sixgym.domain.slices import NetworkState, RrmPolicyRatio, SliceType
from sixgym.tools.replies import SliceStatus, TrafficPattern

STATUS_AGE = 10
TRAFFIC_AGE = 8

STEP_PERCENT = 10
LIFT_PERCENT = 20
FLOOR_PERCENT = 5
"""Guaranteed share in percent below which no slice gives."""

SAFETY = 1.4
"""Multiple of its use that a giving slice keeps: use is a mean over cells, and one cell may be busier."""

CONGESTED_USE_PERCENT = 95.0


@dataclass(frozen=True, slots=True)
class SliceShare:
    """The last status of a slice, with a policy that was set later (then `changed` is true)."""

    status: SliceStatus
    policy: RrmPolicyRatio
    changed: bool

    @property
    def use_percent(self) -> float:
        """Used PRBs / granted PRBs; a CONGESTED slice counts as full."""
        granted = self.status.prbs_granted
        use = 100 * self.status.prbs_used / granted if granted > 0 else 0.0
        return max(use, CONGESTED_USE_PERCENT) if self.status.status == "CONGESTED" else use

    @property
    def slack_percent(self) -> float:
        """Guaranteed share that the slice does not need, in percent."""
        if self.status.status == "CONGESTED":
            return 0.0
        needed = max(FLOOR_PERCENT, SAFETY * self.status.prb_used_percent)
        return self.policy.min - needed

    @property
    def stress(self) -> float:
        """Stress of the slice against its own service level, delay and loss only."""
        state = NetworkState(
            version=0,
            t_ms=0,
            slice=self.status.slice,
            latency_ms=self.status.latency_ms,
            jitter_ms=self.status.jitter_ms,
            loss_ratio=self.status.loss_ratio,
            throughput_mbps=self.status.throughput_mbps,
            edge_load=0.0,
        )
        found = stresses(state, self.status.sla)
        return max(found.get("latency_stress", 0.0), found.get("loss_stress", 0.0))


def shares(memory: Memory) -> dict[SliceType, SliceShare]:
    """The latest status of every slice with a recent read."""
    policies: dict[SliceType, RrmPolicyRatio] = {}
    found: dict[SliceType, SliceShare] = {}
    for event in memory.done("trigger_slice_reallocation", "get_slice_status"):
        status = event.result
        if isinstance(status, SliceStatus):
            if event.age <= STATUS_AGE and status.slice not in found:
                policy = policies.get(status.slice)
                found[status.slice] = SliceShare(status, policy or status.policy, changed=policy is not None)
        else:
            kind, policy = event.arguments.get("slice"), event.arguments.get("resources")
            if isinstance(kind, SliceType) and isinstance(policy, RrmPolicyRatio):
                policies.setdefault(kind, policy)
    return found


def slice_facts(memory: Memory) -> FactItems:
    """Use, slack and next steps of the slices."""
    known = shares(memory)
    for name, kind in (("urllc", SliceType.URLLC), ("embb", SliceType.EMBB)):
        if kind in known:
            yield f"{name}_use_percent", known[kind].use_percent
            yield f"{name}_admits", known[kind].status.admits
    active = memory.observation.state.slice
    own = known.get(active)
    if own is not None:
        yield from _own(own)
    others = {kind: share for kind, share in known.items() if kind is not active}
    yield from _donor(others)
    yield from _rival(others)
    if own is not None and len(known) + len(absent_slices(memory)) == len(SliceType):
        yield from _spare(own, others)
    for _, pattern in memory.results("get_traffic_pattern", TrafficPattern, TRAFFIC_AGE):
        if pattern.slice is active:
            yield "peak_to_mean", pattern.peak_to_mean
            yield "load_trend_mbps_per_s", pattern.trend_mbps_per_s
            break


def _own(own: SliceShare) -> FactItems:
    status, policy = own.status, own.policy
    yield "own_use_percent", own.use_percent
    if status.throughput_mbps > 0:
        yield "own_backlog_ms", status.queue_bytes * 8 / (status.throughput_mbps * 1e3)
    yield "own_min_percent", policy.min
    yield "own_dedicated_percent", policy.dedicated
    yield "own_max_percent", policy.max
    yield "own_undedicated_percent", policy.min - policy.dedicated
    yield "headroom_percent", policy.max - status.prb_used_percent
    yield "lifted_max_percent", min(100, policy.max + LIFT_PERCENT)
    yield from _step("returned", policy, -STEP_PERCENT)


def _donor(others: Mapping[SliceType, SliceShare]) -> FactItems:
    if not others:
        return
    kind = max(others, key=lambda kind: others[kind].slack_percent)
    slack = others[kind].slack_percent
    yield "donor_slice", kind.value
    yield "donor_slack_percent", slack
    yield from _step("donor", others[kind].policy, -int(max(0.0, min(STEP_PERCENT, slack))))


def _rival(others: Mapping[SliceType, SliceShare]) -> FactItems:
    if not others:
        return
    kind = max(others, key=lambda kind: others[kind].status.prb_used_percent - others[kind].policy.min)
    policy = others[kind].policy
    yield "rival_slice", kind.value
    yield "rival_over_percent", others[kind].status.prb_used_percent - policy.min
    yield "rival_dedicated_percent", policy.dedicated
    yield "rival_min_percent", policy.min


def _spare(own: SliceShare, others: Mapping[SliceType, SliceShare]) -> FactItems:
    spare = 100 - own.policy.min - sum(share.policy.min for share in others.values())
    spare = max(0, spare)
    yield "spare_percent", spare
    yield from _step("raised", own.policy, min(STEP_PERCENT, spare))
    yield from _step("doubled", own.policy, min(max(own.policy.min, STEP_PERCENT), spare))
    # a measurement before a change of the share does not show the current stress
    current = {kind: share for kind, share in others.items() if not share.changed}
    if current:
        kind = max(current, key=lambda kind: current[kind].stress)
        yield "starved_slice", kind.value
        yield "starved_stress", current[kind].stress
        yield from _step("starved", current[kind].policy, min(STEP_PERCENT, spare))


def _step(name: str, policy: RrmPolicyRatio, by_percent: int) -> Iterator[tuple[str, int]]:
    """The policy moved by some points. A strict policy (dedicated = min = max) stays strict."""
    least = min(policy.min, FLOOR_PERCENT)
    guaranteed = min(100, max(least, policy.min + by_percent))
    moved = guaranteed - policy.min
    yield f"{name}_dedicated_percent", max(0, min(guaranteed, policy.dedicated + moved))
    yield f"{name}_min_percent", guaranteed
    yield f"{name}_max_percent", max(guaranteed, min(100, policy.max + moved))
