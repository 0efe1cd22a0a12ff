"""Every fault moves the measured network the way it would move a real one, and ends cleanly."""

import random

import pytest
from pydantic import TypeAdapter

from sixgym.domain.change import Fly, HandOver, InjectFault, MoveToSlice, Offload, ScaleTraffic
from sixgym.domain.faults import (
    BackhaulDegradation,
    CellOutage,
    CellPowerDrop,
    EdgeOverload,
    FaultEvent,
    HandoverFailure,
    Interferer,
    TrafficSurge,
)
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval
from sixgym.domain.network import Handover
from sixgym.domain.slices import SliceType
from sixgym.simulators.base import Simulator
from sixgym.testing.networks import small
from sixgym.testing.simulator_bookkeeping import SimulatorBookkeeping, run

FOREVER_MS = 60_000
FAULT: TypeAdapter[FaultEvent] = TypeAdapter(FaultEvent)


def with_fault(simulator: Simulator, fault: FaultEvent) -> Interval:
    """One second with a fault that is active all the time."""
    interval = run(simulator, [InjectFault(fault)])
    assert interval.faults == (fault.kind,)
    return interval


class SimulatorFaults(SimulatorBookkeeping):
    """Every kind of fault strikes, shows in what is measured, and ends."""

    def test_an_interferer_lowers_the_sinr_around_it(self, simulator: Simulator) -> None:
        fault = Interferer(
            start_ms=0, duration_ms=FOREVER_MS, position=Position(x_m=40, y_m=20, z_m=10), power_dbm=20
        )
        quiet, jammed = run(simulator), with_fault(simulator, fault)
        assert quiet.interferers == ()
        assert [(i.position, i.power_dbm) for i in jammed.interferers] == [(fault.position, 20.0)]
        assert jammed.devices["control-1"].sinr_db < quiet.devices["control-1"].sinr_db - 10

    def test_a_power_drop_lowers_the_signal_by_as_much(self, simulator: Simulator) -> None:
        fault = CellPowerDrop(start_ms=0, duration_ms=FOREVER_MS, cell="west", drop_db=20)
        normal, weak = run(simulator), with_fault(simulator, fault)
        assert weak.cells["west"].tx_power_dbm == 16
        change_db = weak.devices["control-1"].rsrp_dbm["west"] - normal.devices["control-1"].rsrp_dbm["west"]
        assert change_db == pytest.approx(-20, abs=0.5)
        assert weak.devices["control-1"].rsrp_dbm["east"] == pytest.approx(
            normal.devices["control-1"].rsrp_dbm["east"], abs=0.5
        )

    def test_an_outage_silences_a_cell_and_handover_away_from_it_works(self, simulator: Simulator) -> None:
        fault = CellOutage(start_ms=0, duration_ms=FOREVER_MS, cell="west")
        dark = with_fault(simulator, fault)
        assert dark.cells["west"].tx_power_dbm == -200
        assert dark.groups["uav"].delivered_packets == 0
        simulator.apply(HandOver("uav-1", "east"))
        simulator.advance(600)
        assert simulator.advance(500).groups["uav"].delivered_packets > 50
        simulator.apply(HandOver("uav-1", "west"))
        assert simulator.advance(100).devices["uav-1"].handover == "FAILED"

    def test_a_surge_multiplies_the_offered_load_of_its_group_alone(self, simulator: Simulator) -> None:
        fault = TrafficSurge(start_ms=0, duration_ms=FOREVER_MS, group="uav", factor=3)
        normal, surge = run(simulator), with_fault(simulator, fault)
        assert surge.groups["uav"].sent_packets == pytest.approx(3 * normal.groups["uav"].sent_packets, abs=3)
        assert surge.groups["video"].sent_packets == normal.groups["video"].sent_packets

    def test_a_degraded_backhaul_delays_and_loses_packets_of_its_cell(self, simulator: Simulator) -> None:
        fault = BackhaulDegradation(
            start_ms=0, duration_ms=FOREVER_MS, cell="west", delay_ms=25, loss_ratio=0.2
        )
        normal, slow = run(simulator), with_fault(simulator, fault)
        assert (slow.cells["west"].backhaul_delay_ms, slow.cells["west"].backhaul_loss_ratio) == (25, 0.2)
        added_ms = slow.devices["control-1"].flow.latency_ms - normal.devices["control-1"].flow.latency_ms
        assert added_ms == pytest.approx(24.5, abs=1)
        assert slow.devices["control-1"].flow.late_packets > 50
        assert 0.05 < slow.devices["control-1"].flow.loss_ratio < 0.4
        assert slow.devices["control-2"].flow.loss_ratio == normal.devices["control-2"].flow.loss_ratio

    def test_an_overloaded_edge_is_busy_and_slow(self, simulator: Simulator) -> None:
        fault = EdgeOverload(start_ms=0, duration_ms=FOREVER_MS, node="edge", background_load=2)
        normal, busy = run(simulator), with_fault(simulator, fault)
        assert normal.nodes["edge"].load < 0.7
        assert busy.nodes["edge"].load > 0.99
        assert busy.nodes["edge"].queue > 20
        assert busy.workloads["uav"].latency_ms > 3 * normal.workloads["uav"].latency_ms

    def test_a_cell_that_refuses_handovers_makes_them_fail(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)
        simulator.apply(InjectFault(HandoverFailure(start_ms=0, duration_ms=200, cell="east")))
        simulator.apply(HandOver("uav-1", "east"))
        refused = simulator.advance(200).devices["uav-1"]
        assert (refused.cell, refused.handover, refused.handover_target) == ("west", "FAILED", "east")
        simulator.apply(HandOver("uav-1", "east"))
        assert simulator.advance(200).devices["uav-1"].cell == "east"

    def test_a_backhaul_that_recovers_does_not_lose_what_was_under_way(self, simulator: Simulator) -> None:
        fault = BackhaulDegradation(start_ms=0, duration_ms=300, cell="west", delay_ms=80)
        simulator.reset(small(), seed=1)
        simulator.apply(InjectFault(fault))
        flows = [simulator.advance(100).devices["control-1"].flow for _ in range(8)]
        assert sum(flow.lost_packets for flow in flows) == 0
        assert flows[2].latency_ms > 80
        assert flows[-1].latency_ms < 10

    def test_overlapping_overloads_end_with_the_last_of_them(self, simulator: Simulator) -> None:
        simulator.reset(small(), seed=1)
        for duration_ms, load in ((400, 1.5), (800, 3.0)):
            fault = EdgeOverload(start_ms=0, duration_ms=duration_ms, node="edge", background_load=load)
            simulator.apply(InjectFault(fault))
        simulator.advance(400)
        assert simulator.advance(400).nodes["edge"].load > 0.99
        simulator.advance(3000)
        assert simulator.advance(1000).nodes["edge"].load < 0.8

    def test_a_device_is_served_again_as_soon_as_its_cell_is_back(self, simulator: Simulator) -> None:
        # an RLC receiver takes PDUs for old once 512 were sent in vain, so nothing may be sent in vain
        away = CellOutage(start_ms=0, duration_ms=8_000, cell="west")
        lonely = small().model_copy(update={"channel": small().channel.model_copy(update={"fading": None})})
        simulator.reset(lonely, seed=1)
        simulator.apply(InjectFault(away))
        simulator.advance(8_600)
        back = simulator.advance(1_000).devices["control-1"]
        assert back.cell == "west"
        assert back.flow.delivered_packets >= 0.95 * back.flow.sent_packets > 0

    def test_two_interferers_above_each_other_are_two(self, simulator: Simulator) -> None:
        low, high = (
            Interferer(
                start_ms=0, duration_ms=FOREVER_MS, position=Position(x_m=40, y_m=20, z_m=z), power_dbm=20
            )
            for z in (10, 300)
        )
        simulator.reset(small(), seed=1)
        for fault in (high, low):
            simulator.apply(InjectFault(fault))
        assert {i.position.z_m for i in simulator.advance(100).interferers} == {10, 300}


