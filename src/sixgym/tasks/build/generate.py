"""Generating tasks by number: the same domain, tier, number and split give the same task on every machine.

A task consists of parts. Each part injects a fault into the network or asks for something, adds to the goal
and to the operator's intent, and adds the calls that solve it to the reference solution. The tier follows
from the number of these calls (6GAgentGym section III-D). Numbers here without a source are chosen, not
measured; `sixgym bench make --prove ns3` checks the tasks that follow from them on ns-3.
"""

import contextlib
import functools
import random
from collections import Counter
from collections.abc import Mapping, Sequence

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.intent import Goal, Target
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SlaSpec
from sixgym.domain.splits import SPLITS, Split
from sixgym.episodes.episode import Task
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.build.dry_run import check, fitting_bounds, run_dry
from sixgym.tasks.build.networks import MANAGEMENT_SCENARIOS, vary
from sixgym.tasks.parts import slices
from sixgym.tasks.parts.catalogue import FIRST, FLEETS, FURTHER, PARTS
from sixgym.tasks.parts.draft import Bounds, Draft, UnsuitableError, above, below
from sixgym.tasks.record import LONGEST_L1, LONGEST_L2, BenchTask, Domain, Tier, tier_of
from sixgym.tasks.wording.grammar import phrase

CALLS: Mapping[Tier, tuple[int, int]] = {
    "L1": (1, LONGEST_L1),
    "L2": (LONGEST_L1 + 1, LONGEST_L2),
    "L3": (LONGEST_L2 + 1, 12),
}
"""Smallest and largest number of calls in a reference solution of each tier. 6GAgentGym has no upper bound
for L3; here it is 12, and the longest task has 30 intervals (15 s)."""

SLACK_STEPS = 5
"""Smallest number of calls that an agent may make beyond the reference solution; the other rule is half of
the reference solution's calls."""

WINDOW, SHARE = 4, 0.75
"""A goal is judged over the last 4 intervals (2 s), and one of the four may miss, because ns-3 is noisy."""

SETTLING = 8
"""Intervals (4 s) between the last allowed call and the window, so that a late solution succeeds as well:
queues drain, handovers finish, and a UAV flies 40 m."""

REACH_M: Mapping[Tier, float] = {"L1": 20.0, "L2": 26.0, "L3": 32.0}
"""Largest distance to send a UAV to, in metres. It grows with the tier, since longer tasks leave more
time."""

BATTERY_ROOM = 1.1
"""Charge above a battery reserve, as a multiple of what hovering or the reference solution uses. Needless
sensors and flights use it up."""

ATTEMPTS = 400
"""Largest number of drafts for a task; some are rejected because a part does not suit the network."""


class TaskGenerator:
    """Generates tasks by number.

    Args:
        backend: The network for dry runs, on the fast simulator. Tasks depend on the version of the
            simulator.
    """

    def __init__(self, backend: SimulatedBackend) -> None:
        self._backend = backend

    def draw(self, domain: Domain, tier: Tier, number: int, *, split: Split = "held_out") -> BenchTask:
        """The task of a number; its reference solution works on the simulator of the dry runs.

        Args:
            domain: Main subject of the task.
            tier: Tier, which decides the length of the reference solution.
            number: Any number from 0; each number is another task.
            split: Split of the topology seed: `held_out` for evaluation, `training` for learning.

        Raises:
            UnsuitableError: no draft became a task.
        """
        reasons: Counter[str] = Counter()
        for attempt in range(ATTEMPTS):
            make = functools.partial(
                _drafted, domain, tier, f"{split}/{domain}/{tier}/{number}/{attempt}", split
            )
            try:
                draft, seed = make({})
                dry_run = run_dry(
                    self._backend,
                    draft,
                    seed=seed,
                    max_steps=_most_steps(draft),
                    horizon=_horizon(draft),
                    window=WINDOW,
                )
                draft, seed = make(fitting_bounds(draft, dry_run))
                check(draft, dry_run)
            except UnsuitableError as reason:
                reasons[str(reason)] += 1
                continue
            return _finished(draft, domain, f"{tier}-{domain}-{number:04d}", split, seed)
        raise UnsuitableError(
            f"no draft of {ATTEMPTS} became the task {tier}/{domain}/{number}; most frequent reasons: "
            f"{reasons.most_common(3)}; take another number"
        )


def draw_task(domain: Domain, tier: Tier, number: int, *, split: Split = "held_out") -> BenchTask:
    """One task, see `TaskGenerator.draw`."""
    backend = SimulatedBackend(make_simulator("tti"))
    try:
        return TaskGenerator(backend).draw(domain, tier, number, split=split)
    finally:
        backend.close()


