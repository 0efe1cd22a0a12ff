"""The next call for the causes of a risk: a fixed decision table, causes before symptoms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sixgym.domain.slices import NetworkState, SliceType
from sixgym.tools.base import Effect, tool
from sixgym.tools.commands import request_handover, send_alert
from sixgym.tools.commands_flight import collision_avoidance, set_waypoint
from sixgym.tools.configuration import (
    edge_offload,
    graceful_degradation,
    switch_network_slice,
    trigger_slice_reallocation,
)
from sixgym.tools.observation import (
    check_handover_status,
    check_network_state,
    get_edge_load,
    get_slice_status,
    read_telemetry,
    read_uav_position,
)
from sixgym.tools.observation_mission import path_planning
from sixgym.tools.observation_radio import monitor_interference, scan_available_gnbs
from sixgym.tools.reasoning import select_offload_target, verify_sla_compliance
from sixgym.tools.replies import RecoveryStrategy
from sixgym.tools.types import AlarmKind, RiskDriver, RiskScore

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the decision table.

    Attributes:
        kinds: Alarm kinds that the line is for.
        call: Tool to call next.
        arguments: Arguments of the call; `{subject}` and `{related}` are the driver's, `{slice}` the state's.
        then: Tools that complete the repair.
        rationale: Reason of the call.
        in_slices: Slices of the state in which the line applies; all slices if empty.
    """

    kinds: tuple[AlarmKind, ...]
    call: Function
    rationale: str
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])
    then: tuple[Function, ...] = ()
    in_slices: tuple[SliceType, ...] = ()

    def fits(self, driver: RiskDriver, state: NetworkState) -> bool:
        """Whether the line applies to a driver in a state."""
        needs_related = "{related}" in self.arguments.values()
        return (
            driver.kind in self.kinds
            and (driver.related is not None or not needs_related)
            and (not self.in_slices or state.slice in self.in_slices)
        )


TABLE = (
    Line(
        ("proximity",),
        read_uav_position,
        "two UAVs are too close: push one of them away at once",
        {"uav": "{subject}"},
        (collision_avoidance,),
    ),
    Line(
        ("geofence_breach",),
        read_uav_position,
        "a UAV is where a fence forbids it: plan from there, and fly to the nearest legal point",
        {"uav": "{subject}"},
        (path_planning, set_waypoint),
    ),
    Line(
        ("better_cell",),
        request_handover,
        "another cell is stronger by more than the hysteresis: hand the UAV over",
        {"uav": "{subject}", "gnb": "{related}"},
        (check_handover_status,),
    ),
    Line(
        ("handover_failed", "weak_link"),
        read_uav_position,
        "the link is weak or the target refused: see which cells and which interference there are",
        {"uav": "{subject}"},
        (scan_available_gnbs, monitor_interference, request_handover),
    ),
    Line(
        ("cell_outage", "cell_power_low", "backhaul_degraded"),
        read_telemetry,
        "a cell or the link behind it fails: hand the UAVs that it serves over to a healthy one",
        {},
        (scan_available_gnbs, request_handover),
    ),
    Line(
        ("node_saturated", "sla_edge_load"),
        get_edge_load,
        "compute is short: choose the node that answers soonest and move the tasks there",
        {},
        (select_offload_target, edge_offload),
    ),
    Line(
        ("sla_latency", "sla_jitter", "sla_loss"),
        switch_network_slice,
        "delay, jitter or loss is above its bound: move the service to the slice made for low delay",
        {"from_slice": "{slice}", "to_slice": SliceType.URLLC.value},
        (check_network_state, verify_sla_compliance),
        in_slices=(SliceType.EMBB, SliceType.MMTC),
    ),
    Line(
        ("slice_congested", "sla_latency", "sla_jitter", "sla_loss", "sla_throughput"),
        get_slice_status,
        "the slice lacks PRBs: see how it uses its share, then enlarge it or lower another slice's load",
        {"slice": "{slice}"},
        (trigger_slice_reallocation, graceful_degradation, check_network_state),
    ),
    # these persist whatever is done, so they come last and hide nothing that can be repaired
    Line(
        ("low_battery",),
        send_alert,
        "the battery will not last: call the UAV back",
        {"uav": "{subject}", "alert": "return_to_base"},
        (path_planning, set_waypoint),
    ),
    Line(("heartbeat_lost",), read_telemetry, "a UAV is silent: see whether it is still served"),
)


@tool(Effect.REASONING, paper="observation", row=14)
def select_recovery_strategy(state: NetworkState, risk: RiskScore) -> RecoveryStrategy:
    """Choose the next call for the causes of a risk: tool, arguments, what to call after it, and why.

    A fixed table, causes before symptoms: separation and fences, then radio links, cells and backhaul,
    then compute, then the slice, last battery and heartbeat. It plans one step: after the repair read
    telemetry and assess again. Without a driver it answers that there is nothing to repair.

    Args:
        state: The network state.
        risk: What risk_assessment returned for it.
    """
    for line in TABLE:
        for driver in risk.drivers:
            if line.fits(driver, state):
                known = {
                    "slice": state.slice.value,
                    "subject": driver.subject,
                    "related": driver.related or "",
                }
                return RecoveryStrategy(
                    tool=line.call.__name__,
                    arguments={name: text.format(**known) for name, text in line.arguments.items()},
                    then=tuple(function.__name__ for function in line.then),
                    rationale=f"{driver.kind} at {driver.subject}: {line.rationale}",
                )
    return RecoveryStrategy(
        tool=check_network_state.__name__,
        arguments={},
        then=(verify_sla_compliance.__name__,),
        rationale="no alarm drives the risk: nothing to repair, verify the service level",
    )
