"""What slices need of the cells and may have."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Group, Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.experiment_model.state.context import PrbShare, RadioLink

_SINR_DB = (-26, -22, -18, -15, -12, -10, -8, -5, -2, 0, 2, 4, 6, 8, 10, 12, 14, 18, 22, 26, 30, 40)
_BITS_PER_S_PER_HZ = (
    *(0.0015, 0.012, 0.032, 0.05, 0.055, 0.085, 0.12, 0.13, 0.175, 0.18, 0.24),
    *(0.32, 0.4, 0.48, 0.6, 0.75, 0.95, 1.5, 2.1, 2.8, 3.3, 3.9),
)
"""What a PRB carries by the SINR on its reference signals in flat air. Fading, block errors and control
channels are in it: fitted by hand to what devices short of PRBs got on `tti` in 169 explorations of training
seeds (docs/log.md)."""

_LOG_EFFICIENCY = np.log(_BITS_PER_S_PER_HZ)
_HEADER_BYTES = 32
"""UDP, IP, PDCP and RLC."""


def efficiency(sinr_db: float) -> float:
    """Bit/s per Hz that a link carries on average, headers of packets included."""
    return math.exp(float(np.interp(sinr_db, _SINR_DB, _LOG_EFFICIENCY)))


def offered_bits_per_s(group: Group, load: float) -> float:
    """What is sent to a device of a group, headers included.

    Args:
        group: The device's.
        load: Offered load relative to the normal one.
    """
    traffic = group.traffic
    return traffic.rate_mbps * 1e6 * load * (1 + _HEADER_BYTES / traffic.packet_bytes)


def needed_prbs(group: Group, load: float, sinr_db: float, most: int) -> float:
    """PRBs that the traffic of a device takes, at most those of the cell.

    Args:
        group: The device's.
        load: Offered load relative to the normal one.
        sinr_db: Of its link.
        most: PRBs of the cell.
    """
    return min(offered_bits_per_s(group, load) / (efficiency(sinr_db) * PRB_HZ), float(most))


def shares(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    links: Iterable[RadioLink],
    needs: Iterable[float],
) -> dict[tuple[str, SliceType], PrbShare]:
    """What every slice asks for and may have, by cell and slice.

    Args:
        scenario: The network.
        policies: Of its slices.
        links: Of all devices.
        needs: PRBs that each takes.
    """
    need = {(cell.id, kind): 0.0 for cell in scenario.cells for kind in policies}
    devices = dict.fromkeys(need, 0)
    for link, its in zip(links, needs, strict=True):
        key = (link.cell, link.kind)
        need[key] += its
        devices[key] += 1
    found: dict[tuple[str, SliceType], PrbShare] = {}
    for cell in scenario.cells:
        asked = {kind: need[cell.id, kind] for kind in policies}
        for kind, have in allocate(policies, asked, float(scenario.prbs)).items():
            found[cell.id, kind] = PrbShare(asked[kind], have, devices[cell.id, kind])
    return found


def allocate(
    policies: Mapping[SliceType, RrmPolicyRatio], need: Mapping[SliceType, float], total: float
) -> dict[SliceType, float]:
    """PRBs that each slice may have: its minimum, what others neither keep nor need, up to its maximum."""
    low = {kind: policy.min / 100 * total for kind, policy in policies.items()}
    kept = {
        kind: max(policy.dedicated / 100 * total, min(need[kind], low[kind]))
        for kind, policy in policies.items()
    }
    free = total - sum(low.values())
    found: dict[SliceType, float] = {}
    for kind, policy in policies.items():
        lent = free + sum(low[other] - kept[other] for other in policies if other is not kind)
        rivals = [other for other in policies if other is not kind and need[other] > low[other]]
        weight = (policy.min + 0.1) / (policy.min + 0.1 + sum(policies[other].min + 0.1 for other in rivals))
        found[kind] = min(policy.max / 100 * total, low[kind] + max(lent, 0.0) * weight)
    return found
