"""PRB allocation: PRBs that slices need in each cell, and PRBs that their policies allocate to them."""

import math
from collections.abc import Iterable, Mapping

import numpy as np

from sixgym.domain.network import Group
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.experiment_model.state.context import PrbShare, RadioLink

_SINR_DB = (-26, -22, -18, -15, -12, -10, -8, -5, -2, 0, 2, 4, 6, 8, 10, 12, 14, 18, 22, 26, 30, 40)
_BITS_PER_S_PER_HZ = (
    *(0.0015, 0.012, 0.032, 0.05, 0.055, 0.085, 0.12, 0.13, 0.175, 0.18, 0.24),
    *(0.32, 0.4, 0.48, 0.6, 0.75, 0.95, 1.5, 2.1, 2.8, 3.3, 3.9),
)
"""Spectral efficiency of a PRB by the SINR on its reference signals without fading.

The values include fading, block errors and control channels. They were fitted by hand to what devices short
of PRBs received on `tti` in 169 explorations of training seeds (docs/log.md).
"""

_LOG_EFFICIENCY = np.log(_BITS_PER_S_PER_HZ)
_HEADER_BYTES = 32
"""Headers of a packet: UDP 8, IP 20, PDCP 2, RLC 2."""

_LEFTOVER_PERCENT = 0.1
"""Weight of a slice with a minimum of 0 % when PRBs are lent. Chosen, not measured."""


def efficiency(sinr_db: float) -> float:
    """Mean bit/s per Hz that a link carries, headers of packets included."""
    return math.exp(float(np.interp(sinr_db, _SINR_DB, _LOG_EFFICIENCY)))


def offered_bits_per_s(group: Group, load: float) -> float:
    """Bit rate offered to a device of a group, headers included.

    Args:
        group: Group of the device.
        load: Offered load relative to the normal load.
    """
    traffic = group.traffic
    return traffic.rate_mbps * 1e6 * load * (1 + _HEADER_BYTES / traffic.packet_bytes)


def needed_prbs(group: Group, load: float, sinr_db: float, most: int) -> float:
    """PRBs that the traffic of a device takes, at most those of the cell.

    Args:
        group: Group of the device.
        load: Offered load relative to the normal load.
        sinr_db: SINR of the device's link.
        most: PRBs of the cell.
    """
    return min(offered_bits_per_s(group, load) / (efficiency(sinr_db) * PRB_HZ), float(most))


def shares(
    scenario: Scenario,
    policies: Mapping[SliceType, RrmPolicyRatio],
    links: Iterable[RadioLink],
    needs: Iterable[float],
) -> dict[tuple[str, SliceType], PrbShare]:
    """PRB share of every slice in every cell, by cell and slice.

    Args:
        scenario: The network.
        policies: PRB policies of the slices.
        links: Radio links of all devices.
        needs: PRBs that each device needs, in the order of `links`.
    """
    needed = {(cell.id, kind): 0.0 for cell in scenario.cells for kind in policies}
    devices = dict.fromkeys(needed, 0)
    for link, need in zip(links, needs, strict=True):
        key = (link.cell, link.slice)
        needed[key] += need
        devices[key] += 1
    found: dict[tuple[str, SliceType], PrbShare] = {}
    for cell in scenario.cells:
        by_slice = {kind: needed[cell.id, kind] for kind in policies}
        for kind, allocated in allocate(policies, by_slice, float(scenario.prbs)).items():
            found[cell.id, kind] = PrbShare(by_slice[kind], allocated, devices[cell.id, kind])
    return found


def allocate(
    policies: Mapping[SliceType, RrmPolicyRatio], needed: Mapping[SliceType, float], total: float
) -> dict[SliceType, float]:
    """PRBs allocated to each slice of a cell.

    A slice has its minimum and a part of what other slices lend: their minimum beyond their dedicated share
    and beyond their need. Slices that need more than their minimum divide the lent PRBs by their minimum. A
    slice never has more than its maximum.

    Args:
        policies: PRB policies of the slices.
        needed: PRBs that each slice needs.
        total: PRBs of the cell.
    """
    minimum = {kind: policy.min / 100 * total for kind, policy in policies.items()}
    kept = {
        kind: max(policy.dedicated / 100 * total, min(needed[kind], minimum[kind]))
        for kind, policy in policies.items()
    }
    free = total - sum(minimum.values())
    found: dict[SliceType, float] = {}
    for kind, policy in policies.items():
        lent = free + sum(minimum[other] - kept[other] for other in policies if other is not kind)
        rivals = [other for other in policies if other is not kind and needed[other] > minimum[other]]
        own = policy.min + _LEFTOVER_PERCENT
        weight = own / (own + sum(policies[other].min + _LEFTOVER_PERCENT for other in rivals))
        found[kind] = min(policy.max / 100 * total, minimum[kind] + max(lent, 0.0) * weight)
    return found
