"""What a packet-level simulator owes its callers: repetition, sums, slices, traffic, compute, mobility."""

import random
from collections.abc import Iterable

import pytest

from sixgym.domain.change import (
    Fly,
    HandOver,
    MoveToSlice,
    Offload,
    ScaleTraffic,
    SetPrbPolicy,
)
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import INTERVAL_JSON, PacketFlow
from sixgym.domain.network import Handover
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.testing.networks import small
from sixgym.testing.simulator_bookkeeping import SimulatorBookkeeping, run
from sixgym.testing.simulator_faults import SimulatorFaults


def strict(urllc: int, embb: int, mmtc: int) -> SetPrbPolicy:
    """Shares of the PRBs in percent, none of which is lent."""
    shares = {SliceType.URLLC: urllc, SliceType.EMBB: embb, SliceType.MMTC: mmtc}
    return SetPrbPolicy({kind: RrmPolicyRatio(dedicated=s, min=s, max=s) for kind, s in shares.items()})


def trace(simulator: Simulator, seed: int) -> list[bytes]:
    """The first 600 ms, as bytes."""
    intervals = [simulator.reset(small(), seed=seed)]
    intervals += [simulator.advance(100) for _ in range(5)]
    return [INTERVAL_JSON.dump_json(interval) for interval in intervals]


def total(flows: Iterable[PacketFlow]) -> tuple[int, ...]:
    """Packets sent, bytes delivered, packets lost and packets late, added up."""
    counts = [(f.sent_packets, f.delivered_bytes, f.lost_packets, f.late_packets) for f in flows]
    return tuple(sum(column) for column in zip(*counts, strict=True))


class SimulatorRepetition(SimulatorBookkeeping):
    """The same seed is the same network to the byte, and packets add up."""

    def test_the_same_seed_repeats_exactly_and_another_differs(self, simulator: Simulator) -> None:
        first = trace(simulator, seed=1)
        assert trace(simulator, seed=2) != first
        assert trace(simulator, seed=1) == first  # also after another network ran in the same object

    def test_a_fresh_simulator_gives_the_same_bytes_as_one_that_was_reset(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=3)
        fresh = self.make()
        try:
            assert trace(fresh, seed=1) == trace(simulator, seed=1)
        finally:
            fresh.close()

    def test_reading_more_often_changes_nothing(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)
        whole = simulator.advance(400)
        simulator.reset(small(), seed=1)
        parts = [simulator.advance(duration) for duration in (100, 10, 290)]
        for group, flow in whole.groups.items():
            assert flow.sent_bytes == sum(part.groups[group].sent_bytes for part in parts)
            assert flow.delivered_bytes == sum(part.groups[group].delivered_bytes for part in parts)
        assert {d: m.queue_bytes for d, m in whole.devices.items()} == {
            d: m.queue_bytes for d, m in parts[-1].devices.items()
        }

    def test_what_has_nothing_to_do_with_a_device_leaves_its_packets_alone(
        self, simulator: Simulator
    ) -> None:
        plain = run(simulator)
        nodes = tuple(node.model_copy(update={"background_load": 0.6}) for node in small().compute)
        busy = run(simulator, scenario=small().model_copy(update={"compute": nodes}))
        assert busy.nodes["edge"].load > plain.nodes["edge"].load
        assert busy.groups["control"] == plain.groups["control"]

    def test_closing_twice_is_allowed_and_a_closed_simulator_can_be_reset(self) -> None:
        simulator = self.make()
        simulator.close()
        with pytest.raises(SimulatorError, match="reset"):
            simulator.advance(100)
        simulator.reset(small(), seed=1)
        simulator.close()
        simulator.close()
        with pytest.raises(SimulatorError, match="reset"):
            simulator.apply(ScaleTraffic("uav", 1.0))
        assert simulator.reset(small(), seed=1).end_ms == 0
        simulator.close()

    def test_every_name_of_the_scenario_is_reported(self, simulator: Simulator) -> None:
        scenario = small()
        interval = run(simulator)
        assert set(interval.slices) == {slice_.type for slice_ in scenario.slices}
        assert set(interval.groups) == {group.name for group in scenario.groups}
        assert set(interval.workloads) == {"uav"}
        assert set(interval.nodes) == {node.id for node in scenario.compute}
        assert set(interval.cells) == {cell.id for cell in scenario.cells}
        assert set(interval.devices) == {device for _, device, _ in scenario.devices()}
        assert all(set(m.rsrp_dbm) == set(interval.cells) for m in interval.devices.values())

    def test_packets_are_conserved(self, simulator: Simulator) -> None:
        intervals = [simulator.reset(small(), seed=1)]
        simulator.apply(strict(2, 4, 1))  # starved, so that packets wait, drop and time out
        intervals += [simulator.advance(500) for _ in range(6)]
        for device in intervals[0].devices:
            flows = [interval.devices[device].flow for interval in intervals]
            sent = sum(flow.sent_packets for flow in flows[1:])
            settled = sum(flow.delivered_packets + flow.lost_packets for flow in flows[1:])
            waiting = flows[0].sent_packets  # at most that many were under way at time 0
            assert settled <= sent + waiting
            assert all(0 <= flow.loss_ratio <= 1 for flow in flows)

    def test_devices_add_up_to_groups_and_slices(self, simulator: Simulator) -> None:
        interval = run(simulator)
        by_device = total(m.flow for m in interval.devices.values())
        assert by_device == total(interval.groups.values())
        assert by_device == total(m.flow for m in interval.slices.values())
        assert sum(m.devices for m in interval.slices.values()) == len(interval.devices)
        assert sum(m.devices for m in interval.cells.values()) == len(interval.devices)


