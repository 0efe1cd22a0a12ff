"""Commands that steer UAVs. Airframe, fences and battery are checked before a route is commanded."""

import math

from sixgym.domain.command import SetRoute, SetSpeed
from sixgym.domain.flight import flight_energy_j, propulsion_power_w
from sixgym.domain.geometry import HeightMetres, Position
from sixgym.domain.mission import Uav
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.airspace import check_route, length_m, shifted, spoken
from sixgym.tools.alarms import SEPARATION_M
from sixgym.tools.base import CommandResult, Effect, ToolError, tool
from sixgym.tools.formation import heading, nearest_slots, slots, turned
from sixgym.tools.lookup import airframe_of, uav_of
from sixgym.tools.replies import AvoidanceCmd, FormationCmd, RouteAck, Slot, SpeedAck
from sixgym.tools.types import SpeedMps, SwarmMember, SwarmSpec, SwarmState, UavId, Waypoints

LONGEST_ROUTE = 64
"""Most waypoints of a route, see `MissionSpec`."""

# Chosen, not measured.
LOOK_AHEAD_S = 10.0
"""Time ahead in which conflicts are detected."""

POSITION_TOLERANCE_M = 50.0
"""Largest error of a stated position: more than a UAV flies in one interval."""

PUSH_SLACK_M = 1.0
"""Distance that a push adds to the missing separation."""

Vector = tuple[float, float, float]
"""East, north and up, in m."""


@tool(Effect.COMMAND, paper="reasoning", row=25)
def set_waypoint(
    network: Snapshot, uav: UavId, position: Position, append: bool = False
) -> CommandResult[RouteAck]:
    """Send a UAV to a point: straight from where it is, then hover. Its former route is dropped.

    With `append` the point is added to the end of the route instead, which is how to fly a planned
    path point by point. Refused: an altitude the airframe may not fly, a leg through a fence (ask
    path_planning), a route the battery cannot reach the end of. It flies at its present speed.

    Args:
        uav: Name of the UAV.
        position: Where to go.
        append: Go there after the present route.
    """
    state = uav_of(network, uav)
    route = (*state.waypoints, position) if append else (position,)
    if len(route) > LONGEST_ROUTE:
        raise ToolError(f"{uav} has {len(state.waypoints)} waypoints left, the most it can hold; wait")
    start = state.waypoints[-1] if append and state.waypoints else state.position
    check_route(network.scenario.geofences, airframe_of(network, uav), start, (position,), uav)
    return _order(network, state, route)


@tool(Effect.COMMAND, paper="reasoning", row=26)
def adjust_altitude(network: Snapshot, uav: UavId, altitude_m: HeightMetres) -> CommandResult[RouteAck]:
    """Let a UAV climb or descend where it is, and fly the rest of its route at the new altitude.

    Higher is more often in line of sight of a cell, but hears more interference. Refused: an altitude
    the airframe may not fly, or one that a fence forbids.

    Args:
        uav: Name of the UAV.
        altitude_m: New height above ground.
    """
    state = uav_of(network, uav)
    route = tuple(
        point.model_copy(update={"z_m": altitude_m}) for point in (state.position, *state.waypoints)
    )
    check_route(network.scenario.geofences, airframe_of(network, uav), state.position, route, uav)
    return _order(network, state, route)


@tool(Effect.COMMAND, paper="reasoning", row=27)
def adjust_speed(network: Snapshot, uav: UavId, speed_mps: SpeedMps) -> CommandResult[SpeedAck]:
    """Set the speed at which a UAV flies its route.

    The answer holds the power this costs in level flight. The speed applies to later routes too.

    Args:
        uav: Name of the UAV.
        speed_mps: New speed, at most the airframe's maximum.
    """
    state, airframe = uav_of(network, uav), airframe_of(network, uav)
    if speed_mps > airframe.max_speed_mps:
        raise ToolError(f"{uav} flies at most {airframe.max_speed_mps:g} m/s; choose a lower speed")
    power_w = propulsion_power_w(speed_mps, mass_kg=airframe.mass_kg)
    reply = SpeedAck(
        effective_t_ms=network.t_ms,
        uav=uav,
        speed_mps=speed_mps,
        power_w=power_w,
        endurance_s=state.battery_j / power_w,
    )
    return CommandResult(reply, (SetSpeed(uav, speed_mps),))


