"""A goal in words: its measured targets, the duties of UAVs, and what the answer has to say."""

import math

from sixgym.cli.output.text import UNITS, number
from sixgym.domain.geometry import Position
from sixgym.domain.intent import Answer, Duty, Goal, Measurand, Target

PERCENT_THAT_MUST_BE_REACHED = frozenset({"traffic_share", "battery_percent"})
LEAST_STEP_PERCENT = 0.1
"""Targets are strict inequalities: the target of `at least 50 %` is below 50 % by this much or less."""


def goal_lines(goal: Goal) -> list[tuple[str, str]]:
    """Every part of a goal: `goal` or `constraint`, and the part in words."""
    over = f"in {100 * goal.share:g} % of the last {goal.window} intervals"
    return [
        *(("goal", f"{condition_words(target)}, {over}") for target in goal.targets),
        *(("goal", duty_words(duty)) for duty in goal.duties),
        *(("goal", answer_words(answer)) for answer in [goal.answer] if answer is not None),
        *(("constraint", f"{condition_words(target)}, in every interval") for target in goal.constraints),
    ]


def condition_words(target: Target) -> str:
    """A target, such as `distance of drone-1 to (10, 20, 30) m < 5 m`."""
    _, unit, factor = UNITS[target.metric]
    sign, value = "<" if target.condition == "IS_LESS_THAN" else ">", target.value * factor
    if sign == ">" and target.metric in PERCENT_THAT_MUST_BE_REACHED:
        whole = math.ceil(value)
        if 0 < round(whole - value, 6) <= LEAST_STEP_PERCENT:
            sign, value = "≥", whole
    return f"{measurand_words(target)} {sign} {value:g} {unit}".rstrip()


def measurand_words(measurand: Measurand) -> str:
    """A measured quantity with its owner, such as `delay of drone`."""
    label = UNITS[measurand.metric][0]
    if measurand.metric == "breaches":
        return label
    slice_ = f"slice {measurand.slice}" if measurand.slice else None
    owner = measurand.device or measurand.group or slice_ or "the home edge"
    place = f" to {_place_words(measurand.place)}" if measurand.place else ""
    return f"{label} of {owner}{place}"


def duty_words(duty: Duty) -> str:
    """What a UAV has to have at the end of the task."""
    return f"at the end {duty.uav} has the {duty.kind} {duty.item}, and no UAV that is not named here has one"


def answer_words(answer: Answer) -> str:
    """What the final answer has to say."""
    asked: list[str] = []
    if answer.name is not None:
        asked.append(f"names {answer.name}, of {', '.join(answer.candidates)}")
    if answer.number is not None:
        asked.append(f"says {answer.number:g}")
    if answer.measured is not None:
        recent = f"as it was in the last {answer.window} intervals before it"
        asked.append(f"says the {measurand_words(answer.measured)} {recent}")
    within = f", within {answer.tolerance:g}" if answer.tolerance else ""
    return f"the answer {' and '.join(asked)}{within}"


def _place_words(place: Position) -> str:
    return f"({number(place.x_m)}, {number(place.y_m)}, {number(place.z_m)}) m"
