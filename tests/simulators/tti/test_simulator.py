"""The TTI simulator beyond the contract: its radio field, forks, counts and mobility."""

import copy
import pickle
import random
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from sixgym.domain.change import Change, Fly, HandOver, InjectFault, ScaleTraffic, SetPrbPolicy
from sixgym.domain.faults import CellOutage, CellPowerDrop, TrafficSurge
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import INTERVAL_JSON, Interval
from sixgym.domain.network import Airframe, Area, Cell, Channel, Handover
from sixgym.domain.radio import Emitter, path_gain_db
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.batch import advance_all, reset_all
from sixgym.simulators.tti import TtiSimulator, kernel
from sixgym.simulators.tti.build import build_network
from tests.networks import management, slicing, small
from tests.repository import ROOT

A3 = Handover(algorithm="a3", time_to_trigger_ms=64)


def started(scenario: Scenario, seed: int = 1) -> TtiSimulator:
    simulator = TtiSimulator()
    simulator.reset(scenario, seed=seed)
    return simulator


def in_json(intervals: list[Interval]) -> list[bytes]:
    return [INTERVAL_JSON.dump_json(interval) for interval in intervals]


def eventful() -> Scenario:
    """UAVs on their routes, event A3, and faults that begin and end soon."""
    faults = (
        CellPowerDrop(start_ms=150, duration_ms=900, cell="gnb-1", drop_db=12),
        TrafficSurge(start_ms=300, duration_ms=500, group="video", factor=4),
        CellOutage(start_ms=700, duration_ms=600, cell="gnb-2"),
    )
    return management().model_copy(update={"handover": A3, "faults": faults})


# ------------------------------------------------------------------ radio field
@pytest.mark.parametrize("path_loss", ["UMa", "UMi"])
@pytest.mark.parametrize("shadowing", [True, False])
def test_path_gains_are_those_of_the_domain(path_loss: str, shadowing: bool) -> None:
    rng = random.Random(f"{path_loss} {shadowing}")
    heights = (1.5, 7.0, 13.5, 22.4, 22.6, 60.0, 99.9, 100.1, 280.0)
    places = tuple(
        Position(x_m=rng.uniform(-2000, 2000), y_m=rng.uniform(-2000, 2000), z_m=rng.choice(heights))
        for _ in range(190)
    )
    near = tuple(Position(x_m=x, y_m=5, z_m=z) for x in (-1.0, 0.0, 9.0, 11.0, 600.0) for z in (1.5, 50.0))
    group = small().groups[1].model_copy(update={"count": 200, "placement": (*places, *near)})
    cells = tuple(
        Cell(
            id=f"c-{index}",
            position=Position(x_m=rng.uniform(-900, 900), y_m=0, z_m=rng.choice([10, 25, 35])),
            tx_power_dbm=36,
            bandwidth_mhz=5,
            antenna=antenna,
            antenna_gain_dbi=8,
            azimuth_deg=rng.uniform(-360, 360),
        )
        for index, antenna in enumerate(("sector", "isotropic", "sector", "sector"))
    )
    channel = Channel.model_validate({"path_loss": path_loss, "shadowing": shadowing, "frequency_mhz": 3500})
    scenario = small().model_copy(update={"groups": (group,), "cells": cells, "channel": channel}).placed(7)
    gains = build_network(scenario, 1).gain_db
    for row, cell in enumerate(cells):
        emitter = Emitter.of(cell, 7)
        expected = [path_gain_db(emitter, place, channel) for place in group.positions]
        assert gains[row] == pytest.approx(expected, abs=1e-9)


# ------------------------------------------------------------------ forks and batches
def test_a_fork_goes_on_exactly_as_the_original() -> None:
    original = started(eventful())
    fork = original
    for _ in range(4):
        original.advance(50)
        fork = original.fork()
    assert in_json([fork.advance(50) for _ in range(30)]) == in_json(
        [original.advance(50) for _ in range(30)]
    )


def test_what_happens_to_a_fork_does_not_happen_to_the_original() -> None:
    untouched = started(eventful())
    expected = in_json([untouched.advance(100) for _ in range(25)])
    original = started(eventful())
    seen = [original.advance(100) for _ in range(5)]
    strict = RrmPolicyRatio(dedicated=2, min=2, max=2)
    changes: list[Change] = [
        SetPrbPolicy(dict.fromkeys(SliceType, strict)),
        ScaleTraffic("control", 50.0),
        Fly("uav-1", tuple(Position(x_m=x, y_m=-300, z_m=90) for x in (-200, 0, 200)), 20),
        HandOver("video-1", "gnb-3"),
        InjectFault(CellOutage(start_ms=500, duration_ms=5_000, cell="gnb-1")),
    ]
    fork = original.fork()
    for change in changes:
        fork.apply(change)
    changed = [fork.advance(100) for _ in range(20)]
    seen += [original.advance(100) for _ in range(20)]
    assert in_json(seen) == expected
    assert in_json(changed) != expected[5:]
    assert sum(i.groups["control"].sent_packets for i in changed) > 10 * sum(
        i.groups["control"].sent_packets for i in seen[5:]
    )


