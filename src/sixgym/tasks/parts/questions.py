"""Parts that ask a question, which the final answer has to answer. Tolerances are chosen, not measured."""

import random

from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.intent import Answer, Measurand
from sixgym.domain.traffic import Constant, OnOff, Traffic
from sixgym.tasks.parts.draft import Draft, UnsuitableError, spoken
from sixgym.tasks.parts.slices import rate_of

LOAD_TOLERANCE = 0.06
"""Relative tolerance of a load, since a reading over a few intervals misses or adds packets."""

RSRP_TOLERANCE_DB = 1.0
"""Tolerance of a signal strength, in dB."""

PERCENT_TOLERANCE = 0.5
"""Tolerance of a state of charge, in percentage points."""

DISTANCE_TOLERANCE_M = 1.0
"""Tolerance of a distance, in metres."""

LEAST_LEAD_DB = 3.0
"""Smallest lead in RSRP of the strongest cell over the next one, in dB, for an unambiguous answer."""


def asked_for_load(draft: Draft) -> None:
    """The question for the traffic that is offered to a slice. 1 call and the answer."""
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
        if group.slice is kind:  # an agent could guess the usual load
            draft.replace_group(group.name, traffic=_unusual(group.traffic, draft.rng))
    load_mbps = sum(
        group.count * rate_of(group.traffic) for group in draft.scenario.groups if group.slice is kind
    )
    if not load_mbps:
        raise UnsuitableError("the slice has no load")
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
    """The question for the strongest cell at a place and its RSRP. 1 call and the answer."""
    draft.claim("cells")
    place = Position(
        x_m=draft.rng.randint(-180, 180), y_m=draft.rng.randint(-180, 180), z_m=draft.rng.randint(2, 100)
    )
    first, second = draft.links_at(place)[:2]
    if first.rsrp_dbm - second.rsrp_dbm < LEAST_LEAD_DB:
        raise UnsuitableError("two cells are about equally strong at the place")
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
    """The question for the state of charge of a UAV. 1 call and the answer."""
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
    """The question for the distance of a place from the edge of a geofence. 1 call and the answer."""
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
    """The traffic at another rate, half to twice the usual rate."""
    factor = rng.uniform(0.5, 2.0)
    if isinstance(traffic, Constant):
        return traffic.model_copy(update={"rate_mbps": round(factor * traffic.rate_mbps, 2)})
    return traffic.model_copy(update={"packet_bytes": max(20, round(factor * traffic.packet_bytes))})


def _ask(draft: Draft, question: Answer, form: str) -> None:
    """Add a question, if the draft has none yet: a final answer answers one question."""
    if draft.answer is not None:
        raise UnsuitableError("the draft has a question already")
    draft.answer = question
    draft.say("answer-format", form=form)
