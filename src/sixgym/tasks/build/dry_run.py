"""Dry runs of a draft on the fast simulator: with the reference solution, and without any call.

Noise would decide a goal that the reference solution only just meets, or that an idle agent only just misses.
So the bounds of a goal follow the network's performance with a margin, and an idle agent has to miss every
part of the goal clearly. All margins here are chosen, not measured.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.intent import Target
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import ToolCall
from sixgym.scoring.goals import measured_value
from sixgym.tasks.parts.draft import Bounds, Draft, UnsuitableError, two_digits

HEADROOM = 1.4
"""Margin between a bound on delay or rate and the worst value of the reference solution, as a factor."""

LOSS_HEADROOM = 0.03
"""Margin of a bound on loss, as a ratio of packets."""

MOST_RELAXED = 3.0
"""Largest factor by which a bound on delay or rate may be weaker than the usual bound."""

MOST_LOSS = 0.25
"""Weakest bound on loss, as a ratio of packets: a weaker one would be no service level."""

CLEAR = 1.3
"""Factor by which an idle agent has to miss a bound in every interval of the window."""

CLEAR_LOSS = 0.05
"""The same margin for loss, as a ratio of packets."""

CLEAR_M = 3.0
"""The same margin for distances and altitudes, in metres."""

FITTED = ("latency_ms", "task_latency_ms", "loss_ratio", "throughput_mbps")


@dataclass(frozen=True, slots=True)
class DryRun:
    """The last intervals of three runs of one network.

    Attributes:
        solved: Run with the reference solution from the start.
        late: Run with the reference solution as late as the budget of calls allows, because an agent that
            observes first must not fail for that.
        idle: Run without any call.
    """

    solved: tuple[Interval, ...]
    late: tuple[Interval, ...]
    idle: tuple[Interval, ...]


def run_dry(
    backend: SimulatedBackend, draft: Draft, *, seed: int, max_steps: int, horizon: int, window: int
) -> DryRun:
    """Run the draft's network three times.

    Raises:
        UnsuitableError: a call of the reference is refused.
    """

    def run(calls: Sequence[ToolCall], delay: int = 0) -> tuple[Interval, ...]:
        backend.reset(draft.scenario, seed=seed)
        intervals = [backend.idle() for _ in range(delay)]
        intervals += [_carried_out(backend, call) for call in calls]
        return (*intervals, *(backend.idle() for _ in range(horizon - len(intervals))))[-window:]

    return DryRun(run(draft.calls), run(draft.calls, max_steps - len(draft.calls)), run(()))


def fitting_bounds(draft: Draft, dry_run: DryRun) -> Bounds:
    """Bounds that the reference solution meets with a margin; for a battery reserve, the used battery.

    Raises:
        UnsuitableError: the reference solution achieves too little for a sensible bound.
    """
    bounds: dict[Target, float] = {}
    for target in draft.targets:
        if target.metric in FITTED:
            values = _values(target, draft.scenario, dry_run)
            bounds[target] = _fitted(target, values)
    for constraint in draft.constraints:
        if constraint.metric == "battery_percent":
            bounds[constraint] = _used_percent(constraint, draft, dry_run)
    return bounds


def _used_percent(reserve: Target, draft: Draft, dry_run: DryRun) -> float:
    """Largest use of the UAV's battery in any of the runs, in percentage points."""
    airframe = draft.fleet.airframe
    assert airframe is not None  # only a UAV has a battery
    last = (run[-1] for run in (dry_run.solved, dry_run.late, dry_run.idle))
    left = min(measured_value(reserve, interval, draft.scenario) for interval in last)
    return 100 * airframe.initial_battery_ratio - left


def check(draft: Draft, dry_run: DryRun) -> None:
    """Check that the reference solution meets every target, and that an idle agent clearly fails every part.

    Raises:
        UnsuitableError: one of the two does not hold.
    """
    scenario = draft.scenario
    for target in draft.targets:
        if not all(map(target.met_by, _values(target, scenario, dry_run))):
            raise UnsuitableError(f"the reference solution misses {target.metric}")
    for part in draft.parts:
        if part.targets and not any(
            all(
                _clearly_missed(target, measured_value(target, interval, scenario))
                for interval in dry_run.idle
            )
            for target in part.targets
        ):
            raise UnsuitableError(f"an idle agent does not clearly fail {part.name}")


def _values(target: Target, scenario: Scenario, dry_run: DryRun) -> list[float]:
    """Values of a target in the runs with the reference solution, early and late."""
    return [measured_value(target, interval, scenario) for interval in (*dry_run.solved, *dry_run.late)]


def _carried_out(backend: SimulatedBackend, call: ToolCall) -> Interval:
    transition = backend.execute(call)
    if transition.outcome.error is not None:
        raise UnsuitableError(f"{call.tool}: {transition.outcome.error}")
    return transition.interval


def _fitted(target: Target, values: Sequence[float]) -> float:
    usual, worst = target.value, max(values)
    if target.metric == "loss_ratio":
        if worst + LOSS_HEADROOM > MOST_LOSS:
            raise UnsuitableError("the reference solution loses too many packets")
        return max(usual, round(worst + LOSS_HEADROOM, 2))
    if target.metric == "throughput_mbps":
        floor = min(usual, two_digits(min(values) / HEADROOM))
        if floor < usual / MOST_RELAXED:
            raise UnsuitableError("the reference solution delivers too little")
        return floor
    bound = max(usual, two_digits(worst * HEADROOM))
    if bound > usual * MOST_RELAXED:
        raise UnsuitableError("the reference solution is too slow")
    return bound


def _clearly_missed(target: Target, value: float) -> bool:
    match target.metric:
        case "latency_ms" | "task_latency_ms":
            return value > CLEAR * target.value
        case "loss_ratio":
            return value > target.value + CLEAR_LOSS
        case "throughput_mbps":
            return value < target.value / CLEAR
        case _:
            far = value - target.value if target.condition == "IS_LESS_THAN" else target.value - value
            return far > CLEAR_M
