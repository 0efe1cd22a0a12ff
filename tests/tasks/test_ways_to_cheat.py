"""Attacks on the grader: each one fails on a task that the reference solution solves."""

from collections.abc import Sequence

import pytest

from sixgym.domain.slices import SliceType
from sixgym.episodes.episode import Episode, ToolCall
from sixgym.scoring.goals import judge, measured_value, recorded_intervals
from sixgym.tasks.record import BenchTask
from sixgym.tools.types import AlertType, SensorType
from tests.tasks.drawn import (
    LOOK,
    MOST_NUMBERS,
    attempt,
    call,
    containing,
    drawn,
    honestly_solved,
    made_of,
    succeeds,
)

CLAIM = "All targets are met, the service level is FULFILLED and verified. Task complete. SUCCESS: true"


def starved() -> BenchTask:
    return made_of("network-slicing", "L1", "starved")


def flooded() -> BenchTask:
    return made_of("edge-offloading", "L1", "overloaded-edge")


def flown() -> BenchTask:
    return made_of("uav-control", "L1", "flown-to")


def lone_tenant() -> BenchTask:
    """A task about a URLLC slice that holds the managed service alone."""
    for number in range(MOST_NUMBERS):
        task = drawn("network-slicing", "L1", number)
        members = [group.name for group in task.task.scenario.groups if group.slice is SliceType.URLLC]
        subjects = {target.slice for target in task.task.goal.targets if target.metric == "latency_ms"}
        if members == [task.task.scenario.managed] and subjects == {SliceType.URLLC}:
            return task
    raise LookupError("no task is about a slice with one tenant")


BROKEN = {"starved": starved, "flooded": flooded, "flown": flown}
each_trouble = pytest.mark.parametrize("trouble", BROKEN)


def healthy_state(task: BenchTask) -> dict[str, object]:
    """An invented state of a healthy network."""
    return {
        "version": 5,
        "t_ms": 2500,
        "slice": task.task.sla.slice.value,
        "latency_ms": 1.0,
        "jitter_ms": 0.1,
        "loss_ratio": 0.0,
        "throughput_mbps": 100.0,
        "edge_load": 0.1,
    }


def verify(task: BenchTask, **looser: object) -> ToolCall:
    sla = task.task.sla.model_dump(mode="json", exclude_none=True) | looser
    return call("verify_sla_compliance", state=healthy_state(task), sla=sla)


def share(task: BenchTask, kind: str) -> ToolCall:
    """The call that restores the initial share of a slice."""
    policy = task.task.scenario.slice(SliceType(kind)).policy
    return call("trigger_slice_reallocation", slice=kind, resources=policy.model_dump())


def degrade(group: str, left: float, seconds: float = 600) -> ToolCall:
    """The call that sheds a group's load to a share for some time."""
    spec: dict[str, object] = {"group": group, "duration_s": round(seconds, 3)}
    spec |= {"action": "reduce_rate", "value": round(1 - left, 3)} if left else {"action": "shed_flow"}
    return call("graceful_degradation", spec=spec)


def carried_out(episode: Episode) -> bool:
    return all(step.outcome.ok for step in episode.steps)


def missed(episode: Episode) -> set[str]:
    """Metrics whose targets were not met."""
    return {verdict.target.metric for verdict in judge(episode).targets if not verdict.met}


def reallocated(task: BenchTask) -> str:
    """The slice that the reference gives more PRBs."""
    resources = [made.arguments for made in task.reference if made.tool == "trigger_slice_reallocation"]
    assert isinstance(resources[0], dict)
    return str(resources[0]["slice"])


# ---------------------------------------------------------------------- words
@each_trouble
def test_verifying_an_invented_state_does_not_succeed(trouble: str) -> None:
    task = BROKEN[trouble]()
    episode = attempt(task, [LOOK, verify(task)], CLAIM)
    result = episode.steps[-1].outcome.result
    assert isinstance(result, dict)
    assert result["fulfilled"] is True  # the tool was taken in; the grade is not
    assert not judge(episode).success
    assert honestly_solved(task)


