"""A frozen set is read as it was written, or not at all."""

import gzip
import hashlib
import json
from pathlib import Path

import pytest

from sixgym.domain.faults import EdgeOverload
from sixgym.tasks.frozen import TaskSetError, load_task_set, write_task_set
from sixgym.tasks.record import BenchTask
from tests.evaluate.bench.bench_samples import sample_tasks

FACTS = {"name": "samples", "version": "1", "command": "by hand"}
TASKS = sample_tasks(3)


@pytest.fixture(name="path")
def _path(tmp_path: Path) -> Path:
    path = tmp_path / "samples.json"
    write_task_set(path, TASKS, **FACTS)
    return path


def packed(path: Path) -> Path:
    return path.with_name("samples.jsonl.gz")


def troubled(task: BenchTask) -> BenchTask:
    """The task in a network with an overloaded compute node."""
    fault = EdgeOverload(node="edge-1", background_load=1.5, start_ms=0, duration_ms=10_000)
    scenario = task.task.scenario.model_copy(update={"faults": (fault,)})
    return task.model_copy(update={"task": task.task.model_copy(update={"scenario": scenario})})


def rewritten(path: Path, lines: bytes) -> None:
    """Replace the lines of a set, with the checksum of the new lines in the manifest."""
    packed(path).write_bytes(gzip.compress(lines))
    manifest = json.loads(path.read_text()) | {"sha256": hashlib.sha256(lines).hexdigest()}
    path.write_text(json.dumps(manifest))


def test_a_set_comes_back_as_it_was_written(path: Path) -> None:
    read = load_task_set(path)
    assert {task.task.id: task for task in read.tasks} == {task.task.id: task for task in TASKS}
    assert (read.name, read.version, read.manifest.tasks) == ("samples", "1", len(TASKS))


def test_tasks_with_faults_come_back_as_they_were_written(tmp_path: Path) -> None:
    tasks = [troubled(task) for task in TASKS]
    write_task_set(tmp_path / "s.json", tasks, **FACTS)
    assert load_task_set(tmp_path / "s.json").tasks == tuple(tasks)


def test_equal_tasks_in_any_order_are_equal_bytes(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "again" / "samples.json"
    write_task_set(other, reversed(TASKS), **FACTS)
    assert other.read_bytes() == path.read_bytes()
    assert packed(other).read_bytes() == packed(path).read_bytes()


def test_another_task_is_another_checksum(path: Path, tmp_path: Path) -> None:
    other = write_task_set(tmp_path / "other.json", TASKS[:2], **FACTS)
    assert other.sha256 != load_task_set(path).sha256


def test_the_manifest_counts_tiers_and_domains(path: Path) -> None:
    manifest = load_task_set(path).manifest
    assert sum(manifest.tiers.values()) == sum(manifest.domains.values()) == len(TASKS)


def test_a_missing_file_is_named(path: Path) -> None:
    packed(path).unlink()
    with pytest.raises(TaskSetError, match=r"samples\.jsonl\.gz: .*No such file"):
        load_task_set(path)
    path.unlink()
    with pytest.raises(TaskSetError, match=r"samples\.json: .*No such file"):
        load_task_set(path)


@pytest.mark.parametrize("text", ["", "no JSON", "[]", "{}", '{"name": "x"}', "\x00"])
def test_a_file_that_is_no_manifest_is_named(path: Path, text: str) -> None:
    path.write_text(text)
    with pytest.raises(TaskSetError, match=r"samples\.json: no manifest of a task set"):
        load_task_set(path)


def test_a_truncated_set_is_damaged(path: Path) -> None:
    whole = packed(path).read_bytes()
    for length in (0, 1, 10, len(whole) // 2, len(whole) - 1):
        packed(path).write_bytes(whole[:length])
        with pytest.raises(TaskSetError, match=r"samples\.jsonl\.gz: "):
            load_task_set(path)


def test_a_changed_byte_anywhere_is_damage(path: Path) -> None:
    whole = packed(path).read_bytes()
    for place in (0, 2, *range(10, len(whole), 97), len(whole) - 5):
        packed(path).write_bytes(whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :])
        with pytest.raises(TaskSetError, match=r"samples\.jsonl\.gz: "):
            load_task_set(path)


def test_a_set_that_was_packed_again_after_a_change_does_not_fit_its_manifest(path: Path) -> None:
    lines = gzip.decompress(packed(path).read_bytes())
    packed(path).write_bytes(gzip.compress(lines.replace(b'"max_steps":4', b'"max_steps":5', 1)))
    with pytest.raises(TaskSetError, match="not the set that was frozen"):
        load_task_set(path)


def test_the_manifest_of_another_set_does_not_fit(path: Path, tmp_path: Path) -> None:
    write_task_set(tmp_path / "other.json", TASKS[:2], **FACTS)
    path.write_bytes((tmp_path / "other.json").read_bytes())
    with pytest.raises(TaskSetError, match="not the set that was frozen"):
        load_task_set(path)


@pytest.mark.parametrize("line", [b"{}\n", b"no JSON\n", b'"text"\n', b"\xff\n"])
def test_a_line_that_is_no_task_is_named_by_its_number(path: Path, line: bytes) -> None:
    rewritten(path, gzip.decompress(packed(path).read_bytes()) + line)
    with pytest.raises(TaskSetError, match="line 4 is no task"):
        load_task_set(path)


def test_a_task_of_the_wrong_split_is_not_written(tmp_path: Path) -> None:
    leaked = TASKS[0].model_copy(update={"split": "training"})
    with pytest.raises(ValueError, match="is not in the training split"):
        write_task_set(tmp_path / "s.json", [leaked], **FACTS)
    assert not list(tmp_path.iterdir())


def test_two_tasks_of_one_id_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ids appear twice: sample-000"):
        write_task_set(tmp_path / "s.json", [TASKS[0], TASKS[0]], **FACTS)
    assert not list(tmp_path.iterdir())
