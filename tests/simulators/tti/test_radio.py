"""What happens between the buffer of a cell and a device in the TTI simulator: shares, HARQ, RLC, CQI."""

import random
from collections import Counter
from itertools import pairwise

import pytest

from sixgym.domain.change import Change, ScaleTraffic, SetPrbPolicy
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval
from sixgym.domain.network import PRBS_OF_BANDWIDTH_MHZ, Area, Cell, Channel, Fading, Group, Radio
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import Constant, OnOff, Periodic
from sixgym.simulators.tti import TtiSimulator
from tests.networks import slice_of, slicing, small

URLLC, EMBB, MMTC = SliceType
SCHEDULABLE = {6: 6, 15: 14, 25: 24, 50: 48, 75: 72, 100: 100}  # whole RBGs


def share(dedicated: int, minimum: int, maximum: int) -> RrmPolicyRatio:
    return RrmPolicyRatio(dedicated=dedicated, min=minimum, max=maximum)


def link(
    interval_ms: float = 20,
    packet_bytes: int = 300,
    *,
    x_m: float = 200,
    tx_power_dbm: float = 30,
    channel: Channel | None = None,
    radio: Radio | None = None,
) -> Scenario:
    """One device on a cell of its own with one packet every interval."""
    group = Group(
        name="device",
        slice=URLLC,
        count=1,
        placement=(Position(x_m=x_m, y_m=0, z_m=1.5),),
        traffic=Periodic(model="periodic", interval_ms=interval_ms, packet_bytes=packet_bytes),
    )
    cell = Cell(
        id="cell", position=Position(x_m=0, y_m=0, z_m=25), tx_power_dbm=tx_power_dbm, bandwidth_mhz=5
    )
    return Scenario(
        name="link",
        decision_interval_ms=100,
        cells=(cell,),
        slices=(slice_of(URLLC, 100, 10),),
        groups=(group,),
        managed="device",
        channel=channel or Channel(shadowing=False),
        radio=radio or Radio(),
    ).placed(1)


def started(scenario: Scenario, changes: tuple[Change, ...] = (), seed: int = 1) -> TtiSimulator:
    simulator = TtiSimulator()
    simulator.reset(scenario, seed=seed)
    for change in changes:
        simulator.apply(change)
    return simulator


# ------------------------------------------------------------------ shares of PRBs
@pytest.mark.parametrize("seed", range(10))
def test_strict_shares_are_exact_over_a_hundred_ttis(seed: int) -> None:
    rng = random.Random(seed)
    mhz = rng.choice(list(PRBS_OF_BANDWIDTH_MHZ))
    cells = tuple(cell.model_copy(update={"bandwidth_mhz": mhz}) for cell in small().cells)
    simulator = started(small().model_copy(update={"cells": cells}))
    for _ in range(20):
        first, second = sorted((rng.randint(0, 100), rng.randint(0, 100)))
        percent = {URLLC: first, EMBB: second - first, MMTC: rng.randint(0, 100 - second)}
        simulator.apply(SetPrbPolicy({kind: share(p, p, p) for kind, p in percent.items()}))
        interval = simulator.advance(100)
        prbs = 2 * SCHEDULABLE[PRBS_OF_BANDWIDTH_MHZ[mhz]]
        for kind, measured in interval.slices.items():
            assert measured.prbs_granted == pytest.approx(prbs * percent[kind] / 100, abs=1e-9)
            assert measured.prbs_used <= measured.prbs_granted + 1e-9
        assert interval.prb_leakage == 0


