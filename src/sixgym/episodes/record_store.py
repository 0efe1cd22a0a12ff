"""Records found by key, in a packed file; new ones are kept in a file beside it until the next packing."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from sixgym.episodes.jsonl import (
    RecordT,
    append_lines,
    locked,
    read_packed,
    read_records,
    write_packed,
)

KeyT = TypeVar("KeyT")


class RecordStore(Generic[KeyT, RecordT]):
    """The usable records of a file, by key; of records with the same key, the last one.

    A record is on the disk as soon as it is added, so an interrupted collection continues where it stopped.
    Several processes may add records to one store; `pack` keeps what each of them has added.

    Attributes:
        path: The packed file: gzip of JSON lines, sorted by key.
        growing: The file beside it that takes added records until `pack`.
        rejected: Number of stored records that cannot be used, by reason.
    """

    def __init__(
        self,
        path: Path,
        kind: type[RecordT],
        key_of: Callable[[RecordT], KeyT],
        objection: Callable[[RecordT], str | None],
        *,
        omit_none: bool = False,
    ) -> None:
        """Read what is stored.

        Args:
            path: The packed file; neither it nor its folder has to exist.
            kind: The class of the records.
            key_of: The key of a record.
            objection: The reason why a stored record cannot be used, or None.
            omit_none: Whether fields that are None are left out of the files.

        Raises:
            RecordFileError: a file holds something else.
        """
        self.path = path
        self.growing = path.with_name(f".{path.name.removesuffix('.gz')}.growing")
        self.rejected: Counter[str] = Counter()
        self._kind = kind
        self._key_of = key_of
        self._objection = objection
        self._omit_none = omit_none
        self._records: dict[KeyT, RecordT] = {}
        self._load()

    def __contains__(self, key: KeyT) -> bool:
        return key in self._records

    def __getitem__(self, key: KeyT) -> RecordT:
        return self._records[key]

    def usable(self, keys: Iterable[KeyT]) -> dict[KeyT, RecordT]:
        """The usable records among these keys, in the order of the keys."""
        return {key: self._records[key] for key in keys if key in self._records}

    def add(self, records: Iterable[RecordT]) -> None:
        """Keep these records, each in place of an earlier one of the same key.

        Raises:
            OSError: they cannot be written.
        """
        added = list(records)
        append_lines(self.growing, map(self._line, added))
        for record in added:
            self._take(record)

    def pack(self) -> None:
        """Write all usable records into the packed file, atomically and in order; the others are dropped.

        Raises:
            OSError: the file cannot be written.
            RecordFileError: another process has written something else into a file.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.growing):
            self._load()  # another process may have added records, or packed them
            ordered = sorted(self._records, key=str)
            write_packed(self.path, [self._line(self._records[key]) for key in ordered])
            self.growing.unlink()

    def _load(self) -> None:
        self._records.clear()
        self.rejected.clear()
        for record in self._stored():
            self._take(record)

    def _stored(self) -> Iterator[RecordT]:
        if self.path.exists():
            yield from read_packed(self.path, self._kind)
        if self.growing.exists():
            yield from read_records(self.growing, self._kind)

    def _take(self, record: RecordT) -> None:
        reason = self._objection(record)
        if reason is None:
            self._records[self._key_of(record)] = record
        else:
            self.rejected[reason] += 1

    def _line(self, record: RecordT) -> str:
        return record.model_dump_json(exclude_none=self._omit_none)
