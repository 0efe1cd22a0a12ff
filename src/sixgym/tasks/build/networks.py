"""The networks of tasks: shipped scenarios with varied traffic, fleets and positions."""

import random
from collections.abc import Sequence

from sixgym.domain.network import Airframe, Group
from sixgym.domain.scenario import Scenario
from sixgym.domain.traffic import Constant
from sixgym.scenarios import load_scenario

MANAGEMENT_SCENARIOS = ("dense-degradation", "uav-inspection", "urban-slicing")
CRUISE_SPEED_MPS = 10.0
"""Speed of all fleets, so that a distance takes the same time in every task."""


def vary(scenario: str, topology_seed: int, rng: random.Random, *, fleet: Sequence[int]) -> Scenario:
    """A shipped scenario without faults, with another traffic mix, placed by the topology seed.

    Args:
        scenario: Name of the shipped scenario.
        topology_seed: Seed of positions and the large-scale channel.
        rng: Generator for the traffic mix and the fleet.
        fleet: Possible numbers of UAVs.
    """
    plain = load_scenario(scenario).model_copy(update={"faults": (), "tasks": ()})
    groups = tuple(_varied(group, rng, fleet) for group in plain.groups)
    return plain.model_copy(update={"groups": groups}).placed(topology_seed)


def _varied(group: Group, rng: random.Random, fleet: Sequence[int]) -> Group:
    changes: dict[str, object] = {}
    if group.airframe is not None:
        changes["count"] = rng.choice(fleet)
        changes["airframe"] = _steered(group.airframe, rng)
    elif group.count > 1:
        changes["count"] = group.count + rng.choice((-1, 0, 1))
    if isinstance(group.traffic, Constant):
        rate_mbps = round(group.traffic.rate_mbps * rng.uniform(0.85, 1.15), 2)
        changes["traffic"] = group.traffic.model_copy(update={"rate_mbps": rate_mbps})
    return group.model_copy(update=changes)


def _steered(airframe: Airframe, rng: random.Random) -> Airframe:
    """The airframe with the common speed. Some fleets have a leg to fly from the start, others hover."""
    hovers = {"waypoints": (), "waypoint_area": None} if rng.random() < 0.5 else {}
    return airframe.model_copy(update={"cruise_speed_mps": CRUISE_SPEED_MPS, **hovers})
