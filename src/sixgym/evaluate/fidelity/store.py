"""Stored runs of a simulator: which of them the simulator's present version would repeat."""

from pathlib import Path
from typing import TypeVar

from sixgym.episodes.record_store import RecordStore
from sixgym.evaluate.fidelity.record import RunKey, StoredRun

RunT = TypeVar("RunT", bound=StoredRun)


class RunStore(RecordStore[RunKey, RunT]):
    """The runs that one version of a simulator has made, or would repeat."""

    def __init__(self, path: Path, kind: type[RunT], version: str) -> None:
        """Read what is stored.

        Args:
            path: The packed file.
            kind: The class of the runs.
            version: Version of the simulator here.

        Raises:
            RecordFileError: a file holds something else.
        """

        def objection(run: RunT) -> str | None:
            return version_objection(run.version, version)

        super().__init__(path, kind, lambda run: run.key, objection, omit_none=True)


def version_objection(stored: str, here: str) -> str | None:
    """The reason why a record made by the stored version cannot be used here, or None."""
    return None if same_version(stored, here) else f"made by version {stored}, here is {here}"


def same_version(stored: str, here: str) -> bool:
    """Whether records of the stored version would be repeated here.

    A simulator whose engine is not installed reports the version `missing+CODE`; then our code alone decides.
    """
    engine, _, code = here.partition("+")
    return stored == here or (engine == "missing" and stored.rpartition("+")[2] == code)
