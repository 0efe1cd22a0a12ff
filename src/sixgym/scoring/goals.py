"""Whether an episode met its goal: decided from recorded measurements, and from nothing else."""

from collections.abc import Callable
from dataclasses import dataclass

from sixgym.domain.intent import Target
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Episode

_FLOW_METRICS: dict[str, Callable[[PacketFlow], float]] = {
    "latency_ms": lambda flow: flow.latency_ms,
    "latency_p95_ms": lambda flow: flow.latency_p95_ms,
    "jitter_ms": lambda flow: flow.jitter_ms,
    "loss_ratio": lambda flow: flow.loss_ratio,
    "throughput_mbps": lambda flow: flow.throughput_mbps,
}


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """A target over the goal's window.

    Attributes:
        target: The target.
        measured: Its value in every interval of the window.
        held: Share of those intervals in which it was met, 0 to 1.
        met: Whether that share reaches the goal's.
    """

    target: Target
    measured: tuple[float, ...]
    held: float
    met: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """Success and its reasons. An episode cut short by our side is no success."""

    success: bool
    targets: tuple[TargetVerdict, ...]


def judge(episode: Episode) -> Verdict:
    """Grade an episode; grading a stored one again gives the same verdict."""
    goal = episode.task.goal
    intervals = recorded_intervals(episode)
    window = intervals[-goal.window :]
    targets = tuple(
        _judge_target(target, goal.share, window, episode.task.scenario) for target in goal.targets
    )
    complete = episode.infrastructure_failure is None and len(intervals) >= episode.task.horizon
    return Verdict(complete and all(target.met for target in targets), targets)


def recorded_intervals(episode: Episode) -> tuple[Interval, ...]:
    """Every interval of the task in order, the warm-up's excluded."""
    return (*(step.interval for step in episode.steps), *episode.remainder)


def measured_value(target: Target, interval: Interval, scenario: Scenario) -> float:
    """What a target is about, as it was measured in an interval.

    Latency and jitter are those of the packets that arrived; an interval without a single one shows
    the age of the oldest waiting packet, so an outage cannot pass for a fast network. Where some
    arrive and some are lost, a target on loss has to say so.
    """
    if target.metric == "edge_load":
        assert scenario.home_edge is not None  # loading a scenario checks it
        return interval.nodes[scenario.home_edge].load
    if target.group is None:
        assert target.slice is not None
        return _FLOW_METRICS[target.metric](interval.slices[target.slice].flow)
    if target.metric == "task_latency_ms":
        return interval.workloads[target.group].latency_ms
    if target.metric == "traffic_share":
        return interval.traffic_share.get(target.group, 1.0)
    return _FLOW_METRICS[target.metric](interval.groups[target.group])


def _judge_target(
    target: Target, share: float, window: tuple[Interval, ...], scenario: Scenario
) -> TargetVerdict:
    measured = tuple(measured_value(target, interval, scenario) for interval in window)
    held = sum(map(target.met_by, measured)) / len(measured) if measured else 0.0
    return TargetVerdict(target, measured, held, bool(measured) and held >= share)
