"""The worker that explores a network and keeps its episodes."""

from collections.abc import Sequence
from pathlib import Path

from sixgym.data.traces.exploration import Explorer, exploration
from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Job
from sixgym.envs.environment import Environment
from sixgym.run.build import make_network
from sixgym.run.rollout import rollout


class Collector:
    """Explores one network, which runs until `close`."""

    def __init__(self, network: str, topology_seeds: Sequence[int], folder: Path) -> None:
        self._backend = make_network(network)
        self._topology_seeds = topology_seeds
        self._folder = TracesFolder(folder)

    def do(self, job: Job) -> str | None:
        """Make and keep an exploration; returns why it broke, or None."""
        number, replicate = job
        task = exploration(number, self._topology_seeds, replicate=replicate)
        agent = Explorer(number, lambda: self._backend.snapshot)
        episode = rollout(Environment(self._backend), agent, task)
        self._folder.add(episode.model_copy(update={"id": f"{task.id}-{episode.backend.name}"}))
        return episode.infrastructure_failure

    def close(self) -> None:
        """Stop the network."""
        self._backend.close()
