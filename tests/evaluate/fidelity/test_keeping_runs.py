"""Stored runs are those that the simulator's present version would repeat."""

import gzip
from pathlib import Path

import pytest

from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.store import RunStore, same_version
from tests.evaluate.fidelity.slicing.networks import run

A, B = run("a"), run("b")


def store(folder: Path, version: str = "1") -> RunStore[ControlledRun]:
    return RunStore(folder / "runs.jsonl.gz", ControlledRun, version)


def usable(kept: RunStore[ControlledRun]) -> list[ControlledRun]:
    return list(kept.usable([A.key, B.key]).values())


def test_packed_runs_come_back(tmp_path: Path) -> None:
    kept = store(tmp_path)
    kept.add([B, A])
    kept.pack()
    assert usable(store(tmp_path)) == [A, B]
    assert [path.name for path in tmp_path.iterdir()] == ["runs.jsonl.gz"]


def test_an_interrupted_collection_is_taken_up(tmp_path: Path) -> None:
    store(tmp_path).add([A])
    again = store(tmp_path)
    assert usable(again) == [A]
    again.add([B])
    assert usable(store(tmp_path)) == [A, B]


def test_runs_of_another_version_are_not_used_and_go_with_the_next_packing(tmp_path: Path) -> None:
    store(tmp_path, "1").add([A])
    kept = store(tmp_path, "2")
    newer = run("b", version="2")
    kept.add([newer])
    assert usable(kept) == [newer]
    assert kept.rejected == {"made by version 1, here is 2": 1}
    kept.pack()
    assert store(tmp_path, "2").rejected == {}
    assert usable(store(tmp_path, "1")) == []


def test_a_file_that_is_not_packed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs.jsonl.gz").write_text("no gzip")
    with pytest.raises(RecordFileError, match="not a gzip file"):
        store(tmp_path)


def test_a_run_that_was_stored_when_schedules_were_called_programmes_is_still_read(tmp_path: Path) -> None:
    line = A.model_dump_json(exclude_none=True).replace('"schedule":', '"programme":')
    (tmp_path / "runs.jsonl.gz").write_bytes(gzip.compress(f"{line}\n".encode()))
    assert usable(store(tmp_path)) == [A]


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
