"""`sixgym simulate`: the tidy trace, and what is left of one that was cut short."""

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sixgym.cli.output.trace import COLUMNS
from sixgym.scenarios import load_scenario
from tests.cli.conftest import Sixgym

Rows = list[dict[str, str]]


def trace(sixgym: Sixgym, out: Path, *arguments: object) -> None:
    result = sixgym(
        "simulate", "uav-inspection", "--network", "fluid", "--seconds", 4, "--out", out, *arguments
    )
    assert result.exit_code == 0, result.output


def rows(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_there_is_a_row_per_interval_and_object(sixgym: Sixgym, tmp_path: Path) -> None:
    trace(sixgym, tmp_path / "t.csv")
    table = rows(tmp_path / "t.csv")
    assert list(table[0]) == list(COLUMNS)
    ends = sorted({int(row["end_ms"]) for row in table})
    assert ends == [500 * (index + 1) for index in range(8)]
    objects: dict[str, set[str]] = {}
    for row in table:
        objects.setdefault(row["kind"], set()).add(row["object"])
    assert objects["slice"] == {"URLLC", "eMBB", "mMTC"}
    assert objects["group"] == {"drone", "robot", "camera", "sensor"}
    assert objects["node"] == {"edge-1", "edge-2", "cloud"}
    assert objects["cell"] == {"gnb-1", "gnb-2", "gnb-3"}
    assert len(table) == 8 * (3 + 4 + 3 + 3 + 4)


def test_slices_have_measurements_and_uavs_have_places(sixgym: Sixgym, tmp_path: Path) -> None:
    trace(sixgym, tmp_path / "t.csv")
    table = rows(tmp_path / "t.csv")
    first = next(row for row in table if row["kind"] == "slice")
    measured = "latency_ms latency_p95_ms jitter_ms loss_ratio throughput_mbps prbs_granted prbs_used"
    for column in f"{measured} queue_bytes dropped_packets spectral_efficiency edge_load".split():
        assert first[column] != "", column
    drone = [row for row in table if row["object"] == "drone-1"]
    assert len({(row["x_m"], row["y_m"], row["z_m"]) for row in drone}) > 1
    assert {row["cell"] for row in drone} == {"gnb-1"}


def test_the_fault_is_on_every_row_of_the_intervals_it_touches(sixgym: Sixgym, tmp_path: Path) -> None:
    trace(sixgym, tmp_path / "t.csv")
    (fault,) = load_scenario("uav-inspection").faults
    for row in rows(tmp_path / "t.csv"):
        assert row["faults"] == (fault.kind if int(row["end_ms"]) > fault.start_ms else "")


def test_flows_adds_every_other_device(sixgym: Sixgym, tmp_path: Path) -> None:
    trace(sixgym, tmp_path / "few.csv")
    trace(sixgym, tmp_path / "all.csv", "--flows")

    def devices(name: str) -> set[str]:
        return {row["object"] for row in rows(tmp_path / name) if row["kind"] == "device"}

    assert devices("few.csv") == {"drone-1", "drone-2", "drone-3", "drone-4"}
    assert len(devices("all.csv")) == 17


def test_parquet_holds_the_same_table_with_types(sixgym: Sixgym, tmp_path: Path) -> None:
    trace(sixgym, tmp_path / "t.csv", "--flows")
    trace(sixgym, tmp_path / "t.parquet", "--flows")
    stored = pq.read_table(tmp_path / "t.parquet").to_pylist()
    text = rows(tmp_path / "t.csv")
    assert [list(row) for row in stored[:1]] == [list(COLUMNS)]
    as_text = [{name: "" if value is None else str(value) for name, value in row.items()} for row in stored]
    assert as_text == text


def test_equal_seeds_give_equal_bytes_and_other_seeds_others(sixgym: Sixgym, tmp_path: Path) -> None:
    for name, seed in (("a", 7), ("b", 7), ("c", 8)):
        trace(sixgym, tmp_path / f"{name}.csv", "--seed", seed)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert (tmp_path / "a.csv").read_bytes() != (tmp_path / "c.csv").read_bytes()


def test_json_sums_it_up(sixgym: Sixgym, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    result = sixgym("simulate", "ran-slicing", "--network", "fluid", "--seconds", 1, "--out", out, "--json")
    summary = json.loads(result.stdout)
    assert summary["intervals"] == 10
    assert summary["rows"] == len(rows(out))


def test_progress_goes_to_standard_error(sixgym: Sixgym, tmp_path: Path) -> None:
    result = sixgym(
        "simulate", "ran-slicing", "--network", "fluid", "--seconds", 2, "--out", tmp_path / "t.csv"
    )
    assert "network time 1.0 of 2.0 s" in result.stderr
    assert "network time" not in result.stdout


def test_a_network_that_breaks_leaves_a_named_part_and_no_trace(sixgym: Sixgym, tmp_path: Path) -> None:
    for ending in ("csv", "parquet"):
        out = tmp_path / f"t.{ending}"
        result = sixgym("simulate", "uav-inspection", "--network", "fragile", "--out", out)
        part = tmp_path / f"t.partial.{ending}"
        assert result.exit_code == 1
        assert "broke" in result.stderr
        assert str(part) in result.stderr
        assert not out.exists()
    kept = rows(tmp_path / "t.partial.csv")
    assert {row["end_ms"] for row in kept} == {"500", "1000", "1500"}
    assert pq.read_table(tmp_path / "t.partial.parquet").num_rows == len(kept)


def test_a_failure_leaves_an_older_trace_alone(sixgym: Sixgym, tmp_path: Path) -> None:
    out = tmp_path / "t.csv"
    trace(sixgym, out)
    before = out.read_bytes()
    assert sixgym("simulate", "uav-inspection", "--network", "fragile", "--out", out).exit_code == 1
    assert out.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["uav-inspection", "--out", "t.xlsx"], ".csv or .parquet"),
        (["uav-inspection", "--out", "t"], ".csv or .parquet"),
        (["uav-inspection", "--out", "no/such/folder/t.csv"], "cannot be written"),
        (["uav-inspection"], "--out"),
        (["nowhere", "--out", "t.csv"], "no scenario is called"),
        (["uav-inspection", "--out", "t.csv", "--seconds", "0"], "--seconds"),
        (["uav-inspection", "--out", "t.csv", "--seconds", "-3"], "--seconds"),
        (["uav-inspection", "--out", "t.csv", "--seconds", "nan"], "--seconds"),
        (["uav-inspection", "--out", "t.csv", "--seconds", "inf"], "--seconds"),
        (["uav-inspection", "--out", "t.csv", "--network", "opnet"], "ns3"),
    ],
)
def test_wrong_use_is_explained_and_writes_nothing(
    sixgym: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    result = sixgym("simulate", "--network", "fluid", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not list(tmp_path.iterdir())
