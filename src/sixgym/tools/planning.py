"""Route planning: A* on a grid around fences, with a higher price for places of poor coverage.

A path is level flight at one of a few altitudes, with a vertical leg at the start or goal if their altitudes
differ. Every leg is checked exactly, not only at the grid points, and keeps a margin from fences.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import NamedTuple

from sixgym.domain.geometry import (
    MAP_EDGE_M,
    Point,
    Polygon,
    Position,
    distance_to_segment_m,
    polygon_contains,
    sides,
)
from sixgym.tools.airspace import Fences

MARGIN_M = 1.0
"""Distance of planned legs from the sides of fences, so that rounding cannot cross them."""

COARSE, FINE = 24, 64
"""Grid steps across the obstacles. The fine grid is used if the coarse grid finds no path. Chosen."""

BORDER = 4
"""Grid steps that a path may lead beyond the obstacles. Chosen."""

SMALLEST_STEP_M = 2.0
"""Smallest grid step. Chosen."""

LEVEL_CLEARANCE_M = 2.0
"""Height above a fence at which a path may cross it. Chosen."""

MOST_POINTS = 64
"""Most waypoints of a route, see `MissionSpec`."""

SAMPLES = 6
"""Samples of the price along a leg, to compare a shortcut. Chosen."""

Price = Callable[[float, float, float], float]
"""Price of a metre flown at a place (x, y, z), at least 1."""

Node = tuple[int, int]
Box = tuple[float, float, float, float]


class Wall(NamedTuple):
    """A fence at one altitude: its polygon, and its mode."""

    corners: Polygon
    keep_in: bool
    box: Box

    def clears(self, a: Point, b: Point) -> bool:
        """Whether a leg is on the allowed side and keeps the margin."""
        x1, y1, x2, y2 = self.box
        beyond_x = max(a[0], b[0]) < x1 or min(a[0], b[0]) > x2
        beyond_y = max(a[1], b[1]) < y1 or min(a[1], b[1]) > y2
        if beyond_x or beyond_y:
            return not self.keep_in
        if polygon_contains(self.corners, a) != self.keep_in:
            return False
        return all(_apart_m(a, b, c, d) >= MARGIN_M for c, d in sides(self.corners))


@dataclass(frozen=True, slots=True)
class Level:
    """A planning problem in the plane at one altitude; the grid is anchored at the start."""

    walls: tuple[Wall, ...]
    start: Point
    goal: Point
    z_m: float
    step_m: float
    box: Box
    price: Price
    prices: dict[Node, float] = field(default_factory=dict[Node, float])

    def at(self, node: Node) -> Point:
        """The place of a grid node."""
        return self.start[0] + node[0] * self.step_m, self.start[1] + node[1] * self.step_m

    def price_near(self, place: Point) -> float:
        """Price at a place, from a lattice twice as coarse as the grid: the radio field is smooth."""
        spacing = 2 * self.step_m
        node = round((place[0] - self.start[0]) / spacing), round((place[1] - self.start[1]) / spacing)
        known = self.prices.get(node)
        if known is None:
            x, y = self.at((2 * node[0], 2 * node[1]))
            known = self.prices[node] = self.price(x, y, self.z_m)
        return known

    def leg_price(self, a: Point, b: Point) -> float:
        """Price of a leg, sampled along it."""
        total = 0.0
        for index in range(SAMPLES):
            share = (index + 0.5) / SAMPLES
            total += self.price_near((a[0] + share * (b[0] - a[0]), a[1] + share * (b[1] - a[1])))
        return math.dist(a, b) * total / SAMPLES

    def is_clear(self, a: Point, b: Point) -> bool:
        """Whether a leg keeps the margin from all walls."""
        return all(wall.clears(a, b) for wall in self.walls)

    def neighbours(self, node: Node) -> Iterator[tuple[Node, Point]]:
        """The nodes around a node that lie in the box."""
        x1, y1, x2, y2 = self.box
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                x, y = self.at((node[0] + dx, node[1] + dy))
                if (dx or dy) and x1 <= x <= x2 and y1 <= y <= y2:
                    yield (node[0] + dx, node[1] + dy), (x, y)


def plan(
    fences: Fences, start: Position, goal: Position, *, price: Price, altitudes_m: tuple[float, float]
) -> tuple[Position, ...] | None:
    """The path from start to goal as points of straight legal legs, or None if none was found.

    Args:
        fences: All geofences.
        start: First point, a legal one.
        goal: Last point, a legal one.
        price: Price of a metre at a place, at least 1.
        altitudes_m: Lowest and highest altitude of the level part.
    """
    for cells in (COARSE, FINE):
        for z_m in _altitudes(fences, start, goal, altitudes_m):
            if not (_may_climb(fences, start, z_m) and _may_climb(fences, goal, z_m)):
                continue
            level = _level(fences, (start, goal), z_m, cells, price)
            way = search(level)
            if way is None:
                continue
            short = shortened(level, way)
            if len(short) > MOST_POINTS - 2:
                short = shortened(replace(level, price=_flat, prices={}), way)
            if len(short) <= MOST_POINTS - 2:
                return _lifted(start, goal, z_m, short)
    return None


def search(level: Level) -> list[Point] | None:
    """The cheapest path in the plane, start and goal included, by A*."""
    if not (level.is_clear(level.start, level.start) and level.is_clear(level.goal, level.goal)):
        return None
    origin: Node = (0, 0)
    best: dict[Node, float] = {origin: 0.0}
    came: dict[Node, Node] = {}
    frontier: list[tuple[float, Node]] = [(math.dist(level.start, level.goal), origin)]
    closed: set[Node] = set()
    while frontier:
        _, node = heapq.heappop(frontier)
        if node in closed:
            continue
        closed.add(node)
        here = level.at(node)
        if math.dist(here, level.goal) <= 1.5 * level.step_m and level.is_clear(here, level.goal):
            return [*_trace(level, came, node), level.goal]
        for neighbour, there in level.neighbours(node):
            price = (level.price_near(here) + level.price_near(there)) / 2
            cost = best[node] + price * math.dist(here, there)
            if cost < best.get(neighbour, math.inf) and level.is_clear(here, there):
                best[neighbour] = cost
                came[neighbour] = node
                heapq.heappush(frontier, (cost + math.dist(there, level.goal), neighbour))
    return None


def shortened(level: Level, way: list[Point]) -> list[Point]:
    """The path without the points that a straight leg can skip at no higher price."""
    points = [way[0]]
    index = 0
    while index < len(way) - 1:
        spent = [0.0]
        for a, b in pairwise(way[index:]):
            spent.append(spent[-1] + level.leg_price(a, b))
        here, reach = way[index], index + 1
        for later in range(len(way) - 1, index + 1, -1):
            no_dearer = level.leg_price(here, way[later]) <= 1.01 * spent[later - index]
            if no_dearer and level.is_clear(here, way[later]):
                reach = later
                break
        points.append(way[reach])
        index = reach
    return points


def _flat(_x_m: float, _y_m: float, _z_m: float) -> float:
    return 1.0


def _trace(level: Level, came: dict[Node, Node], node: Node) -> list[Point]:
    way = [level.at(node)]
    while node in came:
        node = came[node]
        way.append(level.at(node))
    return way[::-1]


def _altitudes(
    fences: Fences, start: Position, goal: Position, altitudes_m: tuple[float, float]
) -> Iterator[float]:
    """Altitudes to try: the goal's, the start's, and just above each keep-out fence."""
    low, high = altitudes_m
    above = (fence.z_max_m + LEVEL_CLEARANCE_M for fence in fences if fence.mode == "keep_out")
    tried: set[float] = set()
    for wish in (goal.z_m, start.z_m, *sorted(z_m for z_m in above if low <= z_m <= high)):
        z_m = min(high, max(low, wish))
        if z_m not in tried:
            tried.add(z_m)
            yield z_m


def _may_climb(fences: Fences, point: Position, z_m: float) -> bool:
    """Whether every height between a point and an altitude above or below it is legal."""
    low, high = min(point.z_m, z_m), max(point.z_m, z_m)
    for fence in fences:
        inside = polygon_contains(fence.polygon, (point.x_m, point.y_m))
        if fence.mode == "keep_out" and inside and low <= fence.z_max_m and fence.z_min_m <= high:
            return False
        if fence.mode == "keep_in" and not (inside and fence.z_min_m <= low and high <= fence.z_max_m):
            return False
    return True


def _level(fences: Fences, ends: tuple[Position, Position], z_m: float, cells: int, price: Price) -> Level:
    a, b = ((end.x_m, end.y_m) for end in ends)
    walls = tuple(
        Wall(fence.polygon, fence.mode == "keep_in", _around(*fence.polygon))
        for fence in fences
        if fence.mode == "keep_in" or fence.z_min_m <= z_m <= fence.z_max_m
    )
    x1, y1, x2, y2 = _extent(walls, a, b)
    step_m = max(SMALLEST_STEP_M, (x2 - x1) / cells, (y2 - y1) / cells)
    border = BORDER * step_m
    box = (
        max(-MAP_EDGE_M, x1 - border),
        max(-MAP_EDGE_M, y1 - border),
        min(MAP_EDGE_M, x2 + border),
        min(MAP_EDGE_M, y2 + border),
    )
    return Level(walls, a, b, z_m, step_m, box, price)


def _extent(walls: tuple[Wall, ...], a: Point, b: Point) -> Box:
    """The box of start, goal and every obstacle that overlaps the box as it grows."""
    box = _around(a, b)
    while True:
        grown = box
        for wall in walls:
            x1, y1, x2, y2 = wall.box
            overlaps = x1 <= grown[2] and grown[0] <= x2 and y1 <= grown[3] and grown[1] <= y2
            if overlaps and not wall.keep_in:
                grown = min(x1, grown[0]), min(y1, grown[1]), max(x2, grown[2]), max(y2, grown[3])
        if grown == box:
            return box
        box = grown


def _around(*points: Point) -> Box:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    return min(xs) - MARGIN_M, min(ys) - MARGIN_M, max(xs) + MARGIN_M, max(ys) + MARGIN_M


def _lifted(start: Position, goal: Position, z_m: float, way: list[Point]) -> tuple[Position, ...]:
    """The path in space: climb at the start, level flight, descent at the goal."""
    between = [Position(x_m=round(x, 2), y_m=round(y, 2), z_m=z_m) for x, y in way[1:-1]]
    points = [
        start,
        start.model_copy(update={"z_m": z_m}),
        *between,
        goal.model_copy(update={"z_m": z_m}),
        goal,
    ]
    return tuple(point for index, point in enumerate(points) if index == 0 or point != points[index - 1])


def _apart_m(a: Point, b: Point, c: Point, d: Point) -> float:
    """Distance between two segments of the plane, 0 if they cross."""
    if _turn(a, b, c) * _turn(a, b, d) < 0 and _turn(c, d, a) * _turn(c, d, b) < 0:
        return 0.0
    return min(
        distance_to_segment_m(a, c, d),
        distance_to_segment_m(b, c, d),
        distance_to_segment_m(c, a, b),
        distance_to_segment_m(d, a, b),
    )


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
