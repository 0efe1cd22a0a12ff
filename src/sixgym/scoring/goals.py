"""Judging whether an episode met its goal, from its record alone."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sixgym.domain.intent import Duty, Measurand, Metric, Target
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.mission import Ledger
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode
from sixgym.scoring.answers import says


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """The verdict on a target, over the intervals that count for it.

    Attributes:
        target: The target.
        measured: Measured value in each of these intervals.
        held: Share of these intervals in which the target was met, 0 to 1.
        met: Whether `held` reaches the share that the goal asks for.
    """

    target: Target
    measured: tuple[float, ...]
    held: float
    met: bool


@dataclass(frozen=True, slots=True)
class DutyVerdict:
    """The verdict on a duty: met if the ledger shows the right UAVs with it, and no others."""

    duty: Duty
    met: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Success and its reasons. An episode with an infrastructure failure is no success.

    Attributes:
        success: Whether the episode ran to its horizon and met all parts of the goal.
        targets: Verdicts on the targets, over the goal's window.
        constraints: Verdicts on the constraints, over the whole task.
        duties: Verdicts on the duties, at the end of the task.
        answer: Whether the final answer is right; None if the goal asks no question.
    """

    success: bool
    targets: tuple[TargetVerdict, ...]
    constraints: tuple[TargetVerdict, ...] = ()
    duties: tuple[DutyVerdict, ...] = ()
    answer: bool | None = None

    @property
    def violations(self) -> int:
        """Number of safety violations: intervals in which a constraint failed, summed over constraints."""
        return sum(
            not verdict.target.met_by(value) for verdict in self.constraints for value in verdict.measured
        )


def judge(episode: Episode) -> Verdict:
    """Judge an episode. A stored episode gets the same verdict again."""
    task = episode.task
    goal, scenario = task.goal, task.scenario
    intervals = recorded_intervals(episode)
    window = intervals[-goal.window :]
    targets = tuple(_judge_target(target, goal.share, window, scenario) for target in goal.targets)
    constraints = tuple(_judge_target(target, 1.0, intervals, scenario) for target in goal.constraints)
    duties = tuple(_judge_duty(duty, goal.duties, episode.ledger) for duty in goal.duties)
    answer = _judge_answer(episode)
    complete = episode.infrastructure_failure is None and len(intervals) >= task.horizon
    met = all(verdict.met for verdict in (*targets, *constraints, *duties)) and answer is not False
    return Verdict(complete and met, targets, constraints, duties, answer)


def recorded_intervals(episode: Episode) -> tuple[Interval, ...]:
    """All intervals of the task in order, without those of the warm-up."""
    return (*(step.interval for step in episode.steps), *episode.remainder)


def measured_value(measurand: Measurand, interval: Interval, scenario: Scenario) -> float:
    """The value of a measurand in an interval.

    Latency and jitter are over the packets that arrived. If no packet arrived, they are the age of the oldest
    waiting packet, so that an outage does not look like a fast network; lost packets are the subject of a
    target on loss. The position of a UAV is its position at the end of the interval.
    """
    return _MEASURED[measurand.metric](measurand, interval, scenario)


def _edge_load(_: Measurand, interval: Interval, scenario: Scenario) -> float:
    assert scenario.home_edge is not None  # checked when a scenario is loaded
    return interval.nodes[scenario.home_edge].load


def _breaches(_: Measurand, interval: Interval, scenario: Scenario) -> float:
    places = (device.position for device in interval.devices.values())
    return sum(not all(fence.allows(place) for fence in scenario.geofences) for place in places)


def _task_latency_ms(measurand: Measurand, interval: Interval, _: Scenario) -> float:
    return interval.workloads[_named(measurand.group)].latency_ms


def _traffic_share(measurand: Measurand, interval: Interval, _: Scenario) -> float:
    return interval.traffic_share.get(_named(measurand.group), 1.0)


