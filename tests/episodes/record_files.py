"""Every kind of file that records are appended to, under one form, so that one suite tries them all."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sixgym.domain.base import Record
from sixgym.episodes.jsonl import append_lines, read_records
from sixgym.episodes.store import append_episode, read_episodes
from sixgym.evaluate.bench.findings import Candidate, CandidateFinding, FindingsFile, ProofConditions
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.evaluate.fidelity.transfer.rows import RowConditions, RowKey, RowStore, TransferRow
from tests.evaluate.bench.bench_samples import empty_episode, sample_task
from tests.evaluate.fidelity.slicing.networks import run
from tests.scoring.rows import row as result_row

WORDS = "Übertragung, 遅延 30 ms, 🚁, next\u2028line"
"""Characters of two, three and four bytes, in which a write may break off, and a line end that is none."""

MOST = 40
"""Records in a file at most."""


class Note(Record):
    """A small record."""

    text: str = WORDS
    number: int


@dataclass(frozen=True, slots=True)
class RecordFile:
    """One kind of file.

    Attributes:
        name: Name of the file.
        add: Appends the record of a number.
        numbers: The numbers of the stored records, in rising order.
    """

    name: str
    add: Callable[[Path, int], None]
    numbers: Callable[[Path], list[int]]


def _add_note(path: Path, number: int) -> None:
    append_lines(path, [Note(number=number).model_dump_json()])


def _notes(path: Path) -> list[int]:
    return sorted(note.number for note in read_records(path, Note))


def _add_episode(path: Path, number: int) -> None:
    append_episode(path, empty_episode(sample_task(number), answer=WORDS))


def _episodes(path: Path) -> list[int]:
    return sorted(int(episode.task.id.removeprefix("sample-")) for episode in read_episodes(path))


def _run(number: int) -> ControlledRun:
    return run(f"{WORDS} {number}")


def _runs(growing: Path) -> RunStore[ControlledRun]:
    return RunStore(_packed(growing), ControlledRun, "1")


def _row(number: int) -> TransferRow:
    return TransferRow(
        key=RowKey(agent=WORDS, task=str(number)),
        version="1",
        task_set_sha256="0",
        result=result_row(str(number), success=True),
        parts=(),
        episode="",
    )


def _rows(growing: Path) -> RowStore:
    return RowStore(_packed(growing), RowConditions("1", "0"))


def _packed(growing: Path) -> Path:
    return growing.with_name(f"{growing.name.removeprefix('.').removesuffix('.growing')}.gz")


def _findings(path: Path) -> FindingsFile:
    return FindingsFile(path, ProofConditions(split="training", first=0, prove=None, networks={"one": "1"}))


def _candidate(number: int) -> Candidate:
    return Candidate(domain="uav-control", tier="L1", number=number)


RECORD_FILES = (
    RecordFile("notes.jsonl", _add_note, _notes),
    RecordFile("notes.jsonl.gz", _add_note, _notes),
    RecordFile("episodes.jsonl", _add_episode, _episodes),
    RecordFile("episodes.jsonl.gz", _add_episode, _episodes),
    RecordFile(
        ".runs.jsonl.growing",
        lambda path, number: _runs(path).add([_run(number)]),
        lambda path: [number for number in range(MOST) if _run(number).key in _runs(path)],
    ),
    RecordFile(
        ".rows.jsonl.growing",
        lambda path, number: _rows(path).add([_row(number)]),
        lambda path: [number for number in range(MOST) if _row(number).key in _rows(path)],
    ),
    RecordFile(
        "set.findings.jsonl",
        lambda path, number: _findings(path).add(
            CandidateFinding(candidate=_candidate(number), reason=WORDS)
        ),
        lambda path: sorted(candidate.number for candidate in _findings(path).findings),
    ),
)
