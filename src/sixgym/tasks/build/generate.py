"""Making tasks by number: the same domain, tier, number and split give the same task everywhere.

A task is put together from parts. Each part breaks something in the network or asks for something, adds
to the goal, says it in the operator's words, and contributes the calls that cure it. The tier follows from
how many calls that takes (6GAgentGym section III-D).
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
"""Fewest and most calls of a tier's reference solutions; nothing in 6GAgentGym bounds L3 from above."""

SLACK_STEPS = 5
"""An agent may make half as many calls more than the reference, and at least this many more."""

WINDOW, SHARE = 4, 0.75
"""The goal is judged over the last 2 s, and one interval in four may miss: ns-3 is noisy."""

SETTLING = 8
"""Intervals between the last call that is allowed and the window: who acts last succeeds, too.

Queues drain, handovers finish, and a UAV flies 40 m."""

REACH_M: Mapping[Tier, float] = {"L1": 20.0, "L2": 26.0, "L3": 32.0}
"""How far a UAV may be sent; farther where the reference leaves it more time."""

BATTERY_ROOM = 1.1
"""A battery reserve leaves this much of what hovering or the reference needs: sensors nobody asked for, or
flying about, use it up."""

ATTEMPTS = 400


class TaskGenerator:
    """Draws tasks by number.

    Args:
        backend: A network on which drafts are tried: the fast simulator. Tasks depend on its version.
    """

    def __init__(self, backend: SimulatedBackend) -> None:
        self._backend = backend

    def draw(self, domain: Domain, tier: Tier, number: int, *, split: Split = "held_out") -> BenchTask:
        """The task of that number; its reference solution works on the simulator it was tried on.

        Args:
            domain: What it is mainly about.
            tier: How long its reference solution is.
            number: Any number from 0; each is another task.
            split: Which topology seeds it may have: held_out for grading, training to learn from.

        Raises:
            UnsuitableError: no attempt led to a task.
        """
        reasons: Counter[str] = Counter()
        for attempt in range(ATTEMPTS):
            make = functools.partial(
                _put_together, domain, tier, f"{split}/{domain}/{tier}/{number}/{attempt}", split
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
            f"no task {tier}/{domain}/{number} in {ATTEMPTS} attempts: {reasons.most_common(3)}"
        )


def draw_task(domain: Domain, tier: Tier, number: int, *, split: Split = "held_out") -> BenchTask:
    """One task, see `TaskGenerator.draw`."""
    backend = SimulatedBackend(make_simulator("tti"))
    try:
        return TaskGenerator(backend).draw(domain, tier, number, split=split)
    finally:
        backend.close()


def _put_together(domain: Domain, tier: Tier, name: str, split: Split, bounds: Bounds) -> tuple[Draft, int]:
    """A draft and the seed of its traffic; the same name gives the same parts, whatever the bounds."""
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
        raise UnsuitableError("another tier's length")
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
    """Constraints that hold all the time: airspace, and in some tasks a battery reserve."""
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
    """The service level that the intent asks for first: delay and loss of a service, in the slice it is for.

    Where it asks for none, what the managed service has to go on receiving.
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
