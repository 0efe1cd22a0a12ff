"""What observation tools say follows from what was measured."""

from dataclasses import replace

import pytest

from sixgym.domain.geometry import Position
from sixgym.domain.measurement import InterfererMeasurement, NodeMeasurement
from sixgym.domain.mission import LogEntry
from sixgym.domain.radio import radio_map
from sixgym.domain.slices import SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.alarms import alarms
from sixgym.tools.base import ToolError
from sixgym.tools.observation import (
    get_battery_level,
    get_edge_load,
    get_slice_status,
    get_traffic_pattern,
    read_telemetry,
    read_uav_position,
)
from sixgym.tools.observation_radio import (
    check_link_quality,
    check_migration_feasibility,
    get_available_slices,
    get_signal_strength,
    monitor_interference,
    scan_available_gnbs,
)
from tests.tools.plant import flow, slice_of

HERE = Position(x_m=150, y_m=0, z_m=50)
FAR = Position(x_m=15_000, y_m=15_000, z_m=1.5)


def with_interval(plant: Snapshot, **changes: object) -> Snapshot:
    return replace(plant, interval=replace(plant.interval, **changes))


def with_cell(plant: Snapshot, name: str, **changes: object) -> Snapshot:
    cells = dict(plant.interval.cells)
    cells[name] = replace(cells[name], **changes)
    return with_interval(plant, cells=cells)


def with_device(plant: Snapshot, name: str, **changes: object) -> Snapshot:
    devices = dict(plant.interval.devices)
    devices[name] = replace(devices[name], **changes)
    return with_interval(plant, devices=devices)


def with_slice(plant: Snapshot, kind: SliceType, **changes: object) -> Snapshot:
    slices = dict(plant.interval.slices)
    slices[kind] = replace(slices[kind], **changes)
    return with_interval(plant, slices=slices)


# ---------------------------------------------------------------------- radio
def test_signal_strength_is_the_field_of_the_radio_map(plant: Snapshot) -> None:
    cells = plant.interval.cells
    expected = radio_map(plant.scenario).links(
        HERE,
        {name: cell.tx_power_dbm for name, cell in cells.items()},
        {name: cell.prb_load for name, cell in cells.items()},
    )[0]
    found = get_signal_strength(plant, HERE)
    assert (found.gnb, found.rsrp_dbm, found.sinr_db) == (expected.cell, expected.rsrp_dbm, expected.sinr_db)


def test_a_cell_that_radiates_less_is_received_as_much_weaker(plant: Snapshot) -> None:
    before = {gnb.gnb: gnb.rsrp_dbm for gnb in scan_available_gnbs(plant, HERE).gnbs}
    weak = with_cell(plant, "gnb-1", tx_power_dbm=26.0)
    after = {gnb.gnb: gnb.rsrp_dbm for gnb in scan_available_gnbs(weak, HERE).gnbs}
    assert after["gnb-1"] == pytest.approx(before["gnb-1"] - 10)
    assert after["gnb-2"] == before["gnb-2"]


def test_a_dead_cell_is_not_listed_and_another_is_strongest(plant: Snapshot) -> None:
    dead = with_cell(plant, get_signal_strength(plant, HERE).gnb, tx_power_dbm=-200.0)
    assert get_signal_strength(plant, HERE).gnb not in {g.gnb for g in scan_available_gnbs(dead, HERE).gnbs}
    assert get_signal_strength(dead, HERE).gnb != get_signal_strength(plant, HERE).gnb


def test_the_scan_is_sorted_and_empty_out_of_reach(plant: Snapshot) -> None:
    levels = [gnb.rsrp_dbm for gnb in scan_available_gnbs(plant, HERE).gnbs]
    assert levels == sorted(levels, reverse=True)
    assert len(levels) == 3
    assert scan_available_gnbs(plant, FAR).gnbs == ()


def test_a_foreign_transmitter_dominates_interference_near_it(plant: Snapshot) -> None:
    near = Position(x_m=140, y_m=10, z_m=10)
    jammed = with_interval(plant, interferers=(InterfererMeasurement(near, 30.0),))
    calm, noisy = monitor_interference(plant, HERE), monitor_interference(jammed, HERE)
    assert calm.external_share == 0
    assert calm.dominant in {"gnb-2", "gnb-3"}
    assert noisy.dominant == "external"
    assert noisy.external_share > 0.5
    assert noisy.inr_db > calm.inr_db
    assert noisy.sinr_db < calm.sinr_db


