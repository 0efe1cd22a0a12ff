"""One seed is one demand and one channel: the TTI simulator beside the ns-3 network, figure by figure."""

import random
from collections.abc import Iterator

import pytest

from sixgym.domain.change import HandOver, ScaleTraffic, SetPrbPolicy
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import Constant
from sixgym.scenarios import load_scenario
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small
from tests.simulators.tti.test_radio import EDGES

pytestmark = pytest.mark.ns3

URLLC, EMBB, MMTC = SliceType


@pytest.fixture(scope="module")
def ns3() -> Iterator[Ns3Simulator]:
    simulator = Ns3Simulator()
    yield simulator
    simulator.close()


def both(
    ns3: Ns3Simulator, scenario: Scenario, intervals: int, duration_ms: int, seed: int = 3
) -> list[list[Interval]]:
    """What TTI and what ns-3 measured."""
    runs: list[list[Interval]] = []
    for simulator in (TtiSimulator(), ns3):
        simulator.reset(scenario, seed=seed)
        runs.append([simulator.advance(duration_ms) for _ in range(intervals)])
    return runs


def flows(run: list[Interval], kind: SliceType) -> list[PacketFlow]:
    return [interval.slices[kind].flow for interval in run]


def mean_delay_ms(measured: list[PacketFlow]) -> float:
    total = sum(flow.latency_ms * flow.delivered_packets for flow in measured)
    return total / max(sum(flow.delivered_packets for flow in measured), 1)


def same_packets(tti: list[Interval], ns3: list[Interval]) -> None:
    for ours, theirs in zip(tti, ns3, strict=True):
        for device, measured in theirs.devices.items():
            assert ours.devices[device].flow.sent_packets == measured.flow.sent_packets
            assert ours.devices[device].flow.sent_bytes == measured.flow.sent_bytes


def close(tti: list[Interval], ns3: list[Interval]) -> None:
    """Throughput within 2 %, mean delay within 5 %, late and lost packets within 2 % of those sent."""
    for kind in ns3[0].slices:
        ours, theirs = flows(tti, kind), flows(ns3, kind)
        sent = sum(flow.sent_packets for flow in theirs)
        if sent == 0:
            continue
        expected = sum(flow.delivered_bytes for flow in theirs)
        assert sum(flow.delivered_bytes for flow in ours) == pytest.approx(expected, rel=0.02)
        assert mean_delay_ms(ours) == pytest.approx(mean_delay_ms(theirs), rel=0.05)
        late = sum(a.late_packets - b.late_packets for a, b in zip(ours, theirs, strict=True))
        lost = sum(a.lost_packets - b.lost_packets for a, b in zip(ours, theirs, strict=True))
        assert abs(late) <= 0.02 * sent + 2
        assert abs(lost) <= 0.02 * sent + 2


def test_every_device_is_sent_the_same_packets_in_every_interval(ns3: Ns3Simulator) -> None:
    same_packets(*both(ns3, small(), 20, 100))


def test_5_s_of_the_slicing_scenario_are_alike(ns3: Ns3Simulator) -> None:
    tti, packet_level = both(ns3, load_scenario("ran-slicing").placed(3), 10, 500)
    same_packets(tti, packet_level)
    close(tti, packet_level)


def test_5_s_of_a_management_scenario_with_its_faults_are_alike(ns3: Ns3Simulator) -> None:
    tti, packet_level = both(ns3, load_scenario("dense-degradation").placed(3), 10, 500)
    assert any(interval.faults for interval in tti)
    assert [interval.faults for interval in tti] == [interval.faults for interval in packet_level]
    same_packets(tti, packet_level)
    close(tti, packet_level)


@pytest.mark.parametrize("period_ms", [1, 5, 20, 160])
def test_a_cell_knows_as_little_of_a_new_devices_channel(ns3: Ns3Simulator, period_ms: int) -> None:
    radio = small().radio.model_copy(update={"cqi_period_ms": period_ms})
    seen: list[list[tuple[int, float]]] = []
    for simulator in (TtiSimulator(), ns3):
        simulator.reset(small().model_copy(update={"radio": radio}), seed=1)
        for cell, factor in (("east", 0.0), ("west", 1.0)):
            simulator.advance(500)
            simulator.apply(HandOver("control-1", cell))
            simulator.apply(ScaleTraffic("control", factor))
        flows = [simulator.advance(50).devices["control-1"].flow for _ in range(8)]
        seen.append([(flow.delivered_packets, flow.latency_max_ms) for flow in flows])
    assert seen[0] == [(count, pytest.approx(delay, abs=1e-2)) for count, delay in seen[1]]


def one_cell() -> Scenario:
    video = (
        small()
        .group("video")
        .model_copy(update={"traffic": Constant(model="constant", rate_mbps=1, packet_bytes=1000)})
    )
    groups = (*small().groups[:2], video)
    return small().model_copy(update={"cells": small().cells[:1], "groups": groups})


def random_policy(rng: random.Random, left: int) -> RrmPolicyRatio:
    minimum = rng.randint(0, left)
    dedicated = rng.choice([0, minimum, rng.randint(0, minimum)])
    maximum = rng.choice([minimum, 100, rng.randint(minimum, 100)])
    return RrmPolicyRatio(dedicated=dedicated, min=minimum, max=maximum)


def test_random_policies_give_the_slices_the_same_prbs(ns3: Ns3Simulator) -> None:
    rng = random.Random(4)
    tti = TtiSimulator()
    for simulator in (tti, ns3):
        simulator.reset(one_cell(), seed=1)
        simulator.apply(ScaleTraffic("video", 3.0))
    for _ in range(12):
        policies: dict[SliceType, RrmPolicyRatio] = {}
        left = 100
        for kind in rng.sample(list(SliceType), 3):
            policies[kind] = random_policy(rng, left)
            left -= policies[kind].min
        strict = all(policy.dedicated == policy.max for policy in policies.values())
        for simulator in (tti, ns3):
            simulator.apply(SetPrbPolicy(policies))
            simulator.advance(100)
        ours, theirs = tti.advance(400), ns3.advance(400)
        for kind, measured in theirs.slices.items():
            tolerance = 1e-6 if strict else 0.6
            assert ours.slices[kind].prbs_granted == pytest.approx(measured.prbs_granted, abs=tolerance)
            assert ours.slices[kind].prbs_used == pytest.approx(measured.prbs_used, abs=0.6)


@pytest.mark.slow
@pytest.mark.parametrize("name", EDGES)
def test_the_edges_of_what_a_scenario_may_say_are_alike(ns3: Ns3Simulator, name: str) -> None:
    # most are overloaded, with delays near the timeout, where one early block shifts all that follow
    delivered = [0, 0]
    delay_ms = [0.0, 0.0]
    for seed in (1, 2):
        runs = both(ns3, EDGES[name], 4, 500, seed)
        same_packets(*runs)
        for index, run in enumerate(runs):
            for interval in run:
                for flow in interval.groups.values():
                    delivered[index] += flow.delivered_packets
                    delay_ms[index] += flow.latency_ms * flow.delivered_packets
    assert delivered[0] == pytest.approx(delivered[1], rel=0.1)
    assert delay_ms[0] / max(delivered[0], 1) == pytest.approx(delay_ms[1] / max(delivered[1], 1), rel=0.1)
