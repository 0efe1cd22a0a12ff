"""A small plant with three cells, three slices, three drones, edge and cloud, and two fences."""

from dataclasses import replace

from sixgym.domain.geometry import Position
from sixgym.domain.measurement import (
    CellMeasurement,
    DeviceMeasurement,
    Interval,
    NodeMeasurement,
    PacketFlow,
    SliceMeasurement,
    WorkloadMeasurement,
)
from sixgym.domain.mission import Mission, Uav
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.domain.snapshot import Resources, Snapshot

SCENARIO = Scenario.model_validate(
    {
        "name": "plant",
        "decision_interval_ms": 500,
        "cells": [
            {
                "id": f"gnb-{n}",
                "position": {"x_m": x, "y_m": y, "z_m": 25},
                "tx_power_dbm": 36,
                "bandwidth_mhz": 10,
            }
            for n, x, y in ((1, 230, 0), (2, -115, 200), (3, -115, -200))
        ],
        "slices": [
            {
                "type": "URLLC",
                "label": "control",
                "sla": {"slice": "URLLC", "max_latency_ms": 40, "max_jitter_ms": 15, "max_loss_ratio": 0.01},
                "policy": {"dedicated": 20, "min": 25, "max": 60},
            },
            {
                "type": "eMBB",
                "label": "video",
                "sla": {"slice": "eMBB", "max_latency_ms": 150, "min_throughput_mbps": 4},
                "policy": {"dedicated": 10, "min": 50, "max": 80},
            },
            {
                "type": "mMTC",
                "label": "sensors",
                "sla": {"slice": "mMTC", "max_latency_ms": 1000, "max_loss_ratio": 0.05},
                "policy": {"dedicated": 5, "min": 10, "max": 20},
            },
        ],
        "groups": [
            {
                "name": "drone",
                "slice": "eMBB",
                "count": 3,
                "priority": 2,
                "placement": [
                    {"x_m": 150, "y_m": 0, "z_m": 50},
                    {"x_m": 100, "y_m": 60, "z_m": 60},
                    {"x_m": -150, "y_m": -100, "z_m": 70},
                ],
                "traffic": {"model": "periodic", "interval_ms": 10, "packet_bytes": 300},
                "workload": {"rate_hz": 4, "megacycles": 40, "runs_on": "edge-1"},
                "airframe": {"cruise_speed_mps": 10, "max_speed_mps": 20},
            },
            {
                "name": "camera",
                "slice": "eMBB",
                "count": 1,
                "priority": 9,
                "placement": [{"x_m": 20, "y_m": 30, "z_m": 1.5}],
                "traffic": {"model": "constant", "rate_mbps": 4.0, "packet_bytes": 1000},
            },
            {
                "name": "robot",
                "slice": "URLLC",
                "count": 1,
                "priority": 4,
                "placement": [{"x_m": 40, "y_m": -30, "z_m": 1.5}],
                "traffic": {"model": "constant", "rate_mbps": 0.3, "packet_bytes": 200},
            },
            {
                "name": "sensor",
                "slice": "mMTC",
                "count": 1,
                "priority": 12,
                "placement": [{"x_m": -60, "y_m": 10, "z_m": 1.5}],
                "traffic": {"model": "periodic", "interval_ms": 100, "packet_bytes": 100},
            },
        ],
        "managed": "drone",
        "compute": [
            {"id": "edge-1", "kind": "edge", "megacycles_per_s": 2000, "link_delay_ms": 1},
            {"id": "edge-2", "kind": "edge", "megacycles_per_s": 1500, "link_delay_ms": 3},
            {"id": "cloud", "kind": "cloud", "megacycles_per_s": 10000, "link_delay_ms": 15},
        ],
        "home_edge": "edge-1",
        "channel": {"path_loss": "UMa"},
        "geofences": [
            {
                "mode": "keep_in",
                "polygon": [[-400, -400], [400, -400], [400, 400], [-400, 400]],
                "z_min_m": 0,
                "z_max_m": 120,
            },
            {
                "mode": "keep_out",
                "polygon": [[-60, -40], [20, -40], [20, 110], [-60, 110]],
                "z_min_m": 0,
                "z_max_m": 120,
            },
        ],
    }
).placed(1)