def saturated(policies: dict[SliceType, RrmPolicyRatio], loads: dict[str, float]) -> Interval:
    """One cell of 24 PRBs; groups `video` (eMBB) and `control` (URLLC) send what `loads` says."""
    video = (
        small()
        .group("video")
        .model_copy(update={"traffic": Constant(model="constant", rate_mbps=1, packet_bytes=1000)})
    )
    scenario = small().model_copy(update={"cells": small().cells[:1], "groups": (*small().groups[:2], video)})
    changes = (SetPrbPolicy(policies), *(ScaleTraffic(group, factor) for group, factor in loads.items()))
    simulator = started(scenario, changes)
    simulator.advance(200)
    interval = simulator.advance(1_000)
    assert interval.prb_leakage == 0
    assert sum(m.prbs_granted for m in interval.slices.values()) <= 24 + 1e-9
    return interval


def test_an_idle_slice_lends_its_minimum_and_keeps_what_is_dedicated() -> None:
    loads = {"video": 20.0, "control": 0.0, "uav": 0.0}
    rest = {EMBB: share(0, 40, 100), MMTC: share(0, 0, 0)}
    lent = saturated({URLLC: share(0, 60, 60), **rest}, loads)
    half = saturated({URLLC: share(30, 60, 60), **rest}, loads)
    kept = saturated({URLLC: share(60, 60, 60), **rest}, loads)
    used = [interval.slices[EMBB].prbs_used for interval in (lent, half, kept)]
    assert used == pytest.approx([24, 0.7 * 24, 0.4 * 24], rel=0.02)
    assert [i.slices[URLLC].prbs_granted for i in (lent, half, kept)] == pytest.approx(
        [0, 0.3 * 24, 0.6 * 24], rel=0.02, abs=0.3
    )


@pytest.mark.parametrize("maximum", [40, 55, 80])
def test_a_borrower_never_gets_more_than_its_maximum(maximum: int) -> None:
    policies = {URLLC: share(0, 20, 100), EMBB: share(0, 20, maximum), MMTC: share(0, 0, 0)}
    measured = saturated(policies, {"video": 20.0, "control": 0.0}).slices[EMBB]
    assert measured.prbs_used == pytest.approx(24 * maximum / 100, rel=0.02)
    assert measured.prbs_granted <= 24 * maximum / 100 + 1e-9


def test_a_lender_gets_its_share_back_as_soon_as_it_has_something_to_send() -> None:
    policies = {URLLC: share(0, 50, 50), EMBB: share(0, 50, 100), MMTC: share(0, 0, 0)}
    alone = saturated(policies, {"video": 0.0, "uav": 0.0})
    shared = saturated(policies, {"video": 20.0, "uav": 20.0})
    assert shared.groups["control"].latency_max_ms <= alone.groups["control"].latency_max_ms + 8
    assert shared.slices[EMBB].prbs_used > 0.85 * 24


# ------------------------------------------------------------------ HARQ, RLC and CQI
def delays_ms(scenario: Scenario, packets: int, gap_ms: int) -> list[float]:
    """Delay of each packet, 0 for those that were lost; one packet per interval."""
    simulator = started(scenario)
    flows = [simulator.advance(gap_ms).groups["device"] for _ in range(packets)]
    assert {flow.sent_packets for flow in flows} == {1}
    return [flow.latency_ms if flow.delivered_packets else 0.0 for flow in flows]


@pytest.mark.parametrize("layers", [1, 2])
def test_a_retransmission_costs_7_ms_and_a_lost_block_holds_up_the_next_for_40_ms(layers: int) -> None:
    # a packet fits one block whatever the channel, and every one finds the same phase of a TTI
    radio = Radio.model_validate({"mimo_layers": layers, "cqi_period_ms": 80})
    walking = Channel(shadowing=False, fading=Fading(profile="EPA", speed_kmh=3))
    delays = delays_ms(link(80, 20, x_m=400, channel=walking, radio=radio), 1_000, 80)
    first = min(delay for delay in delays if delay > 0)
    seen: Counter[tuple[bool, int]] = Counter()
    for before, delay in pairwise(delays):
        after_loss = before == 0
        # on two layers the other half of the lost packet may have started the timer already
        held_ms = 40 if after_loss and delay - first > 39 else 0
        extra_ms = delay - first - held_ms
        if delay > 0:
            assert extra_ms == pytest.approx(7 * round(extra_ms / 7), abs=1e-3)
            seen[held_ms > 0, round(extra_ms / 7)] += 1
    assert {times for _, times in seen} <= {0, 1, 2, 3}
    assert seen[False, 0] > seen[False, 1] > 20
    assert seen[True, 0] > 0


