"""Link bias estimation: links and queues of the experiment model that are not measured one by one."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.domain.change import HandOver, ScaleTraffic
from sixgym.domain.faults import BackhaulDegradation
from sixgym.domain.measurement import Interval
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.state.context import IntervalContext
from sixgym.simulators.experiment_model.state.link_bias import backlog_bytes
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small

INTERVAL_MS = 100
MOST_DB = 12.0


@pytest.fixture(scope="module")
def calm() -> Interval:
    """An interval in which nothing waits."""
    tti = TtiSimulator()
    measured = tti.reset(small(), seed=1)
    tti.close()
    return measured


def delivering(
    measured: Interval, context: IntervalContext, group: str, share: float, sent: float = 1.0
) -> Interval:
    """The interval in which `sent` of what a group is normally sent was sent, and of it `share` arrived."""
    one = small().group(group)
    packets = round(context.nominal_packets(one, one.count) * sent)
    flow = replace(measured.groups[group], sent_packets=packets, delivered_packets=round(packets * share))
    devices = dict(measured.devices)
    if one.airframe is not None:
        name = one.device_ids[0]
        devices[name] = replace(devices[name], flow=flow)
    return replace(measured, groups={**measured.groups, group: flow}, devices=devices)


def learned(
    tracker: NetworkTracker, calm: Interval, group: str, shares: list[float], sent: float = 1.0
) -> None:
    """Go through intervals in which such shares arrived."""
    for share in shares:
        context = tracker.begin_interval(INTERVAL_MS)
        measured = delivering(calm, context, group, share, sent)
        tracker.end_interval(context, replace(measured, start_ms=context.start_ms, end_ms=context.end_ms))


def better_db(tracker: NetworkTracker, device: str) -> float:
    """Bias of a link: its tracked SINR less the one of the map."""
    link = tracker.begin_interval(INTERVAL_MS).links[device]
    return link.sinr_db - link.map_db


def test_a_link_over_which_less_arrives_than_expected_is_weaker_than_the_map_says(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [0.4])
    assert -3 < better_db(tracker, "uav-1") < -1
    learned(tracker, calm, "uav", [0.4])
    assert better_db(tracker, "uav-1") < -3
    link = tracker.begin_interval(INTERVAL_MS).links["uav-1"]
    assert link.need > link.map_need


def test_a_link_over_which_arrives_what_was_expected_is_as_the_map_says(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [1.0, 0.97, 1.02])
    assert better_db(tracker, "uav-1") == 0


def test_a_link_that_turns_out_well_is_as_the_map_says_again_and_no_better(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [0.7])
    assert better_db(tracker, "uav-1") < 0
    learned(tracker, calm, "uav", [2.0, 2.0, 2.0])
    assert better_db(tracker, "uav-1") == 0


def test_a_packet_or_two_more_or_less_are_chance(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    context = tracker.begin_interval(INTERVAL_MS)
    group = small().group("uav")
    assert context.nominal_packets(group, 1) == pytest.approx(12.5)
    learned(tracker, calm, "uav", [11 / 12.5, 14 / 12.5, 11 / 12.5])
    assert better_db(tracker, "uav-1") == 0


def test_what_a_backhaul_loses_is_not_put_down_to_the_radio_link(calm: Interval) -> None:
    leak = BackhaulDegradation(cell="west", start_ms=0, duration_ms=10_000, delay_ms=1, loss_ratio=0.3)
    tracker = NetworkTracker(small().model_copy(update={"faults": (leak,)}))
    learned(tracker, calm, "uav", [1.0])  # the warm-up, before it begins
    learned(tracker, calm, "uav", [0.3, 0.2, 0.1])
    assert tracker.begin_interval(INTERVAL_MS).backhaul_loss["west"] == 0.3
    assert better_db(tracker, "uav-1") == 0


def test_a_handover_that_fails_says_nothing_of_the_cell_that_was_asked(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [1.0])
    tracker.apply(HandOver("uav-1", "east"))
    learned(tracker, calm, "uav", [0.1])  # measured in west, where it still is
    tracker.apply(HandOver("uav-1", "east"))
    assert better_db(tracker, "uav-1") == 0


def test_of_a_group_the_one_that_is_shortest_of_prbs_is_taken_for_the_weak_one(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    context = tracker.begin_interval(INTERVAL_MS)
    shortage = {
        name: context.shares[link.cell, link.slice].load_of(link.need)
        for name, link in context.links.items()
        if link.device.group.name == "video"
    }
    learned(tracker, calm, "video", [0.67])
    moved = {name for name in shortage if better_db(tracker, name) != 0}
    assert moved == {max(shortage, key=shortage.__getitem__)}


@given(st.lists(st.floats(0, 3), max_size=12))
@settings(max_examples=25, deadline=None)
def test_no_link_is_believed_to_be_more_than_12_db_off(calm: Interval, shares: list[float]) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", shares)
    assert abs(better_db(tracker, "uav-1")) <= MOST_DB + 1e-9


def test_bursts_that_are_off_are_no_fault_of_the_link(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "video", [1.0, 1.0], sent=0.3)
    assert all(better_db(tracker, name) == 0 for name in small().group("video").device_ids)


def test_a_silent_group_teaches_nothing(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    tracker.apply(ScaleTraffic("video", 0.0))
    learned(tracker, calm, "video", [1.0, 1.0])
    assert all(better_db(tracker, name) == 0 for name in small().group("video").device_ids)


def test_what_was_learned_of_a_link_is_not_said_of_the_one_to_another_cell(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [0.2, 0.2])
    tracker.apply(HandOver("uav-1", "east"))
    context = tracker.begin_interval(INTERVAL_MS)
    link = context.links["uav-1"]
    assert link.cell == "east"
    assert link.sinr_db == link.map_db


def test_knowing_a_link_better_is_no_change_of_conditions(calm: Interval) -> None:
    tracker = NetworkTracker(small())
    learned(tracker, calm, "uav", [0.1, 0.1, 0.1])
    context = tracker.begin_interval(INTERVAL_MS)
    asked = {one.subject: one for one in questions(tracker, context)}
    assert better_db(tracker, "uav-1") < -5
    assert "changed" not in asked["uav-1"].words
    assert not any(word.startswith("wasrho=") for word in asked["uav-1"].words)


def queued(calm: Interval, slice_bytes: int, uav_bytes: int) -> Interval:
    """The interval with so much waiting for eMBB, of which so much for the UAV."""
    uav = replace(calm.devices["uav-1"], queue_bytes=uav_bytes)
    embb = replace(calm.slices[SliceType.EMBB], queue_bytes=slice_bytes)
    return replace(
        calm,
        devices={**calm.devices, "uav-1": uav},
        slices={**calm.slices, SliceType.EMBB: embb},
    )


def test_what_waits_for_a_slice_waits_for_its_devices(calm: Interval) -> None:
    context = NetworkTracker(small()).begin_interval(INTERVAL_MS)
    found = backlog_bytes(small(), context, queued(calm, 50_000, 12_000))
    assert found["uav-1"] == 12_000
    assert sum(found[name] for name in small().group("video").device_ids) == pytest.approx(38_000)
    assert all(found[name] == 0 for name in small().group("control").device_ids)


def test_no_device_is_given_more_than_its_buffer_holds(calm: Interval) -> None:
    scenario = small()
    room = scenario.radio.rlc_buffer_bytes
    context = NetworkTracker(scenario).begin_interval(INTERVAL_MS)
    found = backlog_bytes(scenario, context, queued(calm, 10 * room, 0))
    assert {found[name] for name in scenario.group("video").device_ids} == {room}


def test_a_few_packets_that_are_on_their_way_are_no_queue(calm: Interval) -> None:
    context = NetworkTracker(small()).begin_interval(INTERVAL_MS)
    found = backlog_bytes(small(), context, queued(calm, 4_000, 0))
    assert not any(found.values())
