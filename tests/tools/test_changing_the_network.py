"""Configuration tools and the other commands: what they order, and what they refuse."""

from dataclasses import replace

import pytest

from sixgym.domain.change import MoveToSlice, Offload, ScaleTraffic, SetPrbPolicy
from sixgym.domain.command import ActivateSensor, AppendLog, RequestHandover, SendMessage
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import NodeMeasurement
from sixgym.domain.mission import MissionSpec, TaskSpec
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.base import CATALOG, ToolError
from sixgym.tools.commands import (
    activate_sensor,
    assign_task,
    broadcast_status,
    heartbeat,
    log_decision,
    request_handover,
    send_alert,
    update_mission_plan,
)
from sixgym.tools.configuration import (
    edge_offload,
    graceful_degradation,
    switch_network_slice,
    trigger_slice_reallocation,
)
from sixgym.tools.types import (
    AlertType,
    DecisionRecord,
    DegradationSpec,
    OffloadTarget,
    SensorType,
    StatusMessage,
)
from tests.tools.test_reading_the_network import with_cell, with_device, with_slice

URLLC, EMBB, MMTC = SliceType.URLLC, SliceType.EMBB, SliceType.MMTC
TASK = TaskSpec(id="drone", megacycles=40)


def share(dedicated: int, minimum: int, maximum: int) -> RrmPolicyRatio:
    return RrmPolicyRatio(dedicated=dedicated, min=minimum, max=maximum)


# ---------------------------------------------------------------------- slice switch
def test_the_managed_service_moves_to_a_slice_that_admits_it(plant: Snapshot) -> None:
    assert switch_network_slice(plant, EMBB, URLLC) == MoveToSlice("drone", URLLC)


def test_a_wrong_source_or_the_same_target_is_refused(plant: Snapshot) -> None:
    with pytest.raises(ToolError, match="is in slice eMBB; pass that as from_slice"):
        switch_network_slice(plant, URLLC, MMTC)
    with pytest.raises(ToolError, match="is in eMBB already"):
        switch_network_slice(plant, EMBB, EMBB)


def test_a_congested_slice_admits_no_one_and_the_error_names_one_that_does(plant: Snapshot) -> None:
    full = with_slice(plant, URLLC, prbs_used=37.5, queue_bytes=100_000)
    with pytest.raises(ToolError, match=r"URLLC does not admit the service: it is congested.*that do: mMTC"):
        switch_network_slice(full, EMBB, URLLC)


def test_a_slice_without_prbs_admits_no_one(plant: Snapshot) -> None:
    policies = {**plant.resources.policies, MMTC: share(0, 0, 1)}
    poor = replace(plant, resources=replace(plant.resources, policies=policies))
    with pytest.raises(ToolError, match="less than one PRB; raise its max"):
        switch_network_slice(poor, EMBB, MMTC)


def test_a_slice_the_network_does_not_have_is_answered_with_those_it_has(plant: Snapshot) -> None:
    scenario = plant.scenario.model_copy(update={"slices": plant.scenario.slices[:2]})
    with pytest.raises(ToolError, match="no mMTC slice; slices are URLLC, eMBB"):
        switch_network_slice(replace(plant, scenario=scenario), EMBB, MMTC)


# ---------------------------------------------------------------------- reallocation
def test_a_share_is_set_and_the_others_are_kept(plant: Snapshot) -> None:
    change = trigger_slice_reallocation(plant, EMBB, share(30, 65, 90))
    assert isinstance(change, SetPrbPolicy)
    assert change.policies == {**plant.resources.policies, EMBB: share(30, 65, 90)}
    assert plant.resources.policies[EMBB] == share(10, 50, 80)


def test_guaranteeing_more_than_all_prbs_is_refused_with_a_donor(plant: Snapshot) -> None:
    with pytest.raises(ToolError) as caught:
        trigger_slice_reallocation(plant, URLLC, share(0, 41, 60))
    assert "min 41 % exceeds the 40 % that the other slices leave" in str(caught.value)
    assert "eMBB has min 50 % and uses 33 %: lower its min first" in str(caught.value)
    assert trigger_slice_reallocation(plant, URLLC, share(0, 40, 60)).policies[URLLC].min == 40