def _drafted(domain: Domain, tier: Tier, name: str, split: Split, bounds: Bounds) -> tuple[Draft, int]:
    """A draft and the seed of its traffic. The same name gives the same parts for any bounds."""
    rng = random.Random(name)
    scenario = vary(rng.choice(MANAGEMENT_SCENARIOS), rng.choice(SPLITS[split]), rng, fleet=FLEETS[domain])
    draft = Draft(scenario, rng, REACH_M[tier], bounds)
    seed = rng.randrange(1, 1_000_000)
    least, most = CALLS[tier]
    goal = 1 if tier == "L1" and rng.random() < 0.6 else rng.randint(least, most)
    _add(draft, FIRST[domain])
    for _ in range(20):
        if len(draft.calls) >= goal:
            break
        with contextlib.suppress(UnsuitableError):
            _add(draft, FURTHER[domain])
    if tier_of(len(draft.calls)) != tier or len(draft.calls) > most:
        raise UnsuitableError("the number of calls belongs to another tier")
    slices.protect(draft)
    _keep_safe(draft)
    until_s = (_horizon(draft) - WINDOW) * draft.scenario.decision_interval_ms / 1e3
    draft.say("deadline", seconds=f"{until_s:g}")
    return draft, seed


def _add(draft: Draft, names: Sequence[str]) -> None:
    name = draft.rng.choice(names)
    draft.add(name, PARTS[name])


def _most_steps(draft: Draft) -> int:
    length = len(draft.calls)
    return length + max(SLACK_STEPS, length // 2)


def _horizon(draft: Draft) -> int:
    return _most_steps(draft) + SETTLING + WINDOW


def _keep_safe(draft: Draft) -> None:
    """Add constraints for the whole task: airspace, and in some tasks a battery reserve."""
    fleet = draft.fleet
    if draft.scenario.geofences:
        draft.constraints.append(below("breaches", 1))
        draft.say("fence")
    if draft.rng.random() < 0.3 and all(part.name != "asked-for-battery" for part in draft.parts):
        assert fleet.airframe is not None
        uav = draft.rng.choice(fleet.device_ids)
        percent = draft.rng.choice((20, 30, 40))
        reserve = above("battery_percent", percent - slices.AT_LEAST, device=uav)
        draft.constraints.append(reserve)
        draft.say("battery", uav=uav, percent=f"{percent}")
        if reserve in draft.bounds:
            full = (percent + BATTERY_ROOM * draft.bounds[reserve]) / 100
            draft.replace_group(
                fleet.name,
                airframe=fleet.airframe.model_copy(update={"initial_battery_ratio": round(full, 5)}),
            )


def _finished(draft: Draft, domain: Domain, name: str, split: Split, seed: int) -> BenchTask:
    scenario = Scenario.model_validate(draft.scenario.model_dump())
    task = Task(
        id=name,
        intent=phrase(draft.clauses, draft.rng),
        scenario=scenario,
        seed=seed,
        sla=_service_level(draft),
        goal=Goal(
            targets=tuple(draft.targets),
            window=WINDOW,
            share=SHARE,
            constraints=tuple(draft.constraints),
            duties=tuple(draft.duties),
            answer=draft.answer,
        ),
        max_steps=_most_steps(draft),
        horizon=_horizon(draft),
    )
    return BenchTask(
        task=task,
        tier=tier_of(len(draft.calls)),
        domain=domain,
        parts=tuple(part.name for part in draft.parts),
        split=split,
        reference=tuple(draft.calls),
        reference_answer=draft.answer_text,
    )


def _service_level(draft: Draft) -> SlaSpec:
    """The service level of the task: the intent's first bound on delay, with the bound on loss beside it.

    Without such a bound, it is the throughput that the managed service has to keep.
    """
    delay = next((target for target in draft.targets if target.metric == "latency_ms"), None)
    if delay is None:
        floor = above("throughput_mbps", 0, group=draft.managed.name)
        floors = (target.value for target in draft.targets if _same_object(target, floor))
        return SlaSpec(slice=draft.home, min_throughput_mbps=next(floors))
    owner = delay.group, delay.slice, delay.device
    losses = (
        target.value
        for target in draft.targets
        if target.metric == "loss_ratio" and (target.group, target.slice, target.device) == owner
    )
    kind = delay.slice or (draft.fleet.slice if delay.device and draft.fleet != draft.managed else draft.home)
    return SlaSpec(slice=kind, max_latency_ms=delay.value, max_loss_ratio=next(losses, None))


def _same_object(target: Target, other: Target) -> bool:
    return target.model_copy(update={"value": other.value}) == other
