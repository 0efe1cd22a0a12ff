"""A simulator as one side of a comparison."""

from sixgym.domain.base import Record
from sixgym.evaluate.fidelity.record import StoredRun


class Source(Record):
    """The simulator that made some runs.

    Attributes:
        network: Name of the simulator.
        version: Version of the simulator.
        replica: 0 for runs with the network seeds of the topologies; another replica has other traffic and
            fading.
    """

    network: str
    version: str
    replica: int

    @classmethod
    def of(cls, run: StoredRun) -> "Source":
        """The source of a run."""
        return cls(network=run.key.network, version=run.version, replica=run.key.replica)

    def label(self, other: "Source") -> str:
        """The name, and the words that tell it from another source of the same topologies."""
        return self.network if self.replica == other.replica else f"{self.network} with another network seed"
