"""Planning that reads the network: routes and precedence."""

import math
from collections.abc import Iterator
from itertools import pairwise

from pydantic import ValidationError

from sixgym.domain.geometry import MAP_EDGE_M, Position
from sixgym.domain.slices import NetworkState, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.airspace import forbidding_point, length_m
from sixgym.tools.base import Effect, ToolError, tool
from sixgym.tools.lookup import check_version, device_of, group_of
from sixgym.tools.observation_radio import links_at, shown_sinr_db
from sixgym.tools.planning import MARGIN_M, Price, plan
from sixgym.tools.replies import PriorityResult
from sixgym.tools.types import Intent, UavId, Waypoints

WANTED_SINR_DB = {SliceType.URLLC: 6.0, SliceType.EMBB: 10.0, SliceType.MMTC: 0.0}
"""SINR below which a place costs extra: about CQI 8, 10 and 4."""

DB_PER_DETOUR = 10.0
"""Missing SINR in dB at which a metre costs as much as two metres with enough SINR. Chosen."""

DEAREST = 4.0
"""Highest price of a metre, so that a detour stays below four times the direct way. Chosen."""

SAMPLED_EVERY_M = 20.0
"""Distance of samples along a path: below the correlation distance of UMa shadowing, 37 m."""


@tool(Effect.OBSERVATION, paper="reasoning", row=21)
def path_planning(network: Snapshot, start: Position, goal: Position, state: NetworkState) -> Waypoints:
    """Plan a route that respects all geofences and prefers places with good radio.

    The straight legs between its points stay out of keep_out and inside keep_in fences; where SINR is
    short of what the state's slice wants (URLLC 6 dB, eMBB 10 dB, mMTC 0 dB), 10 dB are worth a detour
    of once the length. It orders nothing: fly the points with set_waypoint (append true) or
    swarm_formation, and cost them with compute_energy_budget.

    Args:
        start: Where the route begins, usually the UAV's position; it becomes the first point.
        goal: Where it ends.
        state: The network state; its slice decides how much radio matters.
    """
    check_version(network, state)
    fences = network.scenario.geofences
    for name, point in (("start", start), ("goal", goal)):
        problem = forbidding_point(fences, point)
        if problem is not None:
            raise ToolError(f"{name} {problem}; {_nearest(network, point)}")
    way = plan(fences, start, goal, price=_price(network, state.slice), altitudes_m=_altitudes_m(network))
    if way is None:
        raise ToolError(
            "no route was found: the goal may be walled in, or start or goal lies within 1 m of a fence; "
            "choose points further away from it, or another altitude"
        )
    return Waypoints(
        points=way,
        length_m=length_m(way),
        worst_sinr_db=shown_sinr_db(min(links_at(network, point)[0].sinr_db for point in _sampled(way))),
    )


@tool(Effect.OBSERVATION, paper="reasoning", row=24)
def negotiate_priority(network: Snapshot, uav: UavId, other: UavId, intent: Intent) -> PriorityResult:
    """Decide which of two UAVs goes first for a scarce resource.

    First the one that the intent is for (`beneficiaries` names it or its group), then the higher ARP
    priority of its group (1 is highest, TS 23.501), then the lower battery, last the name. It reserves
    nothing: act on the answer.

    Args:
        uav: One UAV.
        other: The other.
        intent: The operator's intent.
    """
    if uav == other:
        raise ToolError(f"{uav} cannot negotiate with itself; name two UAVs")
    served = tuple(_is_served(network, name, intent) for name in (uav, other))
    arp = tuple(group_of(network, device_of(network, name).group).priority for name in (uav, other))
    battery = tuple(network.uavs[name].battery_percent for name in (uav, other))
    if served[0] != served[1]:
        first, score, reason = served[0], 1.0, "the intent is for it"
    elif arp[0] != arp[1]:
        first, score = arp[0] < arp[1], 0.75 + abs(arp[0] - arp[1]) / 60
        reason = f"ARP priority {min(arp)} comes before {max(arp)}"
    elif abs(battery[0] - battery[1]) >= 1:
        first, score = battery[0] < battery[1], 0.5 + abs(battery[0] - battery[1]) / 400
        reason = f"equal priority, less battery ({min(battery):.0f} % against {max(battery):.0f} %)"
    else:
        first, score, reason = uav < other, 0.5, "a tie, decided by name"
    winner, loser = (uav, other) if first else (other, uav)
    return PriorityResult(winner=winner, loser=loser, score=score, reason=f"{winner}: {reason}")


