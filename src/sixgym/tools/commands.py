"""Commands other than flight: handover, sensors, tasks, messages, log and plan."""

from sixgym.domain.command import (
    ActivateSensor,
    AppendLog,
    AssignTask,
    Heartbeat,
    ReplacePlan,
    RequestHandover,
    SendMessage,
)
from sixgym.domain.flight import SENSOR_POWER_W
from sixgym.domain.mission import LogEntry, MissionSpec, TaskSpec
from sixgym.domain.slices import NetworkState
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.airspace import forbidding_point
from sixgym.tools.base import CommandResult, Effect, ToolError, tool
from sixgym.tools.lookup import check_version, device_of, listed, uav_of
from sixgym.tools.observation_radio import BUSY_HANDOVER, RECEIVABLE_DBM, check_link_quality
from sixgym.tools.replies import (
    HandoverCmd,
    HeartbeatAck,
    LogAck,
    MessageAck,
    MissionPlan,
    SensorHandle,
    TaskAck,
)
from sixgym.tools.types import (
    AlertType,
    DecisionRecord,
    GnbId,
    SensorType,
    StatusMessage,
    UavId,
)

MOST_TASKS = 8
"""Tasks a UAV may hold."""

BROADCAST_RANGE_M = 600.0
"""Reach of direct broadcast between UAVs (TS 22.125 clause 5.2.2)."""


@tool(Effect.COMMAND, paper="reasoning", row=17)
def activate_sensor(
    network: Snapshot, sensor: SensorType, uav: UavId | None = None
) -> CommandResult[SensorHandle]:
    """Switch a payload sensor of a UAV on. It draws power until the mission ends.

    The answer holds a handle and the power in W. It adds no traffic to the network. Refused: a sensor
    that is on already.

    Args:
        sensor: Which sensor.
        uav: On which UAV. Without it, on the first one that does not have it on.
    """
    if uav is None:
        free = (name for name, known in network.uavs.items() if sensor not in dict(known.sensors))
        uav = next(free, None)
        if uav is None:
            raise ToolError(f"no UAV has its {sensor.value} off; choose another sensor")
    handle = dict(uav_of(network, uav).sensors).get(sensor.value)
    if handle is not None:
        raise ToolError(f"the {sensor.value} of {uav} is on already, as {handle}; use that handle")
    handle = f"{uav}.{sensor.value}"
    reply = SensorHandle(
        effective_t_ms=network.t_ms,
        uav=uav,
        sensor=sensor,
        handle=handle,
        power_w=SENSOR_POWER_W[sensor.value],
    )
    return CommandResult(reply, (ActivateSensor(uav, sensor.value, handle),))


@tool(Effect.COMMAND, paper="reasoning", row=30)
def assign_task(network: Snapshot, uav: UavId, task: TaskSpec) -> CommandResult[TaskAck]:
    """Append a task to a UAV's list, for people and agents to work through.

    It claims no processor time: computing that runs already is moved with edge_offload. When the task
    is done, say so with log_decision (task_completed). Refused: a ninth task, or an id it holds.

    Args:
        uav: Name of the UAV.
        task: The task.
    """
    held = uav_of(network, uav).tasks
    if task.id in held:
        raise ToolError(f"{uav} holds task {task.id} already; give the new one another id")
    if len(held) >= MOST_TASKS:
        raise ToolError(f"{uav} holds {len(held)} tasks, the most it may; assign it to another UAV")
    reply = TaskAck(effective_t_ms=network.t_ms, uav=uav, task=task.id, place=len(held) + 1)
    return CommandResult(reply, (AssignTask(uav, task),))


@tool(Effect.COMMAND, paper="reasoning", row=31)
def send_alert(network: Snapshot, uav: UavId, alert: AlertType) -> CommandResult[MessageAck]:
    """Put an alert into one UAV's mailbox.

    It warns and steers nothing: follow return_to_base with set_waypoint.

    Args:
        uav: Name of the UAV to warn.
        alert: What of.
    """
    uav_of(network, uav)
    text = f"alert: {alert.value}"
    reply = MessageAck(effective_t_ms=network.t_ms, recipients=(uav,), text=text)
    return CommandResult(reply, (SendMessage((uav,), text),))


