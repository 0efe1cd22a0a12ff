"""The split of topology seeds into training and held-out seeds. The two never mix."""

from typing import Literal

Split = Literal["training", "held_out"]

TRAINING_SEEDS = range(1, 51)
"""Topology seeds for training and calibration."""

HELD_OUT_SEEDS = range(51, 81)
"""Topology seeds for benchmarks and reports."""

SPLITS: dict[Split, range] = {"training": TRAINING_SEEDS, "held_out": HELD_OUT_SEEDS}


def split_named(name: str) -> Split:
    """The split with a name as users type it: `held-out` or `training`.

    Raises:
        ValueError: the name is unknown.
    """
    for split in SPLITS:
        if split.replace("_", "-") == name:
            return split
    raise ValueError(f"the split is held-out or training, not {name!r:.40}")


def require_split(topology_seed: int, split: Split) -> int:
    """The seed, if it belongs to a split.

    Raises:
        ValueError: the seed belongs to the other split or to none.
    """
    seeds = SPLITS[split]
    if topology_seed not in seeds:
        raise ValueError(
            f"topology seed {topology_seed} is not in the {split} split, which is "
            f"{seeds.start} to {seeds.stop - 1}"
        )
    return topology_seed
