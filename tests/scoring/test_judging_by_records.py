"""Success follows from recorded measurements, and never from what an agent claims."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sixgym.domain.geometry import GeofenceSpec, Position
from sixgym.domain.intent import Answer, Duty, Goal, Measurand, Target
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger, UavLedger
from sixgym.domain.slices import SliceType
from sixgym.episodes.episode import Episode
from sixgym.scoring.goals import judge, measured_value, recorded_intervals
from tests.episodes.samples import Caller, sample_episode


def graded(episode: Episode, *targets: Target, window: int = 10, share: float = 0.9) -> bool:
    goal = Goal(targets=targets, window=window, share=share)
    task = episode.task.model_copy(update={"goal": goal})
    return judge(episode.model_copy(update={"task": task})).success


def below(value: float) -> Target:
    return Target(metric="latency_ms", condition="IS_LESS_THAN", value=value, group="drone")


def with_latencies(episode: Episode, values: list[float]) -> Episode:
    """The episode with other latencies of the drones in its last intervals."""

    def changed(interval: Interval, latency_ms: float) -> Interval:
        flow = replace(interval.groups["drone"], latency_ms=latency_ms)
        return replace(interval, groups={**interval.groups, "drone": flow})

    tail = [changed(i, v) for i, v in zip(episode.remainder[-len(values) :], values, strict=True)]
    return episode.model_copy(update={"remainder": (*episode.remainder[: -len(values)], *tail)})


def test_the_goal_is_read_from_the_last_intervals_only() -> None:
    episode = with_latencies(sample_episode(), [100.0] * 5 + [10.0] * 10)
    assert graded(episode, below(40))
    assert not graded(episode, below(40), window=15)


@pytest.mark.parametrize(("bad", "success"), [(1, True), (2, False)])
def test_nine_of_ten_intervals_are_enough_and_eight_are_not(bad: int, success: bool) -> None:
    episode = with_latencies(sample_episode(), [100.0] * bad + [10.0] * (10 - bad))
    assert graded(episode, below(40)) is success


def test_every_target_has_to_hold() -> None:
    episode = with_latencies(sample_episode(), [10.0] * 10)
    impossible = Target(metric="throughput_mbps", condition="IS_GREATER_THAN", value=1e6, group="drone")
    assert graded(episode, below(40))
    assert not graded(episode, below(40), impossible)


def test_the_agents_answer_does_not_change_the_verdict_on_targets() -> None:
    episode = with_latencies(sample_episode(), [100.0] * 10)
    boasting = episode.model_copy(update={"answer": "The service level is met.", "terminated": True})
    assert judge(boasting) == judge(episode)
    assert not judge(boasting).success


def test_stopping_early_does_not_shorten_what_is_judged() -> None:
    early = sample_episode(agent=Caller())
    late = sample_episode(agent=Caller(*[("check_network_state", {})] * 20))
    assert len(recorded_intervals(early)) == len(recorded_intervals(late)) == early.task.horizon
    ends = [recorded_intervals(episode)[-1].end_ms for episode in (early, late)]
    assert ends == [early.task.horizon * early.task.scenario.decision_interval_ms] * 2


def test_an_episode_with_an_infrastructure_failure_is_no_success() -> None:
    episode = sample_episode(fail_after=5)
    assert episode.infrastructure_failure == "the test simulator broke"
    assert not judge(episode).success


def test_a_service_that_was_switched_off_does_not_meet_its_share() -> None:
    shed: dict[str, object] = {"spec": {"group": "camera", "action": "shed_flow", "duration_s": 600}}
    episode = sample_episode(agent=Caller(("graceful_degradation", shed)))
    share = Target(metric="traffic_share", condition="IS_GREATER_THAN", value=0.5, group="camera")
    assert episode.steps[0].outcome.ok, episode.steps[0].outcome.error
    assert not graded(episode, share)
    assert graded(sample_episode(), share)
    assert episode.remainder[-1].traffic_share == {"camera": 0.0}


def test_load_that_comes_back_before_the_window_counts_as_left_alone() -> None:
    pause: dict[str, object] = {"spec": {"group": "camera", "action": "shed_flow", "duration_s": 5}}
    episode = sample_episode(agent=Caller(("graceful_degradation", pause)))
    share = Target(metric="traffic_share", condition="IS_GREATER_THAN", value=0.5, group="camera")
    assert graded(episode, share)


def test_grading_a_stored_episode_again_gives_the_same_verdict() -> None:
    episode = sample_episode()
    assert judge(Episode.model_validate_json(episode.model_dump_json())) == judge(episode)


@pytest.mark.parametrize(
    ("metric", "where"),
    [
        ("latency_p95_ms", {"slice": "eMBB"}),
        ("jitter_ms", {"group": "camera"}),
        ("loss_ratio", {"group": "drone"}),
        ("throughput_mbps", {"slice": "eMBB"}),
        ("task_latency_ms", {"group": "drone"}),
        ("edge_load", {}),
        ("traffic_share", {"group": "camera"}),
    ],
)
def test_every_metric_is_read_where_the_target_points(metric: str, where: dict[str, str]) -> None:
    episode = sample_episode()
    interval = episode.remainder[-1]
    target = Target.model_validate({"metric": metric, "condition": "IS_LESS_THAN", "value": 1.0, **where})
    flow = {
        "latency_p95_ms": interval.slices[SliceType.EMBB].flow.latency_p95_ms,
        "jitter_ms": interval.groups["camera"].jitter_ms,
        "loss_ratio": interval.groups["drone"].loss_ratio,
        "throughput_mbps": interval.slices[SliceType.EMBB].flow.throughput_mbps,
        "task_latency_ms": interval.workloads["drone"].latency_ms,
        "edge_load": interval.nodes["edge-1"].load,
        "traffic_share": 1.0,
    }
    assert measured_value(target, interval, episode.task.scenario) == flow[metric]


@pytest.mark.parametrize(
    "where",
    [
        {"metric": "latency_ms"},
        {"metric": "edge_load", "group": "drone"},
        {"metric": "task_latency_ms", "slice": "eMBB"},
    ],
)
def test_a_target_that_points_nowhere_is_an_error(where: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"is measured per|about the whole network"):
        Target.model_validate({"condition": "IS_LESS_THAN", "value": 1.0, **where})


# ---------------------------------------------------------------------- UAVs
PLACE = Position(x_m=10, y_m=20, z_m=40)


def judged(episode: Episode, goal: Goal) -> bool:
    task = episode.task.model_copy(update={"goal": goal})
    return judge(episode.model_copy(update={"task": task})).success


def altered(interval: Interval, places: Mapping[str, Position], **changes: object) -> Interval:
    """The interval with UAVs at other positions."""
    devices = {
        name: replace(device, position=places.get(name, device.position))
        for name, device in interval.devices.items()
    }
    return replace(interval, devices=devices, **changes)  # type: ignore[arg-type]


def flying(*places: Position) -> Episode:
    """An episode with drone-1 at the given positions in the last intervals."""
    episode = sample_episode()
    tail = [
        altered(interval, {"drone-1": place})
        for interval, place in zip(episode.remainder[-len(places) :], places, strict=True)
    ]
    return episode.model_copy(update={"remainder": (*episode.remainder[: -len(places)], *tail)})


def of(metric: str, condition: str, value: float, **where: object) -> Target:
    return Target.model_validate({"metric": metric, "condition": condition, "value": value, **where})


def test_a_uav_is_at_a_place_only_within_the_distance_asked_for() -> None:
    off = Position(x_m=13, y_m=24, z_m=40)
    for within_m, met in ((4.9, False), (5.1, True)):
        near = of("distance_m", "IS_LESS_THAN", within_m, device="drone-1", place=PLACE)
        assert judged(flying(off), Goal(targets=(near,), window=1)) is met
        other = near.model_copy(update={"device": "drone-2"})
        assert not judged(flying(off), Goal(targets=(other,), window=1))


def test_a_uav_that_comes_too_late_or_leaves_is_not_there() -> None:
    near = of("distance_m", "IS_LESS_THAN", 5, device="drone-1", place=PLACE)
    goal = Goal(targets=(near,), window=4, share=0.75)
    away = Position(x_m=90, y_m=90, z_m=40)
    assert judged(flying(PLACE, PLACE, PLACE, PLACE), goal)
    assert judged(flying(away, PLACE, PLACE, PLACE), goal)
    assert not judged(flying(away, away, PLACE, PLACE), goal)
    assert not judged(flying(PLACE, PLACE, away, away), goal)


def test_altitude_is_height_above_ground() -> None:
    goals = [
        Goal(targets=(of("altitude_m", "IS_LESS_THAN", high, device="drone-1"),), window=1)
        for high in (39, 41)
    ]
    assert [judged(flying(PLACE), goal) for goal in goals] == [False, True]


def test_separation_is_the_smallest_distance_of_two_uavs_of_the_group() -> None:
    episode = sample_episode()
    interval, scenario = episode.remainder[-1], episode.task.scenario
    names = scenario.group("drone").device_ids
    spread = {name: Position(x_m=100.0 * place, y_m=0, z_m=40) for place, name in enumerate(names)}
    spread[names[-1]] = Position(x_m=3, y_m=4, z_m=40)
    target = of("separation_m", "IS_GREATER_THAN", 10, group="drone")
    assert measured_value(target, altered(interval, spread), scenario) == 5.0


def test_breaches_count_uavs_where_a_fence_forbids_them() -> None:
    episode = sample_episode()
    square = ((0.0, 0.0), (50.0, 0.0), (50.0, 50.0), (0.0, 50.0))
    fence = GeofenceSpec(polygon=square, mode="keep_out")
    scenario = episode.task.scenario.model_copy(update={"geofences": (fence,)})
    names = scenario.group("drone").device_ids
    far = {name: Position(x_m=500, y_m=500, z_m=40) for name in names}
    target = of("breaches", "IS_LESS_THAN", 1)
    interval = episode.remainder[-1]
    assert measured_value(target, altered(interval, far), scenario) == 0
    assert measured_value(target, altered(interval, far | {names[0]: PLACE}), scenario) == 1
    assert measured_value(target, altered(interval, far | {names[0]: PLACE, names[1]: PLACE}), scenario) == 2


def test_a_target_on_a_device_is_about_its_own_packets() -> None:
    episode = sample_episode()
    interval = episode.remainder[-1]
    for name in episode.task.scenario.group("drone").device_ids:
        target = of("latency_ms", "IS_LESS_THAN", 1, device=name)
        assert (
            measured_value(target, interval, episode.task.scenario) == interval.devices[name].flow.latency_ms
        )


# ---------------------------------------------------------------------- constraints
def test_a_constraint_has_to_hold_in_every_interval_of_the_task() -> None:
    episode = sample_episode()
    easy = (of("traffic_share", "IS_GREATER_THAN", 0.5, group="drone"),)
    low = min(interval.battery_percent["drone-1"] for interval in recorded_intervals(episode))
    for reserve, held in ((low - 0.001, True), (low + 0.001, False)):
        reserve_left = of("battery_percent", "IS_GREATER_THAN", reserve, device="drone-1")
        assert judged(episode, Goal(targets=easy, constraints=(reserve_left,))) is held


def test_one_breach_long_before_the_window_is_a_violation() -> None:
    episode = sample_episode()
    first = episode.remainder[0]
    dipped = replace(first, battery_percent={**first.battery_percent, "drone-1": 1.0})
    episode = episode.model_copy(update={"remainder": (dipped, *episode.remainder[1:])})
    reserve = of("battery_percent", "IS_GREATER_THAN", 20, device="drone-1")
    share = of("traffic_share", "IS_GREATER_THAN", 0.5, group="drone")
    task = episode.task.model_copy(update={"goal": Goal(targets=(share,), constraints=(reserve,))})
    verdict = judge(episode.model_copy(update={"task": task}))
    assert not verdict.success
    assert verdict.violations == 1
    assert [target.met for target in verdict.targets] == [True]


# ---------------------------------------------------------------------- duties
TASK = Duty(kind="task", uav="drone-1", item="survey-1")
ALERT = Duty(kind="alert", uav="drone-1", item="low_battery")
SENSOR = Duty(kind="sensor", uav="drone-1", item="lidar")
DONE = UavLedger(tasks=("survey-1",), inbox=("alert: low_battery",), sensors=("lidar",))
OTHERS = UavLedger(tasks=("count-2",), inbox=("alert: mission_abort", "hello"), sensors=("gas",))


@pytest.mark.parametrize("duty", [TASK, ALERT, SENSOR], ids=["task", "alert", "sensor"])
@pytest.mark.parametrize(
    ("first", "second", "met"),
    [
        (DONE, UavLedger(), True),
        (DONE, OTHERS, True),
        (DONE, DONE, False),
        (UavLedger(), DONE, False),
        (UavLedger(), UavLedger(), False),
        (OTHERS, UavLedger(), False),
    ],
    ids=["done", "others hold other things", "both hold it", "the wrong one", "nobody", "another thing"],
)
def test_a_duty_is_met_if_the_named_uav_and_no_other_has_it(
    duty: Duty, first: UavLedger, second: UavLedger, met: bool
) -> None:
    ledger = Ledger(uavs={"drone-1": first, "drone-2": second})
    episode = sample_episode().model_copy(update={"ledger": ledger})
    assert judged(episode, Goal(duties=(duty,))) is met


def test_two_duties_may_name_two_uavs_for_one_item() -> None:
    both = (TASK, TASK.model_copy(update={"uav": "drone-2"}))
    episode = sample_episode()
    for second, met in ((DONE, True), (UavLedger(), False)):
        ledger = Ledger(uavs={"drone-1": DONE, "drone-2": second})
        assert judged(episode.model_copy(update={"ledger": ledger}), Goal(duties=both)) is met


def test_a_message_of_another_uav_is_no_alert() -> None:
    ledger = Ledger(uavs={"drone-1": UavLedger(inbox=("drone-2: alert: low_battery", "low_battery"))})
    assert not judged(sample_episode().model_copy(update={"ledger": ledger}), Goal(duties=(ALERT,)))


def test_without_a_ledger_no_duty_is_met() -> None:
    assert not judged(sample_episode().model_copy(update={"ledger": None}), Goal(duties=(TASK,)))


# ---------------------------------------------------------------------- answers
def test_a_measured_answer_is_compared_with_the_intervals_before_it_and_none_after() -> None:
    episode = sample_episode(agent=Caller(*[("check_network_state", {})] * 3))
    levels = [90.0, 70.0, 71.0]

    def with_battery(interval: Interval, percent: float) -> Interval:
        return replace(interval, battery_percent={**interval.battery_percent, "drone-1": percent})

    steps = tuple(
        step.model_copy(update={"interval": with_battery(step.interval, level)})
        for step, level in zip(episode.steps, levels, strict=True)
    )
    later = tuple(with_battery(interval, 50.0) for interval in episode.remainder)
    battery = Measurand(metric="battery_percent", device="drone-1")
    goal = Goal(answer=Answer(measured=battery, window=2, tolerance=0.5))
    for said, right in ((69.6, True), (71.4, True), (72, False), (90, False), (50, False)):
        told = episode.model_copy(update={"steps": steps, "remainder": later, "answer": f"answer: {said}"})
        assert judged(told, goal) is right


def test_an_answer_given_at_once_is_compared_with_the_first_interval() -> None:
    episode = sample_episode(agent=Caller())
    assert episode.initial_interval is not None
    percent = episode.initial_interval.battery_percent["drone-1"]
    battery = Measurand(metric="battery_percent", device="drone-1")
    goal = Goal(answer=Answer(measured=battery, tolerance=0.01))
    for off, right in ((0, True), (1, False)):
        told = episode.model_copy(update={"answer": f"answer: {percent - off:.3f}"})
        assert judged(told, goal) is right
