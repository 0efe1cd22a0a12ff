"""Places where a UAV may fly: geofences, and straight legs between points."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from pydantic import ValidationError

from sixgym.domain.geometry import GeofenceSpec, Position, sides
from sixgym.domain.network import Airframe
from sixgym.tools.base import ToolError

Fences = tuple[GeofenceSpec, ...]


def shifted(point: Position, dx_m: float, dy_m: float, dz_m: float = 0.0) -> Position:
    """A point moved by an offset, to the centimetre.

    Raises:
        ToolError: the point would leave the map.
    """
    try:
        return Position(
            x_m=round(point.x_m + dx_m, 2), y_m=round(point.y_m + dy_m, 2), z_m=round(point.z_m + dz_m, 2)
        )
    except ValidationError:
        raise ToolError(
            f"{spoken(point)} moved by ({dx_m:.1f}, {dy_m:.1f}, {dz_m:.1f}) m leaves the map; "
            "choose a point further inside"
        ) from None


def leg_is_allowed(fence: GeofenceSpec, start: Position, end: Position) -> bool:
    """Whether every point of a straight leg respects the fence.

    The leg is cut where it crosses a side, the floor or the ceiling of the prism; between two cuts
    it is either wholly inside or wholly outside, so the cuts and the middles decide.
    """
    cuts = sorted({0.0, 1.0, *_crossings(fence, start, end)})
    middles = ((a + b) / 2 for a, b in pairwise(cuts))
    return all(fence.allows(_along(start, end, share)) for share in (*cuts, *middles))


def forbidding_point(fences: Fences, point: Position) -> str | None:
    """The reason why the fences forbid a point, or None."""
    for index, fence in enumerate(fences):
        if not fence.allows(point):
            return f"{spoken(point)} is {_wrong_side(fence)} geofence {index}"
    return None


def forbidding_leg(fences: Fences, start: Position, end: Position) -> str | None:
    """The reason why the fences forbid a leg, or None. A UAV may leave a fence that its start breaks."""
    problem = forbidding_point(fences, end)
    if problem is not None:
        return problem
    for index, fence in enumerate(fences):
        if fence.allows(start) and not leg_is_allowed(fence, start, end):
            verb = "leaves" if fence.mode == "keep_in" else "cuts through"
            return f"the leg from {spoken(start)} to {spoken(end)} {verb} geofence {index} ({fence.mode})"
    return None


def check_route(
    fences: Fences, airframe: Airframe, start: Position, waypoints: Iterable[Position], uav: str
) -> None:
    """Refuse a route that leaves the airframe's altitudes or breaks a fence.

    Raises:
        ToolError: the route is not allowed; the message has the limits, or the fence and the remedy.
    """
    here = start
    for point in waypoints:
        if not airframe.min_altitude_m <= point.z_m <= airframe.max_altitude_m:
            raise ToolError(
                f"{uav} may fly between {airframe.min_altitude_m:g} and {airframe.max_altitude_m:g} m; "
                f"choose z_m in that range instead of {point.z_m:g}"
            )
        problem = forbidding_leg(fences, here, point)
        if problem is not None:
            raise ToolError(f"{problem}; ask path_planning for a route around it")
        here = point


def length_m(points: Sequence[Position]) -> float:
    """Length of a route of straight legs."""
    return sum(here.distance_m(there) for here, there in pairwise(points))


def spoken(point: Position) -> str:
    """The text of a point in a message."""
    return f"({point.x_m:.1f}, {point.y_m:.1f}, {point.z_m:.1f})"


def _wrong_side(fence: GeofenceSpec) -> str:
    return "outside keep_in" if fence.mode == "keep_in" else "inside keep_out"


def _along(start: Position, end: Position, share: float) -> Position:
    # both ends are valid, so is what lies between: no need to validate again
    return Position.model_construct(
        x_m=start.x_m + share * (end.x_m - start.x_m),
        y_m=start.y_m + share * (end.y_m - start.y_m),
        z_m=start.z_m + share * (end.z_m - start.z_m),
    )


def _crossings(fence: GeofenceSpec, start: Position, end: Position) -> Iterator[float]:
    """Shares of the leg at which it crosses the prism's surface."""
    climb = end.z_m - start.z_m
    if climb:
        for level in (fence.z_min_m, fence.z_max_m):
            yield from _within((level - start.z_m) / climb)
    dx, dy = end.x_m - start.x_m, end.y_m - start.y_m
    for (x1, y1), (x2, y2) in sides(fence.polygon):
        ex, ey = x2 - x1, y2 - y1
        determinant = dx * ey - dy * ex
        if determinant:
            rx, ry = x1 - start.x_m, y1 - start.y_m
            if 0 <= (rx * dy - ry * dx) / determinant <= 1:
                yield from _within((rx * ey - ry * ex) / determinant)


def _within(share: float) -> Iterator[float]:
    if 0 < share < 1:
        yield share
