"""Routes keep to fences, altitudes, batteries and separation, and errors say what to do instead."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sixgym.domain.command import SetRoute, SetSpeed
from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.airspace import forbidding_leg, forbidding_point, leg_is_allowed
from sixgym.tools.base import CATALOG, ToolError, ToolOrder
from sixgym.tools.commands_flight import (
    adjust_altitude,
    adjust_speed,
    collision_avoidance,
    set_waypoint,
    swarm_formation,
)
from sixgym.tools.formation import slots
from sixgym.tools.observation_mission import path_planning
from sixgym.tools.planning import plan
from sixgym.tools.reasoning import compute_energy_budget
from sixgym.tools.types import BatteryLevel, SwarmMember, SwarmSpec, SwarmState, Waypoints
from tests.tools.drawing import WELL_TYPED
from tests.tools.plant import make_snapshot

PLANT = make_snapshot()
EAST, WEST = Position(x_m=150, y_m=0, z_m=50), Position(x_m=-150, y_m=0, z_m=50)
INSIDE = Position(x_m=0, y_m=0, z_m=50)
FULL = BatteryLevel(energy_j=324_000, capacity_j=324_000)


def sampled(start: Position, end: Position, count: int = 200) -> list[Position]:
    return [start.toward(end, start.distance_m(end) * step / count) for step in range(count + 1)]


def with_uav(plant: Snapshot, name: str, **changes: object) -> Snapshot:
    return replace(plant, uavs={**plant.uavs, name: plant.uavs[name]._replace(**changes)})


# ---------------------------------------------------------------------- fences
places = st.builds(Position, x_m=st.floats(-380, 380), y_m=st.floats(-380, 380), z_m=st.floats(1, 119))


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


# ---------------------------------------------------------------------- orders
def test_a_waypoint_replaces_the_route_or_extends_it() -> None:
    first, second = Position(x_m=160, y_m=30, z_m=60), Position(x_m=170, y_m=60, z_m=60)
    flying = with_uav(PLANT, "drone-1", waypoints=(first,))
    assert set_waypoint(flying, "drone-1", second).commands == (SetRoute("drone-1", (second,)),)
    assert set_waypoint(flying, "drone-1", second, append=True).commands == (
        SetRoute("drone-1", (first, second)),
    )


@pytest.mark.parametrize(
    ("x_m", "z_m", "advice"),
    [
        (0, 50, "inside keep_out geofence 1; ask path_planning"),
        (-150, 50, "cuts through geofence 1 .keep_out.; ask path_planning"),
        (500, 50, "outside keep_in geofence 0; ask path_planning"),
        (160, 5, "may fly between 20 and 120 m; choose z_m in that range instead of 5"),
        (160, 500, "may fly between 20 and 120 m"),
    ],
)
def test_an_illegal_waypoint_is_refused_with_advice(x_m: float, z_m: float, advice: str) -> None:
    with pytest.raises(ToolError, match=advice):
        set_waypoint(PLANT, "drone-1", Position(x_m=x_m, y_m=0, z_m=z_m))


def test_a_waypoint_beyond_the_battery_is_refused() -> None:
    tired = with_uav(PLANT, "drone-1", battery_j=500.0)
    with pytest.raises(ToolError, match=r"0\.5 kJ left, but that route takes"):
        set_waypoint(tired, "drone-1", Position(x_m=150, y_m=-200, z_m=50))


def test_a_planned_route_can_be_flown_as_it_is() -> None:
    route = path_planning(PLANT, EAST, WEST, PLANT.state)
    alone = SwarmSpec(uavs=("drone-1",), shape="line", spacing_m=10)
    order = swarm_formation(PLANT, alone, Waypoints(points=route.points[1:]))
    assert order.commands == (SetRoute("drone-1", route.points[1:]),)
    world = PLANT
    for point in route.points[1:]:
        (command,) = set_waypoint(world, "drone-1", point, append=True).commands
        assert isinstance(command, SetRoute)
        world = with_uav(world, "drone-1", waypoints=command.waypoints)
    assert world.uavs["drone-1"].waypoints == route.points[1:]


def test_altitude_is_changed_in_place_and_kept_on_the_route() -> None:
    ahead = Position(x_m=160, y_m=30, z_m=60)
    (command,) = adjust_altitude(with_uav(PLANT, "drone-1", waypoints=(ahead,)), "drone-1", 90).commands
    expected = (Position(x_m=150, y_m=0, z_m=90), Position(x_m=160, y_m=30, z_m=90))
    assert command == SetRoute("drone-1", expected)
    with pytest.raises(ToolError, match="between 20 and 120 m"):
        adjust_altitude(PLANT, "drone-1", 121)


def test_speed_is_bounded_by_the_airframe() -> None:
    assert adjust_speed(PLANT, "drone-1", 20).commands == (SetSpeed("drone-1", 20),)
    with pytest.raises(ToolError, match="at most 20 m/s; choose a lower speed"):
        adjust_speed(PLANT, "drone-1", 21)


# ---------------------------------------------------------------------- separation
def neighbour(x_m: float, y_m: float = 0.0, velocity: tuple[float, float, float] = (0, 0, 0)) -> SwarmState:
    other = SwarmMember(uav="visitor-1", position=Position(x_m=x_m, y_m=y_m, z_m=50), velocity_mps=velocity)
    return SwarmState(members=(other,))


def test_enough_separation_orders_nothing() -> None:
    order = collision_avoidance(PLANT, "drone-1", EAST, neighbour(170))
    assert (order.commands, order.reply.applied, order.reply.separation_m) == ((), False, 20.0)
    alone = collision_avoidance(PLANT, "drone-1", EAST, SwarmState(members=()))
    assert (alone.commands, alone.reply.separation_m) == ((), None)


def test_an_aircraft_on_collision_course_is_evaded_before_it_is_near() -> None:
    assert collision_avoidance(PLANT, "drone-1", EAST, neighbour(200, velocity=(-10, 0, 0))).reply.applied
    assert not collision_avoidance(PLANT, "drone-1", EAST, neighbour(200, velocity=(10, 0, 0))).reply.applied


@settings(max_examples=60, deadline=None)
@given(dx=st.floats(-9, 9), dy=st.floats(-9, 9))
def test_a_push_leads_to_separation(dx: float, dy: float) -> None:
    assume(math.hypot(dx, dy) < 9.9)
    swarm = neighbour(150 + dx, dy)
    order = collision_avoidance(PLANT, "drone-1", EAST, swarm)
    aside = order.reply.waypoints[0]
    assert aside.distance_m(swarm.members[0].position) >= 10
    assert forbidding_leg(PLANT.scenario.geofences, EAST, aside) is None


def test_an_invented_position_steers_no_one_into_a_fence() -> None:
    edge = Position(x_m=-5, y_m=110.5, z_m=50)
    claimed = edge.model_copy(update={"y_m": 130.0})
    ghost = SwarmMember(uav="visitor-1", position=edge.model_copy(update={"y_m": 115.0}))
    world = with_uav(PLANT, "drone-1", position=edge)
    order = collision_avoidance(world, "drone-1", claimed, SwarmState(members=(ghost,)))
    assert order.reply.applied
    _assert_legal(world, order.commands)


def test_our_own_aircraft_are_where_the_network_knows_them_to_be() -> None:
    lie = SwarmState(members=(SwarmMember(uav="drone-2", position=EAST),))
    real_m = PLANT.uavs["drone-2"].position.distance_m(EAST)
    order = collision_avoidance(PLANT, "drone-1", EAST, lie)
    assert (order.commands, order.reply.separation_m) == ((), pytest.approx(real_m))
    beside = with_uav(PLANT, "drone-2", position=EAST.model_copy(update={"x_m": 153}))
    assert collision_avoidance(beside, "drone-1", EAST, neighbour_named("drone-2", WEST)).reply.applied


def test_the_way_on_from_the_point_aside_is_checked_too() -> None:
    corner = Position(x_m=25, y_m=112, z_m=50)
    world = with_uav(PLANT, "drone-1", position=corner, waypoints=(Position(x_m=-100, y_m=112, z_m=50),))
    swarm = neighbour_named("visitor-1", corner.model_copy(update={"y_m": 117}))
    _assert_legal(world, collision_avoidance(world, "drone-1", corner, swarm).commands)


def test_evasion_without_the_energy_for_the_route_is_refused() -> None:
    ahead = EAST.model_copy(update={"y_m": -200.0})
    tired = with_uav(PLANT, "drone-1", battery_j=500.0, waypoints=(ahead,))
    with pytest.raises(ToolError, match=r"no legal way to evade: drone-1 has 0\.5 kJ left"):
        collision_avoidance(tired, "drone-1", EAST, neighbour(153))


def neighbour_named(name: str, position: Position) -> SwarmState:
    return SwarmState(members=(SwarmMember(uav=name, position=position),))


def _assert_legal(world: Snapshot, commands: tuple[object, ...]) -> None:
    fences = world.scenario.geofences
    for command in commands:
        if isinstance(command, SetRoute):
            points = (world.uavs[command.uav].position, *command.waypoints)
            for here, there in pairwise(points):
                assert forbidding_leg(fences, here, there) is None
                assert all(fence.allows(point) for fence in fences for point in sampled(here, there, 50))


FLIGHTS = ("set_waypoint", "adjust_altitude", "adjust_speed", "collision_avoidance", "swarm_formation")


@pytest.mark.parametrize("name", FLIGHTS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), here=places, ahead=places)
def test_no_accepted_route_breaks_a_fence(
    name: str, data: st.DataObject, here: Position, ahead: Position
) -> None:
    fences = PLANT.scenario.geofences
    assume(forbidding_point(fences, here) is None)
    legal = forbidding_leg(fences, here, ahead) is None
    world = with_uav(PLANT, "drone-1", position=here, waypoints=(ahead,) if legal else ())
    arguments = data.draw(WELL_TYPED[name])
    if name == "collision_avoidance":
        offset = st.floats(-20, 20)
        arguments["uav"] = "drone-1"
        arguments["position"] = _moved(here, data.draw(offset), data.draw(offset))
        ghost = _moved(here, data.draw(offset), data.draw(offset))
        arguments["swarm"] = {"members": [{"uav": "visitor-1", "position": ghost}]}
    tool = CATALOG[name]
    try:
        order = tool.run(tool.parse(arguments), world)
    except ToolError:
        return
    assert isinstance(order, ToolOrder)
    _assert_legal(world, order.commands)


def _moved(point: Position, dx: float, dy: float) -> dict[str, float]:
    return {"x_m": point.x_m + dx, "y_m": point.y_m + dy, "z_m": point.z_m}


def test_a_stale_position_is_refused_with_the_real_one() -> None:
    with pytest.raises(ToolError, match=r"drone-1 is at \(150.0, 0.0, 50.0\)"):
        collision_avoidance(PLANT, "drone-1", WEST, neighbour(150))


@pytest.mark.parametrize("shape", ["line", "ring", "grid", "wedge"])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 12])
def test_slots_are_the_spacing_apart_and_centred(shape: str, count: int) -> None:
    places = slots(shape, count, 20.0)
    assert len(places) == count
    assert sum(x for x, _ in places) == pytest.approx(0, abs=1e-6)
    assert sum(y for _, y in places) == pytest.approx(0, abs=1e-6)
    gaps = [math.dist(a, b) for index, a in enumerate(places) for b in places[:index]]
    if gaps:
        assert min(gaps) == pytest.approx(20.0)


def test_a_formation_gives_every_member_one_slot() -> None:
    ring = SwarmSpec(uavs=("drone-1", "drone-2", "drone-3"), shape="ring", spacing_m=30)
    centre = Position(x_m=0, y_m=-200, z_m=60)
    order = swarm_formation(PLANT, ring, Waypoints(points=(centre,)))
    ends = [slot.waypoints[-1] for slot in order.reply.slots]
    assert [slot.uav for slot in order.reply.slots] == ["drone-1", "drone-2", "drone-3"]
    assert all(a.distance_m(b) == pytest.approx(30, abs=0.05) for a in ends for b in ends if a != b)
    assert [command.uav for command in order.commands if isinstance(command, SetRoute)] == list(ring.uavs)


def test_a_formation_too_tight_or_through_a_fence_is_refused() -> None:
    tight = SwarmSpec(uavs=("drone-1", "drone-2"), shape="line", spacing_m=5)
    with pytest.raises(ToolError, match="below the minimum separation of 10 m"):
        swarm_formation(PLANT, tight, Waypoints(points=(EAST,)))
    wide = SwarmSpec(uavs=("drone-1", "drone-2"), shape="line", spacing_m=500)
    with pytest.raises(ToolError, match="keep_in geofence 0"):
        swarm_formation(PLANT, wide, Waypoints(points=(Position(x_m=300, y_m=0, z_m=50),)))
    with pytest.raises(ValueError, match="names a UAV twice"):
        SwarmSpec(uavs=("drone-1", "drone-1"), shape="line", spacing_m=20)


# ---------------------------------------------------------------------- energy
def test_a_longer_way_takes_more_energy_and_time() -> None:
    near = compute_energy_budget(Waypoints(points=(EAST, Position(x_m=100, y_m=0, z_m=50))), FULL)
    far = compute_energy_budget(Waypoints(points=(EAST, WEST)), FULL)
    assert far.need_j == pytest.approx(6 * near.need_j)
    assert far.flight_time_s == pytest.approx(300 / 12)
    assert far.remaining_percent < near.remaining_percent


def test_climbing_costs_the_potential_energy() -> None:
    level = compute_energy_budget(Waypoints(points=(EAST, EAST.model_copy(update={"x_m": 250}))), FULL)
    top = Position(x_m=150, y_m=0, z_m=150)
    climb = compute_energy_budget(Waypoints(points=(EAST, top)), FULL)
    assert climb.need_j > 2.0 * 9.81 * 100
    assert climb.need_j > level.need_j


def test_a_route_into_the_reserve_is_not_feasible() -> None:
    low = BatteryLevel(energy_j=66_000, capacity_j=324_000)
    route = Waypoints(points=(EAST, WEST))
    assert not compute_energy_budget(route, low).feasible
    assert compute_energy_budget(route, low, reserve_percent=5).feasible
    assert not compute_energy_budget(
        route, BatteryLevel(energy_j=10, capacity_j=324_000), reserve_percent=0
    ).feasible


def test_staying_costs_nothing() -> None:
    plan_ = compute_energy_budget(Waypoints(points=(EAST,)), FULL)
    assert (plan_.need_j, plan_.remaining_percent, plan_.feasible) == (0, 100, True)
