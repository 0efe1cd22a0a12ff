"""A scenario file is either valid or an error that names file, line, key and reason."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sixgym.agents.registry import AGENTS, MODEL_AGENTS, make_agent
from sixgym.domain.base import Name
from sixgym.domain.geometry import GeofenceSpec
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import ScenarioError, load_scenario, shipped_names
from sixgym.scenarios.loader import parse_scenario
from tests.repository import ROOT

UAV = (ROOT / "src/sixgym/scenarios/uav-inspection.yaml").read_text()
CRUISE = "cruise_speed_mps: 5"
CONSTANT = "{model: constant, rate_mbps: 0.3, packet_bytes: 200}"
ON_OFF = "{{model: on_off, rate_mbps: 0.3, packet_bytes: 200, mean_on_s: {on}, mean_off_s: {off}}}"
TASK_SLA = "    sla: {slice: URLLC, max_latency_ms: 40, max_jitter_ms: 15, max_loss_ratio: 0.02}\n    goal"

BROKEN = [
    ("tx_power_dbm: 36", "tx_power_w: 36", "cells[0].tx_power_w", "did you mean tx_power_dbm?"),
    ("tx_power_dbm: 36", "tx_power_dbm: 4000", "cells[0].tx_power_dbm", "less than or equal to 60"),
    ("bandwidth_mhz: 10}", "bandwidth_mhz: 11}", "cells[0].bandwidth_mhz", "no channel bandwidth"),
    ("bandwidth_mhz: 10}", "bandwidth_mhz: 20}", "cells", "share one carrier"),
    ("interval_ms: 10,", "interval_ms: 10 s,", "groups[0].traffic.interval_ms", "valid number"),
    ("model: constant", "model: bursty", "groups[1].traffic", "'bursty'"),
    ("cell: gnb-1", "cell: gnb-9", "faults[0].cell", "there are gnb-1, gnb-2, gnb-3"),
    ("managed: drone", "managed: dron", "managed", "there are drone, robot, camera, sensor"),
    ("home_edge: edge-1", "home_edge: fog", "home_edge", "there are edge-1, edge-2, cloud"),
    ("runs_on: edge-1", "runs_on: fog", "groups[0].workload.runs_on", "no compute node fog"),
    ("id: gnb-2", "id: gnb-1", "cells", "appears twice"),
    ("id: cloud", "id: onboard", "compute", "the devices' own computer"),
    ("min: 50, max: 70", "min: 80, max: 90", "slices", "policy.min adds up to 115 %"),
    ("dedicated: 20, min: 25", "dedicated: 30, min: 25", "slices[0].policy", "dedicated <= min <= max"),
    ("max_radius_m: 60", "max_radius_m: -60", "groups[0].placement.max_radius_m", "greater than 0"),
    ("group: drone}", "group: dron}", "tasks", "there are drone, robot, camera, sensor"),
    ("horizon: 40", "horizon: 4", "tasks[0]", "longer than horizon"),
    ("managed: drone", "managed: drone\nmanaged: robot", "key managed", "appears twice"),
    ("z_max_m: 120}", "z_max_m: 0}", "geofences[0]", "must be below"),
    (
        "{metric: latency_ms, condition: IS_LESS_THAN, value: 40, group: drone}",
        "{metric: task_latency_ms, condition: IS_LESS_THAN, value: 40, group: robot}",
        "tasks[0].goal.targets[0].group",
        "robot has no workload",
    ),
    (TASK_SLA, "    sla: {slice: URLLC}\n    goal", "tasks[0].sla", "there is no bound"),
    ("name: drone", f"name: {'d' * 61}", "groups[0].name", "at most 60 characters"),
    (CRUISE, "max_altitude_m: 20", "groups[0].airframe", "min_altitude_m 20 must be below max_altitude_m 20"),
    (CRUISE, "cruise_speed_mps: 21", "groups[0].airframe", "cruise_speed_mps 21 exceeds max_speed_mps 20"),
    ("dedicated: 20, min: 25, max: 40", "dedicated: 0, min: 0, max: 0", "slices[0].policy", "never send"),
    ("rate_mbps: 0.3", "rate_mbps: 1001", "groups[1].traffic.rate_mbps", "less than or equal to 1000"),
    ("rate_hz: 4", "rate_hz: 1001", "groups[0].workload.rate_hz", "less than or equal to 1000"),
    ("megacycles: 40", "megacycles: 2e+6", "groups[0].workload.megacycles", "less than or equal to 1000000"),
    ("megacycles_per_s: 2000", "megacycles_per_s: 0.5", "compute[0].megacycles_per_s", "or equal to 1 "),
    ("megacycles_per_s: 2000", "megacycles_per_s: 2e+9", "compute[0].megacycles_per_s", "to 1000000000"),
    (CRUISE, "onboard_megacycles_per_s: 0.5", "airframe.onboard_megacycles_per_s", "or equal to 1 "),
    ("link_delay_ms: 1,", "link_delay_ms: 10001,", "compute[0].link_delay_ms", "or equal to 10000 "),
    ("managed: drone", "managed: drone\nbackhaul: {delay_ms: 10001}", "backhaul.delay_ms", "to 10000 "),
    ("managed: drone", "managed: drone\nbackhaul: {rate_mbps: 0.01}", "backhaul.rate_mbps", "to 0.1 "),
    ("managed: drone", "managed: drone\nbackhaul: {rate_mbps: 2e+5}", "backhaul.rate_mbps", "to 100000 "),
    (
        "kind: cell_power_drop, cell: gnb-1, drop_db: 30",
        "kind: backhaul_degradation, cell: gnb-1, delay_ms: 10001",
        "faults[0].delay_ms",
        "less than or equal to 10000",
    ),
    (CONSTANT, ON_OFF.format(on="0.001", off="1"), "groups[1].traffic.mean_on_s", "or equal to 0.01"),
    (CONSTANT, ON_OFF.format(on="1", off="3601"), "groups[1].traffic.mean_off_s", "or equal to 3600"),
    ("rate_mbps: 0.3", "rate_mbps: 200", "groups", "packets per second, more than 200000"),
    ("max_radius_m: 60", "max_radius_m: 19900", "groups[0].placement", "leaves the map"),
]


@pytest.mark.parametrize(("good", "bad", "key", "reason"), BROKEN, ids=[row[1] for row in BROKEN])
def test_an_error_names_file_line_key_and_reason(good: str, bad: str, key: str, reason: str) -> None:
    assert good in UAV
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(UAV.replace(good, bad, 1), "mine.yaml")
    message = str(caught.value)
    assert message.startswith("mine.yaml:")
    assert key in message
    assert reason in message


def test_a_task_about_edge_load_needs_a_home_edge() -> None:
    data = yaml.safe_load(UAV)
    task = data["tasks"][0]
    task["sla"]["max_edge_load"] = 0.8
    task["goal"]["targets"].append({"metric": "edge_load", "condition": "IS_LESS_THAN", "value": 0.8})
    assert parse_scenario(yaml.safe_dump(data), "mine.yaml").home_edge == "edge-1"
    del data["home_edge"]
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(yaml.safe_dump(data), "mine.yaml")
    for key in (
        "tasks[0].sla.max_edge_load",
        f"tasks[0].goal.targets[{len(task['goal']['targets']) - 1}].metric",
    ):
        assert f" {key}: edge load is measured on home_edge" in str(caught.value)


def test_a_task_refers_to_a_slice_that_exists() -> None:
    data = yaml.safe_load(UAV)
    data["slices"].pop()
    data["groups"].pop()
    data["tasks"][0]["sla"]["slice"] = "mMTC"
    with pytest.raises(ScenarioError, match=r"tasks\[0\]\.sla\.slice: there is no slice of type mMTC"):
        parse_scenario(yaml.safe_dump(data), "mine.yaml")


def test_tasks_count_towards_the_packets_a_scenario_may_offer() -> None:
    data = yaml.safe_load(UAV)
    data["groups"][0] |= {"count": 120}
    data["groups"][0]["workload"]["rate_hz"] = 1_000
    with pytest.raises(ScenarioError, match=r"mine\.yaml:\d+: groups: .* offer 25\d{4} packets per second"):
        parse_scenario(yaml.safe_dump(data), "mine.yaml")


def test_the_longest_group_name_makes_valid_device_names() -> None:
    name = "d" * 60
    group = parse_scenario(UAV.replace("drone", name), "mine.yaml").group(name)
    ids = group.model_copy(update={"count": 200}).device_ids
    assert [TypeAdapter(Name).validate_python(device) for device in ids] == list(ids)


def test_the_line_of_an_error_is_the_line_of_the_value() -> None:
    text = UAV.replace("cell: gnb-1", "cell: gnb-9", 1)
    line = next(i for i, row in enumerate(text.splitlines(), 1) if "gnb-9" in row)
    with pytest.raises(ScenarioError, match=rf"^mine\.yaml:{line}: "):
        parse_scenario(text, "mine.yaml")


@pytest.mark.parametrize("name", shipped_names())
def test_every_shipped_scenario_survives_a_round_trip(name: str) -> None:
    scenario = load_scenario(name).placed(7)
    assert scenario.name == name
    again = Scenario.model_validate_json(scenario.model_dump_json())
    assert again == scenario
    assert again.digest == scenario.digest
    text = yaml.safe_dump(scenario.model_dump(mode="json", exclude_none=True))
    assert parse_scenario(text, "again.yaml") == scenario


@pytest.mark.parametrize("name", shipped_names())
def test_places_repeat_with_the_topology_seed_and_differ_with_another(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.placed(5) == scenario.placed(5)
    assert scenario.placed(5).digest != scenario.placed(6).digest


@pytest.mark.parametrize("name", shipped_names())
def test_no_uav_starts_or_is_sent_outside_the_fences(name: str) -> None:
    scenario = load_scenario(name)
    for seed in range(1, 81):
        for group in scenario.placed(seed).groups:
            if group.airframe is None:
                continue
            points = [*group.positions, *(point for route in group.routes for point in route)]
            blocked = [p for p in points for f in scenario.geofences if not f.allows(p)]
            assert blocked == [], f"seed {seed}"


@pytest.mark.parametrize(
    "text", ["", "42", "- a\n- b", "a: [", "a: &x [*x]", "\x00", "? {a: b}\n: c", "!!python/none"]
)
def test_what_is_no_scenario_is_one_clear_error(text: str) -> None:
    with pytest.raises(ScenarioError, match=r"^odd\.yaml"):
        parse_scenario(text, "odd.yaml")


@given(st.text(max_size=200))
def test_no_text_makes_the_parser_fail_otherwise(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse_scenario(text, "odd.yaml")


@given(
    key=st.sampled_from(["cells", "slices", "groups", "channel", "managed", "compute", "faults", "tasks"]),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
        max_leaves=8,
    ),
)
def test_a_mangled_section_is_a_scenario_or_a_scenario_error(key: str, value: object) -> None:
    data = yaml.safe_load(UAV)
    data[key] = value
    with contextlib.suppress(ScenarioError):
        assert parse_scenario(yaml.safe_dump(data), "odd.yaml").managed == "drone"


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ScenarioError, match="did you mean uav-inspection"):
        load_scenario("uav-inspektion")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"gone\.yaml: cannot be read: No such file"):
        load_scenario(tmp_path / "gone.yaml")


def test_a_point_on_the_wrong_side_of_a_fence_is_not_allowed() -> None:
    fence = GeofenceSpec(polygon=((0, 0), (10, 0), (10, 10), (0, 10)), z_max_m=50, mode="keep_out")
    from sixgym.domain.geometry import Position

    assert not fence.allows(Position(x_m=5, y_m=5, z_m=20))
    assert fence.allows(Position(x_m=5, y_m=5, z_m=60))
    assert fence.allows(Position(x_m=15, y_m=5, z_m=20))
    assert fence.boundary_distance_m(Position(x_m=15, y_m=5, z_m=20)) == pytest.approx(5)


@pytest.mark.parametrize(("name", "hint"), [("mape", "did you mean mape-k? "), ("zzz", ""), ("", "")])
def test_an_unknown_agent_suggests_only_a_near_name(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match="there is no agent") as caught:
        make_agent(name)
    assert str(caught.value).endswith(f"; {hint}Known: {', '.join((*AGENTS, *MODEL_AGENTS))}")