def test_no_packet_overtakes_another_on_a_bad_link() -> None:
    # a packet that was overtaken counts as lost, so reordering shows as no loss at all
    fading = Channel(shadowing=False, fading=Fading(profile="EPA", speed_kmh=30))
    scenario = link(1, 30, x_m=500, channel=fading, radio=Radio(loss_timeout_ms=2_000))
    simulator = started(scenario)
    simulator.advance(200)
    flow = simulator.advance(5_000).groups["device"]
    assert flow.delivered_packets > 4_900
    assert flow.latency_max_ms > 10  # blocks were sent again
    assert flow.jitter_ms > 0.05  # and what was behind them waited
    assert flow.lost_packets < 0.005 * flow.delivered_packets


def test_a_packet_that_waits_for_an_earlier_one_arrives_together_with_it() -> None:
    fading = Channel(shadowing=False, fading=Fading(profile="EPA", speed_kmh=30))
    simulator = started(link(1, 30, x_m=500, channel=fading))
    steps = [simulator.advance(1).groups["device"] for _ in range(3_000)]
    together = [(flow, before) for before, flow in pairwise(steps)]
    held = [flow for flow, before in together if before.delivered_packets == 0 < flow.delivered_packets]
    assert max(flow.delivered_packets for flow in held) >= 7
    for flow in held:  # in order of sending, 1 ms apart
        if flow.lost_packets == 0:
            spread_ms = flow.latency_max_ms - flow.latency_ms
            assert spread_ms <= (flow.delivered_packets - 1) / 2 + 1e-3


def test_the_older_the_channel_report_the_more_blocks_are_lost() -> None:
    walking = Channel(shadowing=False, fading=Fading(profile="EPA", speed_kmh=3))
    again: list[float] = []
    for period_ms in (1, 20, 80):
        radio = Radio(cqi_period_ms=period_ms, loss_timeout_ms=2_000)
        delays = delays_ms(link(10, x_m=300, channel=walking, radio=radio), 1_500, 10)
        first = min(delay for delay in delays if delay > 0)
        again.append(sum(delay > first + 3 for delay in delays) / len(delays))
    assert 0 < 2 * again[0] < again[1] < again[2]


# ------------------------------------------------------------------ edges of what a scenario may say
def crowd(
    count: int, traffic: OnOff | Constant | Periodic, mhz: float = 5, cells: int = 1, power_dbm: float = 36
) -> Scenario:
    """Up to 19 cells in a row, and a group in two of three slices."""
    area = Area(max_radius_m=200)
    group = Group(name="many", slice=URLLC, count=count, placement=area, traffic=traffic)
    one = Group(name="one", slice=EMBB, count=1, placement=area, traffic=traffic)
    return Scenario(
        name="crowd",
        decision_interval_ms=100,
        cells=tuple(
            Cell(
                id=f"c-{index}",
                position=Position(x_m=300 * index, y_m=0, z_m=25),
                tx_power_dbm=power_dbm,
                bandwidth_mhz=mhz,
            )
            for index in range(cells)
        ),
        slices=(slice_of(URLLC, 60, 10), slice_of(EMBB, 30, 50), slice_of(MMTC, 10)),
        groups=(group, one),
        managed="many",
        channel=Channel(fading=Fading(profile="EVA", speed_kmh=30)),
    ).placed(3)


def with_radio(scenario: Scenario, **changes: object) -> Scenario:
    radio = Radio.model_validate(scenario.radio.model_dump() | changes)
    return scenario.model_copy(update={"radio": radio})


