"""Success is computed from recorded measurements and from nothing an agent says."""

from dataclasses import replace

import pytest

from sixgym.domain.intent import Goal, Target
from sixgym.domain.measurement import Interval
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
    """The episode with these latencies of the drones in its last intervals."""

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


def test_what_the_agent_answers_changes_nothing() -> None:
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


def test_an_episode_that_broke_on_our_side_is_no_success() -> None:
    episode = sample_episode(fail_after=5)
    assert episode.infrastructure_failure == "the test simulator broke"
    assert not judge(episode).success


def test_a_service_that_was_switched_off_does_not_meet_its_share() -> None:
    shed = {"spec": {"group": "camera", "action": "shed_flow", "duration_s": 600}}
    episode = sample_episode(agent=Caller(("graceful_degradation", shed)))
    share = Target(metric="traffic_share", condition="IS_GREATER_THAN", value=0.5, group="camera")
    assert episode.steps[0].outcome.ok, episode.steps[0].outcome.error
    assert not graded(episode, share)
    assert graded(sample_episode(), share)
    assert episode.remainder[-1].traffic_share == {"camera": 0.0}


def test_load_that_comes_back_before_the_window_counts_as_left_alone() -> None:
    pause = {"spec": {"group": "camera", "action": "shed_flow", "duration_s": 5}}
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
        "latency_p95_ms": interval.slices["eMBB"].flow.latency_p95_ms,
        "jitter_ms": interval.groups["camera"].jitter_ms,
        "loss_ratio": interval.groups["drone"].loss_ratio,
        "throughput_mbps": interval.slices["eMBB"].flow.throughput_mbps,
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
