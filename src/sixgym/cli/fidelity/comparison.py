"""What `sixgym fidelity slicing` and `management` compare: two simulators on the same topologies."""

import re
from dataclasses import dataclass

from sixgym.cli.errors import WRONG_USE, CommandError
from sixgym.domain.splits import HELD_OUT_SEEDS, SPLITS, Split

SECONDS = {"slicing": 10.0, "management": 15.0}
"""Default network time of a run by experiment; a page with another time has the time in its name."""

SHORTEST_S, LONGEST_S = 1.0, 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A comparison of two simulators.

    Attributes:
        experiment: `slicing` or `management`.
        candidate, reference: Names of the simulators.
        split: Split of the topology seeds where `seeds` is None: `held-out` or `training`.
        seeds: Topology seeds as text, such as `51-80` or `51,53,60-65`.
        seconds: Network time of every run after the warm-up.
    """

    experiment: str
    candidate: str
    reference: str
    split: str
    seeds: str | None
    seconds: float

    def __post_init__(self) -> None:
        """Check the network time.

        Raises:
            CommandError: it is out of range.
        """
        if not SHORTEST_S <= self.seconds <= LONGEST_S:
            raise CommandError(
                f"--seconds has to be {SHORTEST_S:g} to {LONGEST_S:g}, not {self.seconds:g}", WRONG_USE
            )

    @property
    def topology_seeds(self) -> tuple[int, ...]:
        """The topology seeds, in order, each once.

        Raises:
            CommandError: there is no such split, or the text holds no seeds.
        """
        if self.seeds is None:
            splits: dict[str, Split] = {"held-out": "held_out", "training": "training"}
            if self.split not in splits:
                raise CommandError(f"--split is held-out or training, not {self.split!r:.40}", WRONG_USE)
            return tuple(SPLITS[splits[self.split]])
        seeds: set[int] = set()
        for part in self.seeds.split(","):
            match = re.fullmatch(r"(\d{1,9})(?:-(\d{1,9}))?", part.strip())
            if match is None:
                raise CommandError(f"--seeds: {part!r:.40} is no seed and no range such as 51-80", WRONG_USE)
            first, last = int(match[1]), int(match[2] or match[1])
            if not first <= last < first + 1_000:
                raise CommandError(f"--seeds: {part!r:.40} holds no seed, or more than 1000", WRONG_USE)
            seeds.update(range(first, last + 1))
        return tuple(sorted(seeds))

    @property
    def page_stem(self) -> str:
        """Name of the page's files. Only the default comparison has the plain name of its experiment."""
        parts = [f"fidelity-{self.experiment}"]
        if (self.candidate, self.reference) != ("tti", "ns3"):
            parts.append(f"{self.candidate}-{self.reference}")
        seeds = self.topology_seeds
        if seeds != tuple(HELD_OUT_SEEDS):
            parts.append(f"seeds-{seeds[0]}-{seeds[-1]}")
        if self.seconds != SECONDS[self.experiment]:
            parts.append(f"{self.seconds:g}s")
        return "-".join(parts)

    @property
    def command(self) -> str:
        """The command that makes the same page."""
        chosen = f"--seeds {self.seeds}" if self.seeds else f"--split {self.split}"
        return (
            f"sixgym fidelity {self.experiment} --candidate {self.candidate} --reference {self.reference} "
            f"{chosen} --seconds {self.seconds:g}"
        )
