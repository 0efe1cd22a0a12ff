"""What the experiment model is told to expect of queues, and when it is told that the past says little."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.domain.change import Change, HandOver, MoveToSlice, ScaleTraffic
from sixgym.domain.faults import BackhaulDegradation, CellOutage
from sixgym.domain.radio import PRB_HZ
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.state.context import Expected, IntervalContext
from sixgym.simulators.experiment_model.state.prb_allocation import efficiency
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small

INTERVAL_MS = 100


def expectations(scenario: Scenario, *changes: Sequence[Change]) -> list[dict[str, Expected]]:
    """Of every device in each interval, changes before the nth; what happens is what tti measures."""
    return [dict(context.expected) for context, _ in _looks(scenario, *changes)]


def asked(scenario: Scenario, *changes: Sequence[Change]) -> list[dict[str, Question]]:
    """Questions about flows in each interval, by subject."""
    return [
        {one.subject: one for one in found if one.kind == "flow"} for _, found in _looks(scenario, *changes)
    ]


def _looks(
    scenario: Scenario, *changes: Sequence[Change]
) -> Iterator[tuple[IntervalContext, list[Question]]]:
    tti, tracker = TtiSimulator(), NetworkTracker(scenario)
    for number, due in enumerate(((), *changes)):
        for change in due:
            tti.apply(change)
            tracker.apply(change)
        measured = tti.advance(INTERVAL_MS) if number else tti.reset(scenario, seed=1)
        context = tracker.begin_interval(INTERVAL_MS)
        yield context, questions(tracker, context)
        tracker.end_interval(context, measured)
    tti.close()


def test_in_a_calm_network_everything_is_expected_to_arrive_soon() -> None:
    last = expectations(small(), (), ())[-1]
    assert all(one.arrives == pytest.approx(1, abs=0.05) for one in last.values())
    assert all(one.latency_ms < 10 for one in last.values())


def test_nothing_is_expected_from_a_dark_cell() -> None:
    outage = CellOutage(cell="west", start_ms=0, duration_ms=10_000)
    scenario = small().model_copy(update={"faults": (outage,)})
    tracker = NetworkTracker(scenario)
    west = [device.id for device in tracker.devices.values() if device.cell == "west"]
    last = expectations(scenario, (), ())[-1]
    assert west
    for name in west:
        assert last[name].arrives < 0.05
        assert last[name].latency_ms >= 100


def test_what_a_backhaul_loses_and_delays_is_expected_to_be_lost_and_late() -> None:
    fault = BackhaulDegradation(cell="west", start_ms=0, duration_ms=10_000, delay_ms=40, loss_ratio=0.25)
    plain, worse = (
        expectations(small().model_copy(update={"faults": faults}), ())[-1] for faults in ((), (fault,))
    )
    west = [device.id for device in NetworkTracker(small()).devices.values() if device.cell == "west"]
    for name in west:
        assert worse[name].arrives == pytest.approx(0.75 * plain[name].arrives)
        assert worse[name].latency_ms > plain[name].latency_ms + 30


def test_a_backlog_grows_under_too_much_traffic_up_to_the_buffer_and_is_worked_off_afterwards() -> None:
    scenario = small()
    much, little = (ScaleTraffic("video", 60.0),), (ScaleTraffic("video", 0.1),)
    name = scenario.group("video").device_ids[0]
    seen = [one[name] for one in expectations(scenario, much, (), (), (), little, ())]
    assert seen[0].backlog_bytes == 0
    assert 0 < seen[1].backlog_bytes <= seen[2].backlog_bytes <= scenario.radio.rlc_buffer_bytes
    assert seen[2].arrives < 1
    assert seen[3].latency_ms > seen[0].latency_ms + 20
    assert seen[5].arrives > 1


def test_what_has_waited_longer_than_the_loss_timeout_takes_time_and_does_not_count() -> None:
    scenario = small()
    name = scenario.group("uav").device_ids[0]
    offered = 500_000 * 1.064 / 8  # bytes/s, headers included
    young, old = (_arriving(scenario, name, waits) for waits in (0.3 * offered, 3.0 * offered))
    assert young.arrives > 2
    assert old.arrives < young.arrives
    # of three seconds of packets, no more than those of the last 500 ms are not given up
    assert old.arrives <= 1 + scenario.radio.loss_timeout_ms / INTERVAL_MS


def test_behind_a_buffer_that_stays_full_for_longer_than_the_timeout_nothing_arrives_in_time() -> None:
    scenario = small()
    tracker = NetworkTracker(scenario)
    device = tracker.devices["uav-1"]
    device.backlog_bytes = scenario.radio.rlc_buffer_bytes
    tracker.apply(ScaleTraffic("uav", 60.0))
    for waits_s, arrives in ((0.2, True), (0.8, False)):
        # a full buffer that took so many seconds to fill
        device.accepted_bits_per_s = scenario.radio.rlc_buffer_bytes * 8 / waits_s
        found = tracker.begin_interval(INTERVAL_MS).expected["uav-1"]
        assert (found.arrives > 0) is arrives


def test_a_cell_that_takes_over_a_device_begins_with_an_empty_queue() -> None:
    there, here = (
        [_arriving(small(), "uav-1", waits, *changes) for waits in (0.0, 20_000.0)]
        for changes in ((HandOver("uav-1", "east"),), ())
    )
    assert there[0] == there[1]
    assert here[0] != here[1]


@given(st.floats(0, 200_000), st.just(0.0) | st.floats(0.01, 60))
@settings(max_examples=100, deadline=None)
def test_no_more_arrives_than_waits_and_is_sent(waits: float, load: float) -> None:
    scenario = small()
    tracker = NetworkTracker(scenario)
    tracker.devices["uav-1"].backlog_bytes = waits
    tracker.apply(ScaleTraffic("uav", load))
    context = tracker.begin_interval(INTERVAL_MS)
    found = context.expected["uav-1"]
    sent = 500_000 * 1.064 / 8 * INTERVAL_MS / 1e3
    arrived = found.arrives * sent * (load or 1.0)
    assert arrived >= 0
    assert arrived + found.backlog_bytes <= waits + sent * load + 1
    assert found.backlog_bytes <= scenario.radio.rlc_buffer_bytes
    assert 0 < found.latency_ms <= 2 * scenario.radio.loss_timeout_ms


def _arriving(scenario: Scenario, name: str, waits: float, *changes: Change) -> Expected:
    tracker = NetworkTracker(scenario)
    tracker.devices[name].backlog_bytes = waits
    for change in changes:
        tracker.apply(change)
    return tracker.begin_interval(INTERVAL_MS).expected[name]


def test_a_device_alone_in_its_cell_may_have_all_that_its_slice_may_have() -> None:
    scenario = small()
    name = scenario.group("uav").device_ids[0]
    waits = 20_000
    tracker = NetworkTracker(scenario)
    tracker.devices[name].backlog_bytes = waits
    context = tracker.begin_interval(INTERVAL_MS)
    link = context.links[name]
    share = context.shares[link.cell, link.slice]
    rate = share.allocated * efficiency(link.sinr_db) * PRB_HZ
    others = [one for one in context.links.values() if (one.cell, one.slice) == (link.cell, link.slice)]
    assert len(others) == share.devices > 1
    served = context.expected[name]
    # others need little, so it is served at nearly the whole rate
    gone = waits + link.load * 500_000 * 1.064 / 8 * INTERVAL_MS / 1e3 - served.backlog_bytes
    assert gone == pytest.approx(rate / 8 * INTERVAL_MS / 1e3, rel=0.35)


def test_packets_on_their_way_are_no_more_than_were_sent_since_the_loss_timeout() -> None:
    scenario, tracker = small(), NetworkTracker(small())
    tti = TtiSimulator()
    measured = tti.reset(scenario, seed=1)
    for number in range(8):
        context = tracker.begin_interval(INTERVAL_MS)
        # nothing is ever seen to arrive or to be lost
        groups = {
            name: replace(flow, delivered_packets=0, lost_packets=0) for name, flow in measured.groups.items()
        }
        tracker.end_interval(context, replace(measured, groups=groups))
        measured = tti.advance(INTERVAL_MS)
        sent = measured.groups["control"].sent_packets
        assert tracker.pending["control"] <= 5 * max(sent, 20), number
    tti.close()


@given(st.floats(-60, 80), st.floats(0, 40))
@settings(max_examples=200)
def test_a_better_link_never_carries_less(sinr_db: float, more_db: float) -> None:
    assert 0 < efficiency(sinr_db) <= efficiency(sinr_db + more_db) < 4


# ------------------------------------------------------------------ the past
def figures(question: Question) -> set[str]:
    """Names of what is told of the last interval."""
    told = question.words[question.words.index("before") :]
    return {word.partition("=")[0] for word in told}


CHANGES: dict[str, Change] = {
    "more traffic": ScaleTraffic("uav", 3.0),
    "another slice": MoveToSlice("uav", SliceType.URLLC),
    "another cell": HandOver("uav-1", "east"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_measured_under_other_conditions_is_not_told(what: str) -> None:
    _, before, at, after = asked(small(), (), (CHANGES[what],), ())
    for steady in (before["uav-1"], after["uav-1"]):
        assert "changed" not in steady.words
        assert {"delivered", "lost", "latency"} <= figures(steady)
    assert "changed" in at["uav-1"].words
    assert not {"delivered", "lost", "latency", "earlier"} & figures(at["uav-1"])


def test_what_waits_is_told_all_the_same() -> None:
    much, other = (ScaleTraffic("uav", 40.0),), (MoveToSlice("uav", SliceType.MMTC),)
    question = asked(small(), much, (), (), other)[-1]["uav-1"]
    assert "changed" in question.words
    assert {"queue", "pending"} <= figures(question)


def test_others_are_told_what_they_were() -> None:
    question = asked(small(), (), (HandOver("uav-1", "east"),))[-1]["control"]
    assert "changed" not in question.words


def test_a_handover_that_is_refused_changes_nothing() -> None:
    question = asked(small(), (), (HandOver("uav-1", "west"),))[-1]["uav-1"]
    assert "refused" in question.words
    assert "changed" not in question.words
