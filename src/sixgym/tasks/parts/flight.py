"""Parts about UAVs: flights, altitudes, formations, and tasks, alerts and sensors of a UAV."""

import math

from sixgym.domain.geometry import Position
from sixgym.domain.intent import Duty
from sixgym.domain.mission import TaskSpec
from sixgym.tasks.parts.draft import Draft, UnsuitableError, above, below, spoken
from sixgym.tools.airspace import forbidding_leg
from sixgym.tools.types import AlertType, SensorType

ATTEMPTS = 30
"""Largest number of random places to try for a flight. Chosen, not measured."""

OFF_COURSE_M = 8.0
"""Smallest distance between a place and the UAV's own route, beyond the tolerance, in metres: otherwise an
idle agent might succeed. Chosen, not measured."""

TASK_NAMES = ("survey", "inspect", "relay", "count", "map", "sample", "track", "thermal-check")


def flown_to(draft: Draft, *, look: bool = True) -> None:
    """A UAV has to be at a place. Solution: a waypoint there. 1 call, or 2 with a reading of the position."""
    uav = draft.free_uav()
    within_m = draft.rng.choice((4.0, 6.0, 8.0))
    place = _place_for(draft, uav, within_m + OFF_COURSE_M)
    draft.add_target(below("distance_m", within_m, device=uav, place=place.model_dump()))
    draft.say("fly", uav=uav, place=spoken(place), within_m=f"{within_m:g}")
    if look:
        draft.call("read_uav_position", uav=uav)
    draft.call("set_waypoint", uav=uav, position=place.model_dump())


def climbed(draft: Draft) -> None:
    """A UAV has to be at an altitude. Solution: adjust the altitude. 1 call."""
    uav = draft.free_uav()
    airframe = draft.fleet.airframe
    assert airframe is not None
    usual_m = {draft.start_of(uav).z_m, draft.end_of(uav).z_m}
    low = math.ceil(max(airframe.min_altitude_m, min(usual_m) - 0.5 * draft.reach_m))
    high = math.floor(min(airframe.max_altitude_m, max(usual_m) + 0.5 * draft.reach_m))
    within_m = 2.0
    levels = [
        level for level in range(low, high + 1) if all(abs(level - usual) > within_m + 4 for usual in usual_m)
    ]
    if not levels:
        raise UnsuitableError("no other altitude is within reach")
    altitude_m = float(draft.rng.choice(levels))
    draft.add_target(above("altitude_m", altitude_m - within_m, device=uav))
    draft.add_target(below("altitude_m", altitude_m + within_m, device=uav))
    draft.say("altitude", uav=uav, altitude_m=f"{altitude_m:g}", within_m=f"{within_m:g}")
    draft.call("adjust_altitude", uav=uav, altitude_m=altitude_m)


def in_formation(draft: Draft) -> None:
    """The fleet has to take formation around a place. Solution: order the formation. 2 calls."""
    names = draft.fleet.device_ids
    if len(names) < 2:
        raise UnsuitableError("a formation needs two UAVs")
    draft.claim(*names)
    starts = [draft.start_of(name) for name in names]
    centre = _moved(
        Position(
            x_m=round(sum(place.x_m for place in starts) / len(starts), 0),
            y_m=round(sum(place.y_m for place in starts) / len(starts), 0),
            z_m=round(sum(place.z_m for place in starts) / len(starts), 0),
        ),
        draft,
        0.3 * draft.reach_m,
    )
    spacing_m = draft.rng.choice((15.0, 18.0, 20.0))
    shape = draft.rng.choice(("line", "ring", "grid"))
    within_m = float(round(spacing_m * len(names) / 2 + 6.0))
    if any(place.distance_m(centre) > draft.reach_m + within_m - spacing_m for place in starts):
        raise UnsuitableError("the UAVs are too far from each other")
    for name in names:
        draft.add_target(below("distance_m", within_m, device=name, place=centre.model_dump()))
    draft.add_target(above("separation_m", spacing_m - 5.0, group=draft.fleet.name))
    draft.say(
        "formation",
        group=draft.fleet.name,
        shape=shape,
        place=spoken(centre),
        within_m=f"{within_m:g}",
        separation_m=f"{spacing_m - 5.0:g}",
    )
    draft.call("read_telemetry")
    draft.call(
        "swarm_formation",
        formation={"uavs": list(names), "shape": shape, "spacing_m": spacing_m},
        waypoints={"points": [centre.model_dump()]},
    )


