"""`sixgym traces`: what is made, kept, refused, and how it goes on."""

import json
import lzma
import operator
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sixgym.data.traces.transitions import SCHEMA
from sixgym.episodes.store import read_episodes
from tests.cli.conftest import Sixgym

Change = Callable[[list[bytes]], bytes]
"""From the lines of a packed file to the bytes of another."""


@pytest.fixture
def shared(tmp_path: Path) -> tuple[object, ...]:
    return ("traces", "--out", tmp_path / "out", "--network", "fluid", "--workers", 1)


def test_every_call_is_a_row(sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path) -> None:
    done = sixgym(*shared, "--episodes", 3, "--replicates", 2)
    assert done.exit_code == 0, done.output
    assert "120 transitions of 6 episodes on fluid" in done.stdout
    table = pq.read_table(tmp_path / "out" / "transitions.parquet")
    assert table.schema.remove_metadata() == SCHEMA
    rows = table.to_pylist()
    assert len(rows) == 120
    episodes = {episode.id: episode for episode in read_episodes(tmp_path / "out" / "episodes.jsonl.gz")}
    for row in rows:
        step = episodes[row["episode"]].steps[row["step"]]
        assert step.turn.call is not None
        assert row["tool"] == step.turn.call.tool
        assert json.loads(row["arguments"]) == step.turn.call.arguments
        assert row["after_latency_ms"] == step.after.latency_ms
        assert row["before_slice"] == step.before.slice
        assert row["ok"] == step.outcome.ok
        assert (row["result"] is None) == (row["error"] is not None)
        assert 0 < row["probability"] < 1
        assert json.loads(row["interval"])["end_ms"] == step.interval.end_ms
    manifest = json.loads(table.schema.metadata[b"sixgym.traces"])
    assert manifest["network"] == {"name": "fluid", "version": "test"}


def test_more_episodes_go_on_where_fewer_stopped(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path
) -> None:
    sixgym(*shared, "--episodes", 2)
    before = (tmp_path / "out" / "episodes.jsonl.gz").read_bytes()
    done = sixgym(*shared, "--episodes", 4, "--resume")
    assert done.exit_code == 0, done.output
    assert "2 of 4 episodes on fluid are to be made" in done.stderr
    assert (tmp_path / "out" / "episodes.jsonl.gz").read_bytes().startswith(before)
    assert pq.read_metadata(tmp_path / "out" / "transitions.parquet").num_rows == 80


def test_what_a_crash_left_is_made_again(sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path) -> None:
    sixgym(*shared, "--episodes", 3)
    path = tmp_path / "out" / "episodes.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-100])
    done = sixgym(*shared, "--episodes", 3, "--resume")
    assert "1 of 3 episodes" in done.stderr
    assert pq.read_metadata(tmp_path / "out" / "transitions.parquet").num_rows == 60


