"""Exploring a network in many episodes, resumable, and the rows that come out.

A folder of traces holds

    traces.json           what was explored, written before the first episode
    episodes.jsonl.gz     the episodes whole, as they came in
    transitions.parquet   a row for every call, written when all are there
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, ValidationError

from sixgym.data.traces.exploration import Explorer, exploration
from sixgym.data.traces.transitions import transitions, write_transitions
from sixgym.domain.base import Record, first_problem
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.episodes.files import write_whole
from sixgym.episodes.store import append_episode, read_episodes
from sixgym.run.build import make_network
from sixgym.run.rollout import rollout

Job = tuple[int, int]
"""Number of an exploration, and its replicate."""

Count = Annotated[int, Field(ge=1)]


class TracesError(ValueError):
    """A folder does not hold the traces that are asked for. The message says what it holds."""


class Traces(Record):
    """What a folder of traces holds.

    Attributes:
        network: Name and version of what was explored.
        topology_seeds: Places, all of one split.
        episodes: Numbers of explorations, from 0.
        replicates: Times that each was made, with other traffic and fading.
        probabilities: How often each tool was called.
        sixgym_version: Version of the code.
        command: What makes the same.
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
        """Every episode, scenarios and places in turn, so that an unfinished folder is not lopsided."""
        return [
            (number, replicate) for replicate in range(self.replicates) for number in range(self.episodes)
        ]

    @property
    def task_ids(self) -> list[str]:
        """Of the tasks of these episodes, in the same order."""
        return [task_id(job) for job in self.jobs]


class TracesFolder:
    """The files of a folder of traces."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._manifest = path / "traces.json"
        self._episodes = path / "episodes.jsonl.gz"

    def open(self, traces: Traces, *, resume: bool) -> None:
        """Take the folder for these traces.

        Raises:
            TracesError: it holds something, and `resume` was not asked for or these are others.
        """
        if not self.path.exists() or not any(self.path.iterdir()):
            self.path.mkdir(parents=True, exist_ok=True)
        elif not resume:
            raise TracesError(
                f"{self.path} is not empty; --resume goes on with it, --out takes another folder"
            )
        else:
            self._require_same(traces)
        write_whole(self._manifest, traces.model_dump_json(indent=1).encode())

    def add(self, episode: Episode) -> None:
        """Keep an episode, from any process."""
        append_episode(self._episodes, episode)

    def episodes(self) -> Iterator[Episode]:
        """All that are whole, as they came in; one that was made twice only once."""
        seen: set[str] = set()
        if self._episodes.exists():
            for episode in read_episodes(self._episodes):
                if episode.infrastructure_failure is None and episode.task.id not in seen:
                    seen.add(episode.task.id)
                    yield episode

    def manifest(self) -> Traces:
        """What the folder says that it holds.

        Raises:
            TracesError: it says nothing.
        """
        try:
            return Traces.model_validate_json(self._manifest.read_bytes())
        except FileNotFoundError:
            raise TracesError(f"{self.path} holds no traces; --out takes another folder") from None
        except ValidationError as error:
            raise TracesError(f"{self._manifest}: no manifest of traces: {first_problem(error)}") from None

    def missing(self, traces: Traces) -> list[Job]:
        """What is still to be explored."""
        stored = {episode.task.id for episode in self.episodes()}
        return [job for job in traces.jobs if task_id(job) not in stored]

    def write_rows(self, traces: Traces) -> tuple[Path, int]:
        """Write the transitions of all episodes; where, and how many."""
        wanted = set(traces.task_ids)
        path = self.path / "transitions.parquet"
        rows = (
            row
            for episode in self.episodes()
            if episode.task.id in wanted
            for row in transitions(episode, traces.probabilities)
        )
        return path, write_transitions(path, rows, provenance={"sixgym.traces": traces.model_dump_json()})

    def _require_same(self, asked: Traces) -> None:
        """Fewer or more episodes are the same traces; anything else is not."""
        stored = self.manifest()
        for name in ("network", "topology_seeds", "probabilities", "sixgym_version"):
            before, now = (record.model_dump(mode="json")[name] for record in (stored, asked))
            if before != now:
                raise TracesError(
                    f"{self.path} holds other traces: its {name} was {before} and is {now}"[:400]
                )


class Collector:
    """Explores one network that is kept running."""

    def __init__(self, network: str, topology_seeds: Sequence[int], folder: Path) -> None:
        self._backend = make_network(network)
        self._topology_seeds = topology_seeds
        self._folder = TracesFolder(folder)

    def do(self, job: Job) -> str | None:
        """Make and keep an exploration; why it broke, if it did."""
        number, replicate = job
        task = exploration(number, self._topology_seeds, replicate=replicate)
        agent = Explorer(number, lambda: self._backend.snapshot)
        episode = rollout(Environment(self._backend), agent, task)
        self._folder.add(episode.model_copy(update={"id": f"{task.id}-{episode.backend.name}"}))
        return episode.infrastructure_failure

    def close(self) -> None:
        """Stop the network."""
        self._backend.close()


def task_id(job: Job) -> str:
    """Of the task of an exploration."""
    return f"exploration-{job[0]}-{job[1]}"
