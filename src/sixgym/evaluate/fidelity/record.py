"""What a run of a simulator leaves behind: counts and sums, so that runs add up."""

from collections.abc import Mapping

from pydantic import AliasChoices, Field

from sixgym.domain.base import Record
from sixgym.domain.slices import SliceType
from sixgym.envs.ran_slicing.metrics import UtilityWeights


class RunKey(Record):
    """The identity of a run. Runs with equal keys and versions have equal figures.

    Attributes:
        network: Name of the simulator.
        scenario: Digest of the scenario before it was placed.
        seconds: Network time of the run after the warm-up, in seconds.
        topology_seed: Seed that placed the scenario.
        replica: 0 for the network seed of the topology; another replica has other traffic, fading and errors
            in the same places.
        schedule: What was done to the network.
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
        """The seed that the simulator is reset with."""
        return self.topology_seed + 10_000 * self.replica


class ResponseCurve(Record):
    """The response of a slice to a quota step: one value an interval since the step, summed over periods.

    Attributes:
        periods: Number of periods in the sums.
        delivered: Delivered packets.
        delay_ms: Sum of the delays of the delivered packets, in ms.
        delivered_bytes: Payload of the delivered packets, in bytes.
        queue_bytes: RLC queue at the end of the interval, in bytes.
    """

    periods: int
    delivered: tuple[int, ...]
    delay_ms: tuple[float, ...]
    delivered_bytes: tuple[int, ...]
    queue_bytes: tuple[int, ...]


class SliceTotals(Record):
    """The totals of a slice over a whole run.

    Attributes:
        sent, delivered, lost, late: Packets, as in `PacketFlow`.
        delivered_bytes: Payload of the delivered packets, in bytes.
        prb_ms_granted, prb_ms_used: PRBs times ms.
        queue_byte_ms: RLC queue at the ends of intervals, times their length.
        delay_histogram: Packets by number of the delay bin, without empty bins; see `DELAY_BIN_EDGES_MS`.
        response: The response to a quota step; None unless the schedule repeats one.
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
    """The part that all kinds of runs share.

    Attributes:
        key: Identity of the run.
        version: Version of the simulator.
    """

    key: RunKey
    version: str


class ControlledRun(StoredRun):
    """A run under a control schedule.

    Attributes:
        duration_ms: Measured network time, in ms.
        slices: Totals by slice type.
        steps: Number of whole decision steps of 100 ms.
        mean_spectral_efficiency: Mean over the steps of bit/s per Hz granted to all slices together.
        reconfigured_steps: Steps whose allocation differs from that of the step before.
        violated_steps: Steps in which a slice had a late or lost packet.
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
