"""Reference policies of the slicing environment, and the loop that plays them.

A policy maps the observation (`state.FIELDS` per slice) and the number of the step to an allocation.
Tuned parameters are in `tuning`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

from pydantic import Field

from sixgym.domain.base import NonNegative, Positive, Record
from sixgym.domain.radio import PRB_HZ
from sixgym.envs.ran_slicing.actions import Allocation, number_of, to_box
from sixgym.envs.ran_slicing.environment import Action, RanSlicingEnv
from sixgym.envs.ran_slicing.metrics import StepMetrics, Totals
from sixgym.envs.ran_slicing.state import FIELDS, Observation


class SlicingPolicy(Protocol):
    """A choice of an allocation in every step, without state."""

    @property
    def name(self) -> str:
        """Name in tables."""
        ...

    def act(self, observation: Observation, step: int) -> Allocation:
        """PRBs per slice for the next interval; `step` counts from 0."""
        ...


def play(env: RanSlicingEnv, policy: SlicingPolicy, *, topology_seed: int, network_seed: int) -> Totals:
    """Let a policy control one episode.

    Raises:
        ValueError: the topology seed is not of the environment's split, or an allocation does not fit.
        SimulatorError: the network failed.
    """
    options = {"topology_seed": topology_seed, "network_seed": network_seed}
    observation, _ = env.reset(options=options)
    totals, ended, step = Totals(), False, 0
    while not ended:
        observation, _, _, ended, info = env.step(action_for(env, policy.act(observation, step)))
        totals = totals.plus(
            StepMetrics(info["spectral_efficiency"], info["reconfigured"], info["violated"]), env.weights
        )
        step += 1
    return totals


def action_for(env: RanSlicingEnv, allocation: Allocation) -> Action:
    """The action of the environment's form that makes this allocation."""
    prbs = env.scenario.prbs
    return number_of(allocation, prbs) if env.action == "discrete" else to_box(allocation, prbs)


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """The same PRBs in every step."""

    allocation: Allocation
    name: str = "static"

    def act(self, observation: Observation, step: int) -> Allocation:
        """The allocation of the policy."""
        return self.allocation


def static_half(slices: int, prbs: int) -> StaticPolicy:
    """The whole carrier in equal parts. The remainder goes to the last slices: 12 and 13 of 25."""
    return StaticPolicy(
        tuple(prbs * (i + 1) // slices - prbs * i // slices for i in range(slices)), "static half"
    )


class SliceDemand(Record):
    """The parameters of demand following for one slice."""

    efficiency: Positive = Field(description="bit/s/Hz it counts on")
    reserve_mbps: NonNegative = Field(description="head-room above the traffic that arrived")
    band_prbs: Annotated[int, Field(ge=0)] = Field(description="surplus it tolerates before it shrinks")


@dataclass(frozen=True, slots=True)
class DemandFollowing:
    """Gives each slice what its arrivals and the growth of its queue need, with hysteresis.

    A slice needs (arrivals + reserve + queue growth / interval) / (efficiency x 180 kHz) PRBs, rounded
    up and at least one. It grows as soon as it has less, and shrinks to its need when it has more than
    `band_prbs` above. Where the carrier is too small, needs are scaled down in proportion, and every
    slice keeps one PRB.
    """

    demands: tuple[SliceDemand, ...]
    prbs: int
    interval_ms: int
    name: str = "demand following"

    def act(self, observation: Observation, step: int) -> Allocation:
        """PRBs for the demand of the interval that ended."""
        rows = observation.reshape(len(self.demands), len(FIELDS)).tolist()
        wanted: list[int] = []
        for demand, (has, _, arriving_mbps, growth_kb, _) in zip(self.demands, rows, strict=True):
            mbps = arriving_mbps + demand.reserve_mbps + max(growth_kb, 0.0) * 8 / self.interval_ms
            need = max(1, math.ceil(mbps * 1e6 / (demand.efficiency * PRB_HZ)))
            keeps = need <= has <= need + demand.band_prbs
            wanted.append(round(has) if keeps else need)
        return fitted(wanted, self.prbs)


def fitted(wanted: Sequence[int], prbs: int) -> Allocation:
    """The needs, scaled down to the carrier if they exceed it. Every slice keeps one PRB."""
    total = sum(wanted)
    if total <= prbs:
        return tuple(wanted)
    scaled = [max(1, count * prbs // total) for count in wanted]
    while sum(scaled) > prbs:
        scaled[scaled.index(max(scaled))] -= 1
    return tuple(scaled)


@dataclass(frozen=True, slots=True)
class OpenLoop:
    """A plan that was made before, played whatever is observed."""

    plan: tuple[Allocation, ...]
    name: str = "clairvoyant"

    def act(self, observation: Observation, step: int) -> Allocation:
        """The plan's allocation for this step."""
        return self.plan[step]
