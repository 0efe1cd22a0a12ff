"""A bound that no policy of the slicing environment can exceed, even one that knows the future.

The bound is the optimum of a relaxed problem: the channel never fades, no block is retransmitted, and
reconfigurations beside a violation are free. These rules remain, and every policy obeys them:

1. A transport block carries at most `MAX_TBS_BITS_PER_PRB` bits per PRB and layer, in whole resource
   block groups of one device, and a packet has `HEADER_BYTES` on the air beside its payload.
2. A packet reaches its device at the earliest `FLOOR_MS` plus the delay of the backhaul after the server
   sent it. So where packets come one by one and are in time, a device never has more than
   1 + (deadline - floor) / period of them waiting, and no transport block holds more.
3. Packets that arrived in a window and fall due in it were sent in it, if none of them was late.
4. What is delivered in a run of steps without a violation arrived in them, or before them by less
   than the deadline.
5. A late or lost packet violates a step by `loss_timeout_ms` after it was sent.

Between reconfigurations the allocation is constant. By 1 to 3 it has in each slice at least the PRBs
that the fullest window of the run needs; by 1, 2 and 4 this bounds the spectral efficiency summed over
the run, for each allocation (`_run_values`). A violated step costs its weight and by 5 frees the steps
before it: they are credited with peak efficiency. So are the first and last steps, at no cost, because
the warm-up may have left a backlog and the last packets' violations may fall outside the episode.
Dynamic programming over runs and violations does the rest.

Assumed: no faults; packets evenly spaced while a source is on; shares granted exactly in the mean of an
interval; and that a packet is delivered in the step in which it was sent. The last neglects the blocks in
flight when a share is changed, some 4 ms of the old share: single steps after a share shrank had up to
8.9 bit/s/Hz where the peak is 7.9. With the weights of the paper no episode was found above the bound;
with violations and reconfigurations free, a search found some 3 % above it.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sixgym.domain.network import Slice
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Scenario
from sixgym.envs.ran_slicing.actions import all_allocations, prb_policy
from sixgym.envs.ran_slicing.metrics import UtilityWeights
from sixgym.simulators.base import Simulator

MAX_TBS_BITS_PER_PRB = 754.0
"""Per layer and TTI: 75376 bits on 100 PRBs, the largest ratio of TS 36.213 table 7.1.7.2.1-1."""

HEADER_BYTES = 30
"""Header in bytes: IP 20, UDP 8, PDCP 2. RLC and MAC add more."""

FLOOR_MS = 3.0
"""A packet in the gNB's buffer is scheduled two TTIs ahead and is on the air for one."""

SLOT_MS = 10
"""Resolution of the recorded arrivals."""

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """The traffic of the servers: payload bits by slice and slot of `SLOT_MS`, the same for every policy.

    Attributes:
        bits: Shape (slices, slots) from network time 0.
    """

    bits: Matrix