def assigned(draft: Draft) -> None:
    """A UAV gets a task. 1 call."""
    fleet = draft.fleet
    given = {duty.item for duty in draft.duties}
    name = f"{draft.rng.choice(TASK_NAMES)}-{draft.rng.randint(10, 99)}"
    if name in given:
        raise UnsuitableError(f"the task {name} is assigned already")
    uav = draft.rng.choice(fleet.device_ids)
    spec = TaskSpec(id=name, megacycles=float(draft.rng.randint(5, 90) * 10))
    draft.duties.append(Duty(kind="task", uav=uav, item=name))
    draft.say("assign", uav=uav, task=name, megacycles=f"{spec.megacycles:g}")
    draft.call("assign_task", uav=uav, task=spec.model_dump(mode="json", exclude_none=True))


def warned(draft: Draft) -> None:
    """A UAV gets a warning. 1 call."""
    uav = draft.rng.choice(draft.fleet.device_ids)
    alert = draft.rng.choice(tuple(AlertType))
    _once(draft, "alert", uav, alert.value)
    draft.say("alert", uav=uav, alert=alert.value)
    draft.call("send_alert", uav=uav, alert=alert.value)


def equipped(draft: Draft) -> None:
    """A sensor of a UAV is switched on. 1 call."""
    uav = draft.rng.choice(draft.fleet.device_ids)
    sensor = draft.rng.choice(tuple(SensorType))
    _once(draft, "sensor", uav, sensor.value)
    draft.say("sensor", uav=uav, sensor=sensor.value)
    draft.call("activate_sensor", uav=uav, sensor=sensor.value)


# ---------------------------------------------------------------------- inside
def _once(draft: Draft, kind: str, uav: str, item: str) -> None:
    duty = Duty.model_validate({"kind": kind, "uav": uav, "item": item})
    if any((other.kind, other.item) == (kind, item) for other in draft.duties):
        raise UnsuitableError(f"{item} belongs to another UAV, and the intent allows no second one")
    draft.duties.append(duty)


def _place_for(draft: Draft, uav: str, least_m: float) -> Position:
    """A place that the UAV reaches in time by a straight leg, and that is off its own route."""
    start, end = draft.start_of(uav), draft.end_of(uav)
    for _ in range(ATTEMPTS):
        place = _moved(start, draft, draft.rng.uniform(max(least_m, 0.5 * draft.reach_m), draft.reach_m))
        near = min(_off_route_m(place, start, end), place.distance_m(start))
        legal = all(forbidding_leg(draft.scenario.geofences, here, place) is None for here in (start, end))
        if near > least_m and legal:
            return place
    raise UnsuitableError(f"no place to send {uav} to")


def _off_route_m(place: Position, start: Position, end: Position) -> float:
    return min(
        start.toward(end, share * start.distance_m(end)).distance_m(place)
        for share in (0, 0.25, 0.5, 0.75, 1)
    )


def _moved(start: Position, draft: Draft, distance_m: float) -> Position:
    """A point at a distance in a random horizontal direction, to the metre, at a permitted altitude."""
    airframe = draft.fleet.airframe
    assert airframe is not None
    angle = draft.rng.uniform(0, 2 * math.pi)
    return Position(
        x_m=round(start.x_m + distance_m * math.cos(angle)),
        y_m=round(start.y_m + distance_m * math.sin(angle)),
        z_m=round(min(max(start.z_m, airframe.min_altitude_m), airframe.max_altitude_m)),
    )