def _separation_m(measurand: Measurand, interval: Interval, scenario: Scenario) -> float:
    names = scenario.group(_named(measurand.group)).device_ids
    pairs = itertools.combinations([interval.devices[name].position for name in names], 2)
    return min((a.distance_m(b) for a, b in pairs), default=float("inf"))


def _battery_percent(measurand: Measurand, interval: Interval, _: Scenario) -> float:
    return interval.battery_percent[_named(measurand.device)]


def _altitude_m(measurand: Measurand, interval: Interval, _: Scenario) -> float:
    return interval.devices[_named(measurand.device)].position.z_m


def _distance_m(measurand: Measurand, interval: Interval, _: Scenario) -> float:
    assert measurand.place is not None  # validated with the measurand
    return interval.devices[_named(measurand.device)].position.distance_m(measurand.place)


def _of_packets(figure: Callable[[PacketFlow], float]) -> "Reading":
    def reading(measurand: Measurand, interval: Interval, _: Scenario) -> float:
        return figure(_flow(measurand, interval))

    return reading


Reading = Callable[[Measurand, Interval, Scenario], float]

_MEASURED: Mapping[Metric, Reading] = {
    "latency_ms": _of_packets(lambda flow: flow.latency_ms),
    "latency_p95_ms": _of_packets(lambda flow: flow.latency_p95_ms),
    "jitter_ms": _of_packets(lambda flow: flow.jitter_ms),
    "loss_ratio": _of_packets(lambda flow: flow.loss_ratio),
    "throughput_mbps": _of_packets(lambda flow: flow.throughput_mbps),
    "task_latency_ms": _task_latency_ms,
    "edge_load": _edge_load,
    "traffic_share": _traffic_share,
    "distance_m": _distance_m,
    "altitude_m": _altitude_m,
    "battery_percent": _battery_percent,
    "separation_m": _separation_m,
    "breaches": _breaches,
}


def _named(name: str | None) -> str:
    assert name is not None  # validated with the measurand: its metric needs this name
    return name


def _flow(measurand: Measurand, interval: Interval) -> PacketFlow:
    if measurand.device is not None:
        return interval.devices[measurand.device].flow
    if measurand.slice is not None:
        return interval.slices[measurand.slice].flow
    return interval.groups[_named(measurand.group)]


def _judge_target(
    target: Target, share: float, intervals: tuple[Interval, ...], scenario: Scenario
) -> TargetVerdict:
    measured = tuple(measured_value(target, interval, scenario) for interval in intervals)
    held = sum(map(target.met_by, measured)) / len(measured) if measured else 0.0
    return TargetVerdict(target, measured, held, bool(measured) and held >= share)


def _judge_duty(duty: Duty, duties: tuple[Duty, ...], ledger: Ledger | None) -> DutyVerdict:
    if ledger is None:
        return DutyVerdict(duty, met=False)
    wanted = {other.uav for other in duties if (other.kind, other.item) == (duty.kind, duty.item)}
    holders = {uav for uav in ledger.uavs if duty.item in _held(duty.kind, uav, ledger)}
    return DutyVerdict(duty, met=holders == wanted)


def _held(kind: str, uav: str, ledger: Ledger) -> set[str]:
    entry = ledger.uavs[uav]
    match kind:
        case "task":
            return set(entry.tasks)
        case "sensor":
            return set(entry.sensors)
        case _:
            prefix = "alert: "
            return {text.removeprefix(prefix) for text in entry.inbox if text.startswith(prefix)}


def _judge_answer(episode: Episode) -> bool | None:
    question = episode.task.goal.answer
    return None if question is None else says(question, episode.answer, answer_values(episode))


def answer_values(episode: Episode) -> tuple[float, ...]:
    """The measured values that a numeric answer may state: those of the last intervals before the answer.

    Empty if the goal asks for no measured number.
    """
    question = episode.task.goal.answer
    if question is None or question.measured is None:
        return ()
    before = [episode.initial_interval] if episode.initial_interval is not None else []
    seen = [*before, *(step.interval for step in episode.steps)][-question.window :]
    return tuple(measured_value(question.measured, interval, episode.task.scenario) for interval in seen)