class SimulatorEffects(SimulatorBookkeeping):
    """Every change moves the measured network the way it would move a real one."""

    def test_no_prb_leaks_while_shares_change_every_interval(self, simulator: Simulator) -> None:
        rng = random.Random(7)
        simulator.reset(small(), seed=1)
        simulator.apply(ScaleTraffic("video", 3.0))
        used = 0.0
        for _ in range(60):
            first = rng.randint(0, 60)
            second = rng.randint(0, 100 - first)
            policies: dict[SliceType, RrmPolicyRatio] = {}
            for kind, share in zip(SliceType, (first, second, 100 - first - second), strict=True):
                policies[kind] = RrmPolicyRatio(
                    dedicated=rng.randint(0, share), min=share, max=rng.randint(share, 100)
                )
            simulator.apply(SetPrbPolicy(policies))
            simulator.apply(MoveToSlice(rng.choice(["uav", "control", "video"]), rng.choice(list(SliceType))))
            interval = simulator.advance(rng.choice([10, 30, 50]))
            assert interval.prb_leakage == 0
            used += sum(m.prbs_used for m in interval.slices.values())
        assert used > 0

    def test_more_prbs_for_a_starved_slice_lower_its_latency(self, simulator: Simulator) -> None:
        starved = run(simulator, [strict(30, 12, 10)])
        served = run(simulator, [strict(10, 80, 10)])
        assert (
            served.slices[SliceType.EMBB].flow.latency_ms < starved.slices[SliceType.EMBB].flow.latency_ms / 2
        )
        granted = served.slices[SliceType.EMBB].prbs_granted
        assert granted == pytest.approx(0.8 * 2 * 24, rel=0.01)
        assert served.slices[SliceType.EMBB].prbs_used <= granted

    def test_a_moved_group_is_scheduled_in_its_new_slice(self, simulator: Simulator) -> None:
        before = run(simulator)
        after = run(simulator, [MoveToSlice("uav", SliceType.MMTC)])
        assert after.devices["uav-1"].slice is SliceType.MMTC
        assert after.slices[SliceType.MMTC].devices == 1
        assert before.slices[SliceType.MMTC].prbs_used == 0 < after.slices[SliceType.MMTC].prbs_used
        assert after.groups["uav"].delivered_packets > 100

    def test_scaled_traffic_is_offered_and_delivered(self, simulator: Simulator) -> None:
        normal = run(simulator).groups["uav"]
        assert run(simulator, [ScaleTraffic("uav", 0.0)]).groups["uav"].sent_packets == 0
        double = run(simulator, [ScaleTraffic("uav", 2.0)]).groups["uav"]
        assert double.sent_packets == pytest.approx(2 * normal.sent_packets, abs=2)
        assert double.throughput_mbps == pytest.approx(2 * normal.throughput_mbps, rel=0.05)
        resumed = run(simulator, [ScaleTraffic("uav", 0.0), ScaleTraffic("uav", 1.0)]).groups["uav"]
        assert resumed.sent_packets == pytest.approx(normal.sent_packets, abs=2)

    def test_offloaded_tasks_load_the_node_they_run_on(self, simulator: Simulator) -> None:
        edge = run(simulator)
        cloud = run(simulator, [Offload("uav", "cloud")])
        onboard = run(simulator, [Offload("uav", "onboard")])
        assert edge.nodes["edge"].load > cloud.nodes["edge"].load
        assert edge.nodes["cloud"].load == 0 < cloud.nodes["cloud"].load
        assert onboard.nodes["cloud"].load == 0
        assert onboard.workloads["uav"].completed > 0
        assert cloud.workloads["uav"].completed == pytest.approx(20, abs=3)

    def test_a_handover_changes_the_serving_cell(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)
        assert simulator.advance(100).devices["uav-1"].handover == "IDLE"
        simulator.apply(HandOver("uav-1", "east"))
        after = simulator.advance(200)
        device = after.devices["uav-1"]
        assert (device.cell, device.handover, device.handover_target) == ("east", "COMPLETE", "east")
        assert 0 < device.handover_ms < 100
        assert after.cells["east"].devices == 3
        assert simulator.advance(1000).devices["uav-1"].flow.delivered_packets > 5

    def test_a_handover_to_the_serving_cell_and_a_second_one_at_once_fail(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)
        simulator.apply(HandOver("uav-1", "west"))
        device = simulator.advance(100).devices["uav-1"]
        assert (device.cell, device.handover, device.handover_target) == ("west", "FAILED", "west")
        simulator.apply(HandOver("uav-1", "east"))
        simulator.apply(HandOver("uav-1", "east"))
        assert simulator.advance(100).devices["uav-1"].cell == "east"

    def test_event_a3_hands_a_uav_over_to_the_cell_it_flies_to(self, simulator: Simulator) -> None:
        scenario = small().model_copy(update={"handover": Handover(algorithm="a3", time_to_trigger_ms=64)})
        simulator.reset(scenario, seed=1)
        assert simulator.advance(500).devices["uav-1"].cell == "west"
        simulator.apply(Fly("uav-1", (Position(x_m=450, y_m=40, z_m=60),), 300))
        device = simulator.advance(3000).devices["uav-1"]
        assert (device.cell, device.handover, device.handover_target) == ("east", "COMPLETE", "east")

    def test_a_uav_flies_its_route_and_then_where_it_is_sent(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)  # its route begins at time 0, 10 m/s to the east
        assert simulator.advance(2000).devices["uav-1"].position.x_m == pytest.approx(100, abs=0.1)
        simulator.apply(
            Fly("uav-1", (Position(x_m=100, y_m=80, z_m=60), Position(x_m=60, y_m=80, z_m=60)), 20)
        )
        assert simulator.advance(1000).devices["uav-1"].position.y_m == pytest.approx(60, abs=0.1)
        hovering = simulator.advance(4000).devices["uav-1"].position
        assert (hovering.x_m, hovering.y_m) == pytest.approx((60, 80), abs=0.1)

    def test_flying_to_another_cell_changes_what_the_uav_measures(self, simulator: Simulator) -> None:
        near_west = run(simulator).devices["uav-1"].rsrp_dbm
        simulator.reset(small(), seed=1)
        simulator.apply(Fly("uav-1", (Position(x_m=450, y_m=40, z_m=60),), 300))
        simulator.advance(1500)
        near_east = simulator.advance(500).devices["uav-1"].rsrp_dbm
        assert near_west["west"] - near_west["east"] > 5
        assert near_east["east"] - near_east["west"] > 5


class SimulatorContract(SimulatorRepetition, SimulatorEffects, SimulatorFaults):
    """The whole contract of a packet-level simulator.

    A test of one line tests a simulator of your own::

        class TestMine(SimulatorContract):
            make = MySimulator

    `make` is a class or a method. The suite takes 3 s on `tti` and a minute and a half on ns-3.
    """