def with_channel(scenario: Scenario, **changes: object) -> Scenario:
    channel = Channel.model_validate(scenario.channel.model_dump() | changes)
    return scenario.model_copy(update={"channel": channel})


SMALLEST = Periodic(model="periodic", interval_ms=1, packet_bytes=20)
LARGEST = Constant(model="constant", rate_mbps=2, packet_bytes=1400)
EDGES = {
    **{f"{mhz:g} MHz": crowd(8, LARGEST, mhz) for mhz in PRBS_OF_BANDWIDTH_MHZ},
    **{f"{mhz:g} MHz, two layers": with_radio(crowd(8, LARGEST, mhz), mimo_layers=2) for mhz in (1.4, 20)},
    "packets of 20 bytes every ms": crowd(20, SMALLEST),
    "packets of 20 bytes on 6 PRBs": crowd(20, SMALLEST, 1.4),
    "packets of 1400 bytes": crowd(4, LARGEST),
    "no fading": with_channel(crowd(8, LARGEST), fading=None),
    "no fading, piro": with_radio(
        with_channel(crowd(8, LARGEST), fading=None), link_adaptation="piro", mimo_layers=2
    ),
    "piro": with_radio(crowd(8, LARGEST, 10), link_adaptation="piro"),
    "the smallest buffer": with_radio(crowd(8, LARGEST), rlc_buffer_bytes=1_500),
    "the shortest timeout": with_radio(crowd(8, LARGEST), loss_timeout_ms=10),
    "the longest timeout": with_radio(crowd(8, LARGEST), loss_timeout_ms=10_000),
    "the rarest reports": with_radio(crowd(8, LARGEST), cqi_period_ms=160),
    "one device": link(),
    "19 cells": crowd(30, SMALLEST, cells=19),
    "200 devices": crowd(200, LARGEST, 10),
    "out of reach": crowd(6, LARGEST, power_dbm=-10),
    "without compute": slicing(),
    "a rare packet": crowd(2, Periodic(model="periodic", interval_ms=60_000, packet_bytes=1400)),
    "a flood": crowd(2, Constant(model="constant", rate_mbps=200, packet_bytes=1400)),
}


@pytest.mark.parametrize("name", EDGES)
def test_counts_agree_at_the_limits_of_what_a_scenario_allows(name: str) -> None:
    scenario = EDGES[name]
    simulator = started(scenario)
    sent = settled = sent_bytes = 0
    early = simulator.advance(scenario.radio.loss_timeout_ms + 1)  # what the warm-up sent is settled
    for _ in range(10):
        interval = simulator.advance(100)
        flows = [measured.flow for measured in interval.devices.values()]
        assert sum(f.sent_packets for f in flows) == sum(f.sent_packets for f in interval.groups.values())
        for flow in flows:
            sent += flow.sent_packets
            sent_bytes += flow.sent_bytes
            settled += flow.delivered_packets + flow.lost_packets
            assert 0 <= flow.latency_ms <= flow.latency_max_ms <= scenario.radio.loss_timeout_ms
            assert flow.late_packets <= flow.delivered_packets
        assert interval.prb_leakage == 0
        assert all(m.prbs_used <= m.prbs_granted + 1e-9 for m in interval.slices.values())
        assert all(m.queue_bytes >= 0 for m in interval.slices.values())
        assert all(0 <= cell.prb_load <= 1 for cell in interval.cells.values())
        empty = [m for kind, m in interval.slices.items() if m.devices == 0]
        assert all(m.prbs_used == m.flow.sent_packets == 0 for m in empty)
    for group in scenario.groups:
        simulator.apply(ScaleTraffic(group.name, 0.0))
    rest = simulator.advance(scenario.radio.loss_timeout_ms + 1)
    after = [measured.flow for measured in rest.devices.values()]
    settled += sum(flow.delivered_packets + flow.lost_packets for flow in after)
    under_way = sum(m.flow.sent_packets for m in early.devices.values())
    assert sent <= settled <= sent + under_way
    assert simulator.advance(100).faults == ()
