"""A stored episode is the episode; no crash loses a finished one."""

import multiprocessing
import os
from pathlib import Path

import pytest

from sixgym.episodes.episode import Episode
from sixgym.episodes.jsonl import RecordFileError
from sixgym.episodes.store import append_episode, read_episodes, write_parquet
from tests.episodes.samples import sample_episode


def test_an_episode_survives_json_unchanged() -> None:
    episode = sample_episode()
    assert Episode.model_validate_json(episode.model_dump_json()) == episode


@pytest.mark.parametrize("ending", ["jsonl", "parquet"])
def test_what_is_stored_is_what_is_read(tmp_path: Path, ending: str) -> None:
    episodes = [sample_episode(seed=1), sample_episode(seed=2, fail_after=3)]
    path = tmp_path / f"run.{ending}"
    if ending == "parquet":
        write_parquet(path, episodes)
    else:
        for episode in episodes:
            append_episode(path, episode)
    assert list(read_episodes(path)) == episodes


def test_a_torn_line_is_skipped_and_the_next_append_mends_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    first, second = sample_episode(seed=1), sample_episode(seed=2)
    append_episode(path, first)
    whole = path.read_bytes()
    for torn in (b"{", whole[: len(whole) // 2], whole[:-1]):
        path.write_bytes(whole + torn)
        assert list(read_episodes(path)) == [first]
        append_episode(path, second)
        assert list(read_episodes(path)) == [first, second]


def _append_many(path: Path, seed: int) -> None:
    for _ in range(5):
        append_episode(path, sample_episode(seed=seed))


def test_two_writers_do_not_mix_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_append_many, args=(path, seed)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert sorted(episode.task.seed for episode in read_episodes(path)) == [1] * 5 + [2] * 5


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b'{"a": 1}\n', "record 1 is no Episode"), (b"[1]\n", "record 1"), (b"\xff\xfe\n", "record 1")],
)
def test_a_complete_line_that_is_no_episode_is_an_error(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "other.jsonl"
    path.write_bytes(content)
    with pytest.raises(RecordFileError, match=reason):
        list(read_episodes(path))


def test_a_file_that_cannot_be_read_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(RecordFileError, match="cannot be read"):
        list(read_episodes(tmp_path / "gone.jsonl"))
    (tmp_path / "odd.parquet").write_bytes(b"not parquet")
    with pytest.raises(RecordFileError, match="not a Parquet file of episodes"):
        list(read_episodes(tmp_path / "odd.parquet"))


def test_a_failed_parquet_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.parquet"
    write_parquet(path, [sample_episode()])
    before = path.read_bytes()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("pyarrow.parquet.write_table", fail)
    with pytest.raises(OSError, match="disk full"):
        write_parquet(path, [])
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["run.parquet"]