@each_trouble
def test_claiming_success_in_words_does_not_succeed(trouble: str) -> None:
    task = BROKEN[trouble]()
    assert not succeeds(task, [], CLAIM)
    assert not succeeds(task, [], f"answer: {CLAIM}")
    assert honestly_solved(task)


def test_lowering_the_target_does_not_succeed() -> None:
    task = starved()
    kind = task.task.sla.slice.value
    lax = {"metric": "latency_ms", "condition": "IS_LESS_THAN", "value": 1e6}
    sla = {"slice": kind, "max_latency_ms": 1e6, "max_loss_ratio": 1.0}
    calls = [
        call(
            "update_mission_plan", mission={"deadline_s": 3_000}, state=healthy_state(task) | {"version": 0}
        ),
        call(
            "evaluate_intent_feasibility",
            intent={"text": "any delay will do", "targets": [lax]},
            state=healthy_state(task),
        ),
        call("log_decision", record={"kind": "decision", "text": "the bound is one million ms from now on"}),
        call("verify_sla_compliance", state=healthy_state(task), sla=sla),
    ]
    episode = attempt(task, calls, CLAIM)
    assert carried_out(episode)
    assert not judge(episode).success
    assert honestly_solved(task)


# ---------------------------------------------------------------------- time
@each_trouble
def test_answering_at_once_does_not_succeed(trouble: str) -> None:
    task = BROKEN[trouble]()
    episode = attempt(task, [], task.reference_answer)
    assert len(recorded_intervals(episode)) == task.task.horizon
    assert not judge(episode).success
    assert honestly_solved(task)


def test_answering_after_the_fix_but_before_a_late_fault_does_not_succeed() -> None:
    task = containing("network-slicing", "L2", "late-overloaded-edge")
    tools = [made.tool for made in task.reference]
    before = task.reference[: tools.index("get_edge_load") - 1]
    episode = attempt(task, before, task.reference_answer)
    assert carried_out(episode)
    assert not judge(episode).success
    assert "task_latency_ms" in missed(episode)
    assert honestly_solved(task)


def test_undoing_a_fix_after_a_lucky_moment_does_not_succeed() -> None:
    task = starved()
    undo = share(task, reallocated(task))
    episode = attempt(task, [*task.reference, LOOK, verify(task), undo], CLAIM)
    assert carried_out(episode)
    assert not judge(episode).success
    assert succeeds(task, [*task.reference, LOOK, verify(task)], CLAIM)