def test_a_fork_outlives_the_original() -> None:
    original = started(small())
    fork = original.fork()
    original.close()
    assert fork.advance(100).end_ms == 100
    with pytest.raises(SimulatorError, match="reset"):
        original.fork()


def test_a_batch_gives_the_same_bytes_as_one_network_after_the_other() -> None:
    starts = [(scenario, seed) for seed in (1, 2, 3) for scenario in (slicing(), eventful())]
    batch = [TtiSimulator() for _ in starts]
    rounds = [reset_all(batch, starts), *(advance_all(batch, 70) for _ in range(10))]
    for index, (scenario, seed) in enumerate(starts):
        single = TtiSimulator()
        alone = [single.reset(scenario, seed=seed), *(single.advance(70) for _ in range(10))]
        assert in_json([row[index] for row in rounds]) == in_json(alone)


def test_networks_in_threads_of_their_own_do_not_disturb_each_other() -> None:
    expected = {seed: in_json([started(small(), seed).advance(2_000)]) for seed in range(8)}
    seen: dict[int, list[bytes]] = {}

    def run(seed: int) -> None:
        seen[seed] = in_json([started(small(), seed).advance(2_000)])

    threads = [threading.Thread(target=run, args=(seed,)) for seed in expected]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == expected


def test_a_copy_of_an_interval_equals_it_also_in_another_process() -> None:
    interval = started(small()).advance(100)
    assert copy.deepcopy(interval) == interval
    assert pickle.loads(pickle.dumps(interval)) == interval


