"""A scenario file is either valid or an error that names file, line, key and reason."""

import contextlib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from sixgym.domain.geometry import GeofenceSpec
from sixgym.domain.scenario import Scenario
from sixgym.scenarios import ScenarioError, load_scenario, shipped_names
from sixgym.scenarios.loader import parse_scenario

UAV = (Path(__file__).parents[2] / "src/sixgym/scenarios/uav-inspection.yaml").read_text()

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
    ("min: 50, max: 70", "min: 80, max: 90", "slices", "policy.min adds up to 115 %"),
    ("dedicated: 20, min: 25", "dedicated: 30, min: 25", "slices[0].policy", "dedicated <= min <= max"),
    ("max_radius_m: 60", "max_radius_m: -60", "groups[0].placement.max_radius_m", "greater than 0"),
    ("group: drone}", "group: dron}", "tasks", "there are drone, robot, camera, sensor"),
    ("horizon: 40", "horizon: 4", "tasks[0]", "longer than horizon"),
    ("managed: drone", "managed: drone\nmanaged: robot", "key managed", "appears twice"),
    ("z_max_m: 120}", "z_max_m: 0}", "geofences[0]", "must be below"),
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
