"""Who gets which PRBs: dedicated, min and max of RRMPolicyRatio (TS 28.541)."""

from collections.abc import Iterator

import pytest

from sixgym.domain.change import ScaleTraffic, SetPrbPolicy
from sixgym.domain.measurement import Interval, SliceMeasurement
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import Constant
from sixgym.simulators.ns3 import Ns3Simulator
from tests.networks import small

pytestmark = pytest.mark.ns3

PRBS = 24  # of 25: the scheduler assigns whole groups of two
URLLC, EMBB, MMTC = SliceType


@pytest.fixture(scope="module")
def ns3() -> Iterator[Ns3Simulator]:
    simulator = Ns3Simulator()
    yield simulator
    simulator.close()


def one_cell() -> Scenario:
    scenario = small()
    video = scenario.group("video").model_copy(
        update={"traffic": Constant(model="constant", rate_mbps=1.0, packet_bytes=1000)}
    )
    groups = (scenario.groups[0], scenario.groups[1], video)
    return scenario.model_copy(update={"cells": scenario.cells[:1], "groups": groups})


def share(dedicated: int, minimum: int, maximum: int) -> RrmPolicyRatio:
    return RrmPolicyRatio(dedicated=dedicated, min=minimum, max=maximum)


def measured(
    ns3: Ns3Simulator, policies: dict[SliceType, RrmPolicyRatio], loads: dict[str, float]
) -> Interval:
    ns3.reset(one_cell(), seed=1)
    ns3.apply(SetPrbPolicy(policies))
    for group, factor in loads.items():
        ns3.apply(ScaleTraffic(group, factor))
    ns3.advance(200)
    interval = ns3.advance(1000)
    assert interval.prb_leakage == 0
    assert all(m.prbs_used <= m.prbs_granted + 1e-6 for m in interval.slices.values())
    assert sum(m.prbs_granted for m in interval.slices.values()) <= PRBS + 1e-6
    return interval


def embb(interval: Interval) -> SliceMeasurement:
    return interval.slices[EMBB]


@pytest.mark.parametrize("percent", [1, 7, 33, 50, 99])
def test_a_share_is_exact_in_the_mean_even_if_it_is_a_fraction_of_a_prb(
    ns3: Ns3Simulator, percent: int
) -> None:
    rest = 100 - percent
    policies = {URLLC: share(percent, percent, percent), EMBB: share(rest, rest, rest), MMTC: share(0, 0, 0)}
    interval = measured(ns3, policies, {})
    assert interval.slices[URLLC].prbs_granted == pytest.approx(PRBS * percent / 100, rel=1e-4)
    assert embb(interval).prbs_granted == pytest.approx(PRBS * rest / 100, rel=1e-4)


def test_a_small_share_still_delivers(ns3: Ns3Simulator) -> None:
    policies = {URLLC: share(4, 4, 4), EMBB: share(90, 90, 90), MMTC: share(0, 0, 0)}
    control = measured(ns3, policies, {}).groups["control"]
    assert control.delivered_packets > 190


def test_an_idle_slice_lends_its_minimum_but_not_what_is_dedicated(ns3: Ns3Simulator) -> None:
    heavy = {"video": 8.0, "control": 0.0}
    lent = measured(ns3, {URLLC: share(0, 60, 60), EMBB: share(0, 40, 100), MMTC: share(0, 0, 0)}, heavy)
    kept = measured(ns3, {URLLC: share(60, 60, 60), EMBB: share(0, 40, 100), MMTC: share(0, 0, 0)}, heavy)
    assert embb(lent).prbs_used > 0.9 * PRBS
    assert embb(kept).prbs_used == pytest.approx(0.4 * PRBS, rel=0.05)
    assert kept.slices[URLLC].prbs_granted == pytest.approx(0.6 * PRBS, rel=1e-4)


def test_a_lender_gets_its_minimum_back_when_it_has_something_to_send(ns3: Ns3Simulator) -> None:
    policies = {URLLC: share(0, 50, 100), EMBB: share(0, 50, 100), MMTC: share(0, 0, 0)}
    interval = measured(ns3, policies, {"video": 8.0})
    assert embb(interval).prbs_used > 0.7 * PRBS
    alone = measured(ns3, policies, {"video": 0.0})
    assert interval.groups["control"].latency_ms < alone.groups["control"].latency_ms + 1


def test_no_slice_gets_more_than_its_maximum(ns3: Ns3Simulator) -> None:
    policies = {URLLC: share(0, 10, 20), EMBB: share(0, 20, 30), MMTC: share(0, 0, 0)}
    interval = measured(ns3, policies, {"video": 8.0})
    assert embb(interval).prbs_granted == pytest.approx(0.3 * PRBS, rel=0.05)
    assert embb(interval).prbs_used <= 0.3 * PRBS + 1e-6


def test_prbs_without_a_reservation_are_shared_in_proportion_to_the_minimum(ns3: Ns3Simulator) -> None:
    policies = {URLLC: share(0, 30, 100), EMBB: share(0, 10, 100), MMTC: share(0, 0, 0)}
    interval = measured(ns3, policies, {"video": 8.0, "control": 60.0})
    used = {kind: m.prbs_used for kind, m in interval.slices.items()}
    assert used[URLLC] == pytest.approx(0.75 * PRBS, rel=0.1)
    assert used[EMBB] == pytest.approx(0.25 * PRBS, rel=0.1)


def test_without_a_share_nothing_is_delivered(ns3: Ns3Simulator) -> None:
    policies = {URLLC: share(0, 0, 0), EMBB: share(50, 50, 50), MMTC: share(0, 0, 0)}
    interval = measured(ns3, policies, {})
    assert interval.groups["control"].delivered_packets == 0
    assert interval.groups["control"].latency_ms > 100  # the age of the oldest one that waits
    assert interval.slices[URLLC].spectral_efficiency == 0
