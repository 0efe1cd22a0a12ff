"""What slices need of the cells and may have, as if traffic were fluid."""

from collections.abc import Mapping

from sixgym.domain.radio import CQI_EFFICIENCY, PRB_HZ, cqi_of_sinr
from sixgym.domain.scenario import Group, Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.experiment_model.outlook import Link, Share

_PAYLOAD_SHARE = 0.75
"""Of the bits that a CQI stands for, those that are payload: control region, reference signals, headers."""
_LEAST_EFFICIENCY = 0.05


def needed_prbs(group: Group, load: float, sinr_db: float, most: int) -> float:
    """PRBs that the traffic of a device takes, at most those of the cell.

    Args:
        group: The device's.
        load: Offered load relative to the normal one.
        sinr_db: Of its link.
        most: PRBs of the cell.
    """
    bits_per_s = group.traffic.rate_mbps * 1e6 * load
    efficiency = max(CQI_EFFICIENCY[cqi_of_sinr(sinr_db)], _LEAST_EFFICIENCY)
    return min(bits_per_s / (efficiency * PRB_HZ * _PAYLOAD_SHARE), float(most))


def shares(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    slice_of: Mapping[str, SliceType],
    links: Mapping[str, Link],
) -> dict[tuple[str, SliceType], Share]:
    """What every slice asks for and may have, by cell and slice.

    Args:
        scenario: The network.
        policies: Of its slices.
        slice_of: The slice of each group.
        links: By device.
    """
    need = {(cell.id, kind): 0.0 for cell in scenario.cells for kind in policies}
    devices = dict.fromkeys(need, 0)
    for link in links.values():
        key = (link.cell, slice_of[link.device.group.name])
        need[key] += link.need
        devices[key] += 1
    found: dict[tuple[str, SliceType], Share] = {}
    for cell in scenario.cells:
        needs = {kind: need[cell.id, kind] for kind in policies}
        for kind, have in _supply(policies, needs, float(scenario.prbs)).items():
            found[cell.id, kind] = Share(needs[kind], have, devices[cell.id, kind])
    return found


def served(
    slice_of: Mapping[str, SliceType],
    links: Mapping[str, Link],
    found: Mapping[tuple[str, SliceType], Share],
    backhaul_loss: Mapping[str, float],
) -> dict[str, float]:
    """The share of its traffic that would reach each device if traffic were fluid, 0 to 1.

    Devices of a slice in a cell share its PRBs evenly, and none gets more than it needs.
    """
    together: dict[tuple[str, SliceType], list[Link]] = {}
    for link in links.values():
        together.setdefault((link.cell, slice_of[link.device.group.name]), []).append(link)
    shares_: dict[str, float] = {}
    for key, members in together.items():
        left, waiting = found[key].have, len(members)
        for link in sorted(members, key=lambda one: one.need):
            given = min(link.need, left / waiting)
            left, waiting = left - given, waiting - 1
            carried = given / link.need if link.need > 0 else 1.0
            shares_[link.device.id] = carried * (1 - backhaul_loss[link.cell]) if link.heard else 0.0
    return shares_


def _supply(
    policies: Mapping[SliceType, RrmPolicyRatio], need: Mapping[SliceType, float], total: float
) -> dict[SliceType, float]:
    """PRBs that each slice may have: its minimum, what others neither keep nor need, up to its maximum."""
    low = {kind: policy.min / 100 * total for kind, policy in policies.items()}
    kept = {
        kind: max(policy.dedicated / 100 * total, min(need[kind], low[kind]))
        for kind, policy in policies.items()
    }
    free = total - sum(low.values())
    supply: dict[SliceType, float] = {}
    for kind, policy in policies.items():
        lent = free + sum(low[other] - kept[other] for other in policies if other is not kind)
        rivals = [other for other in policies if other is not kind and need[other] > low[other]]
        weight = (policy.min + 0.1) / (policy.min + 0.1 + sum(policies[other].min + 0.1 for other in rivals))
        supply[kind] = min(policy.max / 100 * total, low[kind] + max(lent, 0.0) * weight)
    return supply