def record_arrivals(simulator: Simulator, scenario: Scenario, *, network_seed: int, steps: int) -> Arrivals:
    """The arrivals of an episode, measured on a network that is run in slots.

    Raises:
        ValueError: the scenario is not placed, or its decision interval is not a multiple of the slot.
        SimulatorError: the network failed.
    """
    if scenario.decision_interval_ms % SLOT_MS:
        raise ValueError(f"the decision interval is no multiple of {SLOT_MS} ms")
    simulator.reset(scenario, seed=network_seed)
    equal = tuple(scenario.prbs // len(scenario.slices) for _ in scenario.slices)
    simulator.apply(prb_policy(scenario, equal))
    slots = steps * scenario.decision_interval_ms // SLOT_MS
    bits = np.zeros((len(scenario.slices), slots))
    for slot in range(slots):
        interval = simulator.advance(SLOT_MS)
        for row, slice_ in enumerate(scenario.slices):
            bits[row, slot] = 8 * interval.slices[slice_.type].flow.sent_bytes
    return Arrivals(bits)


def peak_bits_per_prb(scenario: Scenario, slice_: Slice) -> float:
    """Largest number of payload bits per PRB and TTI of the timely packets of a slice."""
    rbg = _rbg_prbs(scenario)
    bits_per_rbg = scenario.radio.mimo_layers * rbg * MAX_TBS_BITS_PER_PRB
    best = 0.0
    for group in scenario.groups:
        if group.slice is not slice_.type:
            continue
        packet = group.traffic.packet_bytes
        waiting = _packets_waiting(group.traffic.packets_per_s, slice_, scenario)
        if waiting is None:
            best = max(best, _fluid_bits_per_prb(packet, scenario))
            continue
        for count in range(1, waiting + 1):
            rbgs = math.ceil(8 * count * (packet + HEADER_BYTES) / bits_per_rbg)
            best = max(best, 8 * count * packet / (rbgs * rbg))
    return best


def _fluid_bits_per_prb(packet_bytes: int, scenario: Scenario) -> float:
    """Payload bits per PRB and TTI if blocks are always full."""
    return scenario.radio.mimo_layers * MAX_TBS_BITS_PER_PRB * packet_bytes / (packet_bytes + HEADER_BYTES)


def _packets_waiting(packets_per_s: float, slice_: Slice, scenario: Scenario) -> int | None:
    """Largest number of timely packets of one device that wait together; None without a deadline."""
    if slice_.sla.max_latency_ms is None:
        return None
    slack_ms = slice_.sla.max_latency_ms - FLOOR_MS - scenario.backhaul.delay_ms
    return 1 + max(0, math.floor(slack_ms * packets_per_s / 1e3))


def granted_prbs_per_unit(scenario: Scenario) -> float:
    """PRBs in the mean of an interval for one allocated PRB, over all cells.

    Schedulers grant whole resource block groups, so of 25 PRBs 24 are shared out.
    """
    rbg = _rbg_prbs(scenario)
    return len(scenario.cells) * (scenario.prbs // rbg * rbg) / scenario.prbs


def _rbg_prbs(scenario: Scenario) -> int:
    """PRBs of a resource block group, TS 36.213 table 7.1.6.1-1."""
    return next(size for limit, size in ((10, 1), (26, 2), (63, 3), (110, 4)) if scenario.prbs <= limit)


# ---------------------------------------------------------------------- runs of steps
def _run_values(scenario: Scenario, arrivals: Arrivals) -> Matrix:
    """Bound of the spectral efficiency summed over the run of steps i to j - 1, at [i, j].

    The bound is -inf if every allocation violates a step of the run.
    """
    per_step = scenario.decision_interval_ms // SLOT_MS
    steps = arrivals.bits.shape[1] // per_step
    slices = len(scenario.slices)
    units = np.zeros((slices, steps + 1, steps + 1))
    bits = np.full((slices, steps + 1, steps + 1), np.inf)  # without a deadline the backlog has no limit
    unit_bits = np.zeros(slices)
    granted = granted_prbs_per_unit(scenario)
    for row, slice_ in enumerate(scenario.slices):
        unit_bits[row] = granted * scenario.decision_interval_ms * peak_bits_per_prb(scenario, slice_)
        if slice_.sla.max_latency_ms is None:
            continue
        arrived = np.concatenate([np.zeros(1), np.cumsum(arrivals.bits[row])])
        at_step = arrived[::per_step][: steps + 1]
        slots = math.ceil(slice_.sla.max_latency_ms / SLOT_MS)
        before = np.array([max(0, step * per_step - slots) for step in range(steps + 1)])
        earlier: Matrix = arrived[before]
        bits[row] = at_step[None, :] - earlier[:, None]
        units[row] = _fullest(earlier[None, :] - at_step[:, None], float(unit_bits[row]))
    allocations = np.array(all_allocations(slices, scenario.prbs))[1:]  # no grant earns nothing
    hertz_s = PRB_HZ * granted * scenario.decision_interval_ms / 1e3
    values = np.full((steps + 1, steps + 1), -np.inf)
    for first in range(steps):
        ends: npt.NDArray[np.int64] = np.arange(first + 1, steps + 1, dtype=np.int64)
        enough = (allocations[:, :, None] >= units[None, :, first, ends]).all(axis=1)
        sendable: Matrix = (allocations * unit_bits)[:, :, None] * (ends - first)
        delivered = np.minimum(sendable, bits[None, :, first, ends]).sum(axis=1)
        efficiency = delivered / (hertz_s * allocations.sum(axis=1)[:, None])
        values[first, ends] = np.where(enough, efficiency, -np.inf).max(axis=0)
    return values


def _fullest(due_bits: Matrix, unit_bits_per_step: float) -> Matrix:
    """PRBs that a run of steps i to j - 1 needs, at [i, j]: the most of any window of steps in it.

    `due_bits` at [i, j] are those that arrive and fall due in the window of steps i to j - 1.
    """
    steps = len(due_bits) - 1
    needs = np.zeros_like(due_bits)
    for length in range(1, steps + 1):
        first = np.arange(steps + 1 - length)
        window = np.ceil(due_bits[first, first + length] / (unit_bits_per_step * length) - 1e-9)
        inner = np.maximum(needs[first, first + length - 1], needs[first + 1, first + length])
        needs[first, first + length] = np.maximum(window, inner)
    return needs


# ---------------------------------------------------------------------- sequences of runs
def utility_bound(scenario: Scenario, arrivals: Arrivals, weights: UtilityWeights | None = None) -> float:
    """Upper bound of the utility of any policy in an episode with these arrivals.

    Raises:
        ValueError: the scenario has faults.
    """
    if scenario.faults:
        raise ValueError("the bound is for scenarios without faults")
    values = weights or UtilityWeights()
    runs = values.spectral_efficiency * _run_values(scenario, arrivals)
    packets = [group.traffic.packet_bytes for group in scenario.groups]
    peak = max(_fluid_bits_per_prb(packet, scenario) for packet in packets) / (PRB_HZ / 1e3)
    free = values.spectral_efficiency * peak + values.stability
    freed = math.ceil(scenario.radio.loss_timeout_ms / scenario.decision_interval_ms) + 1
    return _best_sequence(runs, values, free, freed)


def _best_sequence(runs: Matrix, weights: UtilityWeights, free: float, freed: int) -> float:
    """The best sequence of runs, and of violated steps that each free up to `freed` steps with their own.

    The first and the last `freed` steps are free without a violation.
    """
    steps = len(runs) - 1
    if steps <= 2 * freed:
        return steps * free
    in_run = np.full(steps + 1, -np.inf)  # best with a run that ends here
    in_violation = np.full(steps + 1, -np.inf)  # best with a freed step that ends here
    in_violation[freed] = freed * free
    for end in range(freed + 1, steps + 1 - freed):
        starts = np.arange(freed, end)
        begun = np.maximum(in_violation[starts], in_run[starts] - weights.stability)
        in_run[end] = (begun + runs[starts, end] + weights.stability * (end - starts)).max()
        lengths = np.arange(1, min(freed, end - freed) + 1)
        before = np.maximum(in_run[end - lengths], in_violation[end - lengths])
        in_violation[end] = (before + lengths * free - weights.violation).max()
    last = steps - freed
    return float(max(in_run[last], in_violation[last]) + freed * free)
