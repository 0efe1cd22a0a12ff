"""The vocabulary of the MAPE-K agent's knowledge: every fact a rule may test or refer to.

A fact that is not known at a step is absent. "Stress" is a measurement relative to its
bound in the service level: 1 is at the bound, above 1 is a violation, whatever the metric.
"Service UAVs" are the UAVs of the managed group. `analysis` computes the facts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

Kind = Literal["number", "flag", "name", "record"]


@dataclass(frozen=True, slots=True)
class Fact:
    """The meaning of a fact, and a typical value.

    Attributes:
        kind: Numbers are compared with above and below, flags and names with equals; records can
            only be referred to.
        meaning: Meaning of the fact, for authors of rules.
        example: A value that fits into a call with the examples of the other facts.
    """

    kind: Kind
    meaning: str
    example: JsonValue


def _numbers(**facts: tuple[str, float]) -> dict[str, Fact]:
    return {name: Fact("number", meaning, example) for name, (meaning, example) in facts.items()}


def _flags(**facts: str) -> dict[str, Fact]:
    return {name: Fact("flag", meaning, True) for name, meaning in facts.items()}


def _names(**facts: tuple[str, str]) -> dict[str, Fact]:
    return {name: Fact("name", meaning, example) for name, (meaning, example) in facts.items()}


_STATE: JsonValue = {
    "version": 3,
    "t_ms": 1500,
    "slice": "URLLC",
    "latency_ms": 55.0,
    "jitter_ms": 4.0,
    "loss_ratio": 0.02,
    "throughput_mbps": 0.9,
    "edge_load": 0.4,
}

SERVICE: Mapping[str, Fact] = {
    **_numbers(
        stress=("the largest of latency, jitter, loss and throughput stress", 1.4),
        slice_stress=("the same, of all packets of the slice, the service's or not", 1.6),
        latency_stress=("mean delay / its bound; the service's own when telemetry is fresh", 1.4),
        jitter_stress=("jitter / its bound, likewise", 0.4),
        loss_stress=("loss ratio / its bound, likewise", 0.2),
        throughput_stress=("guaranteed throughput / measured", 0.5),
        edge_stress=("load of the home edge node / its bound", 0.6),
        stress_trend=("stress now minus stress three steps ago", 0.5),
        latency_ms=("mean delay of the active slice", 56.0),
        throughput_mbps=("throughput of the active slice", 0.9),
        edge_load=("busy share of the home edge node", 0.4),
        throughput_kept=("throughput now / highest of the last six states", 0.5),
        steps_left=("calls left", 12),
        steps_violated=("states in a row with stress above 1, up to now", 2),
        steps_held=("states in a row with stress of at most 1, up to now", 5),
    ),
    **_names(
        active_slice=("slice that the service is in", "URLLC"),
        service=("name of the managed group", "drone"),
    ),
    "state": Fact("record", "the six-dimensional state now", _STATE),
    "sla": Fact("record", "the service level", {"slice": "URLLC", "max_latency_ms": 40.0}),
}

ACTIONS: Mapping[str, Fact] = {
    **_numbers(
        steps_since_change=("steps since a configuration tool, handover or flight order; 99 if never", 4),
        steps_since_switch=("steps since the last slice switch; 99 if never", 5),
        steps_since_logged=("steps since the last log entry; 99 if never", 99),
        handovers=("handovers asked for so far", 5),
        switch_gain=("stress before the last slice switch minus stress now", -0.5),
        telemetry_age=("steps since telemetry was read; 99 if never", 2),
        own_status_age=("steps since the status of the active slice was read; 99 if never", 2),
        edge_age=("steps since the load of the nodes was read; 99 if never", 2),
        interference_age=("steps since interference was measured; 99 if never", 2),
        traffic_age=("steps since the traffic pattern was read; 99 if never", 2),
    ),
    **_names(
        previous_slice=("slice before the last switch", "eMBB"),
        unread_slice=("a slice whose status was not read lately", "mMTC"),
    ),
}

SHARES: Mapping[str, Fact] = {
    **_numbers(
        own_use_percent=("PRBs used / PRBs granted, active slice; at least 95 when CONGESTED", 97),
        own_backlog_ms=("time the active slice's queue takes to drain at its throughput", 80),
        own_min_percent=("guaranteed share of the active slice", 25),
        own_dedicated_percent=("share of the active slice that is never lent", 20),
        own_max_percent=("ceiling of the active slice", 40),
        own_undedicated_percent=("guaranteed but not dedicated share of the active slice", 5),
        headroom_percent=("ceiling minus PRBs used, active slice, percent of all PRBs", 1),
        spare_percent=("100 minus the guaranteed shares of all slices", 15),
        raised_dedicated_percent=("active slice, next step up out of the spare share", 25),
        raised_min_percent=("likewise, guaranteed", 35),
        raised_max_percent=("likewise, ceiling", 50),
        doubled_dedicated_percent=("active slice, all of the spare share up to twice its own", 30),
        doubled_min_percent=("likewise, guaranteed", 40),
        doubled_max_percent=("likewise, ceiling", 60),
        lifted_max_percent=("ceiling of the active slice, 20 points up", 60),
        returned_dedicated_percent=("active slice, one step down", 15),
        returned_min_percent=("likewise, guaranteed", 15),
        returned_max_percent=("likewise, ceiling", 30),
        donor_slack_percent=("what the slice with most slack could give", 20),
        donor_dedicated_percent=("its share after giving one step", 10),
        donor_min_percent=("likewise, guaranteed", 40),
        donor_max_percent=("likewise, ceiling", 60),
        rival_over_percent=("what the largest borrower uses above its guarantee", 15),
        rival_dedicated_percent=("its dedicated share, unchanged", 10),
        rival_min_percent=("its guaranteed share, unchanged", 30),
        starved_stress=("stress of the other slice worst off against its own service level", 1.5),
        starved_dedicated_percent=("its share after getting one step out of the spare share", 20),
        starved_min_percent=("likewise, guaranteed", 30),
        starved_max_percent=("likewise, ceiling", 40),
        urllc_use_percent=("PRBs used / PRBs granted, URLLC slice", 30),
        embb_use_percent=("PRBs used / PRBs granted, eMBB slice", 30),
        peak_to_mean=("peak / mean offered load of the active slice", 2.4),
        load_trend_mbps_per_s=("growth of the offered load of the active slice", 0.5),
    ),
    **_flags(
        urllc_admits="the URLLC slice takes services in",
        embb_admits="the eMBB slice takes services in",
    ),
    **_names(
        donor_slice=("slice with most slack", "eMBB"),
        rival_slice=("slice that borrows most", "eMBB"),
        starved_slice=("other slice that violates its own service level most", "mMTC"),
    ),
}

RADIO: Mapping[str, Fact] = {
    **_numbers(
        victim_sinr_db=("SINR of the service UAV with the weakest link", 1.0),
        victim_speed_mps=("its speed", 6),
        victim_x_m=("where it is, east", 150),
        victim_y_m=("north", 10),
        victim_z_m=("above ground", 60),
        climb_z_m=("20 m above it", 80),
        descend_z_m=("20 m below it", 40),
        refuge_gain_db=("SINR of the service UAV with the best link minus the victim's", 12),
        refuge_x_m=("30 m beside that UAV, east", 60),
        refuge_y_m=("north", 0),
        refuge_z_m=("above ground", 60),
        unscanned_x_m=("a weak service UAV around which no cells were scanned for lately, east", 150),
        unscanned_y_m=("north", 10),
        unscanned_z_m=("above ground", 60),
        unscanned_sinr_db=("its SINR", 1.0),
        mover_sinr_db=("SINR of the service UAV that gains most from a handover", 1.0),
        best_gain_db=("RSRP of its best other cell minus that of its serving cell", 12),
        failed_gain_db=("likewise, cell that just refused a service UAV", 10),
        fallback_gain_db=("likewise, best cell that has not refused that UAV", 5),
        detour_gain_db=("likewise, best cell for a service UAV on a cell with a bad backhaul", -3),
        relief_gain_db=("likewise, least loaded cell for a service UAV on a crowded cell", -2),
        crowded_load_percent=("PRB load of the cell that serves that UAV", 95),
        relief_load_percent=("PRB load of the least loaded cell", 30),
        inr_db=("interference over noise near the victim", 12),
        external_percent=("share of it that no cell of ours causes", 90),
        weakest_battery_percent=("battery of the UAV with the least energy", 10),
        weakest_speed_mps=("its speed", 14),
        home_x_m=("where that UAV was first seen, east", 0),
        home_y_m=("north", 0),
        home_z_m=("above ground", 40),
    ),
    **_flags(
        outage_alarm="a cell that serves a service UAV is reported out",
        backhaul_alarm="a cell that serves a service UAV is reported to have a bad backhaul",
        neighbour_alarm="another slice is reported congested or to break its service level",
        power_alarm="a cell that serves a service UAV is reported weak",
    ),
    **_names(
        victim_uav=("service UAV with the weakest link", "drone-1"),
        mover_uav=("service UAV that gains most from a handover, none asked for lately", "drone-1"),
        best_cell=("its best other cell", "gnb-2"),
        failed_uav=("service UAV whose last handover failed", "drone-1"),
        failed_cell=("the cell that refused it", "gnb-2"),
        fallback_cell=("its best cell that has not refused it", "gnb-3"),
        stranded_uav=("service UAV on a cell with a bad backhaul", "drone-1"),
        detour_cell=("its best other cell with a good backhaul", "gnb-2"),
        crowded_uav=("service UAV on a crowded cell", "drone-1"),
        relief_cell=("its least loaded other cell", "gnb-2"),
        weakest_battery_uav=("UAV with the least energy", "drone-2"),
    ),
}

EDGE: Mapping[str, Fact] = {
    **_numbers(
        task_stress=("latency of the service's compute tasks / their deadline", 1.6),
        host_load=("load of the node that runs the tasks", 0.95),
        light_edge_load=("load of the least loaded other edge node", 0.3),
        cloud_load=("load of the cloud node", 0.2),
        cloud_rtt_share=("round trip to the cloud / deadline of the tasks", 0.2),
        home_load=("load of the home edge node", 0.3),
    ),
    **_flags(
        runs_onboard="the tasks run on the devices themselves",
        runs_at_home="the tasks run on the home edge node",
        onboard_pays="running a task on board is expected to meet its deadline",
    ),
    **_names(
        light_edge=("least loaded edge node that does not run the tasks", "edge-2"),
        cloud=("cloud node that does not run the tasks", "cloud"),
        home_node=("home edge node", "edge-1"),
    ),
    "service_task": Fact(
        "record",
        "the service's compute tasks",
        {"id": "drone", "megacycles": 40.0, "input_bytes": 1200, "deadline_ms": 100.0},
    ),
}

FACTS: Mapping[str, Fact] = {**SERVICE, **ACTIONS, **SHARES, **RADIO, **EDGE}
"""All facts by name."""
