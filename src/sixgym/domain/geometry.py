"""Positions, waypoints and geofences, in metres of a local east-north-up frame."""

import math
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from sixgym.domain.base import Record

MAP_EDGE_M = 20_000
"""Largest coordinate of the map, east-west and north-south."""

Metres = Annotated[float, Field(ge=-MAP_EDGE_M, le=MAP_EDGE_M)]
HeightMetres = Annotated[float, Field(ge=0, le=1_000)]

Point = tuple[float, float]
"""A point of the plane: x, y in metres."""

Polygon = tuple[Point, ...]


class Position(Record):
    """A point: metres east (x), north (y) and above ground (z)."""

    x_m: Metres
    y_m: Metres
    z_m: HeightMetres

    def distance_m(self, other: "Position") -> float:
        """Straight-line distance in metres."""
        return math.dist((self.x_m, self.y_m, self.z_m), (other.x_m, other.y_m, other.z_m))

    def toward(self, goal: "Position", distance_m: float) -> "Position":
        """The point `distance_m` along the straight line to `goal`, or `goal` if that is nearer."""
        total = self.distance_m(goal)
        if total <= distance_m:
            return goal
        share = distance_m / total
        return Position(
            x_m=self.x_m + share * (goal.x_m - self.x_m),
            y_m=self.y_m + share * (goal.y_m - self.y_m),
            z_m=self.z_m + share * (goal.z_m - self.z_m),
        )


class GeofenceSpec(Record):
    """A vertical prism that a UAV must stay inside (`keep_in`) or outside (`keep_out`)."""

    polygon: Annotated[tuple[tuple[Metres, Metres], ...], Field(min_length=3, max_length=64)] = Field(
        description="corners (x_m, y_m) in order"
    )
    z_min_m: HeightMetres = 0.0
    z_max_m: HeightMetres = 1_000.0
    mode: Literal["keep_in", "keep_out"]

    @model_validator(mode="after")
    def _floor_below_ceiling(self) -> "GeofenceSpec":
        if self.z_min_m >= self.z_max_m:
            raise ValueError(f"z_min_m {self.z_min_m:g} must be below z_max_m {self.z_max_m:g}")
        return self

    def contains(self, point: Position) -> bool:
        """Whether the point lies in the prism, by ray casting; the mode plays no part."""
        level = self.z_min_m <= point.z_m <= self.z_max_m
        return level and polygon_contains(self.polygon, (point.x_m, point.y_m))

    def allows(self, point: Position) -> bool:
        """Whether the fence permits a UAV at the point."""
        return self.contains(point) == (self.mode == "keep_in")

    def boundary_distance_m(self, point: Position) -> float:
        """Horizontal distance from the point to the nearest edge of the polygon, in metres."""
        here = point.x_m, point.y_m
        return min(distance_to_segment_m(here, a, b) for a, b in sides(self.polygon))


def sides(corners: Polygon) -> Iterator[tuple[Point, Point]]:
    """The sides of a polygon, corner to corner, the closing one last."""
    return zip(corners, corners[1:] + corners[:1], strict=True)


def polygon_contains(corners: Polygon, point: Point) -> bool:
    """Whether a point of the plane lies in a polygon, by ray casting."""
    inside = False
    x, y = point
    for (x1, y1), (x2, y2) in sides(corners):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            inside = not inside
    return inside


def distance_to_segment_m(point: Point, a: Point, b: Point) -> float:
    """Distance in the plane from a point to the segment from `a` to `b`."""
    dx, dy = b[0] - a[0], b[1] - a[1]
    squared = dx * dx + dy * dy
    along = 0.0 if squared == 0 else ((point[0] - a[0]) * dx + (point[1] - a[1]) * dy) / squared
    along = min(1.0, max(0.0, along))
    return math.hypot(point[0] - a[0] - along * dx, point[1] - a[1] - along * dy)