def test_silent_neighbours_do_not_interfere(plant: Snapshot) -> None:
    quiet = plant
    for name in plant.interval.cells:
        quiet = with_cell(quiet, name, prb_load=0.0)
    level = monitor_interference(quiet, HERE)
    assert (level.inr_db, level.dominant) == (-50, "none")


def test_the_serving_link_is_reported_as_measured(plant: Snapshot) -> None:
    link = check_link_quality(plant, "drone-1", "gnb-1")
    assert (link.serving, link.source) == (True, "measured")
    assert (link.rsrp_dbm, link.sinr_db) == pytest.approx((-80.0, 9.0))
    assert link.rate_mbps > 0


def test_another_cells_link_uses_the_measured_level_or_says_it_is_predicted(plant: Snapshot) -> None:
    assert check_link_quality(plant, "drone-1", "gnb-2").rsrp_dbm == pytest.approx(-92.0)
    unmeasured = check_link_quality(plant, "drone-3", "gnb-2")
    position = plant.interval.devices["drone-3"].position
    predicted = {gnb.gnb: gnb.rsrp_dbm for gnb in scan_available_gnbs(plant, position).gnbs}
    assert unmeasured.source == "predicted"
    assert unmeasured.rsrp_dbm == pytest.approx(predicted["gnb-2"])


def test_migration_is_worth_more_the_weaker_the_serving_link_and_the_emptier_the_target(
    plant: Snapshot,
) -> None:
    weak = with_cell(plant, "gnb-1", tx_power_dbm=-10.0)
    score = check_migration_feasibility(weak, "drone-1", "gnb-2").score
    assert score > check_migration_feasibility(plant, "drone-1", "gnb-2").score
    emptier = check_migration_feasibility(with_cell(weak, "gnb-2", prb_load=0.0), "drone-1", "gnb-2")
    assert emptier.score > score
    assert emptier.feasible


def test_the_gain_of_a_migration_compares_two_predictions(plant: Snapshot) -> None:
    here = plant.interval.devices["drone-1"].position
    predicted = {gnb.gnb: gnb.sinr_db for gnb in scan_available_gnbs(plant, here).gnbs}
    expected = predicted["gnb-2"] - predicted["gnb-1"]
    for measured_db in (-25.0, 9.0):
        told = check_migration_feasibility(
            with_device(plant, "drone-1", sinr_db=measured_db), "drone-1", "gnb-2"
        )
        assert told.sinr_gain_db == pytest.approx(expected)


def test_levels_below_what_modems_report_are_shown_at_the_floor(plant: Snapshot) -> None:
    dead = plant
    for name in plant.interval.cells:
        dead = with_cell(dead, name, tx_power_dbm=-200.0)
    place = get_signal_strength(dead, HERE)
    link = check_link_quality(with_device(dead, "drone-1", rsrp_dbm={}), "drone-1", "gnb-2")
    assert (place.rsrp_dbm, place.sinr_db) == (link.rsrp_dbm, link.sinr_db) == (-140, -50)
    assert monitor_interference(dead, HERE).sinr_db == -50
    reason = get_available_slices(dead, HERE).slices[0].reason
    assert reason is not None
    assert "-140.0 dBm and -50.0 dB" in reason


def test_blockers_make_a_migration_worthless(plant: Snapshot) -> None:
    serving = check_migration_feasibility(plant, "drone-1", "gnb-1")
    busy = with_device(plant, "drone-1", handover="EXECUTION", handover_target="gnb-3")
    for judged, word in (
        (serving, "serves drone-1 already"),
        (check_migration_feasibility(busy, "drone-1", "gnb-2"), "under way"),
    ):
        assert (judged.score, judged.feasible) == (0, False)
        assert word in judged.blockers[0]


# ---------------------------------------------------------------------- slices
def test_a_slice_is_congested_when_prbs_run_out_and_a_queue_remains(plant: Snapshot) -> None:
    assert get_slice_status(plant, SliceType.EMBB).status == "NORMAL"
    full = with_slice(plant, SliceType.EMBB, prbs_used=74.0, queue_bytes=200_000)
    status = get_slice_status(full, SliceType.EMBB)
    assert (status.status, status.admits) == ("CONGESTED", False)
    assert status.reason is not None
    assert "74.0 of 75.0 PRBs" in status.reason
    busy = with_slice(plant, SliceType.EMBB, prbs_used=74.0, queue_bytes=500)
    assert get_slice_status(busy, SliceType.EMBB).status == "NORMAL"


