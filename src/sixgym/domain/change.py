"""What may be done to a running network. A `Change` is data; only a simulator applies it.

Tools check a change before they return it, so a simulator that cannot apply one raises: that is
our mistake, not the agent's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sixgym.domain.faults import FaultEvent
from sixgym.domain.geometry import Position
from sixgym.domain.slices import RrmPolicyRatio, SliceType


@dataclass(frozen=True, slots=True)
class SetPrbPolicy:
    """Give every slice its share of PRBs, in all cells, from the next TTI (E2SM-RC style 2, action 6)."""

    policies: Mapping[SliceType, RrmPolicyRatio]


@dataclass(frozen=True, slots=True)
class MoveToSlice:
    """Schedule all devices of a group in another slice."""

    group: str
    slice: SliceType


@dataclass(frozen=True, slots=True)
class ScaleTraffic:
    """Set the offered downlink load of a group to `factor` times its normal load (0 stops it).

    The world takes it back after `duration_ms`, or keeps it when that is 0; simulators ignore it.
    """

    group: str
    factor: float
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class Offload:
    """Run the compute tasks of a group on a node (`onboard` for the devices themselves)."""

    group: str
    node: str


@dataclass(frozen=True, slots=True)
class HandOver:
    """Ask the serving cell of a device to hand it over (X2). The outcome shows in later intervals."""

    device: str
    cell: str


@dataclass(frozen=True, slots=True)
class Fly:
    """Replace the route of a UAV: through these waypoints at this speed, then hover."""

    device: str
    waypoints: tuple[Position, ...]
    speed_mps: float


@dataclass(frozen=True, slots=True)
class InjectFault:
    """Let a fault happen that the scenario's timeline does not hold; start_ms must not be past."""

    fault: FaultEvent


Change = SetPrbPolicy | MoveToSlice | ScaleTraffic | Offload | HandOver | Fly | InjectFault
