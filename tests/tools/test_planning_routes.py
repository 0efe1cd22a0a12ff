"""Fences and planned routes: no leg touches a forbidden place."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.tools.airspace import forbidding_leg, forbidding_point, leg_is_allowed
from sixgym.tools.base import ToolError
from sixgym.tools.observation_mission import path_planning
from sixgym.tools.planning import plan
from tests.tools.flights import EAST, INSIDE, PLANT, WEST, places, sampled


@st.composite
def boxes(draw: st.DrawFn) -> GeofenceSpec:
    """A box to stay out of, turned by any angle."""
    x, y = draw(st.floats(-250, 250)), draw(st.floats(-250, 250))
    half, depth = draw(st.floats(5, 90)), draw(st.floats(5, 90))
    turn = draw(st.floats(0, math.pi))
    corners = [(half, depth), (-half, depth), (-half, -depth), (half, -depth)]
    return GeofenceSpec(
        polygon=tuple(
            (
                x + a * math.cos(turn) - b * math.sin(turn),
                y + a * math.sin(turn) + b * math.cos(turn),
            )
            for a, b in corners
        ),
        z_min_m=draw(st.sampled_from([0.0, 30.0])),
        z_max_m=draw(st.sampled_from([60.0, 120.0])),
        mode="keep_out",
    )


@settings(deadline=None)
@given(fence=boxes(), start=places, end=places)
def test_a_leg_is_allowed_only_if_no_point_of_it_is_forbidden(
    fence: GeofenceSpec, start: Position, end: Position
) -> None:
    broken = [point for point in sampled(start, end) if not fence.allows(point)]
    if leg_is_allowed(fence, start, end):
        # a sample may fall on the boundary itself, which belongs to one side by rounding
        assert all(fence.boundary_distance_m(point) < 1e-6 or _at_level(fence, point) for point in broken)
    else:
        near = min(fence.boundary_distance_m(point) for point in sampled(start, end))
        assert broken or near < start.distance_m(end) / 100


def _at_level(fence: GeofenceSpec, point: Position) -> bool:
    return min(abs(point.z_m - fence.z_min_m), abs(point.z_m - fence.z_max_m)) < 1e-6


def test_a_wall_thinner_than_any_sampling_still_stops_a_leg() -> None:
    wall = GeofenceSpec(polygon=((0, -50), (0.001, -50), (0.001, 50), (0, 50)), mode="keep_out")
    assert not leg_is_allowed(wall, WEST, EAST)


def test_a_uav_inside_a_forbidden_zone_may_leave_it() -> None:
    fences = PLANT.scenario.geofences
    assert forbidding_leg(fences, INSIDE, EAST) is None
    assert forbidding_leg(fences, EAST, INSIDE) is not None


@settings(max_examples=40, deadline=None)
@given(fences=st.lists(boxes(), min_size=1, max_size=5), start=places, goal=places)
def test_a_planned_route_breaks_no_fence(fences: list[GeofenceSpec], start: Position, goal: Position) -> None:
    everything = (PLANT.scenario.geofences[0], *fences)
    assume(forbidding_point(everything, start) is None)
    assume(forbidding_point(everything, goal) is None)
    way = plan(everything, start, goal, price=lambda _x, _y, _z: 1.0, altitudes_m=(20, 110))
    assume(way is not None)
    assert way is not None
    assert (way[0], way[-1]) == (start, goal)
    for here, there in pairwise(way):
        assert forbidding_leg(everything, here, there) is None
        assert all(fence.allows(point) for fence in everything for point in sampled(here, there))


def test_the_plant_is_crossed_around_the_forbidden_block() -> None:
    route = path_planning(PLANT, EAST, WEST, PLANT.state)
    assert route.points[0] == EAST
    assert route.points[-1] == WEST
    assert len(route.points) > 2
    assert route.length_m is not None
    assert 300 < route.length_m < 400
    for here, there in pairwise(route.points):
        assert forbidding_leg(PLANT.scenario.geofences, here, there) is None


def test_a_free_way_is_flown_straight() -> None:
    goal = Position(x_m=150, y_m=-200, z_m=50)
    way = plan(PLANT.scenario.geofences, EAST, goal, price=lambda *_: 1.0, altitudes_m=(20, 110))
    assert way == (EAST, goal)


def test_a_dear_place_is_flown_around() -> None:
    start, goal = Position(x_m=-300, y_m=-300, z_m=50), Position(x_m=300, y_m=-300, z_m=50)

    def price(x_m: float, y_m: float, _z_m: float) -> float:
        return 4.0 if math.dist((x_m, y_m), (0, -300)) < 60 else 1.0

    way = plan(PLANT.scenario.geofences, start, goal, price=price, altitudes_m=(20, 110))
    assert way is not None
    dear = [p for a, b in pairwise(way) for p in sampled(a, b) if price(p.x_m, p.y_m, 50) > 1]
    assert len(dear) < 40  # straight through, a fifth of 600 m would be dear


def test_a_low_obstacle_is_flown_over() -> None:
    wall = GeofenceSpec(polygon=((-10, -400), (10, -400), (10, 400), (-10, 400)), z_max_m=60, mode="keep_out")
    fences = (PLANT.scenario.geofences[0], wall)
    way = plan(fences, EAST, WEST, price=lambda *_: 1.0, altitudes_m=(20, 110))
    assert way is not None
    assert max(point.z_m for point in way) == 62


def test_no_route_and_forbidden_ends_are_explained() -> None:
    with pytest.raises(ToolError, match=r"goal .* is inside keep_out geofence 1; a legal point nearby is"):
        path_planning(PLANT, EAST, INSIDE, PLANT.state)
    with pytest.raises(ToolError, match=r"start .* is outside keep_in geofence 0; a legal point nearby is"):
        path_planning(PLANT, Position(x_m=9_000, y_m=0, z_m=50), WEST, PLANT.state)
    walls = [
        GeofenceSpec(polygon=polygon, mode="keep_out")
        for polygon in (
            ((100, -60), (110, -60), (110, 60), (100, 60)),
            ((190, -60), (200, -60), (200, 60), (190, 60)),
            ((100, -60), (200, -60), (200, -50), (100, -50)),
            ((100, 50), (200, 50), (200, 60), (100, 60)),
        )
    ]
    scenario = PLANT.scenario.model_copy(update={"geofences": tuple(walls)})
    with pytest.raises(ToolError, match="no route was found"):
        path_planning(replace(PLANT, scenario=scenario), EAST, WEST, PLANT.state)


def test_a_state_from_the_future_is_refused() -> None:
    state = PLANT.state.model_copy(update={"version": 11})
    with pytest.raises(ToolError, match="version 11, but the newest is 10"):
        path_planning(PLANT, EAST, WEST, state)