def test_without_a_donor_the_advice_is_to_lower_load(plant: Snapshot) -> None:
    busy = with_slice(with_slice(plant, EMBB, prbs_used=75.0), MMTC, prbs_used=15.0)
    with pytest.raises(ToolError, match="no slice leaves its share unused"):
        trigger_slice_reallocation(busy, URLLC, share(0, 60, 60))


def test_shares_out_of_order_or_below_one_prb_are_refused(plant: Snapshot) -> None:
    call = {"slice": "URLLC", "resources": {"dedicated": 30, "min": 20, "max": 50}}
    with pytest.raises(ToolError, match="needs dedicated <= min <= max"):
        CATALOG["trigger_slice_reallocation"].parse(call)
    with pytest.raises(ToolError, match="less than one PRB"):
        trigger_slice_reallocation(plant, URLLC, share(0, 0, 1))


# ---------------------------------------------------------------------- degradation
@pytest.mark.parametrize(
    ("action", "value", "factor"),
    [
        ("cap_bitrate", 1.0, 0.25),
        ("drop_fps", 15.0, 0.5),
        ("reduce_rate", 0.2, 0.8),
        ("shed_flow", None, 0.0),
    ],
)
def test_an_action_becomes_a_share_of_the_load(
    plant: Snapshot, action: str, value: float | None, factor: float
) -> None:
    spec = DegradationSpec.model_validate(
        {"group": "camera", "action": action, "value": value, "duration_s": 2.5}
    )
    assert graceful_degradation(plant, spec) == ScaleTraffic("camera", pytest.approx(factor), 2_500)  # pyright: ignore[reportArgumentType]


def test_of_a_slice_the_group_of_lowest_priority_gives_way(plant: Snapshot) -> None:
    spec = DegradationSpec(slice=EMBB, action="reduce_rate", value=0.5, duration_s=1)
    assert graceful_degradation(plant, spec).group == "camera"


def test_a_slice_is_judged_by_who_is_in_it_now(plant: Snapshot) -> None:
    moved = replace(plant.resources, slice_of={**plant.resources.slice_of, "sensor": EMBB})
    emptied = replace(plant, resources=moved)
    spec = DegradationSpec(slice=EMBB, action="reduce_rate", value=0.5, duration_s=1)
    assert graceful_degradation(emptied, spec).group == "sensor"
    spec = DegradationSpec(slice=MMTC, action="reduce_rate", value=0.5, duration_s=1)
    with pytest.raises(ToolError, match="slice mMTC holds no group"):
        graceful_degradation(emptied, spec)


def test_the_managed_service_is_not_shed_to_meet_its_own_bounds(plant: Snapshot) -> None:
    for action, value in (("shed_flow", None), ("reduce_rate", 0.9)):
        spec = DegradationSpec.model_validate(
            {"group": "drone", "action": action, "value": value, "duration_s": 1}
        )
        with pytest.raises(ToolError, match="degrade another group"):
            graceful_degradation(plant, spec)


def test_the_managed_service_may_be_left_exactly_a_fifth(plant: Snapshot) -> None:
    spec = DegradationSpec(group="drone", action="reduce_rate", value=0.8, duration_s=1)
    assert graceful_degradation(plant, spec).factor == 0.2


def test_a_cap_above_the_rate_is_refused_with_the_rate(plant: Snapshot) -> None:
    spec = DegradationSpec(group="sensor", action="cap_bitrate", value=1.0, duration_s=1)
    with pytest.raises(ToolError, match=r"send 0.008 Mbit/s; a cap has to be lower"):
        graceful_degradation(plant, spec)
    spec = DegradationSpec(group="nobody", action="shed_flow", duration_s=1)
    with pytest.raises(ToolError, match="groups are camera, drone, robot, sensor"):
        graceful_degradation(plant, spec)


