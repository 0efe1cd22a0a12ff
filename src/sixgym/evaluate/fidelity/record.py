"""What one run of one schedule left behind: counts and sums, so that runs add up."""

from collections.abc import Mapping

from pydantic import AliasChoices, Field

from sixgym.domain.base import Record
from sixgym.domain.slices import SliceType
from sixgym.envs.ran_slicing.metrics import UtilityWeights


class RunKey(Record):
    """Which run it was. Equal keys with equal versions give equal numbers.

    `schedule` says what was done to the network. `scenario` is the digest of the scenario before it was
    placed. `replica` 0 has the network seed of the topology; another one has other traffic, other fading
    and other errors on the same places.
    """

    network: str
    scenario: str
    seconds: float
    topology_seed: int
    replica: int
    schedule: str = Field(validation_alias=AliasChoices("schedule", "programme"))
    """`programme` in runs stored before version 0.2."""

    @property
    def network_seed(self) -> int:
        """What the simulator is reset with."""
        return self.topology_seed + 10_000 * self.replica


class ResponseCurve(Record):
    """A slice against the time since the quota was cut, one value an interval, summed over periods.

    Attributes:
        periods: How many were summed.
        delivered: Packets.
        delay_ms: Sum of their delays.
        delivered_bytes: Their payload.
        queue_bytes: At the end of the interval.
    """

    periods: int
    delivered: tuple[int, ...]
    delay_ms: tuple[float, ...]
    delivered_bytes: tuple[int, ...]
    queue_bytes: tuple[int, ...]


class SliceTotals(Record):
    """A slice over a whole run.

    Attributes:
        sent, delivered, lost, late: Packets, as in `PacketFlow`.
        delivered_bytes: Payload.
        prb_ms_granted, prb_ms_used: PRBs times ms.
        queue_byte_ms: RLC queue at the ends of intervals, times their length.
        delay_histogram: Count by bin number, empty bins left out; see `DELAY_BIN_EDGES_MS`.
        response: For schedules that repeat a quota step.
    """

    sent: int
    delivered: int
    lost: int
    late: int
    delivered_bytes: int
    prb_ms_granted: float
    prb_ms_used: float
    queue_byte_ms: float
    delay_histogram: Mapping[int, int]
    response: ResponseCurve | None = None


class StoredRun(Record):
    """What every kind of run has: which one it was, and the version of the simulator."""

    key: RunKey
    version: str


class SimulationRun(StoredRun):
    """A run of a schedule.

    Attributes:
        duration_ms: Network time measured.
        slices: By type.
        steps: Whole decision steps of 100 ms.
        mean_spectral_efficiency: Mean over them of bit/s per Hz granted to all slices together.
        reconfigured_steps: Steps whose allocation is not that of the step before.
        violated_steps: Steps in which some slice had a late or lost packet.
    """

    duration_ms: int
    slices: Mapping[SliceType, SliceTotals]
    steps: int
    mean_spectral_efficiency: float
    reconfigured_steps: int
    violated_steps: int

    @property
    def utility(self) -> float:
        """Mean utility of a step, with the weights of the slicing paper."""
        weights = UtilityWeights()
        return (
            weights.spectral_efficiency * self.mean_spectral_efficiency
            + weights.stability * (1 - self.reconfigured_steps / self.steps)
            - weights.violation * self.violated_steps / self.steps
        )