def flow(
    latency_ms: float = 8.0, *, loss_ratio: float = 0.0, throughput_mbps: float = 2.0, sent_mbps: float = 2.0
) -> PacketFlow:
    """Packets of half a second."""
    sent, delivered = int(sent_mbps * 62_500), int(throughput_mbps * 62_500)
    return PacketFlow(
        sent_packets=sent // 300,
        delivered_packets=delivered // 300,
        lost_packets=0,
        late_packets=0,
        dropped_packets=0,
        sent_bytes=sent,
        delivered_bytes=delivered,
        dropped_bytes=0,
        latency_ms=latency_ms,
        latency_p95_ms=2 * latency_ms,
        latency_max_ms=3 * latency_ms,
        jitter_ms=latency_ms / 4,
        loss_ratio=loss_ratio,
        throughput_mbps=throughput_mbps,
    )


def slice_of(packets: PacketFlow, *, used: float, granted: float, queue_bytes: int = 0) -> SliceMeasurement:
    return SliceMeasurement(packets, granted, used, queue_bytes, 1.5, 2)


def _interval() -> Interval:
    embb = flow(65.0, throughput_mbps=4.5, sent_mbps=4.7)
    groups = {"drone": flow(60.0, throughput_mbps=0.7, sent_mbps=0.72), "camera": flow(70.0)}
    groups |= {"robot": flow(5.0, throughput_mbps=0.3, sent_mbps=0.3)}
    groups |= {"sensor": flow(20.0, throughput_mbps=0.008, sent_mbps=0.008)}
    return Interval(
        start_ms=4_500,
        end_ms=5_000,
        slices={
            SliceType.URLLC: slice_of(groups["robot"], used=3.0, granted=37.5),
            SliceType.EMBB: slice_of(embb, used=50.0, granted=75.0),
            SliceType.MMTC: slice_of(groups["sensor"], used=0.5, granted=15.0),
        },
        groups=groups,
        workloads={"drone": WorkloadMeasurement(created=6, completed=6, latency_ms=60.0)},
        nodes={
            "edge-1": NodeMeasurement(load=0.45, queue=1, refused=0),
            "edge-2": NodeMeasurement(load=0.1, queue=0, refused=0),
            "cloud": NodeMeasurement(load=0.1, queue=0, refused=0),
        },
        cells={
            name: CellMeasurement(36.0, load, devices, 0.5, 0.0)
            for name, load, devices in (("gnb-1", 0.6, 3), ("gnb-2", 0.2, 1), ("gnb-3", 0.1, 2))
        },
        devices={
            device: DeviceMeasurement(
                flow=groups[group.name],
                group=group.name,
                slice=group.slice,
                cell="gnb-3" if device == "drone-3" else "gnb-1",
                position=position,
                sinr_db=9.0,
                rsrp_dbm={"gnb-1": -80.0, "gnb-2": -92.0, "gnb-3": -85.0}
                if device != "drone-3"
                else {"gnb-1": -98.0, "gnb-3": -78.0},
                handover="IDLE",
                handover_target=None,
                handover_ms=0.0,
                queue_bytes=0,
            )
            for group, device, position in SCENARIO.devices()
        },
        interferers=(),
        faults=(),
        prb_leakage=0,
    )


def _uav(name: str, position: Position) -> Uav:
    return Uav(
        id=name,
        position=position,
        velocity_mps=(0.0, 0.0, 0.0),
        waypoints=(),
        speed_mps=10.0,
        battery_j=200_000.0,
        capacity_j=324_000.0,
        power_w=168.5,
    )


def make_snapshot() -> Snapshot:
    """The plant at 5 s of network time."""
    last = _interval()
    recent = tuple(replace(last, start_ms=500 * index, end_ms=500 * (index + 1)) for index in range(9))
    return Snapshot(
        scenario=SCENARIO,
        version=10,
        interval=last,
        recent=(*recent, last),
        resources=Resources(
            policies={known.type: known.policy for known in SCENARIO.slices},
            slice_of={group.name: group.slice for group in SCENARIO.groups},
            runs_on={"drone": "edge-1"},
            traffic_factor={group.name: 1.0 for group in SCENARIO.groups},
            restore_at_ms={},
        ),
        uavs={
            name: _uav(name, position)
            for group, name, position in SCENARIO.devices()
            if group.airframe is not None
        },
        mission=Mission(),
    )
