"""Properties of every generated task."""

from collections.abc import Sequence

import pytest

from sixgym.domain.intent import Target
from sixgym.domain.splits import SPLITS
from sixgym.scoring.goals import judge
from sixgym.tasks.build.generate import CALLS, SETTLING, SHARE, SLACK_STEPS, WINDOW, draw_task
from sixgym.tasks.parts.draft import spoken
from sixgym.tasks.record import DOMAINS, BenchTask, Domain, Tier, tier_of
from sixgym.tools.base import CATALOG
from tests.tasks.drawn import attempt, drawn, honestly_solved

CELLS: Sequence[tuple[Domain, Tier]] = (
    ("network-slicing", "L1"),
    ("edge-offloading", "L2"),
    ("uav-control", "L3"),
    ("degradation-recovery", "L1"),
    ("multi-agent-coordination", "L2"),
)
each_cell = pytest.mark.parametrize(("domain", "tier"), CELLS)


def figure(target: Target) -> str:
    """The bound of a target as an intent states it."""
    match target.metric:
        case "loss_ratio":
            return f"{100 * target.value:g}"
        case "traffic_share":
            return f"{round(100 * target.value):g}"
        case "breaches":
            return ""
        case "altitude_m":  # the intent states the level, two metres from either bound
            return f"{target.value + (2 if target.condition == 'IS_GREATER_THAN' else -2):g}"
        case "battery_percent":
            return f"{round(target.value):g}"
        case _:
            return f"{target.value:g}"


def demands(task: BenchTask) -> set[str]:
    """The texts that an intent has to hold, so that an agent knows the goal."""
    goal = task.task.goal
    said: set[str] = set()
    for target in (*goal.targets, *goal.constraints):
        said.add(figure(target))
        said.update(name for name in (target.device, target.slice) if name is not None)
        if target.metric in {"traffic_share", "task_latency_ms"}:
            said.add(target.group or "")
        if target.place is not None:
            said.add(spoken(target.place))
    for duty in goal.duties:
        said.update((duty.uav, duty.item))
    if goal.answer is not None:
        said.add("answer:")
    return said


@each_cell
def test_the_same_number_is_the_same_task_to_the_byte(domain: Domain, tier: Tier) -> None:
    assert draw_task(domain, tier, 1).model_dump_json() == drawn(domain, tier, 1).model_dump_json()


@each_cell
def test_another_number_is_another_task(domain: Domain, tier: Tier) -> None:
    one, other = drawn(domain, tier, 0).task, drawn(domain, tier, 1).task
    assert one.id != other.id
    assert one.intent != other.intent
    assert one.scenario != other.scenario


@each_cell
def test_a_task_has_a_topology_of_its_split_only(domain: Domain, tier: Tier) -> None:
    held_out, training = drawn(domain, tier, 0), drawn(domain, tier, 0, "training")
    assert (held_out.split, training.split) == ("held_out", "training")
    assert held_out.task.scenario.topology_seed in SPLITS["held_out"]
    assert training.task.scenario.topology_seed in SPLITS["training"]
    assert held_out.task.intent != training.task.intent


@each_cell
def test_the_reference_has_the_length_of_its_tier_and_valid_calls(domain: Domain, tier: Tier) -> None:
    task = drawn(domain, tier, 0)
    least, most = CALLS[tier]
    assert task.tier == tier == tier_of(len(task.reference))
    assert least <= len(task.reference) <= most
    for call in task.reference:
        CATALOG[call.tool].parse(call.arguments)


@each_cell
def test_the_reference_is_carried_out_and_succeeds(domain: Domain, tier: Tier) -> None:
    task = drawn(domain, tier, 0)
    episode = attempt(task, task.reference, task.reference_answer)
    assert [step.outcome.error for step in episode.steps] == [None] * len(task.reference)
    assert judge(episode).success


@each_cell
def test_an_idle_agent_fails_even_with_the_right_answer(domain: Domain, tier: Tier) -> None:
    task = drawn(domain, tier, 0)
    assert judge(attempt(task, (), "Done.")).success is False
    if task.task.goal.targets and any(part for part in task.parts if not part.startswith("asked")):
        assert judge(attempt(task, (), task.reference_answer)).success is False
    assert honestly_solved(task)


@each_cell
def test_the_intent_states_every_bound_of_the_goal(domain: Domain, tier: Tier) -> None:
    for number in (0, 1):
        task = drawn(domain, tier, number)
        missing = [text for text in demands(task) if text not in task.task.intent]
        assert not missing, task.task.intent


@each_cell
def test_the_network_runs_on_after_the_last_call_that_is_allowed(domain: Domain, tier: Tier) -> None:
    task, length = drawn(domain, tier, 0).task, len(drawn(domain, tier, 0).reference)
    assert task.horizon == task.max_steps + SETTLING + WINDOW
    assert (task.goal.window, task.goal.share) == (WINDOW, SHARE)
    assert task.max_steps >= min(2 * length, length + SLACK_STEPS)
    assert task.max_steps > length


def test_ids_are_unique() -> None:
    ids = [drawn(domain, tier, number).task.id for domain, tier in CELLS for number in (0, 1)]
    assert len(set(ids)) == len(ids)
    assert {domain for domain, _ in CELLS} == set(DOMAINS)