@tool(Effect.COMMAND, paper="reasoning", row=32)
def request_handover(network: Snapshot, uav: UavId, gnb: GnbId) -> CommandResult[HandoverCmd]:
    """Ask the network to hand a UAV over to another cell (X2). It starts at once and may fail.

    Read check_handover_status afterwards. Judge the target first with check_migration_feasibility.
    Refused: the serving cell, a handover while one is under way, a target below -110 dBm.

    Args:
        uav: Name of the UAV.
        gnb: Name of the target cell.
    """
    device = device_of(network, uav)
    target = check_link_quality(network, uav, gnb)
    if target.serving:
        others = listed(cell.id for cell in network.scenario.cells if cell.id != gnb)
        raise ToolError(f"{gnb} serves {uav} already; other gNBs are {others}")
    if device.handover in BUSY_HANDOVER:
        raise ToolError(
            f"{uav} is being handed over to {device.handover_target}; wait until check_handover_status "
            "reports COMPLETE or FAILED"
        )
    if target.rsrp_dbm <= RECEIVABLE_DBM:
        raise ToolError(
            f"{uav} receives {gnb} at {target.rsrp_dbm:.1f} dBm, too weak to attach; "
            "choose a cell that scan_available_gnbs lists"
        )
    reply = HandoverCmd(effective_t_ms=network.t_ms, uav=uav, source=device.cell, target=gnb)
    return CommandResult(reply, (RequestHandover(uav, gnb),))


@tool(Effect.COMMAND, paper="reasoning", row=33)
def log_decision(network: Snapshot, record: DecisionRecord) -> CommandResult[LogAck]:
    """Append a line to the mission log: a diagnosis, a decision with its reason, or a completed task.

    With task_completed the text is the id of a task that some UAV holds. The log is for the record; it
    changes nothing in the network.

    Args:
        record: What to write.
    """
    if record.uav is not None:
        uav_of(network, record.uav)
    if record.kind == "task_completed":
        holders = [record.uav] if record.uav is not None else list(network.uavs)
        held = {task for name in holders for task in network.uavs[name].tasks}
        if record.text not in held:
            raise ToolError(f"no task {record.text[:64]!r} is assigned; assigned tasks are {listed(held)}")
    entry = LogEntry(t_ms=network.t_ms, kind=record.kind, text=record.text, device=record.uav)
    reply = LogAck(effective_t_ms=network.t_ms, entries=len(network.mission.log) + 1)
    return CommandResult(reply, (AppendLog(entry),))


@tool(Effect.COMMAND, paper="reasoning", row=34)
def update_mission_plan(
    network: Snapshot, mission: MissionSpec, state: NetworkState
) -> CommandResult[MissionPlan]:
    """Replace the mission plan. UAVs do not move until they are told to (set_waypoint, swarm_formation).

    Refused: a waypoint that a fence forbids, a deadline that has passed, a state not yet measured.

    Args:
        mission: The new plan.
        state: The network state on which it is based.
    """
    check_version(network, state)
    for point in mission.waypoints:
        problem = forbidding_point(network.scenario.geofences, point)
        if problem is not None:
            raise ToolError(f"{problem}; plan a waypoint that read_telemetry's geofences allow")
    now_s = network.t_ms / 1e3
    if mission.deadline_s <= now_s:
        raise ToolError(
            f"deadline_s {mission.deadline_s:g} has passed: it is {now_s:g} s now; set a later one"
        )
    reply = MissionPlan(effective_t_ms=network.t_ms, version=network.mission.version + 1, plan=mission)
    return CommandResult(reply, (ReplacePlan(mission),))


@tool(Effect.COMMAND, paper="reasoning", row=35)
def broadcast_status(network: Snapshot, uav: UavId, message: StatusMessage) -> CommandResult[MessageAck]:
    """Let a UAV tell its status to all others within 600 m; it lands in their mailboxes.

    The answer lists who is in range, possibly no one.

    Args:
        uav: Name of the UAV that speaks.
        message: What it says.
    """
    here = uav_of(network, uav).position
    recipients = tuple(
        name
        for name, other in network.uavs.items()
        if name != uav and here.distance_m(other.position) <= BROADCAST_RANGE_M
    )
    text = f"{uav}: {message.text}"
    reply = MessageAck(effective_t_ms=network.t_ms, recipients=recipients, text=text)
    return CommandResult(reply, (SendMessage(recipients, text),) if recipients else ())


@tool(Effect.COMMAND, paper="reasoning", row=36)
def heartbeat(network: Snapshot, uav: UavId) -> CommandResult[HeartbeatAck]:
    """Refresh a UAV's liveness timer. After the first one, 30 s of silence raise an alarm.

    Args:
        uav: Name of the UAV.
    """
    state = uav_of(network, uav)
    reply = HeartbeatAck(effective_t_ms=network.t_ms, uav=uav, sequence=state.heartbeats + 1)
    return CommandResult(reply, (Heartbeat(uav),))
