"""A network scenario: cells, slices, users, UAVs, traffic, compute, channel, faults, clock.

One file serves every simulator. Places may be given as points or as areas; `Scenario.placed` draws
the points of the areas from a topology seed, and a simulator only accepts a placed scenario.
"""

import hashlib
from collections.abc import Iterator
from typing import Self, TypeVar

import numpy as np
from pydantic import model_validator

from sixgym.domain.base import listed
from sixgym.domain.consistency import inconsistencies
from sixgym.domain.geometry import Position
from sixgym.domain.network import Area, Group, ScenarioSpec, Slice
from sixgym.domain.slices import SliceType


class Scenario(ScenarioSpec):
    """Everything a simulator needs, and nothing that belongs to one simulator alone."""

    # ------------------------------------------------------------------ look-ups
    def group(self, name: str) -> Group:
        """The group with a name (a KeyError has the known names)."""
        return _by_name({group.name: group for group in self.groups}, name, "group")

    def slice(self, kind: SliceType) -> Slice:
        """The slice of a type (a KeyError has the known types)."""
        return _by_name({slice_.type: slice_ for slice_ in self.slices}, kind, "slice")

    @property
    def prbs(self) -> int:
        """Downlink PRBs of each cell."""
        return self.cells[0].prbs

    @property
    def is_placed(self) -> bool:
        """Whether every device has a position and the large-scale channel a seed."""
        return self.topology_seed is not None

    def devices(self) -> Iterator[tuple[Group, str, Position]]:
        """Every device of a placed scenario, in the order simulators number them."""
        for group in self.groups:
            for device, position in zip(group.device_ids, group.positions, strict=True):
                yield group, device, position

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON: two scenarios with one digest are the same."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()

    # ------------------------------------------------------------------ placement
    def placed(self, topology_seed: int) -> "Scenario":
        """The same scenario with every area replaced by points drawn from the topology seed.

        Each group draws from a stream of its own, so adding a group moves no other.
        """
        groups: list[Group] = []
        for index, group in enumerate(self.groups):
            rng = np.random.default_rng([topology_seed, index])
            changes: dict[str, object] = {}
            if isinstance(group.placement, Area):
                area = group.placement
                changes["placement"] = tuple(area.draw(rng) for _ in range(group.count))
            if group.airframe is not None and not group.routes:
                area = group.airframe.waypoint_area
                fixed = group.airframe.waypoints
                changes["routes"] = tuple(
                    (*fixed, *([area.draw(rng)] if area else [])) for _ in range(group.count)
                )
            groups.append(group.model_copy(update=changes))
        return self.model_copy(update={"groups": tuple(groups), "topology_seed": topology_seed})

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = list(inconsistencies(self))
        if problems:
            raise ValueError("\n".join(problems))
        return self


_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _by_name(known: dict[_Key, _Value], name: _Key, what: str) -> _Value:
    try:
        return known[name]
    except KeyError:
        raise KeyError(f"no {what} {name}; there are {listed(known)}") from None
