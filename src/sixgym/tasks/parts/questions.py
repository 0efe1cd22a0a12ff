"""Questions: the operator wants to know something, and the final answer has to say it."""

import random

from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.intent import Answer, Measurand
from sixgym.domain.traffic import Constant, OnOff, Traffic
from sixgym.tasks.parts.draft import Draft, UnsuitableError, spoken
from sixgym.tasks.parts.slices import rate_of

LOAD_TOLERANCE = 0.06
"""Relative; a reading of a few intervals misses or adds a packet."""

RSRP_TOLERANCE_DB = 1.0
PERCENT_TOLERANCE = 0.5
DISTANCE_TOLERANCE_M = 1.0
LEAST_LEAD_DB = 3.0


def asked_for_load(draft: Draft) -> None:
    """How much traffic is offered to a slice. 1 call and the answer."""
    kinds = [
        slice_.type
        for slice_ in draft.scenario.slices
        if all(
            not isinstance(group.traffic, OnOff)
            for group in draft.scenario.groups
            if group.slice is slice_.type
        )
        and f"slice {slice_.type.value}" not in draft.claimed
    ]
    if not kinds:
        raise UnsuitableError("no slice has a steady load")
    kind = draft.rng.choice(kinds)
    for group in draft.scenario.groups:
        if group.slice is kind:  # a usual load could be guessed
            draft.replace_group(group.name, traffic=_unusual(group.traffic, draft.rng))
    load_mbps = sum(
        group.count * rate_of(group.traffic) for group in draft.scenario.groups if group.slice is kind
    )
    if not load_mbps:
        raise UnsuitableError("nothing is offered")
    _ask(
        draft,
        Answer(number=round(load_mbps, 4), tolerance=round(LOAD_TOLERANCE * load_mbps, 4)),
        "MBIT_PER_S",
    )
    draft.claim(f"slice {kind.value}")
    draft.answer_text = f"answer: {load_mbps:.3f}"
    draft.say("ask-load", slice=kind.value, label=draft.scenario.slice(kind).label)
    draft.call("get_traffic_pattern", slice=kind.value)


def asked_for_signal(draft: Draft) -> None:
    """Which cell is strongest at a place, and how strong. 1 call and the answer."""
    draft.claim("cells")
    place = Position(
        x_m=draft.rng.randint(-180, 180), y_m=draft.rng.randint(-180, 180), z_m=draft.rng.randint(2, 100)
    )
    first, second = draft.links_at(place)[:2]
    if first.rsrp_dbm - second.rsrp_dbm < LEAST_LEAD_DB:
        raise UnsuitableError("two cells are about as strong there")
    question = Answer(
        name=first.cell,
        candidates=tuple(cell.id for cell in draft.scenario.cells),
        number=round(first.rsrp_dbm, 2),
        tolerance=RSRP_TOLERANCE_DB,
    )
    _ask(draft, question, "CELL DBM")
    draft.answer_text = f"answer: {first.cell} {first.rsrp_dbm:.1f}"
    draft.say("ask-rsrp", place=spoken(place))
    draft.call("get_signal_strength", position=place.model_dump())


def asked_for_battery(draft: Draft) -> None:
    """How full a UAV's battery is. 1 call and the answer."""
    fleet = draft.fleet
    assert fleet.airframe is not None
    ratio = draft.rng.randint(35, 95) / 100
    draft.replace_group(
        fleet.name, airframe=fleet.airframe.model_copy(update={"initial_battery_ratio": ratio})
    )
    uav = draft.rng.choice(fleet.device_ids)
    measured = Measurand(metric="battery_percent", device=uav)
    _ask(draft, Answer(measured=measured, tolerance=PERCENT_TOLERANCE), "PERCENT")
    draft.answer_text = f"answer: {100 * ratio:.1f}"
    draft.say("ask-battery", uav=uav)
    draft.call("get_battery_level", uav=uav)


def asked_for_distance(draft: Draft) -> None:
    """How far a place is from a fence's edge. 1 call and the answer."""
    x, y = draft.rng.randint(-200, 200), draft.rng.randint(-200, 200)
    width, depth = draft.rng.randint(40, 160), draft.rng.randint(40, 160)
    fence = GeofenceSpec(
        polygon=((x, y), (x + width, y), (x + width, y + depth), (x, y + depth)), mode="keep_out"
    )
    place = Position(
        x_m=x + draft.rng.randint(-150, 250),
        y_m=y + draft.rng.randint(-150, 250),
        z_m=draft.rng.randint(20, 110),
    )
    distance_m = fence.boundary_distance_m(place)
    _ask(draft, Answer(number=round(distance_m, 2), tolerance=DISTANCE_TOLERANCE_M), "METRES")
    corners = ", ".join(f"({east:g}, {north:g})" for east, north in fence.polygon)
    draft.answer_text = f"answer: {distance_m:.1f}"
    draft.say("ask-distance", place=spoken(place), fence=corners)
    draft.call("check_geofence", position=place.model_dump(), fence=fence.model_dump(mode="json"))


def _unusual(traffic: Traffic, rng: random.Random) -> Traffic:
    """The same traffic at another rate, half to twice the usual one."""
    factor = rng.uniform(0.5, 2.0)
    if isinstance(traffic, Constant):
        return traffic.model_copy(update={"rate_mbps": round(factor * traffic.rate_mbps, 2)})
    return traffic.model_copy(update={"packet_bytes": max(20, round(factor * traffic.packet_bytes))})


def _ask(draft: Draft, question: Answer, form: str) -> None:
    """Ask it, unless something else is asked already: one answer answers one question."""
    if draft.answer is not None:
        raise UnsuitableError("one question is asked already")
    draft.answer = question
    draft.say("answer-format", form=form)
