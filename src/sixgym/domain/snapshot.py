"""The network at one moment, frozen: measurements, resources, UAVs, mission."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Mission, Uav
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState, RrmPolicyRatio, SliceType


@dataclass(frozen=True, slots=True)
class Resources:
    """The configuration of the network.

    Attributes:
        policies: Share of PRBs by slice.
        slice_of: Slice by group.
        runs_on: Compute node by group, `onboard` for the devices themselves.
        traffic_factor: Offered load by group, relative to normal; below 1 while degraded.
        restore_at_ms: Time at which a degraded group gets its normal load back, by group.
    """

    policies: Mapping[SliceType, RrmPolicyRatio]
    slice_of: Mapping[str, SliceType]
    runs_on: Mapping[str, str]
    traffic_factor: Mapping[str, float]
    restore_at_ms: Mapping[str, int]


@dataclass(frozen=True)
class Snapshot:
    """The data that an observation tool may read.

    Attributes:
        scenario: The static network. Its `faults` are removed: agents cannot read the future.
        version: Number of the last interval.
        interval: The last interval (S).
        recent: The last intervals, oldest first, `interval` included.
        resources: Configuration (R).
        uavs: UAVs by name (U).
        mission: Mission (M).
    """

    scenario: Scenario
    version: int
    interval: Interval
    recent: tuple[Interval, ...]
    resources: Resources
    uavs: Mapping[str, Uav]
    mission: Mission

    @property
    def t_ms(self) -> int:
        """Network time."""
        return self.interval.end_ms

    @property
    def active_slice(self) -> SliceType:
        """The slice that the managed service is in."""
        return self.resources.slice_of[self.scenario.managed]

    @cached_property
    def state(self) -> NetworkState:
        """The six-dimensional state: the projection of the last interval on the active slice."""
        flow = self.interval.slices[self.active_slice].flow
        home = self.scenario.home_edge
        return NetworkState(
            version=self.version,
            t_ms=self.t_ms,
            slice=self.active_slice,
            latency_ms=flow.latency_ms,
            jitter_ms=flow.jitter_ms,
            loss_ratio=flow.loss_ratio,
            throughput_mbps=flow.throughput_mbps,
            edge_load=self.interval.nodes[home].load if home else 0.0,
        )