@pytest.mark.parametrize(
    ("spec", "advice"),
    [
        ({"action": "shed_flow"}, "name either group or slice"),
        ({"group": "camera", "slice": "eMBB", "action": "shed_flow"}, "name either group or slice"),
        ({"group": "camera", "action": "reduce_rate"}, "the other actions need one"),
        ({"group": "camera", "action": "shed_flow", "value": 1}, "shed_flow takes no value"),
        ({"group": "camera", "action": "reduce_rate", "value": 1}, "a share below 1"),
        ({"group": "camera", "action": "drop_fps", "value": 30}, "fewer than 30 frames"),
    ],
)
def test_an_incomplete_degradation_is_refused(spec: dict[str, object], advice: str) -> None:
    with pytest.raises(ToolError, match=advice):
        CATALOG["graceful_degradation"].parse({"spec": {**spec, "duration_s": 1}})


# ---------------------------------------------------------------------- offload
def test_tasks_move_to_a_node_or_on_board(plant: Snapshot) -> None:
    assert edge_offload(plant, TASK, OffloadTarget(node="cloud")) == Offload("drone", "cloud")
    assert edge_offload(plant, TASK, OffloadTarget(node="onboard")) == Offload("drone", "onboard")


@pytest.mark.parametrize(
    ("task", "node", "advice"),
    [
        ("video", "cloud", "there is no task 'video'; tasks are drone"),
        ("drone", "moon", "it can on cloud, edge-1, edge-2, onboard"),
        ("drone", "edge-1", "runs on edge-1 already; other nodes are cloud, edge-2, onboard"),
    ],
)
def test_an_offload_that_cannot_be_is_refused(plant: Snapshot, task: str, node: str, advice: str) -> None:
    with pytest.raises(ToolError, match=advice):
        edge_offload(plant, TaskSpec(id=task, megacycles=1), OffloadTarget(node=node))


def test_the_answer_to_an_offload_is_measured_afterwards(plant: Snapshot) -> None:
    reply = CATALOG["edge_offload"].reply
    assert reply is not None
    nodes = {**plant.interval.nodes, "cloud": NodeMeasurement(0.7, 3, 2)}
    after = replace(
        plant,
        interval=replace(plant.interval, nodes=nodes),
        resources=replace(plant.resources, runs_on={"drone": "cloud"}),
    )
    result = reply(after).model_dump()
    assert result["state"] == after.state.model_dump()
    assert result["workloads"] == (
        {"task": "drone", "node": "cloud", "ok": False, "task_latency_ms": 60.0, "node_load": 0.7},
    )


# ---------------------------------------------------------------------- handover
def test_a_handover_is_ordered_with_its_source(plant: Snapshot) -> None:
    order = request_handover(plant, "drone-1", "gnb-3")
    assert order.commands == (RequestHandover("drone-1", "gnb-3"),)
    assert (order.reply.source, order.reply.target, order.reply.effective_t_ms) == ("gnb-1", "gnb-3", 5000)


def test_a_handover_that_makes_no_sense_is_refused_with_advice(plant: Snapshot) -> None:
    with pytest.raises(ToolError, match="serves drone-1 already; other gNBs are gnb-2, gnb-3"):
        request_handover(plant, "drone-1", "gnb-1")
    with pytest.raises(ToolError, match="no gNB 'gnb-7'; gNBs are gnb-1, gnb-2, gnb-3"):
        request_handover(plant, "drone-1", "gnb-7")
    for state in ("PREPARATION", "EXECUTION"):
        busy = with_device(plant, "drone-1", handover=state, handover_target="gnb-2")
        with pytest.raises(ToolError, match="being handed over to gnb-2; wait"):
            request_handover(busy, "drone-1", "gnb-3")
    dead = with_cell(with_device(plant, "drone-1", rsrp_dbm={"gnb-1": -80.0}), "gnb-2", tx_power_dbm=-200.0)
    with pytest.raises(ToolError, match="too weak to attach; choose a cell that scan_available_gnbs lists"):
        request_handover(dead, "drone-1", "gnb-2")


