"""Actions of the slicing environment: whole PRBs for every slice, at most the PRBs of the carrier in all.

The remaining PRBs stay idle. Spectral efficiency counts the allocated bandwidth, so an agent gains by
allocating less (slicing paper, equation 1).
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sixgym.domain.change import SetPrbPolicy
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType

Allocation = tuple[int, ...]
"""PRBs per slice, in the scenario's order of slices."""


@lru_cache(maxsize=8)
def all_allocations(slices: int, prbs: int) -> tuple[Allocation, ...]:
    """All allocations of at most `prbs` PRBs to that many slices, in lexicographic order.

    The place in this order is the number of the discrete action: 0 allocates nothing, 1 gives one PRB
    to the last slice. Their number is binomial(prbs + slices, slices), 351 for two slices of 25 PRBs.
    """
    if slices == 0:
        return ((),)
    return tuple(
        (first, *rest) for first in range(prbs + 1) for rest in all_allocations(slices - 1, prbs - first)
    )


@lru_cache(maxsize=8)
def _numbers(slices: int, prbs: int) -> dict[Allocation, int]:
    return {allocation: number for number, allocation in enumerate(all_allocations(slices, prbs))}


def number_of(allocation: Sequence[int], prbs: int) -> int:
    """The discrete action that makes this allocation.

    Raises:
        ValueError: the allocation is negative for a slice, or exceeds the `prbs` of the carrier.
    """
    return _numbers(len(allocation), prbs)[checked(allocation, len(allocation), prbs)]


def checked(allocation: Sequence[int], slices: int, prbs: int) -> Allocation:
    """The allocation, checked for that many slices on a carrier of that many PRBs.

    Raises:
        ValueError: the allocation does not fit.
    """
    if len(allocation) != slices:
        raise ValueError(f"an allocation here has {slices} numbers, one per slice, not {len(allocation)}")
    whole = tuple(int(count) for count in allocation)
    if any(count < 0 for count in whole):
        raise ValueError(f"PRBs are not negative, but the allocation is {whole}")
    if sum(whole) > prbs:
        raise ValueError(f"the allocation {whole} adds up to {sum(whole)} PRBs; the carrier has {prbs}")
    return whole


def from_box(action: npt.NDArray[np.floating], prbs: int) -> Allocation:
    """The allocation of an action in [-1, 1] per slice: -1 is no PRB, 1 is the whole carrier, rounded.

    A sum above the carrier is scaled down to the carrier in proportion. The PRBs that rounding down leaves go
    to the largest remainders, the first slice first.
    """
    wanted = (np.asarray(action, np.float64) + 1.0) / 2.0 * prbs
    rounded = np.floor(wanted + 0.5).astype(int)
    if rounded.sum() <= prbs:
        return tuple(rounded.tolist())
    shares = wanted * (prbs / wanted.sum())
    floors = np.floor(shares).astype(int)
    by_remainder = np.argsort(-(shares - floors), kind="stable")
    floors[by_remainder[: prbs - int(floors.sum())]] += 1
    return tuple(floors.tolist())


def to_box(allocation: Sequence[int], prbs: int) -> npt.NDArray[np.float32]:
    """The action in [-1, 1] per slice that makes this allocation."""
    whole = checked(allocation, len(allocation), prbs)
    return (2.0 * np.asarray(whole) / prbs - 1.0).astype(np.float32)


def prb_policy(scenario: Scenario, allocation: Allocation) -> SetPrbPolicy:
    """The change that gives every slice exactly its PRBs: dedicated = min = max, in all cells.

    RRM policy ratios are whole percentages. The edges between the slices' bands are rounded, not
    the bands, so that the ratios never add up to more than 100. At 25, 50 and 100 PRBs the ratios are exact.
    """
    policies: dict[SliceType, RrmPolicyRatio] = {}
    edge = 0
    for slice_, count in zip(scenario.slices, allocation, strict=True):
        percent = _percent(edge + count, scenario.prbs) - _percent(edge, scenario.prbs)
        policies[slice_.type] = RrmPolicyRatio(dedicated=percent, min=percent, max=percent)
        edge += count
    return SetPrbPolicy(policies)


def _percent(count: int, prbs: int) -> int:
    return (200 * count + prbs) // (2 * prbs)


def initial_allocation(scenario: Scenario) -> Allocation:
    """The PRBs that the policies of the scenario guarantee, rounded down."""
    return tuple(slice_.policy.min * scenario.prbs // 100 for slice_ in scenario.slices)
