import gzip
from pathlib import Path

import pytest

from sixgym.evaluate.fidelity.record import SimulationRun
from sixgym.evaluate.fidelity.store import RunFileError, RunStore, same_version
from tests.evaluate.fidelity.slicing.networks import run

A, B = run("a"), run("b")


def store(folder: Path) -> RunStore[SimulationRun]:
    return RunStore(folder / "runs.jsonl.gz", SimulationRun)


def test_packed_runs_come_back(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add([B, A])
    kept.pack("1")
    assert store(tmp_path).usable([A.key, B.key], "1") == {A.key: A, B.key: B}
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl.gz"]


def test_the_same_runs_make_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    contents: list[bytes] = []
    for name, runs in (("one", [A, B]), ("two", [B, A])):
        kept = store(tmp_path / name)
        kept.add(runs)
        kept.pack("1")
        contents.append(kept.path.read_bytes())
    assert contents[0] == contents[1]


def test_an_interrupted_collection_is_taken_up(tmp_path: Path) -> None:
    store(tmp_path).add([A])
    again = store(tmp_path)
    assert again.usable([A.key, B.key], "1") == {A.key: A}
    again.add([B])
    assert store(tmp_path).usable([A.key, B.key], "1") == {A.key: A, B.key: B}


def test_a_line_torn_by_a_crash_is_left_out_and_the_next_one_is_whole(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add([A])
    with kept.growing.open("a") as file:
        file.write(B.model_dump_json()[:40])
    again = store(tmp_path)
    assert again.usable([A.key, B.key], "1") == {A.key: A}
    again.add([B])
    assert set(store(tmp_path).usable([A.key, B.key], "1")) == {A.key, B.key}


def test_runs_of_another_version_are_not_used_and_go_with_the_next_packing(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add([A, run("b", version="2")])
    assert set(kept.usable([A.key, B.key], "2")) == {B.key}
    kept.pack("2")
    assert store(tmp_path).versions == {"2"}


def test_what_is_no_run_is_refused_by_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl.gz"
    path.write_bytes(gzip.compress(A.model_dump_json().encode() + b'\n{"key": 1}\n'))
    with pytest.raises(RunFileError, match=r"runs\.jsonl\.gz: line 2"):
        RunStore(path, SimulationRun)


def test_a_file_that_is_not_packed_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "runs.jsonl.gz"
    path.write_text("no gzip")
    with pytest.raises(RunFileError, match="not a gzip file"):
        RunStore(path, SimulationRun)


@pytest.mark.parametrize(
    ("stored", "here", "same"),
    [
        ("3.44+abc", "3.44+abc", True),
        ("3.44+abc", "3.45+abc", False),
        ("3.44+abc", "3.44+abd", False),
        ("3.44+abc", "missing+abc", True),
        ("3.44+abc", "missing+abd", False),
    ],
)
def test_without_the_engine_our_code_alone_decides_whether_runs_are_current(
    stored: str, here: str, same: bool
) -> None:
    assert same_version(stored, here) is same