def test_prb_use_counts_all_cells(plant: Snapshot) -> None:
    assert get_slice_status(plant, SliceType.EMBB).prb_used_percent == pytest.approx(100 * 50 / 150)


def test_slices_are_available_only_under_coverage(plant: Snapshot) -> None:
    assert all(offer.available for offer in get_available_slices(plant, HERE).slices)
    assert not any(offer.available for offer in get_available_slices(plant, FAR).slices)


def test_a_period_in_the_load_is_found(plant: Snapshot) -> None:
    waves = []
    for index in range(20):
        load = flow(sent_mbps=3.0 if index % 4 == 0 else 1.0)
        slices = {**plant.interval.slices, SliceType.EMBB: slice_of(load, used=1, granted=2)}
        start = 500 * index
        waves.append(replace(plant.interval, start_ms=start, end_ms=start + 500, slices=slices))
    pattern = get_traffic_pattern(replace(plant, recent=tuple(waves), interval=waves[-1]), SliceType.EMBB)
    assert pattern.period_s == 2.0
    assert pattern.peak_mbps == pytest.approx(3.0)
    assert pattern.mean_mbps == pytest.approx(1.5)


def test_a_rising_load_has_a_slope_and_no_period(plant: Snapshot) -> None:
    ramp = []
    for index in range(10):
        slices = {**plant.interval.slices}
        slices[SliceType.EMBB] = slice_of(flow(sent_mbps=1.0 + index), used=1, granted=2)
        start = 500 * index
        ramp.append(replace(plant.interval, start_ms=start, end_ms=start + 500, slices=slices))
    pattern = get_traffic_pattern(replace(plant, recent=tuple(ramp), interval=ramp[-1]), SliceType.EMBB)
    assert pattern.trend_mbps_per_s == pytest.approx(2.0)
    assert pattern.period_s is None


# ---------------------------------------------------------------------- compute and fleet
def test_edge_load_is_the_measured_one_and_carries_the_tasks(plant: Snapshot) -> None:
    loads = get_edge_load(plant)
    assert {node.node: node.load for node in loads.nodes} == {
        "edge-1": 0.45,
        "edge-2": 0.1,
        "cloud": 0.1,
        "onboard": 0.0,
    }
    assert loads.nodes[2].round_trip_ms == 31.0
    assert [(known.task.id, known.runs_on, known.task_latency_ms) for known in loads.workloads] == [
        ("drone", "edge-1", 60.0)
    ]


def test_onboard_load_is_what_the_tasks_ask_of_the_processor(plant: Snapshot) -> None:
    resources = replace(plant.resources, runs_on={"drone": "onboard"})
    loads = get_edge_load(replace(plant, resources=resources))
    assert loads.nodes[-1].load == pytest.approx(4 * 40 / 500)


def test_battery_and_position_are_the_uavs(plant: Snapshot) -> None:
    battery = get_battery_level(plant, "drone-1")
    assert battery.endurance_s == pytest.approx(200_000 / 168.5)
    assert battery.percent == pytest.approx(100 * 200 / 324)
    assert read_uav_position(plant, "drone-2") == Position(x_m=100, y_m=60, z_m=60)


@pytest.mark.parametrize("capacity_j", [324_000.0, 343_597_383.79190785, 0.1])
def test_a_full_battery_reads_exactly_100_percent(plant: Snapshot, capacity_j: float) -> None:
    full = plant.uavs["drone-1"]._replace(battery_j=capacity_j, capacity_j=capacity_j)
    if capacity_j >= 1:
        assert get_battery_level(replace(plant, uavs={"drone-1": full}), "drone-1").percent == 100
    assert full.battery_percent == 100


def test_an_unknown_uav_is_answered_with_the_known_ones(plant: Snapshot) -> None:
    with pytest.raises(ToolError, match="there is no UAV 'drone-9'; UAVs are drone-1, drone-2, drone-3"):
        read_uav_position(plant, "drone-9")


def test_telemetry_reports_what_the_mission_has_achieved(plant: Snapshot) -> None:
    log = (LogEntry(t_ms=1, kind="task_completed", text="scan-7"), LogEntry(t_ms=2, kind="note", text="ok"))
    mission = replace(plant.mission, log=log, visited=(HERE,), version=2)
    report = read_telemetry(replace(plant, mission=mission))
    assert report.mission.completed_tasks == ("scan-7",)
    assert report.mission.visited == (HERE,)
    assert report.mission_version == 2
    assert [uav.gnb for uav in report.uavs] == ["gnb-1", "gnb-1", "gnb-3"]


