"""A simulator that counts delays, and runs made up for tests."""

import dataclasses
import math
from collections.abc import Mapping

from sixgym.domain.measurement import DELAY_BIN_EDGES_MS, Interval, PacketFlow
from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.record import ControlledRun, RunKey, SliceTotals
from tests.doubles import FluidSimulator


class CountingFluid(FluidSimulator):
    """The fluid simulator, whose packets all take the mean delay of their slice."""

    def advance(self, duration_ms: int) -> Interval:
        interval = super().advance(duration_ms)
        counts = {kind: histogram(measured.flow) for kind, measured in interval.slices.items()}
        return dataclasses.replace(interval, delay_histograms=counts)


def histogram(flow: PacketFlow) -> tuple[int, ...]:
    counts = [0] * (len(DELAY_BIN_EDGES_MS) + 1)
    counts[bin_of(flow.latency_ms)] += flow.delivered_packets
    return tuple(counts)


def bin_of(delay_ms: float) -> int:
    return min(max(math.floor(40 * math.log10(max(delay_ms, 1e-3))) + 1, 0), len(DELAY_BIN_EDGES_MS))


def run(
    schedule: str,
    *,
    seed: int = 1,
    replica: int = 0,
    network: str = "one",
    version: str = "1",
    violated: int = 0,
    urllc: Mapping[str, object] | None = None,
) -> ControlledRun:
    """A run of 10 s with the figures of `slice_totals`, changed for the first slice by `urllc`."""
    key = RunKey(
        network=network, scenario="s", seconds=10, topology_seed=seed, replica=replica, schedule=schedule
    )
    return ControlledRun(
        key=key,
        version=version,
        duration_ms=10_000,
        slices={
            SliceType.URLLC: slice_totals().model_copy(update=dict(urllc or {})),
            SliceType.EMBB: slice_totals(),
        },
        steps=100,
        mean_spectral_efficiency=4.0,
        reconfigured_steps=0,
        violated_steps=violated,
    )


def slice_totals() -> SliceTotals:
    """A thousand packets of 500 bytes in 4 to 5 ms, none late, on 5 of 6 PRBs."""
    return SliceTotals(
        sent=1000,
        delivered=1000,
        lost=0,
        late=0,
        delivered_bytes=500_000,
        prb_ms_granted=60_000,
        prb_ms_used=50_000,
        queue_byte_ms=10_000_000,
        delay_histogram={bin_of(4.5): 1000},
    )
