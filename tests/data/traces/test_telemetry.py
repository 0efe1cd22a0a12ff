"""A real network's telemetry becomes transitions, or one clear error with file and line."""

from contextlib import suppress
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgym.data.traces.telemetry import TelemetryError, read_telemetry
from sixgym.data.traces.transitions import SCHEMA, write_transitions

HEADER = "series,t_ms,slice,latency_ms,jitter_ms,loss_ratio,throughput_mbps,edge_load,tool,arguments,faults"
LINES = (
    "a,0,URLLC,6.1,0.9,0,1.9,0.31,,,",
    "b,0,eMBB,20,2,0.1,9,0.5,,,",
    "a,500,URLLC,7.4,1.1,0.002,1.9,0.34,check_network_state,{},backhaul_degradation cell_outage",
    "b,500,mMTC,22,2,0.1,8,0.5,,,",
    'a,1000,URLLC,30,1,0.5,1,0.3,send_alert,"{""uav"": ""drone-1"", ""alert"": ""low_battery""}",',
)


def written(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join((header, *lines)) + "\n")
    return path


def test_lines_that_follow_each_other_in_a_series_are_transitions(tmp_path: Path) -> None:
    lines = [*LINES[:4], LINES[2].replace("500", "1000").replace("7.4", "30")]
    rows = list(read_telemetry(written(tmp_path / "x.csv", *lines), "site"))
    assert [(row["episode"], row["step"], row["tool"]) for row in rows] == [
        ("a", 0, "check_network_state"),
        ("b", 0, "check_network_state"),
        ("a", 1, "check_network_state"),
    ]
    assert (rows[0]["before_latency_ms"], rows[0]["after_latency_ms"]) == (6.1, 7.4)
    assert (rows[1]["before_slice"], rows[1]["after_slice"]) == ("eMBB", "mMTC")
    assert (rows[0]["faults_before"], rows[0]["faults"]) == ([], ["backhaul_degradation", "cell_outage"])
    assert "latency" in rows[2]["reasoning"]
    path = tmp_path / "t.parquet"
    assert write_transitions(path, rows, provenance={}) == 3
    assert pq.read_table(path).schema.remove_metadata() == SCHEMA


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("a,1000,URLLC,-1,1,0.5,1,0.3,,,", "x.csv:7: latency_ms"),
        ("a,1000,URLLC,x,1,0.5,1,0.3,,,", "x.csv:7: latency_ms"),
        ("a,1000,URLLC,1,1,50,1,0.3,,,", "x.csv:7: loss_ratio"),
        ("a,1000,URLLC,nan,1,0.5,1,0.3,,,", "x.csv:7: latency_ms"),
        ("a,1000,gold,1,1,0.5,1,0.3,,,", "x.csv:7: slice"),
        ("a,500,URLLC,1,1,0.5,1,0.3,,,", "x.csv:7: t_ms 500 of series 'a' does not come after"),
        ("a,1000,URLLC,1", "x.csv:7: not as many fields"),
        ("a,1000,URLLC,1,1,0.5,1,0.3,reboot,,", "x.csv:7: there is no tool 'reboot'"),
        ("a,1000,URLLC,1,1,0.5,1,0.3,edge_offload,{},", "x.csv:7: edge_offload: task is missing"),
        ("a,1000,URLLC,1,1,0.5,1,0.3,heartbeat,{,", "x.csv:7: heartbeat: not valid JSON"),
        ('a,1000,"URLLC', "x.csv: not a CSV file"),
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = written(tmp_path / "x.csv", *LINES[:4], LINES[2].replace("500", "700"), line)
    with pytest.raises(TelemetryError) as raised:
        list(read_telemetry(path, "site"))
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("jitter_ms,", ""), "column jitter_ms is missing"),
        (f"{HEADER},site", "unknown column 'site'"),
        (f"{HEADER},tool", "a column appears twice"),
        ("", "column t_ms is missing"),
    ],
)
def test_a_header_that_is_wrong_is_said_to_be(tmp_path: Path, header: str, message: str) -> None:
    with pytest.raises(TelemetryError, match=message):
        list(read_telemetry(written(tmp_path / "x.csv", header=header), "site"))


def test_a_file_without_transitions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="there is no transition"):
        list(read_telemetry(written(tmp_path / "x.csv", LINES[0]), "site"))
    with pytest.raises(TelemetryError, match="cannot be read"):
        list(read_telemetry(tmp_path / "none.csv", "site"))
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TelemetryError, match="UTF-8"):
        list(read_telemetry(tmp_path / "binary.csv", "site"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(f"{HEADER}\n{LINES[0]}\n{text}".encode("utf-8", "replace"))
    with suppress(TelemetryError):
        assert list(read_telemetry(path, "site"))