# ---------------------------------------------------------------------- alarms
def kinds(plant: Snapshot) -> set[tuple[str, str]]:
    return {(alarm.kind, alarm.subject) for alarm in alarms(plant)}


def test_a_healthy_plant_raises_no_alarm(plant: Snapshot) -> None:
    assert kinds(plant) == set()


@pytest.mark.parametrize(
    ("power_dbm", "kind"), [(35.5, None), (30.0, "cell_power_low"), (-200.0, "cell_outage")]
)
def test_a_cell_below_its_setting_raises_an_alarm(
    plant: Snapshot, power_dbm: float, kind: str | None
) -> None:
    found = kinds(with_cell(plant, "gnb-2", tx_power_dbm=power_dbm))
    assert found == ({(kind, "gnb-2")} if kind else set())


def test_a_slow_or_lossy_backhaul_raises_an_alarm(plant: Snapshot) -> None:
    for change in ({"backhaul_delay_ms": 20.0}, {"backhaul_loss_ratio": 0.1}):
        assert kinds(with_cell(plant, "gnb-3", **change)) == {("backhaul_degraded", "gnb-3")}


def test_a_saturated_node_names_the_service_that_runs_on_it(plant: Snapshot) -> None:
    nodes = {**plant.interval.nodes, "edge-1": NodeMeasurement(0.99, 40, 2)}
    alarm = alarms(with_interval(plant, nodes=nodes))[0]
    assert (alarm.kind, alarm.severity, alarm.subject, alarm.related) == (
        "node_saturated",
        "CRITICAL",
        "edge-1",
        "drone",
    )


def test_missed_service_levels_raise_alarms_the_managed_service_first(plant: Snapshot) -> None:
    late = with_slice(plant, SliceType.EMBB, flow=flow(400.0, throughput_mbps=2.0, sent_mbps=6.0))
    late = with_slice(late, SliceType.URLLC, flow=flow(50.0))
    groups = {**late.interval.groups, "drone": flow(400.0)}
    found = [
        (alarm.kind, alarm.subject, alarm.severity) for alarm in alarms(with_interval(late, groups=groups))
    ]
    assert found == [
        ("sla_latency", "drone", "CRITICAL"),
        ("sla_latency", "eMBB", "CRITICAL"),
        ("sla_throughput", "eMBB", "CRITICAL"),
        ("sla_latency", "URLLC", "MINOR"),
    ]


def test_an_idle_service_does_not_miss_its_throughput(plant: Snapshot) -> None:
    idle = with_slice(plant, SliceType.EMBB, flow=flow(0.0, throughput_mbps=0.0, sent_mbps=0.0))
    assert kinds(idle) == set()


def test_links_and_handovers_raise_alarms(plant: Snapshot) -> None:
    weak = with_device(plant, "drone-1", sinr_db=-7.0, rsrp_dbm={"gnb-1": -105.0, "gnb-2": -90.0})
    weak = with_device(weak, "drone-2", handover="FAILED", handover_target="gnb-3")
    by_kind = {alarm.kind: alarm for alarm in alarms(weak)}
    assert by_kind["weak_link"].severity == "CRITICAL"
    assert by_kind["better_cell"].related == "gnb-2"
    assert by_kind["better_cell"].measured == pytest.approx(15.0)
    assert by_kind["handover_failed"].related == "gnb-3"


def test_the_fleet_raises_alarms(plant: Snapshot) -> None:
    first, second, third = plant.uavs.values()
    uavs = {
        "drone-1": first._replace(battery_j=20_000.0),
        "drone-2": second._replace(position=first.position, heartbeats=3, last_heartbeat_ms=-40_000),
        "drone-3": third._replace(position=Position(x_m=0, y_m=0, z_m=60)),
    }
    assert kinds(replace(plant, uavs=uavs)) == {
        ("low_battery", "drone-1"),
        ("proximity", "drone-1"),
        ("heartbeat_lost", "drone-2"),
        ("geofence_breach", "drone-3"),
    }


def test_a_uav_that_never_sent_a_heartbeat_is_not_missed(plant: Snapshot) -> None:
    interval = replace(plant.interval, start_ms=99_500, end_ms=100_000)
    assert kinds(replace(plant, interval=interval)) == set()


def test_congestion_raises_an_alarm(plant: Snapshot) -> None:
    full = with_slice(plant, SliceType.MMTC, prbs_used=15.0, queue_bytes=50_000)
    assert ("slice_congested", "mMTC") in kinds(full)