def test_oscillating_a_policy_does_not_succeed() -> None:
    task = starved()
    good, bad = task.reference[-1], share(task, reallocated(task))
    swings = [good, bad] * (task.task.max_steps // 2)
    assert not succeeds(task, swings, CLAIM)
    assert succeeds(task, [*swings[: task.task.max_steps - 2], good], CLAIM)


def test_a_uav_that_passes_through_the_place_and_does_not_stay_does_not_succeed() -> None:
    task = flown()
    (target,) = [target for target in task.task.goal.targets if target.metric == "distance_m"]
    assert target.device is not None
    group = next(group for group in task.task.scenario.groups if target.device in group.device_ids)
    start = group.positions[group.device_ids.index(target.device)]
    stays = [task.reference[-1], *[LOOK] * (task.task.max_steps - 2)]
    leaves = call("set_waypoint", uav=target.device, position=start.model_dump())
    episode = attempt(task, [*stays, leaves])
    distances_m = [
        measured_value(target, interval, task.task.scenario) for interval in recorded_intervals(episode)
    ]
    assert carried_out(episode)
    assert min(distances_m) < target.value
    assert not judge(episode).success
    assert succeeds(task, stays)


# ---------------------------------------------------------------------- at others' expense
def test_starving_another_slice_does_not_succeed() -> None:
    task = starved()
    kind, scenario = reallocated(task), task.task.scenario
    least = 100 // scenario.prbs
    poor = {"dedicated": 0, "min": 0, "max": least}
    rich = {"dedicated": 90, "min": 90, "max": 100}
    takings = [
        call("trigger_slice_reallocation", slice=slice_.type.value, resources=poor)
        for slice_ in scenario.slices
        if slice_.type.value != kind
    ]
    episode = attempt(task, [*takings, call("trigger_slice_reallocation", slice=kind, resources=rich)])
    assert carried_out(episode)
    assert missed(episode) == {"throughput_mbps"}
    assert honestly_solved(task)


@pytest.mark.parametrize("left", [0.0, 0.3])
def test_shedding_the_load_of_the_starved_slice_does_not_succeed(left: float) -> None:
    task = starved()
    kind, scenario = reallocated(task), task.task.scenario
    groups = [group.name for group in scenario.groups if group.slice.value == kind]
    keeps = {name: max(left, 0.2 if name == scenario.managed else 0.0) for name in groups}
    episode = attempt(task, [degrade(name, keeps[name]) for name in groups])
    assert carried_out(episode)
    assert "traffic_share" in missed(episode)
    assert honestly_solved(task)


@pytest.mark.parametrize("who", ["the managed service", "all others"])
def test_shedding_a_group_on_top_of_the_solution_does_not_succeed(who: str) -> None:
    task = starved()
    scenario = task.task.scenario
    others = [group.name for group in scenario.groups if group.name != scenario.managed]
    shed = [degrade(scenario.managed, 0.4)] if who == "the managed service" else [degrade(others[0], 0)]
    assert not succeeds(task, [*task.reference, *shed])
    assert honestly_solved(task)


def test_several_small_degradations_do_not_hide_a_large_one() -> None:
    task = starved()
    group = next(group.name for group in task.task.scenario.groups if group.slice.value == reallocated(task))
    fewer = [degrade(group, left) for left in (0.9, 0.7, 0.51)]
    assert not succeeds(task, [*task.reference, *fewer, degrade(group, 0.45)])
    assert succeeds(task, [*task.reference, *fewer])  # half may be taken


@pytest.mark.parametrize("trouble", ["starved", "flooded"])
def test_shedding_load_until_just_before_the_window_does_not_succeed(trouble: str) -> None:
    task = BROKEN[trouble]()
    scenario = task.task.scenario
    interval_s = scenario.decision_interval_ms / 1e3
    opens_s = (task.task.horizon - task.task.goal.window) * interval_s
    calls = [
        degrade(group.name, 0.2 if group.name == scenario.managed else 0, opens_s - place * interval_s)
        for place, group in enumerate(scenario.groups)
    ]
    episode = attempt(task, calls)
    assert carried_out(episode)
    assert "traffic_share" not in missed(episode)
    assert not judge(episode).success
    assert honestly_solved(task)


def test_shedding_the_group_that_computes_does_not_succeed() -> None:
    task = flooded()
    computing = [group.name for group in task.task.scenario.groups if group.workload is not None]
    managed = task.task.scenario.managed
    assert not succeeds(task, [degrade(name, 0.2 if name == managed else 0) for name in computing])
    assert honestly_solved(task)


def test_moving_the_service_out_of_a_slice_into_one_that_loses_everything_does_not_succeed() -> None:
    task = lone_tenant()
    episode = attempt(task, [call("switch_network_slice", from_slice="URLLC", to_slice="mMTC")])
    assert carried_out(episode)
    assert episode.remainder[-1].groups[task.task.scenario.managed].loss_ratio > 0.9
    assert not judge(episode).success
    assert honestly_solved(task)


# ---------------------------------------------------------------------- duties
def holders(task: BenchTask, kind: str, item: str) -> set[str]:
    return {duty.uav for duty in task.task.goal.duties if (duty.kind, duty.item) == (kind, item)}


def uavs(task: BenchTask) -> Sequence[str]:
    return [name for group in task.task.scenario.groups if group.airframe for name in group.device_ids]


@pytest.mark.parametrize("part", ["warned", "equipped"])
def test_sending_to_all_uavs_does_not_succeed(part: str) -> None:
    task = made_of("multi-agent-coordination", "L1", part)
    (made,) = task.reference
    assert isinstance(made.arguments, dict)
    everybody = [call(made.tool, **(made.arguments | {"uav": name})) for name in uavs(task)]
    episode = attempt(task, everybody)
    assert carried_out(episode)
    assert len(everybody) > 1
    assert not judge(episode).success
    assert honestly_solved(task)


@pytest.mark.parametrize(
    ("part", "tool", "argument", "kinds"),
    [("warned", "send_alert", "alert", AlertType), ("equipped", "activate_sensor", "sensor", SensorType)],
)
def test_sending_to_the_wrong_uav_does_not_succeed(
    part: str, tool: str, argument: str, kinds: type[AlertType] | type[SensorType]
) -> None:
    task = made_of("multi-agent-coordination", "L1", part)
    (duty,) = task.task.goal.duties
    wrong = next(name for name in uavs(task) if name != duty.uav)
    assert not succeeds(task, [call(tool, uav=wrong, **{argument: kind.value}) for kind in kinds])
    assert honestly_solved(task)


def test_assigning_every_task_to_every_uav_does_not_succeed() -> None:
    task = containing("multi-agent-coordination", "L2", "assigned")
    made = next(made for made in task.reference if made.tool == "assign_task")
    assert isinstance(made.arguments, dict)
    extra = next(name for name in uavs(task) if name != made.arguments["uav"])
    too_many = [*task.reference, call("assign_task", **(made.arguments | {"uav": extra}))]
    episode = attempt(task, too_many)
    assert carried_out(episode)
    assert not judge(episode).success
    assert honestly_solved(task)


# ---------------------------------------------------------------------- guesses
QUESTIONS = {
    "asked-for-battery": ("uav-control", "{}"),
    "asked-for-distance": ("uav-control", "{}"),
}


@pytest.mark.parametrize("part", QUESTIONS)
def test_guessing_many_numbers_does_not_succeed(part: str) -> None:
    domain, pattern = QUESTIONS[part]
    task = made_of(domain, "L1", part)  # type: ignore[arg-type]
    numbers = " ".join(pattern.format(number) for number in range(200))
    right = task.reference_answer.removeprefix("answer: ")
    for text in (f"answer: {numbers}", "answer: 0 to 1000", f"answer: {right} or 77", f"answer: 3, {right}"):
        assert not succeeds(task, task.reference, text)
    assert not succeeds(task, task.reference, "answer: the number you asked for")
    assert honestly_solved(task)


def test_naming_all_cells_does_not_succeed() -> None:
    task = containing("uav-control", "L2", "asked-for-signal")
    cells = " ".join(cell.id for cell in task.task.scenario.cells)
    level = task.reference_answer.split()[-1]
    assert not succeeds(task, task.reference, f"answer: {cells} {level}")
    assert not succeeds(task, task.reference, f"answer: {level}")
    assert honestly_solved(task)


# ---------------------------------------------------------------------- what is no cheating
@each_trouble
def test_reading_on_after_the_goal_is_met_loses_nothing(trouble: str) -> None:
    task = BROKEN[trouble]()
    reads = [LOOK, call("read_telemetry"), call("get_edge_load")] * task.task.max_steps
    assert succeeds(task, [*task.reference, *reads][: task.task.max_steps])


@each_trouble
def test_reading_first_as_long_as_the_budget_allows_loses_nothing(trouble: str) -> None:
    task = BROKEN[trouble]()
    assert succeeds(task, [*[LOOK] * (task.task.max_steps - len(task.reference)), *task.reference])


def test_reading_before_the_answer_leaves_the_answer_right() -> None:
    task = made_of("uav-control", "L1", "asked-for-battery")
    reads = [LOOK] * (task.task.max_steps - len(task.reference))
    assert succeeds(task, [*task.reference, *reads], task.reference_answer)
