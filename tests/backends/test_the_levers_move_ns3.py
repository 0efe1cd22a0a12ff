"""Each lever an agent has moves the measured network, packet level, in the direction it should.

Per lever and seed two runs of one network: one in which the tool is called, one in which a plain
read is. The figures are printed (`pytest -rP`).
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.episodes.episode import ToolCall
from sixgym.simulators.ns3 import Ns3Simulator

pytestmark = pytest.mark.ns3

SEEDS = (1, 2, 3)
READ = ToolCall(tool="check_network_state", arguments={})


def network(**changes: Any) -> Scenario:
    """Two cells, two slices, a pair of UAVs and a few ground users; small, so that it is quick."""
    data: dict[str, Any] = {
        "name": "levers",
        "decision_interval_ms": 500,
        "warm_up_ms": 800,
        "cells": [
            {
                "id": f"gnb-{i + 1}",
                "position": {"x_m": x, "y_m": 0, "z_m": 25},
                "tx_power_dbm": 36,
                "bandwidth_mhz": 5,
            }
            for i, x in enumerate((0, 400))
        ],
        "slices": [
            {
                "type": "URLLC",
                "sla": {"slice": "URLLC", "max_latency_ms": 40},
                "policy": {"dedicated": 30, "min": 30, "max": 30},
            },
            {
                "type": "eMBB",
                "sla": {"slice": "eMBB", "max_latency_ms": 150},
                "policy": {"dedicated": 40, "min": 40, "max": 40},
            },
        ],
        "groups": [
            {
                "name": "uav",
                "slice": "URLLC",
                "count": 2,
                "placement": {"max_radius_m": 60, "min_height_m": 40, "max_height_m": 60},
                "traffic": {"model": "periodic", "interval_ms": 10, "packet_bytes": 300},
                "workload": {"rate_hz": 10, "megacycles": 20, "runs_on": "edge-1"},
                "airframe": {"max_speed_mps": 30, "cruise_speed_mps": 10},
            },
            {
                "name": "video",
                "slice": "eMBB",
                "count": 2,
                "placement": {"min_radius_m": 40, "max_radius_m": 120},
                "traffic": {"model": "constant", "rate_mbps": 1.0, "packet_bytes": 1000},
            },
        ],
        "managed": "uav",
        "compute": [
            {"id": "edge-1", "kind": "edge", "megacycles_per_s": 1000, "link_delay_ms": 1},
            {"id": "edge-2", "kind": "edge", "megacycles_per_s": 1000, "link_delay_ms": 2},
        ],
        "home_edge": "edge-1",
        "channel": {"path_loss": "UMa", "fading": {"profile": "EPA", "speed_kmh": 3}},
        "geofences": [
            {
                "mode": "keep_in",
                "polygon": [[-900, -900], [900, -900], [900, 900], [-900, 900]],
                "z_max_m": 120,
            }
        ],
    }
    return Scenario.model_validate(data | changes)


def with_group(name: str, **changes: Any) -> list[dict[str, Any]]:
    """The network's groups with one of them changed."""
    groups = network().model_dump(mode="json", exclude_none=True)["groups"]
    return [{**group, **changes} if group["name"] == name else group for group in groups]


@pytest.fixture(scope="module")
def backend() -> Iterator[SimulatedBackend]:
    backend = SimulatedBackend(Ns3Simulator())
    yield backend
    backend.close()


def measure(
    backend: SimulatedBackend, scenario: Scenario, seed: int, *calls: ToolCall, last: int = 4, after: int = 6
) -> list[Interval]:
    """The last intervals of a run in which these calls were made at the start."""
    backend.reset(scenario.placed(seed), seed=seed)
    for call in calls:
        outcome = backend.execute(call).outcome
        assert outcome.ok, outcome.error
    return [backend.idle() for _ in range(after)][-last:]


def compare(
    backend: SimulatedBackend,
    scenario: Scenario,
    call: ToolCall,
    figure: Callable[[Interval], float],
    *,
    after: int = 6,
) -> list[tuple[float, float]]:
    """Per seed the mean of a figure without and with the call; printed."""
    pairs: list[tuple[float, float]] = []
    for seed in SEEDS:
        means = [
            sum(map(figure, run)) / len(run)
            for run in (measure(backend, scenario, seed, one, after=after) for one in (READ, call))
        ]
        pairs.append((means[0], means[1]))
        print(f"{call.tool}, seed {seed}: {means[0]:.2f} -> {means[1]:.2f}")
    return pairs


def fall(pairs: list[tuple[float, float]]) -> bool:
    """Whether the figure fell for every seed."""
    return all(after < before for before, after in pairs)


