"""The contract of every file that records are appended to: no crash and no second writer loses a record."""

import gzip
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sixgym.episodes.jsonl import RecordFileError, read_packed, write_packed
from sixgym.episodes.record_store import RecordStore
from tests.episodes.record_files import RECORD_FILES, WORDS, Note, RecordFile

every_file = pytest.mark.parametrize("file", RECORD_FILES, ids=[file.name for file in RECORD_FILES])
every_note_file = pytest.mark.parametrize("file", RECORD_FILES[:2], ids=["plain", "compressed"])


def whole_then_torn(file: RecordFile, path: Path) -> tuple[bytes, list[int]]:
    """A file of the records 1 and 2, and its size after each."""
    sizes: list[int] = []
    for number in (1, 2):
        file.add(path, number)
        sizes.append(path.stat().st_size)
    return path.read_bytes(), sizes


def check_torn_at(file: RecordFile, path: Path, content: bytes, sizes: list[int], cut: int) -> None:
    """After a crash that left so many bytes, whole records are read, and the next one is whole again."""
    path.write_bytes(content[:cut])
    whole = [number for number, size in enumerate(sizes, 1) if size <= cut]
    assert file.numbers(path) == whole
    file.add(path, 3)
    assert file.numbers(path) == [*whole, 3]


@every_note_file
def test_a_file_that_is_torn_at_any_byte_keeps_its_whole_records_and_takes_more(
    file: RecordFile, tmp_path: Path
) -> None:
    path = tmp_path / file.name
    content, sizes = whole_then_torn(file, path)
    for cut in range(len(content) + 1):
        check_torn_at(file, path, content, sizes, cut)


@every_file
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
@given(share=st.floats(0, 1))
def test_every_user_of_the_store_survives_a_torn_end(file: RecordFile, tmp_path: Path, share: float) -> None:
    path = tmp_path / file.name
    path.unlink(missing_ok=True)
    content, sizes = whole_then_torn(file, path)
    check_torn_at(file, path, content, sizes, round(share * len(content)))


@every_file
def test_a_write_that_broke_off_inside_a_character_is_repaired(file: RecordFile, tmp_path: Path) -> None:
    path = tmp_path / file.name
    content, sizes = whole_then_torn(file, path)
    character = "🚁".encode()
    inside = content.rfind(character) + 2 if character in content else len(content) - 2  # or inside a member
    check_torn_at(file, path, content, sizes, inside)


@every_file
def test_an_empty_file_holds_nothing_and_takes_records(file: RecordFile, tmp_path: Path) -> None:
    path = tmp_path / file.name
    path.touch()
    assert file.numbers(path) == []
    file.add(path, 1)
    assert file.numbers(path) == [1]


@every_file
def test_two_writers_at_once_lose_nothing(file: RecordFile, tmp_path: Path) -> None:
    path = tmp_path / file.name
    file.add(path, 0)
    with ThreadPoolExecutor(2) as writers:
        list(writers.map(lambda number: file.add(path, number), range(1, 21)))
    assert file.numbers(path) == list(range(21))


@every_file
def test_a_record_that_is_damaged_in_the_middle_is_an_error_that_names_file_and_record(
    file: RecordFile, tmp_path: Path
) -> None:
    path = tmp_path / file.name
    _, sizes = whole_then_torn(file, path)
    file.add(path, 3)
    damaged = bytearray(path.read_bytes())
    middle = (sizes[0] + sizes[1]) // 2
    damaged[middle] = 0xFF if damaged[middle] != 0xFF else 0
    path.write_bytes(damaged)
    with pytest.raises(RecordFileError, match=rf"{re.escape(file.name)}: record [23] "):
        file.numbers(path)


# ---------------------------------------------------------------------- packed files
def store_in(folder: Path) -> RecordStore[int, Note]:
    return RecordStore(folder / "notes.jsonl.gz", Note, lambda note: note.number, lambda _: None)


def test_the_same_records_make_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    contents: set[bytes] = set()
    for name, order in (("one", (1, 2, 3)), ("other", (3, 1, 2))):
        store = store_in(tmp_path / name)
        store.add(Note(number=number) for number in order)
        store.pack()
        contents.add(store.path.read_bytes())
        assert not store.growing.exists()
    assert len(contents) == 1


def test_packing_keeps_what_another_process_has_added_or_packed(tmp_path: Path) -> None:
    one, other = store_in(tmp_path), store_in(tmp_path)
    one.add([Note(number=1)])
    other.add([Note(number=2)])
    one.pack()
    assert set(store_in(tmp_path).usable((1, 2))) == {1, 2}
    other.pack()
    assert set(store_in(tmp_path).usable((1, 2))) == {1, 2}


def test_records_that_are_added_while_others_are_packed_are_not_lost(tmp_path: Path) -> None:
    def work(number: int) -> None:
        store = store_in(tmp_path)
        store.add([Note(number=number)])
        if number % 2:
            store.pack()

    with ThreadPoolExecutor(4) as writers:
        list(writers.map(work, range(40)))
    assert len(store_in(tmp_path).usable(range(40))) == 40


def test_a_later_record_of_the_same_key_takes_the_place_of_an_earlier_one(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    store.add([Note(number=1, text="old")])
    store.pack()
    store.add([Note(number=1, text="new")])
    for found in (store, store_in(tmp_path)):
        assert found[1].text == "new"
        found.pack()
    assert store_in(tmp_path)[1].text == "new"


def test_a_record_that_cannot_be_used_is_counted_by_reason_and_dropped_by_packing(tmp_path: Path) -> None:
    store_in(tmp_path).add([Note(number=1), Note(number=2)])

    def objection(note: Note) -> str | None:
        return "too small" if note.number < 2 else None

    store = RecordStore(tmp_path / "notes.jsonl.gz", Note, lambda note: note.number, objection)
    assert store.rejected == {"too small": 1}
    assert 1 not in store
    store.pack()
    assert list(store_in(tmp_path).usable((1, 2))) == [2]


def test_packed_lines_are_read_whatever_characters_are_in_them(tmp_path: Path) -> None:
    path = tmp_path / "notes.jsonl.gz"
    write_packed(path, [Note(number=number).model_dump_json() for number in (1, 2)])
    assert [(note.number, note.text) for note in read_packed(path, Note)] == [(1, WORDS), (2, WORDS)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no gzip", "not a gzip file of records"),
        (gzip.compress(b'{"number": 1}\n', mtime=0)[:-6], "not a gzip file of records"),
        (gzip.compress(b'{"number": 1}\n{"number": "x"}\n', mtime=0), "record 2 is no Note: number"),
        (gzip.compress(b'{"number": 1}\n\xff\n', mtime=0), "record 2 is no Note"),
    ],
)
def test_a_packed_file_of_something_else_is_an_error_that_names_it(
    tmp_path: Path, content: bytes, reason: str
) -> None:
    path = tmp_path / "notes.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(RecordFileError, match=rf"notes\.jsonl\.gz: {reason}"):
        list(read_packed(path, Note))
