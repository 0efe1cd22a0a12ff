"""A folder of traces and its files.

A folder of traces holds

    traces.json           the manifest, written before the first episode
    episodes.jsonl.gz     the whole episodes, in the order in which they were finished
    transitions.parquet   a row for every call, written when all episodes are there
"""

from collections.abc import Iterator
from pathlib import Path

from sixgym.data.traces.manifest import MANIFEST, Job, Traces, TracesError, read_manifest, task_id
from sixgym.data.traces.transitions import transitions, write_transitions
from sixgym.episodes.episode import Episode
from sixgym.episodes.files import write_whole
from sixgym.episodes.store import append_episode, read_episodes


class TracesFolder:
    """The files of a folder of traces.

    Attributes:
        path: The folder.
        episodes_path: The file of its episodes.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.episodes_path = path / "episodes.jsonl.gz"

    def open(self, traces: Traces, *, resume: bool) -> None:
        """Take the folder for these traces.

        Raises:
            TracesError: the folder is not empty, and `resume` is false or the folder holds other traces.
        """
        if not self.path.exists() or not any(self.path.iterdir()):
            self.path.mkdir(parents=True, exist_ok=True)
        elif not resume:
            raise TracesError(
                f"{self.path} is not empty; --resume goes on with it, --out takes another folder"
            )
        elif not (self.path / MANIFEST).exists():
            raise TracesError(f"{self.path} is not empty and holds no traces; --out takes another folder")
        else:
            self._require_same(traces)
        write_whole(self.path / MANIFEST, traces.model_dump_json(indent=1).encode())

    def add(self, episode: Episode) -> None:
        """Keep an episode, from any process."""
        append_episode(self.episodes_path, episode)

    def episodes(self) -> Iterator[Episode]:
        """All episodes that did not break, as they were added; an episode that was made twice comes once.

        Raises:
            RecordFileError: the file of the episodes cannot be read.
        """
        seen: set[str] = set()
        if self.episodes_path.exists():
            for episode in read_episodes(self.episodes_path):
                if episode.infrastructure_failure is None and episode.task.id not in seen:
                    seen.add(episode.task.id)
                    yield episode

    def missing(self, traces: Traces) -> list[Job]:
        """The episodes that are still to be made."""
        stored = {episode.task.id for episode in self.episodes()}
        return [job for job in traces.jobs if task_id(job) not in stored]

    def write_rows(self, traces: Traces) -> tuple[Path, int]:
        """Write the transitions of all episodes; returns the file and the number of rows."""
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
        """Require the same traces; the number of episodes and of replicates may differ."""
        stored = read_manifest(self.path)
        for name in ("network", "topology_seeds", "probabilities", "sixgym_version"):
            before, now = (record.model_dump(mode="json")[name] for record in (stored, asked))
            if before != now:
                reason = f"its {name} was {before} and is {now}"[:300]
                raise TracesError(f"{self.path} holds other traces: {reason}; --out takes another folder")
