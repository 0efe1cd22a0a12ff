"""Parts about slices: too few PRBs, a slice that holds nearly all PRBs, a wrong slice, a noisy neighbour."""

import random

from pydantic import JsonValue

from sixgym.domain.faults import TrafficSurge
from sixgym.domain.network import Group
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import Constant, OnOff, Periodic, Traffic
from sixgym.tasks.parts.draft import Draft, UnsuitableError, above, below, two_digits

FOREVER_MS = 600_000
"""Duration of a fault that outlasts every task, in ms."""

DELAY_BOUND_MS = {SliceType.URLLC: 40.0, SliceType.EMBB: 150.0, SliceType.MMTC: 200.0}
"""Usual bound on the mean delay of a slice, in ms: a C2 link of TS 22.125, conversational video, a sensor."""

LOSS_BOUND = 0.05
"""Usual bound on loss, as a ratio of packets. Chosen; the dry run weakens it if a network needs that."""

HEAVY_SENSOR_MBPS = 0.4
"""Load of a sensor that sends an image in place of readings, in Mbit/s; readings fit into any share of
PRBs. Chosen, not measured."""

CROWDED_SERVICE_MBPS = 1.0
"""Least load of the managed service, in Mbit/s; proportional fair scheduling serves smaller loads first, so a
noisy neighbour would do no harm. Chosen, not measured."""


def starved(draft: Draft) -> None:
    """A slice may use one or two PRBs but needs a dozen. Solution: a larger share. 2 calls."""
    kind = _free_slice(draft, tuple(SliceType))
    _with_load(draft, kind)
    usual = draft.scenario.slice(kind).policy
    percent = 100 // draft.scenario.prbs
    draft.set_policy(kind, percent, percent, percent)
    draft.call("get_slice_status", slice=kind.value)
    _grant(draft, kind, usual)
    _ask_for_delay(draft, kind)


def hoarded(draft: Draft) -> None:
    """One slice holds nearly all PRBs as dedicated. Solution: lower it, then raise the other. 3 calls."""
    hungry = _free_slice(draft, (SliceType.URLLC, SliceType.EMBB))
    hoarder = SliceType.EMBB if hungry is SliceType.URLLC else SliceType.URLLC
    draft.claim(f"slice {hoarder.value}", f"slice {SliceType.MMTC.value}")
    usual = {slice_.type: slice_.policy for slice_ in draft.scenario.slices}
    percent = 100 // draft.scenario.prbs
    held = 100 - 2 * percent
    draft.set_policy(hoarder, held, held, held)
    draft.set_policy(hungry, percent, percent, usual[hungry].max)
    draft.set_policy(SliceType.MMTC, percent, percent, usual[SliceType.MMTC].max)
    draft.call("get_slice_status", slice=hungry.value)
    _grant(draft, hoarder, usual[hoarder])
    _grant(draft, hungry, usual[hungry])
    _ask_for_delay(draft, hungry)