def test_an_episode_that_breaks_is_no_row_and_is_tried_again(sixgym: Sixgym, tmp_path: Path) -> None:
    out = ("traces", "--out", tmp_path / "out", "--workers", 1, "--episodes", 2)
    broken = sixgym(*out, "--network", "fragile")
    assert broken.exit_code == 1
    assert "2 episodes broke on our side" in broken.stderr
    again = sixgym(*out, "--network", "fragile", "--resume")
    assert "2 of 2 episodes" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--seeds", "45-55"), "all have to be of one split"),
        (("--seeds", "0"), "all have to be of one split"),
        (("--seeds", "9-1"), "all have to be of one split"),
        (("--seeds", "1-5,x"), "write seeds and ranges"),
        (("--seeds", ""), "write seeds and ranges"),
        (("--network", "nope"), "nope"),
    ],
)
def test_wrong_use_is_one_clear_error_and_leaves_nothing(
    sixgym: Sixgym, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    done = sixgym("traces", "--out", tmp_path / "out", "--network", "fluid", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not (tmp_path / "out").exists()


def test_other_traces_are_not_gone_on_with(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path
) -> None:
    sixgym(*shared, "--episodes", 1)
    for more in ((), ("--resume", "--seeds", "1-9")):
        done = sixgym(*shared, "--episodes", 1, *more)
        assert done.exit_code == 2
        assert str(tmp_path / "out") in done.stderr
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.txt").write_text("x")
    done = sixgym("traces", "--out", tmp_path / "other", "--network", "fluid", "--resume")
    assert "holds no traces" in done.stderr
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["thesis.txt"]


def test_telemetry_of_ones_own_network_comes_in_the_same_form(sixgym: Sixgym, tmp_path: Path) -> None:
    header = "t_ms,slice,latency_ms,jitter_ms,loss_ratio,throughput_mbps,edge_load"
    lines = [f"{500 * n},URLLC,{5 + n},1,0,2,0.3" for n in range(4)]
    file = tmp_path / "site.csv"
    file.write_text("\n".join((header, *lines)))
    done = sixgym("traces", "--out", tmp_path / "mine", "--csv", file, "--network", "site-7")
    assert done.exit_code == 0, done.output
    rows = pq.read_table(tmp_path / "mine" / "transitions.parquet").to_pylist()
    assert [(row["episode"], row["network"], row["after_latency_ms"]) for row in rows] == [
        ("site", "site-7", 6.0),
        ("site", "site-7", 7.0),
        ("site", "site-7", 8.0),
    ]
    again = sixgym("traces", "--out", tmp_path / "mine", "--csv", file, "--network", "site-7")
    assert again.exit_code == 2
    file.write_text(header + "\n0,URLLC,x,1,0,2,0.3")
    wrong = sixgym("traces", "--out", tmp_path / "other", "--csv", file)
    assert wrong.exit_code == 2
    assert "--network ns3 is a simulator" in wrong.stderr
    wrong = sixgym("traces", "--out", tmp_path / "other", "--csv", file, "--network", "site-7")
    assert wrong.exit_code == 2
    assert f"{file}:2: latency_ms" in wrong.stderr
    assert not list((tmp_path / "other").glob("*"))


def test_packed_traces_are_the_same_traces(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path
) -> None:
    sixgym(*shared, "--episodes", 3, "--replicates", 2)
    packed, out, again = tmp_path / "small" / "traces.xz", tmp_path / "out", tmp_path / "again"
    done = sixgym("traces", "--out", out, "--pack", packed)
    assert done.exit_code == 0, done.output
    assert "6 episodes on fluid" in done.stdout
    assert packed.stat().st_size < (out / "episodes.jsonl.gz").stat().st_size
    done = sixgym("traces", "--out", again, "--unpack", packed)
    assert done.exit_code == 0, done.output
    assert "120 transitions of 6 episodes on fluid" in done.stdout
    before, after = (
        sorted(read_episodes(folder / "episodes.jsonl.gz"), key=lambda one: one.id) for folder in (out, again)
    )
    assert before == after
    assert (again / "traces.json").read_bytes() == (out / "traces.json").read_bytes()
    first, second = (pq.read_table(folder / "transitions.parquet").to_pylist() for folder in (out, again))
    key = operator.itemgetter("episode", "step")
    assert sorted(first, key=key) == sorted(second, key=key)


def test_a_place_that_cannot_be_written_to_is_one_error(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path
) -> None:
    sixgym(*shared, "--episodes", 1)
    packed, blocked = tmp_path / "traces.xz", tmp_path / "file"
    blocked.write_text("x")
    assert sixgym("traces", "--out", tmp_path / "out", "--pack", packed).exit_code == 0
    for arguments in (("--unpack", packed), ("--network", "fluid", "--episodes", 1)):
        done = sixgym("traces", "--out", blocked, *arguments)
        assert done.exit_code == 2, done.output
        assert f"--out {blocked}: cannot write there" in done.stderr
    done = sixgym("traces", "--out", tmp_path / "out", "--pack", blocked / "traces.xz")
    assert done.exit_code == 2
    assert "cannot be written" in done.stderr
    assert blocked.read_text() == "x"


def test_traces_that_are_not_whole_are_not_packed(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path
) -> None:
    sixgym(*shared, "--episodes", 2)
    path = tmp_path / "out" / "episodes.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-100])
    done = sixgym("traces", "--out", tmp_path / "out", "--pack", tmp_path / "traces.xz")
    assert done.exit_code == 2
    assert "lacks 1 of 2 episodes" in done.stderr
    nothing = sixgym("traces", "--out", tmp_path / "none", "--pack", tmp_path / "traces.xz")
    assert nothing.exit_code == 2
    assert "holds no traces" in nothing.stderr
    assert not (tmp_path / "traces.xz").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: b"no xz", "is no packed traces"),
        (lambda lines: lzma.compress(b"".join(lines))[:-20], "is no packed traces"),
        (lambda lines: lzma.compress(b""), "is empty"),
        (lambda lines: lzma.compress(b"{}\n"), "does not begin with a manifest of traces"),
        (lambda lines: lzma.compress(lines[0] + b"{}\n"), "episode 1 is not packed as it should be"),
        (lambda lines: lzma.compress(lines[0] + b"[" * 9_000 + b"\n"), "episode 1 is not packed"),
        (lambda lines: lzma.compress(lines[0]), "lacks 1 of its episodes"),
        (lambda lines: lzma.compress(lines[0] + lines[1][:-1]), "has a line that does not end"),
        (lambda lines: lzma.compress(lines[0] + b" " * 20_000_000), "has a line that does not end"),
    ],
)
def test_a_file_that_is_no_packed_traces_is_one_error(
    sixgym: Sixgym, shared: tuple[object, ...], tmp_path: Path, change: Change, words: str
) -> None:
    packed = tmp_path / "traces.xz"
    sixgym(*shared, "--episodes", 1)
    assert sixgym("traces", "--out", tmp_path / "out", "--pack", packed).exit_code == 0
    lines = lzma.decompress(packed.read_bytes()).splitlines(keepends=True)
    packed.write_bytes(change(lines))
    done = sixgym("traces", "--out", tmp_path / "again", "--unpack", packed)
    assert done.exit_code == 2, done.output
    assert words in done.stderr.splitlines()[-1]


def test_one_thing_is_done_at_a_time(sixgym: Sixgym, tmp_path: Path) -> None:
    done = sixgym("traces", "--out", tmp_path / "out", "--pack", "a.xz", "--unpack", "b.xz")
    assert done.exit_code == 2
    assert "exclude one another" in done.stderr
