"""Changes of a running network. A `Change` is data; only a simulator applies it.

Tools check a change before they return it. So a simulator raises if it cannot apply a change: that is an
error of this package, not of the agent.
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

    The world restores the load after `duration_ms`, or keeps the factor if that is 0. Simulators ignore the
    duration.
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
    """Request a handover from the serving cell of a device (X2). Later intervals show the outcome."""

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
    """Add a fault that the scenario's timeline does not contain; its start_ms must not be in the past."""

    fault: FaultEvent


Change = SetPrbPolicy | MoveToSlice | ScaleTraffic | Offload | HandOver | Fly | InjectFault