# ------------------------------------------------------------------ bursts
@pytest.mark.parametrize("duration_ms", [1_000, 12_000])
def test_a_burst_is_the_same_in_one_interval_or_in_many(duration_ms: int) -> None:
    burst = small().model_copy(
        update={"groups": tuple(g.model_copy(update={"workload": None}) for g in small().groups)}
    )
    flows: list[dict[str, list[int]]] = []
    for parts in (1, 20):
        simulator = started(burst)
        for group in burst.groups:
            simulator.apply(ScaleTraffic(group.name, 50.0))
        sums = {device: [0] * 8 for _, device, _ in burst.devices()}
        for _ in range(parts):
            measured = simulator.advance(duration_ms // parts).devices
            for device, counts in sums.items():
                flow = measured[device].flow
                for column, value in enumerate(
                    (
                        flow.sent_packets,
                        flow.delivered_packets,
                        flow.lost_packets,
                        flow.late_packets,
                        flow.dropped_packets,
                        flow.sent_bytes,
                        flow.delivered_bytes,
                        flow.dropped_bytes,
                    )
                ):
                    counts[column] += value
        flows.append(sums)
    assert flows[0] == flows[1]
    assert sum(counts[4] for counts in flows[0].values()) > 100  # buffers overflowed


def test_after_a_burst_every_packet_is_delivered_or_lost() -> None:
    simulator = started(slicing())
    under_way = simulator.advance(1)  # what the reset sent and did not settle is counted here or later
    for factor in (50.0, 0.0):
        for group in ("gbr", "best-effort"):
            simulator.apply(ScaleTraffic(group, factor))
        burst = simulator.advance(3_000)
        assert (burst.groups["gbr"].sent_packets == 0) == (factor == 0.0)
        before = under_way
        under_way = burst
    calm = simulator.advance(100)
    assert all(flow.delivered_packets == flow.lost_packets == 0 for flow in calm.groups.values())
    assert all(device.queue_bytes == 0 for device in calm.devices.values())
    for name, flow in before.groups.items():
        rest = under_way.groups[name]
        settled = flow.delivered_packets + flow.lost_packets + rest.delivered_packets + rest.lost_packets
        assert settled == pytest.approx(flow.sent_packets, abs=30)
        assert flow.delivered_bytes == flow.delivered_packets * 512


# ------------------------------------------------------------------ mobility
def test_nothing_is_delivered_while_a_device_changes_cells() -> None:
    simulator = started(small())
    simulator.apply(ScaleTraffic("uav", 4.0))
    simulator.advance(50)
    simulator.apply(HandOver("uav-1", "east"))
    steps = [simulator.advance(1) for _ in range(60)]
    devices = [step.devices["uav-1"] for step in steps]
    states = [device.handover for device in devices]
    assert [state for state, last in zip(states, ["", *states], strict=False) if state != last] == [
        "PREPARATION",
        "EXECUTION",
        "COMPLETE",
    ]
    executing = [i for i, state in enumerate(states) if state == "EXECUTION"]
    assert 4 <= len(executing) <= 6
    # something may arrive in the millisecond in which it begins
    assert all(devices[i].flow.delivered_packets == 0 for i in executing[1:])
    assert all(sum(cell.devices for cell in steps[i].cells.values()) == 5 for i in executing)
    assert {device.cell for device in devices[: executing[0] + 1]} == {"west"}
    assert {device.cell for device in devices[executing[-1] + 1 :]} == {"east"}
    assert devices[-1].handover_ms == pytest.approx(states.index("COMPLETE"), abs=1)
    assert simulator.advance(1_000).devices["uav-1"].flow.delivered_packets > 5


def test_event_a3_takes_the_best_of_several_better_neighbours() -> None:
    simulator = started(management().model_copy(update={"handover": A3}))
    interval = simulator.advance(500)
    first = {device: m.cell for device, m in interval.devices.items()}
    dark = first["uav-1"]
    simulator.apply(InjectFault(CellOutage(start_ms=500, duration_ms=60_000, cell=dark)))
    interval = simulator.advance(1_500)
    moved = [device for device, cell in first.items() if cell == dark]
    assert moved
    for device in moved:
        measured = interval.devices[device]
        others = {cell: level for cell, level in measured.rsrp_dbm.items() if cell != dark}
        assert measured.handover == "COMPLETE"
        assert others[measured.cell] > max(others.values()) - 6  # fading since


def test_event_a3_waits_for_the_hysteresis() -> None:
    scenario = management().model_copy(
        update={"handover": Handover(algorithm="a3", hysteresis_db=15, time_to_trigger_ms=0)}
    )
    simulator = started(scenario)
    before = [simulator.advance(500) for _ in range(6)][-1]
    for measured in before.devices.values():
        assert measured.rsrp_dbm[measured.cell] > max(measured.rsrp_dbm.values()) - 20


@pytest.mark.parametrize("again", [1, 3])
def test_a_waypoint_that_comes_twice_does_not_end_the_flight(again: int) -> None:
    simulator = started(small())
    here = simulator.advance(100).devices["uav-1"].position
    way = (*(here,) * again, *(Position(x_m=60, y_m=80, z_m=60),) * again, Position(x_m=90, y_m=90, z_m=60))
    simulator.apply(Fly("uav-1", way, 20))
    there = simulator.advance(8_000).devices["uav-1"].position
    assert (there.x_m, there.y_m) == pytest.approx((90, 90))


def test_a_route_may_begin_where_the_uav_waits() -> None:
    group = small().groups[0]
    start, goal = group.positions[0], Position(x_m=80, y_m=140, z_m=60)
    airframe = Airframe(cruise_speed_mps=10, waypoints=(start, start, goal))
    waiting = group.model_copy(update={"airframe": airframe, "routes": ()})
    scenario = small().model_copy(update={"groups": (waiting, *small().groups[1:])}).placed(1)
    simulator = TtiSimulator()
    assert simulator.reset(scenario, seed=1).devices["uav-1"].position == start
    halfway = simulator.advance(5_000).devices["uav-1"].position
    assert halfway.y_m == pytest.approx(start.y_m + 50, abs=0.1)


# ------------------------------------------------------------------ versions and errors
def test_a_changed_source_file_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TtiSimulator().version == kernel.source_digest()
    package = tmp_path / "tti"
    shutil.copytree(Path(kernel.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(kernel, "__file__", str(package / "kernel.py"))
    assert TtiSimulator().version == kernel.source_digest()
    known = {kernel.source_digest()}
    for name in ("rlc.py", "kernel.py", "link_tables.npz"):
        with (package / name).open("ab") as file:
            file.write(b"\n")
        known.add(kernel.source_digest())
    assert len(known) == 4


def test_the_compiled_loop_is_cached_under_the_digest_of_all_sources() -> None:
    TtiSimulator().reset(small(), seed=1)
    folder = Path(kernel.__file__).parent / "__pycache__"
    assert [path for path in folder.glob("kernel.advance_*.nbi") if kernel.source_digest() in path.name]


@pytest.mark.parametrize("seed", [-1, 2**51])
def test_a_seed_without_streams_is_a_value_error(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        TtiSimulator().reset(small(), seed=seed)


def test_an_interval_without_length_closes_the_simulator() -> None:
    simulator = started(small())
    with pytest.raises(SimulatorError, match="1 ms"):
        simulator.advance(0)
    with pytest.raises(SimulatorError, match="reset"):
        simulator.advance(1)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e30])
def test_a_traffic_factor_beyond_all_measure_is_refused(factor: float) -> None:
    with pytest.raises(SimulatorError, match="traffic factor"):
        started(small()).apply(ScaleTraffic("uav", factor))


def test_a_traffic_factor_of_next_to_nothing_sends_nothing() -> None:
    # in a process of its own: a loop without end in compiled code does not hear the test's timeout
    program = """
from sixgym.domain.change import ScaleTraffic
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small
simulator = TtiSimulator()
simulator.reset(small(), seed=1)
simulator.apply(ScaleTraffic("uav", 1e-13))
print(simulator.advance(100).groups["uav"].sent_packets)
"""
    root = ROOT
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout == "0\n"


def test_areas_are_placed_before_a_reset() -> None:
    area = Area(max_radius_m=40)
    group = small().groups[1].model_copy(update={"placement": area})
    unplaced = small().model_copy(update={"groups": (group,), "topology_seed": None})
    with pytest.raises(ValueError, match=r"placed\(topology_seed\)"):
        TtiSimulator().reset(unplaced, seed=1)
