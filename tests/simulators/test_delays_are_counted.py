"""ns-3's histogram of delays against the other figures of the same packets."""

import pytest

from sixgym.domain.measurement import DELAY_BIN_EDGES_MS
from sixgym.simulators.ns3 import Ns3Simulator
from tests.networks import slicing


@pytest.mark.ns3
def test_the_histogram_holds_every_delivered_packet_at_its_delay() -> None:
    simulator = Ns3Simulator()
    simulator.reset(slicing(), seed=1)
    interval = simulator.advance(1000)
    simulator.close()
    assert interval.delay_histograms.keys() == interval.slices.keys()
    for kind, histogram in interval.delay_histograms.items():
        flow = interval.slices[kind].flow
        assert len(histogram) == len(DELAY_BIN_EDGES_MS) + 1
        assert sum(histogram) == flow.delivered_packets > 100
        assert histogram[0] == histogram[-1] == 0
        longest = max(bin_ for bin_, count in enumerate(histogram) if count)
        assert DELAY_BIN_EDGES_MS[longest - 1] <= flow.latency_max_ms < DELAY_BIN_EDGES_MS[longest]
        mean = sum(
            count * (DELAY_BIN_EDGES_MS[bin_ - 1] * DELAY_BIN_EDGES_MS[bin_]) ** 0.5
            for bin_, count in enumerate(histogram)
            if count
        ) / sum(histogram)
        assert mean == pytest.approx(flow.latency_ms, rel=0.03)
