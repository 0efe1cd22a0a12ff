"""Slots of a formation relative to its leader point, and their assignment to UAVs."""

import math
from collections.abc import Sequence

from sixgym.domain.geometry import Point, Position


def slots(shape: str, count: int, spacing_m: float) -> list[Point]:
    """Offsets of `count` slots (right, ahead) in metres, neighbours `spacing_m` apart, centred on average.

    `line` is abreast, `ring` a circle, `grid` a square by rows, `wedge` a V whose tip leads.
    """
    match shape:
        case "line":
            places = [(index * spacing_m, 0.0) for index in range(count)]
        case "ring":
            radius = spacing_m / (2 * math.sin(math.pi / count)) if count > 1 else 0.0
            turn = 2 * math.pi / count
            places = [
                (radius * math.sin(index * turn), radius * math.cos(index * turn)) for index in range(count)
            ]
        case "grid":
            columns = math.ceil(math.sqrt(count))
            places = [
                (index % columns * spacing_m, -(index // columns) * spacing_m) for index in range(count)
            ]
        case "wedge":
            # neighbours on an arm are `spacing_m` apart, both arms 45 degrees behind the tip
            back = spacing_m / math.sqrt(2)
            ranks = [(index + 1) // 2 for index in range(count)]
            sides = [1 if index % 2 else -1 for index in range(count)]
            places = [(side * rank * back, -rank * back) for side, rank in zip(sides, ranks, strict=True)]
        case _:
            raise ValueError(f"no shape {shape}")
    mean_x, mean_y = sum(x for x, _ in places) / count, sum(y for _, y in places) / count
    return [(x - mean_x, y - mean_y) for x, y in places]


def heading(points: Sequence[Position], index: int) -> Point:
    """Unit vector of flight at a waypoint: along the leg to it, or from it for the first; otherwise north."""
    start, end = (points[index - 1], points[index]) if index else (points[0], points[min(1, len(points) - 1)])
    dx, dy = end.x_m - start.x_m, end.y_m - start.y_m
    length = math.hypot(dx, dy)
    return (dx / length, dy / length) if length > 0 else (0.0, 1.0)


def turned(slot: Point, ahead: Point) -> Point:
    """A slot (right, ahead) as an offset (east, north) when flying in a direction."""
    right = ahead[1], -ahead[0]
    return slot[0] * right[0] + slot[1] * ahead[0], slot[0] * right[1] + slot[1] * ahead[1]


def nearest_slots(members: Sequence[Position], places: Sequence[Position]) -> list[int]:
    """A slot per member. The closest pairs are assigned first, so that few paths cross."""
    pairs = sorted(
        (member.distance_m(place), m, p) for m, member in enumerate(members) for p, place in enumerate(places)
    )
    taken: dict[int, int] = {}
    for _, member, place in pairs:
        if member not in taken and place not in taken.values():
            taken[member] = place
    return [taken[member] for member in range(len(members))]