def rise(pairs: list[tuple[float, float]]) -> bool:
    """Whether the figure rose for every seed."""
    return all(after > before for before, after in pairs)


def uav_latency_ms(interval: Interval) -> float:
    return interval.groups["uav"].latency_ms


def test_switching_a_congested_service_to_a_free_slice_lowers_its_latency(backend: SimulatedBackend) -> None:
    # a service of small packets would be served first even in a full slice: PF favours low rates
    groups = with_group("video", traffic={"model": "constant", "rate_mbps": 20.0, "packet_bytes": 1000})
    groups[0] |= {"slice": "eMBB", "traffic": {"model": "constant", "rate_mbps": 2.0, "packet_bytes": 500}}
    slices = network().model_dump(mode="json", exclude_none=True)["slices"]
    slices[0]["policy"] = {"dedicated": 60, "min": 60, "max": 60}
    call = ToolCall(tool="switch_network_slice", arguments={"from_slice": "eMBB", "to_slice": "URLLC"})
    pairs = compare(backend, network(groups=groups, slices=slices), call, uav_latency_ms)
    assert fall(pairs)


def test_degrading_an_overloaded_slice_drains_it(backend: SimulatedBackend) -> None:
    groups = with_group("video", traffic={"model": "constant", "rate_mbps": 10.0, "packet_bytes": 1000})
    spec = {"group": "video", "action": "reduce_rate", "value": 0.8, "duration_s": 60}
    call = ToolCall(tool="graceful_degradation", arguments={"spec": spec})
    pairs = compare(backend, network(groups=groups), call, lambda i: i.slices[SliceType.EMBB].flow.latency_ms)
    assert fall(pairs)


def test_offloading_from_a_flooded_node_brings_answers_sooner(backend: SimulatedBackend) -> None:
    compute = network().model_dump(mode="json")["compute"]
    compute[0]["background_load"] = 0.9
    call = ToolCall(
        tool="edge_offload",
        arguments={"task": {"id": "uav", "megacycles": 20}, "target": {"node": "edge-2"}},
    )
    pairs = compare(backend, network(compute=compute), call, lambda i: i.workloads["uav"].latency_ms)
    assert fall(pairs)


def test_more_prbs_for_a_starved_slice_lower_its_latency(backend: SimulatedBackend) -> None:
    groups = with_group("uav", traffic={"model": "constant", "rate_mbps": 2.0, "packet_bytes": 500})
    slices = network().model_dump(mode="json", exclude_none=True)["slices"]
    slices[0]["policy"] = {"dedicated": 8, "min": 8, "max": 8}
    call = ToolCall(
        tool="trigger_slice_reallocation",
        arguments={"slice": "URLLC", "resources": {"dedicated": 50, "min": 50, "max": 50}},
    )
    pairs = compare(backend, network(groups=groups, slices=slices), call, uav_latency_ms)
    assert fall(pairs)


def test_a_handover_away_from_a_weak_cell_raises_the_sinr(backend: SimulatedBackend) -> None:
    groups = with_group(
        "uav", placement={"centre": [120, 0], "max_radius_m": 20, "min_height_m": 40, "max_height_m": 50}
    )
    weak = [
        {"kind": "cell_power_drop", "cell": "gnb-1", "drop_db": 30, "start_ms": 1, "duration_ms": 100_000}
    ]
    scenario = network(groups=groups, faults=weak)
    backend.reset(scenario.placed(1), seed=1)
    call = ToolCall(tool="request_handover", arguments={"uav": "uav-1", "gnb": "gnb-2"})
    pairs = compare(backend, scenario, call, lambda i: i.devices["uav-1"].sinr_db)
    assert rise(pairs)
    assert backend.snapshot.interval.devices["uav-1"].cell == "gnb-2"
    assert backend.snapshot.interval.devices["uav-1"].handover == "COMPLETE"


def test_a_waypoint_near_the_cell_raises_what_the_uav_receives(backend: SimulatedBackend) -> None:
    groups = with_group(
        "uav", placement={"centre": [-250, 0], "max_radius_m": 20, "min_height_m": 40, "max_height_m": 50}
    )
    groups[0]["airframe"] = {"max_speed_mps": 40, "cruise_speed_mps": 40}
    call = ToolCall(
        tool="set_waypoint", arguments={"uav": "uav-1", "position": {"x_m": -30, "y_m": 0, "z_m": 45}}
    )
    scenario = network(groups=groups)
    pairs = compare(backend, scenario, call, lambda i: i.devices["uav-1"].rsrp_dbm["gnb-1"], after=16)
    assert rise(pairs)
    assert backend.snapshot.uavs["uav-1"].position.x_m == pytest.approx(-30, abs=0.5)
