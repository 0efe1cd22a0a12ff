"""Keeping runs: one JSON line each, appended while they come in, packed when they are all there."""

import gzip
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import ValidationError

from sixgym.domain.base import first_problem
from sixgym.episodes.files import write_whole
from sixgym.evaluate.fidelity.record import RunKey, StoredRun

Stored = TypeVar("Stored", bound=StoredRun)


class RunFileError(ValueError):
    """A file does not hold runs. The message names the file and what is wrong."""


class RunStore(Generic[Stored]):
    """The runs of one simulator in a gzip file of JSON lines.

    While runs are collected they are appended to a plain file beside it, so that an interrupted
    collection goes on where it stopped; `pack` writes all of them, sorted, in place of both files.
    """

    def __init__(self, path: Path, kind: type[Stored]) -> None:
        self.path = path
        self._kind = kind
        self.growing = path.with_name(f".{path.name.removesuffix('.gz')}.growing")
        self._runs = {run.key: run for run in self._read()}

    def usable(self, keys: Iterable[RunKey], version: str) -> dict[RunKey, Stored]:
        """The stored runs among these keys that this version of the simulator would repeat."""
        return {
            key: self._runs[key]
            for key in keys
            if key in self._runs and same_version(self._runs[key].version, version)
        }

    @property
    def versions(self) -> frozenset[str]:
        """Versions of the simulator that made the stored runs."""
        return frozenset(run.version for run in self._runs.values())

    def add(self, runs: Iterable[Stored]) -> None:
        """Keep these too, from now on."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.growing.open("a", encoding="utf-8") as file:
            for run in runs:
                self._runs[run.key] = run
                file.write(run.model_dump_json(exclude_none=True) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def pack(self, version: str) -> None:
        """Write what this version made into the file, atomically; other versions' runs are dropped."""
        runs = [run for run in self._runs.values() if same_version(run.version, version)]
        text = "".join(
            run.model_dump_json(exclude_none=True) + "\n"
            for run in sorted(runs, key=lambda run: str(run.key))
        )
        # without a time stamp equal runs are equal bytes
        write_whole(self.path, gzip.compress(text.encode(), mtime=0))
        self.growing.unlink(missing_ok=True)
        self._runs = {run.key: run for run in runs}

    def _read(self) -> Iterator[Stored]:
        if self.path.exists():
            try:
                lines = gzip.decompress(self.path.read_bytes()).decode().splitlines()
            except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
                raise RunFileError(f"{self.path}: not a gzip file of runs: {error}") from None
            yield from self._parsed(self.path, lines)
        if self.growing.exists():
            whole, _, _torn = self.growing.read_text(encoding="utf-8").rpartition("\n")
            self.growing.write_text(f"{whole}\n" if whole else "", encoding="utf-8")
            yield from self._parsed(self.growing, whole.splitlines())

    def _parsed(self, path: Path, lines: Iterable[str]) -> Iterator[Stored]:
        for number, line in enumerate(lines, 1):
            try:
                yield self._kind.model_validate_json(line)
            except ValidationError as error:
                raise RunFileError(f"{path}: line {number} is no run: {first_problem(error)}") from None


def same_version(stored: str, here: str) -> bool:
    """Whether runs of the stored version would be repeated here.

    A simulator whose engine is not installed calls itself `missing+CODE`; then our code alone decides.
    """
    engine, _, code = here.partition("+")
    return stored == here or (engine == "missing" and stored.rpartition("+")[2] == code)