@tool(Effect.COMMAND, paper="reasoning", row=28)
def collision_avoidance(
    network: Snapshot, uav: UavId, position: Position, swarm: SwarmState
) -> CommandResult[AvoidanceCmd]:
    """Keep a UAV at least 10 m from the aircraft around it: push it aside if it would come closer.

    Looks 10 s ahead along present velocities. If separation suffices nothing happens (applied false).
    Otherwise the UAV first flies to a point pushed away from the others, turned or lifted if a fence or
    altitude limit is in the way, then on along its route.

    Where aircraft of this network are, and how they move, is taken from the network. Refused: no way
    aside whose whole route respects altitudes, fences and battery.

    Args:
        uav: Name of the UAV that gives way.
        position: Where it is, from read_uav_position; refused when 50 m off.
        swarm: The aircraft around, from read_telemetry; the UAV itself is ignored.
    """
    state = uav_of(network, uav)
    off_m = state.position.distance_m(position)
    if off_m > POSITION_TOLERANCE_M:
        raise ToolError(
            f"{uav} is at {spoken(state.position)}, {off_m:.0f} m from the given position; "
            "read_uav_position first"
        )
    others = [_as_known(network, member) for member in swarm.members if member.uav != uav]
    closest = [(_closest_approach(state, member), member) for member in others]
    nearest_m = min((math.hypot(*gap) for gap, _ in closest), default=None)
    if nearest_m is None or nearest_m >= SEPARATION_M:
        return CommandResult(_avoidance(network, state, nearest_m, (0.0, 0.0, 0.0), state.waypoints), ())
    push = _push(uav, [(gap, member) for gap, member in closest if math.hypot(*gap) < SEPARATION_M])
    obstacles: list[str] = []
    for option in _alternatives(push):
        try:
            aside = _aside(network, state, option, SEPARATION_M - nearest_m)
            order = _order(network, state, (aside, *state.waypoints[: LONGEST_ROUTE - 1]))
        except ToolError as obstacle:
            obstacles.append(str(obstacle))
            continue
        here, route = state.position, order.reply.waypoints
        moved = (aside.x_m - here.x_m, aside.y_m - here.y_m, aside.z_m - here.z_m)
        return CommandResult(_avoidance(network, state, nearest_m, moved, route), order.commands)
    raise ToolError(
        f"{uav} has no legal way to evade: {obstacles[0]}; "
        "move the other aircraft, or change the altitude with adjust_altitude"
    )


def _as_known(network: Snapshot, member: SwarmMember) -> SwarmMember:
    """The state of an aircraft as measured, or as described in the call if the network does not know it."""
    known = network.uavs.get(member.uav)
    if known is None:
        return member
    return SwarmMember(uav=known.id, position=known.position, velocity_mps=known.velocity_mps)


def _aside(network: Snapshot, state: Uav, push: Vector, least_m: float) -> Position:
    """The route after a push within the airframe's altitudes.

    Raises:
        ToolError: the push moves the UAV less than `least_m`, or the route is not allowed.
    """
    airframe, here = airframe_of(network, state.id), state.position
    dx, dy, dz = push
    altitude = min(max(here.z_m + dz, airframe.min_altitude_m), airframe.max_altitude_m)
    aside = shifted(here, dx, dy, altitude - here.z_m)
    if here.distance_m(aside) < least_m:
        raise ToolError("the altitude limits leave too little room")
    route = (aside, *state.waypoints[: LONGEST_ROUTE - 1])
    check_route(network.scenario.geofences, airframe, here, route, state.id)
    return aside


def _closest_approach(state: Uav, member: SwarmMember) -> Vector:
    """The smallest vector from the other aircraft to the UAV during the look-ahead."""
    position = state.position
    gap = (
        position.x_m - member.position.x_m,
        position.y_m - member.position.y_m,
        position.z_m - member.position.z_m,
    )
    closing = tuple(a - b for a, b in zip(state.velocity_mps, member.velocity_mps, strict=True))
    speed2 = sum(v * v for v in closing)
    when = -sum(g * v for g, v in zip(gap, closing, strict=True)) / speed2 if speed2 > 1e-9 else 0.0
    when = min(LOOK_AHEAD_S, max(0.0, when))
    return (gap[0] + when * closing[0], gap[1] + when * closing[1], gap[2] + when * closing[2])


