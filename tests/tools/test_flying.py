"""Orders to UAVs: waypoints, altitude, speed, formations, and the energy that a flight takes."""

import math
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sixgym.domain.command import SetRoute, SetSpeed
from sixgym.domain.geometry import Position
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.airspace import forbidding_leg, forbidding_point
from sixgym.tools.base import CATALOG, CommandResult, ToolError
from sixgym.tools.commands_flight import (
    adjust_altitude,
    adjust_speed,
    collision_avoidance,
    set_waypoint,
    swarm_formation,
)
from sixgym.tools.formation import slots
from sixgym.tools.observation_mission import path_planning
from sixgym.tools.reasoning import compute_energy_budget
from sixgym.tools.types import BatteryLevel, SwarmMember, SwarmSpec, SwarmState, Waypoints
from tests.tools.drawing import WELL_TYPED
from tests.tools.flights import EAST, FULL, PLANT, WEST, places, sampled, with_uav


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
    assert isinstance(order, CommandResult)
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
