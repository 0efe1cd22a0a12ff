"""A dry run of a draft on the fast simulator: what its solution achieves, and what doing nothing leads to.

A goal that the reference solution just meets would be decided by noise, and one that an idle agent just
misses would be, too. So bounds follow what the network can do, with a margin, and every part has to fail
for sure where nobody acts.
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
"""A delay or rate bound leaves the solution this factor."""

LOSS_HEADROOM = 0.03
MOST_RELAXED = 3.0
"""A delay bound may grow, or a floor shrink, by this factor over the usual one."""

MOST_LOSS = 0.25
CLEAR = 1.3
"""Doing nothing has to miss a bound by this factor in every interval of the window."""

CLEAR_LOSS = 0.05
CLEAR_M = 3.0

FITTED = ("latency_ms", "task_latency_ms", "loss_ratio", "throughput_mbps")


@dataclass(frozen=True, slots=True)
class DryRun:
    """The last intervals of three runs of one network.

    Attributes:
        solved: With the reference's calls at once.
        late: With the same calls as late as the budget allows: looking around first must not cost success.
        idle: Without any.
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
    """Bounds that the solution meets with room to spare; for a battery reserve, what is used of the battery.

    Raises:
        UnsuitableError: what the solution achieves is too poor to be asked for.
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
    """Most of its battery that the UAV used in any of the runs, in percentage points."""
    airframe = draft.fleet.airframe
    assert airframe is not None  # who has a battery flies
    last = (run[-1] for run in (dry_run.solved, dry_run.late, dry_run.idle))
    left = min(measured_value(reserve, interval, draft.scenario) for interval in last)
    return 100 * airframe.initial_battery_ratio - left


def check(draft: Draft, dry_run: DryRun) -> None:
    """That the solution meets every target, and that an idle agent surely fails every part.

    Raises:
        UnsuitableError: it does not.
    """
    scenario = draft.scenario
    for target in draft.targets:
        if not all(map(target.met_by, _values(target, scenario, dry_run))):
            raise UnsuitableError(f"the solution misses {target.metric}")
    for part in draft.parts:
        if part.targets and not any(
            all(
                _clearly_missed(target, measured_value(target, interval, scenario))
                for interval in dry_run.idle
            )
            for target in part.targets
        ):
            raise UnsuitableError(f"{part.name} does no clear harm")


def _values(target: Target, scenario: Scenario, dry_run: DryRun) -> list[float]:
    """What the solution led to, at once and late."""
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
            raise UnsuitableError("too much is lost whatever is done")
        return max(usual, round(worst + LOSS_HEADROOM, 2))
    if target.metric == "throughput_mbps":
        floor = min(usual, two_digits(min(values) / HEADROOM))
        if floor < usual / MOST_RELAXED:
            raise UnsuitableError("too little gets through whatever is done")
        return floor
    bound = max(usual, two_digits(worst * HEADROOM))
    if bound > usual * MOST_RELAXED:
        raise UnsuitableError("too slow whatever is done")
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
