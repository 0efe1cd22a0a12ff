"""What a folder of traces says that it holds, and the one function that reads it."""

from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, ValidationError

from sixgym.domain.base import Record, first_problem
from sixgym.episodes.episode import BackendInfo

MANIFEST = "traces.json"

Job = tuple[int, int]
"""Number of an exploration, and number of its replicate."""

Count = Annotated[int, Field(ge=1)]


class TracesError(ValueError):
    """A folder or file does not hold the expected traces. The message names it, the reason and the remedy."""


class Traces(Record):
    """The manifest of a folder of traces.

    Attributes:
        network: Name and version of the explored network.
        topology_seeds: Topology seeds of the explorations, all of one split.
        episodes: Number of explorations, numbered from 0.
        replicates: Number of times that each exploration was made, with other traffic and fading.
        probabilities: Probability of a call by tool.
        sixgym_version: Version of the code.
        command: Command that makes the same traces.
    """

    network: BackendInfo
    topology_seeds: tuple[int, ...]
    episodes: Count
    replicates: Count = Field(validation_alias=AliasChoices("replicates", "twins"))
    """`twins` in manifests of before 0.2."""
    probabilities: dict[str, float]
    sixgym_version: str
    command: str

    @property
    def jobs(self) -> list[Job]:
        """Every episode; scenarios and topology seeds alternate, so an unfinished folder is balanced."""
        return [
            (number, replicate) for replicate in range(self.replicates) for number in range(self.episodes)
        ]

    @property
    def task_ids(self) -> list[str]:
        """The task ids of these episodes, in the same order."""
        return [task_id(job) for job in self.jobs]


def read_manifest(folder: Path, options: str = "") -> Traces:
    """The manifest of a folder of traces.

    Args:
        folder: The folder.
        options: Further options of the `sixgym traces` command that makes the traces the caller needs.

    Raises:
        TracesError: the folder has no manifest, or the manifest cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Traces.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise TracesError(
            f"{folder} holds no traces: it has no {MANIFEST}; `{making_command(folder, options)}` makes them"
        ) from None
    except OSError as error:
        raise TracesError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise TracesError(f"{path}: no manifest of traces: {first_problem(error)}") from None


def making_command(folder: Path, options: str = "") -> str:
    """The command that makes traces in a folder."""
    return " ".join(["sixgym traces --out", str(folder), *options.split()])


def task_id(job: Job) -> str:
    """The id of the task of an exploration."""
    return f"exploration-{job[0]}-{job[1]}"
