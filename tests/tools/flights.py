"""UAVs over the plant, for tests of tools that fly them."""

from dataclasses import replace

from hypothesis import strategies as st

from sixgym.domain.geometry import Position
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.types import BatteryLevel
from tests.tools.plant import make_snapshot

PLANT = make_snapshot()

EAST, WEST = Position(x_m=150, y_m=0, z_m=50), Position(x_m=-150, y_m=0, z_m=50)

places = st.builds(Position, x_m=st.floats(-380, 380), y_m=st.floats(-380, 380), z_m=st.floats(1, 119))
"""Positions over the plant."""

INSIDE = Position(x_m=0, y_m=0, z_m=50)

FULL = BatteryLevel(energy_j=324_000, capacity_j=324_000)


def sampled(start: Position, end: Position, count: int = 200) -> list[Position]:
    return [start.toward(end, start.distance_m(end) * step / count) for step in range(count + 1)]


def with_uav(plant: Snapshot, name: str, **changes: object) -> Snapshot:
    return replace(plant, uavs={**plant.uavs, name: plant.uavs[name]._replace(**changes)})