def _push(uav: str, conflicts: list[tuple[Vector, SwarmMember]]) -> Vector:
    """Sum of the missing separations, away from the other aircraft, at most 50 m."""
    total = [0.0, 0.0, 0.0]
    for gap, member in conflicts:
        length = math.hypot(*gap)
        lacking = SEPARATION_M + PUSH_SLACK_M - length
        # in the same place every direction is away: the names decide, so two UAVs part
        away = [g / length for g in gap] if length > 0.1 else [1.0 if uav < member.uav else -1.0, 0.0, 0.0]
        total = [t + lacking * a for t, a in zip(total, away, strict=True)]
    size = math.hypot(*total)
    if size < SEPARATION_M / 10:
        return (0.0, 0.0, SEPARATION_M)  # wedged between others: climb out
    limit = min(1.0, 5 * SEPARATION_M / size)
    return (total[0] * limit, total[1] * limit, total[2] * limit)


def _alternatives(push: Vector) -> list[Vector]:
    """The push, the push turned left and right, and pushes straight up and down."""
    size = max(math.hypot(*push), SEPARATION_M)
    dx, dy, dz = push
    return [push, (-dy, dx, dz), (dy, -dx, dz), (0.0, 0.0, size), (0.0, 0.0, -size), (-dx, -dy, dz)]


def _avoidance(
    network: Snapshot, uav: Uav, nearest_m: float | None, push_m: Vector, route: tuple[Position, ...]
) -> AvoidanceCmd:
    return AvoidanceCmd(
        effective_t_ms=network.t_ms,
        uav=uav.id,
        applied=any(push_m),
        separation_m=nearest_m,
        push_m=push_m,
        waypoints=route,
    )


@tool(Effect.COMMAND, paper="reasoning", row=29)
def swarm_formation(
    network: Snapshot, formation: SwarmSpec, waypoints: Waypoints
) -> CommandResult[FormationCmd]:
    """Let UAVs fly a route in formation: line abreast, ring, grid or wedge, centred on the waypoints.

    Each member takes the slot nearest to it and flies all waypoints with that offset, turned into the
    direction of flight; with one member it simply flies the route. Speeds are not synchronised: set them
    with adjust_speed. Refused: spacing below 10 m, a slot that an airframe or fence forbids, a route
    some battery cannot finish.

    Args:
        formation: Members, shape and spacing.
        waypoints: The route of the formation's centre.
    """
    if formation.spacing_m < SEPARATION_M:
        raise ToolError(f"spacing_m {formation.spacing_m:g} is below the minimum separation of 10 m")
    members = [uav_of(network, name) for name in formation.uavs]
    offsets = slots(formation.shape, len(members), formation.spacing_m)
    routes = [_slot_route(waypoints.points, offset) for offset in offsets]
    chosen = nearest_slots([uav.position for uav in members], [route[0] for route in routes])
    placed: list[Slot] = []
    orders: list[SetRoute] = []
    for uav, slot in zip(members, chosen, strict=True):
        route = routes[slot]
        check_route(network.scenario.geofences, airframe_of(network, uav.id), uav.position, route, uav.id)
        _order(network, uav, route)
        placed.append(Slot(uav=uav.id, waypoints=route))
        orders.append(SetRoute(uav.id, route))
    return CommandResult(FormationCmd(effective_t_ms=network.t_ms, slots=tuple(placed)), tuple(orders))


def _slot_route(points: tuple[Position, ...], slot: tuple[float, float]) -> tuple[Position, ...]:
    return tuple(shifted(point, *turned(slot, heading(points, index))) for index, point in enumerate(points))


def _order(network: Snapshot, uav: Uav, route: tuple[Position, ...]) -> CommandResult[RouteAck]:
    """The command to fly a route. It is refused if the battery does not last to the end of the route."""
    mass_kg = airframe_of(network, uav.id).mass_kg
    need_j, time_s = flight_energy_j(uav.position, route, max(uav.speed_mps, 0.1), mass_kg)
    if need_j > uav.battery_j:
        raise ToolError(
            f"{uav.id} has {uav.battery_j / 1e3:.1f} kJ left, but that route takes {need_j / 1e3:.1f} kJ; "
            "choose a nearer point"
        )
    reply = RouteAck(
        effective_t_ms=network.t_ms,
        uav=uav.id,
        waypoints=route,
        distance_m=length_m((uav.position, *route)),
        flight_time_s=time_s,
        arrival_battery_percent=100 * ((uav.battery_j - need_j) / uav.capacity_j),
    )
    return CommandResult(reply, (SetRoute(uav.id, route),))