class SimulatorStress(SimulatorBookkeeping):
    """Long random sequences of changes and faults. Slow: the five seeds are 50 s of network time."""

    @pytest.mark.parametrize("seed", range(5))
    def test_a_storm_of_changes_breaks_nothing(self, simulator: Simulator, seed: int) -> None:
        rng = random.Random(seed)
        scenario = small().model_copy(
            update={"handover": Handover(algorithm=rng.choice(["a3", "on_request"]), time_to_trigger_ms=40)}
        )
        interval = simulator.reset(scenario, seed=seed)
        for _ in range(150):
            for device in interval.devices:
                if rng.random() < 0.3:
                    simulator.apply(HandOver(device, rng.choice(["west", "east"])))
            group = rng.choice(list(interval.groups))
            simulator.apply(MoveToSlice(group, rng.choice(list(SliceType))))
            simulator.apply(ScaleTraffic(group, rng.choice([0.0, 0.5, 1.0, 4.0])))
            simulator.apply(Offload("uav", rng.choice(["edge", "cloud", "onboard"])))
            simulator.apply(random_fault(rng, interval.end_ms))
            goal = Position(x_m=rng.uniform(-500, 1000), y_m=rng.uniform(-500, 500), z_m=rng.uniform(1, 200))
            simulator.apply(Fly("uav-1", (goal,), rng.uniform(1, 40)))
            interval = simulator.advance(rng.choice([10, 30, 100]))
            assert interval.prb_leakage == 0
        simulator.advance(2_000)  # all faults are over
        calm = simulator.advance(100)
        assert calm.faults == ()
        assert all(cell.tx_power_dbm == 36 for cell in calm.cells.values())
        assert sum(cell.devices for cell in calm.cells.values()) == len(calm.devices)


def random_fault(rng: random.Random, now_ms: int) -> InjectFault:
    """A fault of any kind that begins within 100 ms."""
    place = Position(x_m=rng.uniform(0, 500), y_m=0, z_m=10)
    cell = rng.choice(["west", "east"])
    faults: list[dict[str, object]] = [
        {"kind": "interferer", "position": place, "power_dbm": 20},
        {"kind": "cell_power_drop", "cell": cell, "drop_db": 10},
        {"kind": "cell_outage", "cell": cell},
        {"kind": "traffic_surge", "group": "uav", "factor": 4},
        {"kind": "backhaul_degradation", "cell": cell, "delay_ms": 30, "loss_ratio": 0.3},
        {"kind": "edge_overload", "node": "edge", "background_load": 3},
        {"kind": "handover_failure", "cell": cell},
    ]
    clock = {"start_ms": now_ms + rng.randint(0, 100), "duration_ms": rng.randint(1, 1500)}
    return InjectFault(FAULT.validate_python(rng.choice(faults) | clock))