def _is_served(network: Snapshot, uav: UavId, intent: Intent) -> bool:
    return uav in intent.beneficiaries or device_of(network, uav).group in intent.beneficiaries


def _price(network: Snapshot, kind: SliceType) -> Price:
    """Price of a metre at a place: higher where the SINR is below the one that the slice needs."""
    wanted_db = WANTED_SINR_DB[kind]

    def price(x_m: float, y_m: float, z_m: float) -> float:
        # the grid may reach beyond the map by its border, where no place is valid
        try:
            place = Position(x_m=x_m, y_m=y_m, z_m=z_m)
        except ValidationError:
            return DEAREST
        missing_db = wanted_db - links_at(network, place)[0].sinr_db
        return min(DEAREST, 1 + max(0.0, missing_db) / DB_PER_DETOUR)

    return price


def _altitudes_m(network: Snapshot) -> tuple[float, float]:
    """Altitudes that every airframe can fly, or the union of all ranges if they have none in common."""
    frames = [group.airframe for group in network.scenario.groups if group.airframe is not None]
    lows, highs = [frame.min_altitude_m for frame in frames], [frame.max_altitude_m for frame in frames]
    if not frames:
        return 0.0, 1_000.0
    if max(lows) <= min(highs):
        return max(lows), min(highs)
    return min(lows), max(highs)


def _nearest(network: Snapshot, point: Position) -> str:
    """Advice in place of a forbidden point: the nearest legal candidate."""
    fences = network.scenario.geofences
    legal = [
        candidate
        for candidate in _candidates(network, point)
        if forbidding_point(fences, candidate) is None
        and all(fence.boundary_distance_m(candidate) > MARGIN_M for fence in fences)
    ]
    if not legal:
        return "choose a point that read_telemetry's geofences allow"
    nearest = min(legal, key=point.distance_m)
    return f"a legal point nearby is {nearest.model_dump_json()}"


def _candidates(network: Snapshot, point: Position) -> Iterator[Position]:
    """Points on rings around a point, and on the way into each keep-in fence, at three heights."""
    places = [(point.x_m, point.y_m)]
    for radius_m in (5, 10, 20, 50, 100, 200):
        for step in range(16):
            angle = step * math.pi / 8
            places.append((point.x_m + radius_m * math.cos(angle), point.y_m + radius_m * math.sin(angle)))
    for fence in network.scenario.geofences:
        if fence.mode == "keep_in":
            corners = fence.polygon
            x_m, y_m = (sum(corner[axis] for corner in corners) / len(corners) for axis in (0, 1))
            shares = (step / 100 for step in range(1, 101))
            places += [
                (point.x_m + share * (x_m - point.x_m), point.y_m + share * (y_m - point.y_m))
                for share in shares
            ]
    for z_m in {point.z_m, *_altitudes_m(network)}:
        for x_m, y_m in places:
            if max(abs(x_m), abs(y_m)) <= MAP_EDGE_M:
                yield Position(x_m=round(x_m, 1), y_m=round(y_m, 1), z_m=z_m)


def _sampled(way: tuple[Position, ...]) -> list[Position]:
    """Points along a path, at most 20 m apart unless the path is very long."""
    points = [way[0]]
    for here, there in pairwise(way):
        length = here.distance_m(there)
        pieces = max(1, min(20, round(length / SAMPLED_EVERY_M)))
        points += [here.toward(there, length * (piece + 1) / pieces) for piece in range(pieces)]
    return points
