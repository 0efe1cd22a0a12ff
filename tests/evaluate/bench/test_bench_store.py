"""A run's folder loses no finished episode and mistakes no other folder for a run."""

import gzip
import multiprocessing
from pathlib import Path

import pytest

from sixgym.episodes.episode import Episode
from sixgym.episodes.jsonl import RecordFileError
from sixgym.episodes.store import append_episode, read_episodes
from sixgym.evaluate.bench.store import RunFolder, RunFolderError, differences
from tests.evaluate.bench.bench_samples import empty_episode, manifest_of, sample_tasks

TASKS = sample_tasks(3)


@pytest.fixture
def episodes() -> list[Episode]:
    return [empty_episode(task) for task in TASKS]


def test_compressed_episodes_come_back_and_zcat_reads_them(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    for episode in episodes:
        append_episode(path, episode)
    assert list(read_episodes(path)) == episodes
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    assert [Episode.model_validate_json(line) for line in lines] == episodes


def test_a_write_that_broke_off_anywhere_costs_that_episode_alone(
    tmp_path: Path, episodes: list[Episode]
) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    append_episode(path, episodes[0])
    whole = path.stat().st_size
    append_episode(path, episodes[1])
    content = path.read_bytes()
    for size in {
        whole,
        whole + 1,
        whole + 10,
        (whole + len(content)) // 2,
        *range(len(content) - 21, len(content)),
    }:
        path.write_bytes(content[:size])
        assert list(read_episodes(path)) == episodes[:1]
        append_episode(path, episodes[2])
        assert list(read_episodes(path)) == [episodes[0], episodes[2]]


def test_a_torn_end_longer_than_a_block_is_cut(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    append_episode(path, episodes[0])
    with path.open("ab") as file:
        file.write(bytes(range(256)) * 1_000)
    append_episode(path, episodes[1])
    assert list(read_episodes(path)) == episodes[:2]


def append_all(path: Path, episodes: list[Episode]) -> None:
    for episode in episodes:
        append_episode(path, episode)


def test_processes_append_side_by_side(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=append_all, args=(path, episodes * 5)) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(e.id for e in read_episodes(path)) == sorted(e.id for e in episodes * 10)


def test_a_file_that_is_damaged_in_the_middle_is_an_error(tmp_path: Path, episodes: list[Episode]) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    append_episode(path, episodes[0])
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RecordFileError, match=r"cannot be read|no Episode"):
        list(read_episodes(path))


def test_an_empty_compressed_file_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "episodes.jsonl.gz"
    path.touch()
    assert list(read_episodes(path)) == []


def test_a_manifest_comes_back_and_names_every_episode(tmp_path: Path) -> None:
    folder, manifest = RunFolder(tmp_path), manifest_of(TASKS, trials=2)
    folder.write_manifest(manifest)
    assert folder.manifest() == manifest
    assert manifest.keys[:3] == (("sample-000", 0), ("sample-000", 1), ("sample-001", 0))


def test_a_folder_takes_one_run_at_a_time(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with (
        folder.locked(),
        pytest.raises(RunFolderError, match="another run is at work"),
        RunFolder(tmp_path / "run").locked(),
    ):
        pass
    with folder.locked():
        assert folder.is_empty


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"agent": 1}', "\x00"])
def test_a_folder_without_a_manifest_is_no_run(tmp_path: Path, content: str) -> None:
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match="no manifest of a run"):
        RunFolder(tmp_path).manifest()
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder(tmp_path / "elsewhere").manifest()


def test_what_differs_between_runs_is_named_and_the_start_time_does_not_count() -> None:
    manifest = manifest_of(TASKS)
    assert differences(manifest, manifest.model_copy(update={"started_at": "later"})) == []
    other = manifest.model_copy(update={"agent": "null", "trials": 3, "tasks": ("sample-000",)})
    assert differences(manifest, other) == [
        "agent was reference and is null",
        "tasks differs",
        "trials was 1 and is 3",
    ]
