"""Observations to show to agents, built from the records that tools really answer with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sixgym.domain.base import Record
from sixgym.domain.geometry import Position
from sixgym.domain.mission import TaskSpec
from sixgym.domain.slices import NetworkState, RrmPolicyRatio, SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import Outcome, ToolCall, Turn
from sixgym.tools.base import CATALOG
from sixgym.tools.replies import Gnb, GnbList, HandoverCmd, InterferenceLevel, SliceStatus, TrafficPattern
from sixgym.tools.types import (
    Alarm,
    AlarmKind,
    EdgeLoad,
    NodeLoad,
    TelemetryState,
    UavTelemetry,
    WorkloadStatus,
)

CONTROL_SLA = SlaSpec(slice=SliceType.URLLC, max_latency_ms=40, max_jitter_ms=15, max_loss_ratio=0.01)
WHERE = Position(x_m=100, y_m=0, z_m=60)


def state(**changes: Any) -> NetworkState:
    """A state of the control slice; unless changed, everything is well."""
    values: dict[str, Any] = {
        "version": 1,
        "t_ms": 500,
        "slice": SliceType.URLLC,
        "latency_ms": 10.0,
        "jitter_ms": 2.0,
        "loss_ratio": 0.0,
        "throughput_mbps": 2.0,
        "edge_load": 0.3,
    }
    return NetworkState.model_validate({**values, **changes})


def did(
    tool: str,
    arguments: Mapping[str, Any] | None = None,
    result: Record | None = None,
    *,
    error: str | None = None,
    after: NetworkState | None = None,
    thought: str = "",
) -> Exchange:
    """A past call; its result is what the tool would have answered."""
    call = ToolCall(tool=tool, arguments=dict(arguments or {}))
    dumped = None if result is None else result.model_dump(mode="json")
    return Exchange(Turn(thought=thought, call=call), Outcome(result=dumped, error=error), after or state())


def observe(
    now: NetworkState | None = None,
    history: Sequence[Exchange] = (),
    *,
    sla: SlaSpec = CONTROL_SLA,
    steps_left: int = 20,
    service_is_well: bool = False,
) -> Observation:
    """What an agent sees at the end of that history.

    Telemetry raises the alarms that the present state calls for, as if the service's packets fared
    like those of its slice; not so if the service is well although its slice is not.
    """
    now = now or state()
    past = [exchange if service_is_well else _alarmed(exchange, now, sla) for exchange in history]
    if past:
        past[-1] = replace(past[-1], after=now)
    return Observation(
        intent="keep the control link within its service level",
        sla=sla,
        state=now,
        start=now,
        history=tuple(past),
        uavs=("drone-1", "drone-2"),
        cells=("gnb-1", "gnb-2", "gnb-3"),
        nodes=("edge-1", "edge-2", "cloud", "onboard"),
        service="drone",
        steps_left=steps_left,
    )


def _alarmed(exchange: Exchange, now: NetworkState, sla: SlaSpec) -> Exchange:
    result = exchange.outcome.result
    if exchange.turn.call is None or exchange.turn.call.tool != "read_telemetry" or result is None:
        return exchange
    read = TelemetryState.model_validate(result)
    kinds: tuple[tuple[AlarmKind, float, float | None], ...] = (
        ("sla_latency", now.latency_ms, sla.max_latency_ms),
        ("sla_jitter", now.jitter_ms, sla.max_jitter_ms),
        ("sla_loss", now.loss_ratio, sla.max_loss_ratio),
    )
    raised = tuple(
        alarm(kind, "drone", measured=measured / bound)
        for kind, measured, bound in kinds
        if bound is not None and measured > bound
    )
    alarmed = read.model_copy(update={"alarms": (*read.alarms, *raised)})
    return replace(exchange, outcome=Outcome(result=alarmed.model_dump(mode="json")))


# ---------------------------------------------------------------------- readings
def uav(name: str = "drone-1", **changes: Any) -> UavTelemetry:
    values: dict[str, Any] = {
        "uav": name,
        "position": WHERE,
        "velocity_mps": (5.0, 0.0, 0.0),
        "battery_percent": 80.0,
        "gnb": "gnb-1",
        "sinr_db": 15.0,
    }
    return UavTelemetry.model_validate({**values, **changes})


def alarm(kind: AlarmKind, subject: str, *, measured: float = 1.0, related: str | None = None) -> Alarm:
    return Alarm(kind=kind, severity="MAJOR", subject=subject, related=related, measured=measured, limit=1.0)


def telemetry(*parts: UavTelemetry | Alarm) -> Exchange:
    return did(
        "read_telemetry",
        result=TelemetryState(
            network=state(),
            uavs=tuple(part for part in parts if isinstance(part, UavTelemetry)),
            alarms=tuple(part for part in parts if isinstance(part, Alarm)),
        ),
    )


def scan(position: Position = WHERE, load: Mapping[str, float] | None = None, **rsrp_dbm: float) -> Exchange:
    """A scan; cells are keyed `gnb_1`, their PRB load is 0.3 unless given."""
    levels = {name.replace("_", "-"): level for name, level in rsrp_dbm.items()}
    heard = sorted(levels, key=lambda name: -levels[name])
    gnbs = tuple(
        Gnb(gnb=name, rsrp_dbm=levels[name], sinr_db=5.0, load=(load or {}).get(name, 0.3), devices=3)
        for name in heard
    )
    return did("scan_available_gnbs", {"position": position.model_dump()}, GnbList(gnbs=gnbs))


def interference(inr_db: float, external_share: float, position: Position = WHERE) -> Exchange:
    level = InterferenceLevel(
        inr_db=inr_db, sinr_db=0.0, serving="gnb-1", dominant="external", external_share=external_share
    )
    return did("monitor_interference", {"position": position.model_dump()}, level)


def handover(name: str, target: str) -> Exchange:
    answer = HandoverCmd(effective_t_ms=500, uav=name, source="gnb-1", target=target)
    return did("request_handover", {"uav": name, "gnb": target}, answer)


def slice_status(kind: str, *, policy: tuple[int, int, int], used_percent: float, **changes: Any) -> Exchange:
    """A reading of a slice on a carrier of 150 PRBs (three cells of 10 MHz)."""
    dedicated, least, most = policy
    values: dict[str, Any] = {
        "slice": kind,
        "label": "",
        "status": "NORMAL",
        "admits": True,
        "reason": None,
        "policy": RrmPolicyRatio(dedicated=dedicated, min=least, max=most),
        "sla": SlaSpec(slice=SliceType(kind), max_latency_ms=100),
        "groups": (),
        "devices": 4,
        "prbs_granted": 1.5 * least,
        "prbs_used": 1.5 * used_percent,
        "prb_used_percent": used_percent,
        "queue_bytes": 0,
        "latency_ms": 20.0,
        "jitter_ms": 1.0,
        "loss_ratio": 0.0,
        "throughput_mbps": 2.0,
    }
    return did("get_slice_status", {"slice": kind}, SliceStatus.model_validate({**values, **changes}))


def slices(
    urllc_used: float = 24, embb_used: float = 20, embb: tuple[int, int, int] = (20, 50, 70)
) -> list[Exchange]:
    """Readings of all three slices: 25 % for control, 50 % for video, 10 % for sensors by default."""
    return [
        slice_status("URLLC", policy=(20, 25, 40), used_percent=urllc_used),
        slice_status("eMBB", policy=embb, used_percent=embb_used),
        slice_status("mMTC", policy=(5, 10, 20), used_percent=3),
    ]


def traffic(kind: str = "URLLC", peak_to_mean: float = 2.5) -> Exchange:
    pattern = TrafficPattern(
        slice=SliceType(kind),
        window_s=5,
        mean_mbps=2,
        peak_mbps=2 * peak_to_mean,
        peak_to_mean=peak_to_mean,
        trend_mbps_per_s=0.1,
        period_s=None,
    )
    return did("get_traffic_pattern", {"slice": kind}, pattern)


def edge_load(*, runs_on: str = "edge-1", task_latency_ms: float = 30.0, **loads: float) -> Exchange:
    """A reading of the nodes; loads are keyed `edge_1`, `edge_2`, `cloud`, `onboard`."""
    kinds = {"edge-1": "edge", "edge-2": "edge", "cloud": "cloud", "onboard": "onboard"}
    given = {name.replace("_", "-"): load for name, load in loads.items()}
    nodes = tuple(
        NodeLoad.model_validate(
            {
                "node": name,
                "kind": kind,
                "load": given[name],
                "megacycles_per_s": 500 if kind == "onboard" else 2000,
                "round_trip_ms": 30 if kind == "cloud" else 2,
            }
        )
        for name, kind in kinds.items()
        if name in given
    )
    task = TaskSpec(id="drone", megacycles=40, deadline_ms=100, slice=SliceType.URLLC)
    workload = WorkloadStatus(task=task, runs_on=runs_on, task_latency_ms=task_latency_ms, completed=5)
    return did("get_edge_load", result=EdgeLoad(nodes=nodes, home="edge-1", workloads=(workload,)))


def parses(call: ToolCall) -> bool:
    """Whether the tool's own validation accepts the arguments; an error of it says why not."""
    CATALOG[call.tool].parse(call.arguments)
    return True