def surging(draft: Draft) -> None:
    """A group's load multiplies and exceeds the maximum of its slice. Solution: a larger share. 2 calls."""
    kind = _free_slice(draft, (SliceType.EMBB,))
    group = max(_members(draft, kind), key=_rate_mbps)
    usual = draft.scenario.slice(kind).policy
    least = max(1, 100 * 3 // draft.scenario.prbs)
    draft.set_policy(kind, least, least, least)
    factor = draft.rng.choice((2.0, 2.5, 3.0))
    start_ms = draft.rng.choice((0, 500))
    draft.inject(TrafficSurge(group=group.name, factor=factor, start_ms=start_ms, duration_ms=FOREVER_MS))
    draft.say("trouble", what=f"{group.name} sends {factor:g} times its usual load")
    draft.call("get_traffic_pattern", slice=kind.value)
    _grant(draft, kind, RrmPolicyRatio(dedicated=usual.dedicated, min=usual.min, max=90))
    _ask_for_delay(draft, kind)


def misplaced(draft: Draft) -> None:
    """The managed service is in a slice that cannot carry it. Solution: switch it to URLLC. 2 calls."""
    draft.claim("slice URLLC", "slice mMTC", "service")
    group = draft.managed
    percent = 100 // draft.scenario.prbs
    draft.set_policy(SliceType.MMTC, percent, percent, percent)
    draft.replace_group(group.name, slice=SliceType.MMTC, traffic=_at_least(group.traffic, 0.4))
    draft.call("get_slice_status", slice="URLLC")
    draft.call("switch_network_slice", from_slice="mMTC", to_slice="URLLC")
    _ask_for_service(draft)


def crowded(draft: Draft) -> None:
    """A noisy group shares the slice of the managed service. Solution: reduce the group's rate. 2 calls."""
    draft.claim("slice URLLC", "slice eMBB", "service")
    noisy = max(_members(draft, SliceType.EMBB), key=_rate_mbps)
    draft.yielding.add(noisy.name)
    draft.replace_group(draft.managed.name, traffic=_at_least(draft.managed.traffic, CROWDED_SERVICE_MBPS))
    draft.replace_group(noisy.name, slice=SliceType.URLLC)
    factor = draft.rng.choice((6.0, 8.0, 10.0))
    draft.inject(TrafficSurge(group=noisy.name, factor=factor, start_ms=0, duration_ms=FOREVER_MS))
    draft.say("trouble", what=f"{noisy.name} shares the URLLC slice and sends far more than usual")
    draft.call("get_slice_status", slice="URLLC")
    draft.call(
        "graceful_degradation",
        spec={"group": noisy.name, "action": "reduce_rate", "value": 0.85, "duration_s": 600},
    )
    _ask_for_service(draft)


# ---------------------------------------------------------------------- inside
def _free_slice(draft: Draft, kinds: tuple[SliceType, ...]) -> SliceType:
    free = [kind for kind in kinds if f"slice {kind.value}" not in draft.claimed]
    if not free:
        raise UnsuitableError("every slice has a part already")
    kind = draft.rng.choice(free)
    draft.claim(f"slice {kind.value}")
    return kind


def _members(draft: Draft, kind: SliceType) -> list[Group]:
    return [group for group in draft.scenario.groups if group.slice is kind]


def _with_load(draft: Draft, kind: SliceType) -> None:
    """Give the sensors of mMTC a load that needs PRBs; other slices have such a load."""
    if kind is SliceType.MMTC:
        for group in _members(draft, kind):
            draft.replace_group(group.name, traffic=_at_least(group.traffic, HEAVY_SENSOR_MBPS))


def _grant(draft: Draft, kind: SliceType, policy: RrmPolicyRatio) -> None:
    resources: JsonValue = policy.model_dump()
    draft.call("trigger_slice_reallocation", slice=kind.value, resources=resources)


def _ask_for_delay(draft: Draft, kind: SliceType) -> None:
    usual_ms = DELAY_BOUND_MS[kind] * draft.rng.choice((0.75, 1.0, 1.25))
    label = draft.scenario.slice(kind).label
    delay_ms = draft.add_target(below("latency_ms", usual_ms, slice=kind))
    percent = draft.add_target(below("loss_ratio", LOSS_BOUND, slice=kind))
    draft.say("slice-delay", slice=kind.value, label=label, bound_ms=delay_ms)
    draft.say("slice-loss", slice=kind.value, label=label, percent=percent)


def _ask_for_service(draft: Draft) -> None:
    group = draft.managed.name
    delay_ms = draft.add_target(below("latency_ms", draft.rng.choice((40.0, 50.0, 60.0)), group=group))
    percent = draft.add_target(below("loss_ratio", LOSS_BOUND, group=group))
    draft.say("service-link", group=group, delay_ms=delay_ms, percent=percent)


def _rate_mbps(group: Group) -> float:
    """Mean offered load of a group, in Mbit/s."""
    return group.count * rate_of(group.traffic)


def rate_of(traffic: Traffic) -> float:
    """Mean offered load of one device, in Mbit/s."""
    rate = traffic.packets_per_s * traffic.packet_bytes * 8 / 1e6
    if isinstance(traffic, OnOff):
        return rate * traffic.mean_on_s / (traffic.mean_on_s + traffic.mean_off_s)
    return rate


def _at_least(traffic: Traffic, rate_mbps: float) -> Traffic:
    """The traffic, or a constant stream of `rate_mbps` if the traffic has a lower rate."""
    if rate_of(traffic) >= rate_mbps:
        return traffic
    size = traffic.packet_bytes if not isinstance(traffic, Periodic) else max(200, traffic.packet_bytes)
    return Constant(model="constant", rate_mbps=rate_mbps, packet_bytes=size)


def protect(draft: Draft) -> None:
    """Add targets for bystanders: every group keeps a throughput, and at least half of its load is admitted.

    The floors are on groups. A floor on a slice could be met by moving a service into the slice while its
    other groups starve, and a bound on a slice's delay by moving the service out.
    """
    kept = [group for group in draft.scenario.groups if group.name not in draft.yielding]
    for group in kept:
        usual = above("throughput_mbps", two_digits(FLOOR_SHARE * _rate_mbps(group)), group=group.name)
        # a fixed share would reveal the load, which some tasks ask for
        lower = random.Random(f"{draft.scenario.topology_seed}/{usual}").uniform(0.4, 1.0)
        floor = draft.add_target(usual, relaxed=lower)
        draft.say("protect-group", group=group.name, rate_mbps=floor)
        draft.add_target(above("traffic_share", 0.5 - AT_LEAST, group=group.name))
    draft.say("protect", subjects=_enumerated([group.name for group in kept]), percent="50")
    for name in sorted(draft.yielding):
        draft.add_target(above("traffic_share", 0.1 - AT_LEAST, group=name))
        draft.say("protect", subjects=name, percent="10")


AT_LEAST = 0.001
"""Difference between "at least" in the intent and the strict inequality of a target."""

FLOOR_SHARE = 0.4
"""Usual floor of a group's throughput, as a share of its offered load, of which half may be refused. Chosen,
not measured."""


def _enumerated(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