# ---------------------------------------------------------------------- equipment, messages, log, plan
def test_a_sensor_is_switched_on_once(plant: Snapshot) -> None:
    order = activate_sensor(plant, SensorType.LIDAR)
    assert order.commands == (ActivateSensor("drone-1", "lidar", "drone-1.lidar"),)
    assert order.reply.power_w == 12
    on = {name: uav._replace(sensors=(("lidar", f"{name}.lidar"),)) for name, uav in plant.uavs.items()}
    equipped = replace(plant, uavs=on)
    with pytest.raises(ToolError, match=r"is on already, as drone-2\.lidar; use that handle"):
        activate_sensor(equipped, SensorType.LIDAR, "drone-2")
    with pytest.raises(ToolError, match="no UAV has its lidar off"):
        activate_sensor(equipped, SensorType.LIDAR)


def test_a_uav_holds_eight_tasks_and_each_once(plant: Snapshot) -> None:
    loaded = replace(
        plant, uavs={"drone-1": plant.uavs["drone-1"]._replace(tasks=tuple(f"t{n}" for n in range(8)))}
    )
    with pytest.raises(ToolError, match="holds 8 tasks, the most it may; assign it to another UAV"):
        assign_task(loaded, "drone-1", TaskSpec(id="t9", megacycles=1))
    with pytest.raises(ToolError, match="holds task t3 already"):
        assign_task(loaded, "drone-1", TaskSpec(id="t3", megacycles=1))
    assert assign_task(plant, "drone-1", TASK).reply.place == 1


def test_only_an_assigned_task_can_be_logged_as_completed(plant: Snapshot) -> None:
    record = DecisionRecord(kind="task_completed", text="t1")
    with pytest.raises(ToolError, match="no task 't1' is assigned; assigned tasks are none"):
        log_decision(plant, record)
    holding = replace(plant, uavs={"drone-1": plant.uavs["drone-1"]._replace(tasks=("t1",))})
    (command,) = log_decision(holding, record).commands
    assert isinstance(command, AppendLog)
    assert (command.entry.t_ms, command.entry.kind, command.entry.text) == (5000, "task_completed", "t1")


def test_alerts_reach_one_uav_and_broadcasts_those_in_range(plant: Snapshot) -> None:
    assert send_alert(plant, "drone-2", AlertType.RETURN_TO_BASE).commands == (
        SendMessage(("drone-2",), "alert: return_to_base"),
    )
    far = plant.uavs["drone-3"]._replace(position=Position(x_m=-390, y_m=-390, z_m=70))
    spread = replace(plant, uavs={**plant.uavs, "drone-3": far})
    order = broadcast_status(spread, "drone-1", StatusMessage(text="leaving"))
    assert order.commands == (SendMessage(("drone-2",), "drone-1: leaving"),)
    lonely = replace(plant, uavs={"drone-1": plant.uavs["drone-1"]})
    assert broadcast_status(lonely, "drone-1", StatusMessage(text="hello")).commands == ()


def test_heartbeats_are_counted(plant: Snapshot) -> None:
    assert heartbeat(plant, "drone-1").reply.sequence == 1


def test_a_plan_keeps_to_fences_and_time(plant: Snapshot) -> None:
    good = MissionSpec(waypoints=(Position(x_m=100, y_m=0, z_m=50),), deadline_s=60)
    assert update_mission_plan(plant, good, plant.state).reply.version == 1
    inside = MissionSpec(waypoints=(Position(x_m=0, y_m=0, z_m=50),))
    with pytest.raises(ToolError, match="inside keep_out geofence 1"):
        update_mission_plan(plant, inside, plant.state)
    with pytest.raises(ToolError, match="deadline_s 4 has passed: it is 5 s now"):
        update_mission_plan(plant, MissionSpec(deadline_s=4), plant.state)
