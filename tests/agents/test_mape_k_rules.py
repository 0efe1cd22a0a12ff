"""Each of the 50 rules, reached from a history of real tool answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sixgym.agents.analysis import analyse
from sixgym.agents.facts import FACTS
from sixgym.agents.knowledge import shipped_knowledge
from sixgym.agents.mape_k import MapeKAgent
from sixgym.agents.memory import Memory
from sixgym.domain.geometry import Position
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from tests.agents.samples import (
    CONTROL_SLA,
    WHERE,
    alarm,
    did,
    edge_load,
    handover,
    interference,
    observe,
    parses,
    scan,
    slice_status,
    slices,
    state,
    telemetry,
    traffic,
    uav,
)

SLOW = state(latency_ms=80.0)
LOSSY = state(loss_ratio=0.05)
JITTERY = state(jitter_ms=20.0)
BUSY_EDGE = state(edge_load=0.97)

VIDEO_SLA = SlaSpec(slice=SliceType.EMBB, max_latency_ms=100, min_throughput_mbps=4)
SENSOR_SLA = SlaSpec(slice=SliceType.MMTC, max_latency_ms=100)
RATE_SLA = SlaSpec(slice=SliceType.URLLC, min_throughput_mbps=4)
SLOW_VIDEO = state(slice="eMBB", latency_ms=150.0, throughput_mbps=6)
THIN_VIDEO = state(slice="eMBB", latency_ms=20.0, throughput_mbps=3)
SLOW_SENSORS = state(slice="mMTC", latency_ms=150.0)

GROUND = telemetry()
"""A reading of a network without UAVs."""

FAR = Position(x_m=-300, y_m=0, z_m=60)
LOW = Position(x_m=100, y_m=0, z_m=30)
WEAK = uav(sinr_db=1.0)
LOST = uav(sinr_db=-3.0)
FAILED = uav(handover="FAILED")
CLEAR = uav("drone-2", position=Position(x_m=0, y_m=0, z_m=60), sinr_db=20.0)
BESIDE_CLEAR = {"x_m": 30.0, "y_m": 0.0, "z_m": 60.0}
ALONE = scan(gnb_1=-90.0)
THREE_CELLS = scan(gnb_1=-95.0, gnb_2=-85.0, gnb_3=-92.0)

FULL_CONTROL = slice_status("URLLC", policy=(20, 25, 40), used_percent=24.9)
IDLE_CONTROL = slice_status("URLLC", policy=(20, 25, 40), used_percent=5)
SENSORS = slice_status("mMTC", policy=(5, 10, 20), used_percent=3)


def video(used: float, policy: tuple[int, int, int] = (20, 50, 70), **changes: Any) -> Exchange:
    return slice_status("eMBB", policy=policy, used_percent=used, **changes)


def share(dedicated: int, least: int, most: int) -> dict[str, int]:
    return {"dedicated": dedicated, "min": least, "max": most}


def steadily(now: NetworkState, steps: int) -> list[Exchange]:
    """So many telemetry readings in that state."""
    return [did("read_telemetry", after=now) for _ in range(steps)]


def all_in(now: NetworkState, *history: Exchange) -> list[Exchange]:
    """The same exchanges, each of them leaving that state behind."""
    return [replace(exchange, after=now) for exchange in history]


@dataclass(frozen=True)
class Case:
    """A situation, the rule that has to act in it, and what its call has to contain."""

    rule: str
    now: NetworkState
    history: Sequence[Exchange]
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    sla: SlaSpec = CONTROL_SLA
    steps_left: int = 20

    @property
    def observation(self) -> Observation:
        return observe(self.now, self.history, sla=self.sla, steps_left=self.steps_left)


FLIGHT = [
    Case("close-verified", state(), [GROUND], "verify_sla_compliance", steps_left=1),
    Case(
        "fly-home-before-empty",
        state(),
        [telemetry(uav()), telemetry(uav(position=FAR, battery_percent=5.0))],
        "set_waypoint",
        {"uav": "drone-1", "position": WHERE.model_dump()},
    ),
    Case(
        "slow-to-endure",
        state(),
        [telemetry(uav(battery_percent=15.0, velocity_mps=(15.0, 0.0, 0.0)))],
        "adjust_speed",
        {"uav": "drone-1", "speed_mps": 10},
    ),
    Case(
        "fly-out-of-jamming",
        SLOW,
        [ALONE, interference(15, 0.9), telemetry(WEAK, CLEAR)],
        "set_waypoint",
        {"uav": "drone-1", "position": BESIDE_CLEAR},
    ),
    Case(
        "close-up-to-fleet",
        SLOW,
        [ALONE, interference(1, 0.0), telemetry(LOST, CLEAR)],
        "set_waypoint",
        {"uav": "drone-1", "position": BESIDE_CLEAR},
    ),
    Case(
        "descend-under-neighbours",
        SLOW,
        [ALONE, interference(15, 0.1), telemetry(WEAK)],
        "adjust_altitude",
        {"uav": "drone-1", "altitude_m": 40.0},
    ),
    Case(
        "climb-into-sight",
        SLOW,
        [scan(LOW, gnb_1=-90.0), interference(1, 0.0), telemetry(uav(sinr_db=1.0, position=LOW))],
        "adjust_altitude",
        {"uav": "drone-1", "altitude_m": 50.0},
    ),
    Case(
        "slow-for-steady-link",
        JITTERY,
        [telemetry(uav(velocity_mps=(12.0, 0.0, 0.0)))],
        "adjust_speed",
        {"uav": "drone-1", "speed_mps": 4},
    ),
    Case(
        "warn-pilot",
        LOSSY,
        all_in(
            LOSSY,
            *steadily(LOSSY, 6),
            did("log_decision"),
            did("graceful_degradation", thought="rule 47 (pause-sensors): they can wait"),
            IDLE_CONTROL,
            telemetry(uav()),
        ),
        "send_alert",
        {"uav": "drone-1", "alert": "sla_violation"},
    ),
]

HANDOVER = [
    Case(
        "retry-at-second-best",
        SLOW,
        [THREE_CELLS, handover("drone-1", "gnb-2"), *steadily(SLOW, 2), telemetry(FAILED)],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-3"},
    ),
    Case(
        "retry-at-same",
        SLOW,
        [handover("drone-1", "gnb-2"), *steadily(SLOW, 4), scan(gnb_1=-95.0, gnb_2=-85.0), telemetry(FAILED)],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-silent-cell",
        SLOW,
        [scan(gnb_2=-85.0), telemetry(WEAK, alarm("cell_outage", "gnb-1"))],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-weakened-cell",
        state(),
        [
            telemetry(
                uav(),
                alarm("cell_power_low", "gnb-1"),
                alarm("better_cell", "drone-1", measured=4, related="gnb-3"),
            )
        ],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-3"},
    ),
    Case(
        "follow-stronger-cell",
        state(),
        [THREE_CELLS, telemetry(uav())],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-marginal-link",
        SLOW,
        [scan(gnb_1=-90.0, gnb_2=-87.0), telemetry(WEAK)],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-lossy-link",
        LOSSY,
        [scan(gnb_1=-90.0, gnb_2=-88.5), telemetry(uav())],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-jittery-link",
        JITTERY,
        [scan(gnb_1=-90.0, gnb_2=-88.5), telemetry(uav(sinr_db=10.0))],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "detour-slow-backhaul",
        SLOW,
        [scan(gnb_1=-85.0, gnb_2=-89.0), telemetry(uav(), alarm("backhaul_degraded", "gnb-1"))],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "detour-lossy-backhaul",
        LOSSY,
        [scan(gnb_1=-80.0, gnb_2=-90.0), telemetry(uav(), alarm("backhaul_degraded", "gnb-1"))],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
    Case(
        "leave-crowded-cell",
        SLOW,
        [scan(load={"gnb-1": 0.95, "gnb-2": 0.2}, gnb_1=-85.0, gnb_2=-87.0), telemetry(uav())],
        "request_handover",
        {"uav": "drone-1", "gnb": "gnb-2"},
    ),
]

COMPUTE = [
    Case(
        "move-to-light-edge",
        BUSY_EDGE,
        [edge_load(edge_1=0.97, edge_2=0.2, cloud=0.1)],
        "edge_offload",
        {"target": {"node": "edge-2"}},
        sla=SlaSpec(slice=SliceType.URLLC, max_latency_ms=40, max_edge_load=0.8),
    ),
    Case(
        "move-late-tasks",
        state(edge_load=0.75),
        [edge_load(task_latency_ms=90, edge_1=0.75, edge_2=0.2)],
        "edge_offload",
        {"target": {"node": "edge-2"}},
    ),
    Case(
        "move-to-cloud",
        BUSY_EDGE,
        [edge_load(edge_1=0.97, edge_2=0.9, cloud=0.1)],
        "edge_offload",
        {"target": {"node": "cloud"}},
    ),
    Case(
        "compute-on-board",
        BUSY_EDGE,
        [edge_load(edge_1=0.97, edge_2=0.9, cloud=0.95, onboard=0.0)],
        "edge_offload",
        {"target": {"node": "onboard"}},
    ),
    Case(
        "leave-board",
        state(edge_load=0.7),
        [edge_load(runs_on="onboard", task_latency_ms=190.0, edge_1=0.7, edge_2=0.3, onboard=0.5)],
        "edge_offload",
        {"target": {"node": "edge-2"}},
    ),
    Case(
        "come-home",
        state(edge_load=0.2),
        [edge_load(runs_on="cloud", task_latency_ms=90.0, edge_1=0.2, edge_2=0.9, cloud=0.5)],
        "edge_offload",
        {"target": {"node": "edge-1"}},
    ),
]

SWITCH = [
    Case(
        "undo-switch",
        state(slice="eMBB", latency_ms=80.0),
        [
            did("read_telemetry", after=state(latency_ms=50.0)),
            did("switch_network_slice", {"from_slice": "URLLC", "to_slice": "eMBB"}),
            *steadily(state(slice="eMBB", latency_ms=80.0), 1),
            video(10),
            GROUND,
        ],
        "switch_network_slice",
        {"from_slice": "eMBB", "to_slice": "URLLC"},
    ),
    Case(
        "move-from-video-to-urllc",
        SLOW_VIDEO,
        [IDLE_CONTROL, video(49), SENSORS, GROUND],
        "switch_network_slice",
        {"from_slice": "eMBB", "to_slice": "URLLC"},
        sla=VIDEO_SLA,
    ),
    Case(
        "move-from-sensors-to-urllc",
        SLOW_SENSORS,
        [IDLE_CONTROL, video(49), slice_status("mMTC", policy=(5, 10, 20), used_percent=9), GROUND],
        "switch_network_slice",
        {"from_slice": "mMTC", "to_slice": "URLLC"},
        sla=SENSOR_SLA,
    ),
    Case(
        "move-to-video-for-rate",
        state(),
        [FULL_CONTROL, video(10), SENSORS, GROUND],
        "switch_network_slice",
        {"from_slice": "URLLC", "to_slice": "eMBB"},
        sla=RATE_SLA,
    ),
]

PRBS = [
    Case(
        "double-urllc",
        state(latency_ms=300.0),
        [*slices(embb=(20, 40, 60)), GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(45, 50, 65)},
    ),
    Case(
        "grow-urllc",
        SLOW,
        [*slices(), GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(30, 35, 50)},
    ),
    Case(
        "take-for-urllc",
        SLOW,
        [*slices(embb=(20, 65, 70)), GROUND],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": share(10, 55, 60)},
    ),
    Case(
        "grow-video",
        THIN_VIDEO,
        [FULL_CONTROL, SENSORS, video(49), GROUND],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": share(30, 60, 80)},
        sla=VIDEO_SLA,
    ),
    Case(
        "take-for-video",
        THIN_VIDEO,
        [slice_status("URLLC", policy=(20, 40, 40), used_percent=5), SENSORS, video(49), GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(10, 30, 30)},
        sla=VIDEO_SLA,
    ),
    Case(
        "grow-sensors",
        SLOW_SENSORS,
        [FULL_CONTROL, video(49), slice_status("mMTC", policy=(5, 10, 20), used_percent=9), GROUND],
        "trigger_slice_reallocation",
        {"slice": "mMTC", "resources": share(15, 20, 30)},
        sla=SENSOR_SLA,
    ),
    Case(
        "take-for-sensors",
        SLOW_SENSORS,
        [
            FULL_CONTROL,
            video(20, (20, 65, 70)),
            slice_status("mMTC", policy=(5, 10, 20), used_percent=9),
            GROUND,
        ],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": share(10, 55, 60)},
        sla=SENSOR_SLA,
    ),
    Case(
        "drain-backlog",
        state(latency_ms=36, jitter_ms=2),
        [
            slice_status("URLLC", policy=(20, 25, 40), used_percent=10, queue_bytes=20_000),
            video(20),
            SENSORS,
            GROUND,
        ],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(30, 35, 50)},
    ),
    Case(
        "stop-overflow",
        LOSSY,
        [FULL_CONTROL, video(20), SENSORS, GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(30, 35, 50)},
    ),
    Case(
        "outshout-interference",
        SLOW,
        [ALONE, interference(8, 0.9), *slices(urllc_used=5), telemetry(uav(sinr_db=5.0))],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(30, 35, 50)},
    ),
    Case(
        "reserve-own-share",
        JITTERY,
        [slice_status("URLLC", policy=(10, 25, 40), used_percent=10), GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(25, 25, 40)},
    ),
    Case(
        "cap-borrower",
        LOSSY,
        [IDLE_CONTROL, video(65), GROUND],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": share(20, 50, 50)},
    ),
    Case(
        "lift-ceiling",
        LOSSY,
        [FULL_CONTROL, video(62, (20, 65, 70)), SENSORS, GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(20, 25, 60)},
    ),
    Case(
        "feed-starved-slice",
        state(),
        [IDLE_CONTROL, SENSORS, video(49, latency_ms=200), *steadily(state(), 2)],
        "trigger_slice_reallocation",
        {"slice": "eMBB", "resources": share(30, 60, 80)},
    ),
    Case(
        "give-back",
        state(),
        [IDLE_CONTROL, SENSORS, video(64, (20, 65, 70), latency_ms=200), *steadily(state(), 2)],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(10, 15, 30)},
    ),
    Case(
        "ride-out-surge",
        state(jitter_ms=14.5),
        [traffic(), *slices(urllc_used=22), GROUND],
        "trigger_slice_reallocation",
        {"slice": "URLLC", "resources": share(30, 35, 50)},
    ),
]

LAST_RESORT = [
    Case(
        "thin-out-video",
        SLOW,
        all_in(SLOW, video(40), *steadily(SLOW, 3), IDLE_CONTROL, GROUND),
        "graceful_degradation",
        {"spec": {"slice": "eMBB", "action": "reduce_rate", "value": 0.3, "duration_s": 10}},
    ),
    Case(
        "pause-sensors",
        SLOW,
        all_in(SLOW, *steadily(SLOW, 7), IDLE_CONTROL, GROUND),
        "graceful_degradation",
        {"spec": {"slice": "mMTC", "action": "shed_flow", "duration_s": 5}},
    ),
    Case(
        "thin-out-own-video",
        SLOW_VIDEO,
        all_in(SLOW_VIDEO, *steadily(SLOW_VIDEO, 4), video(10), GROUND),
        "graceful_degradation",
        {"spec": {"group": "drone", "action": "reduce_rate", "value": 0.25, "duration_s": 10}},
        sla=VIDEO_SLA,
    ),
    Case("write-diagnosis", LOSSY, all_in(LOSSY, *steadily(LOSSY, 5), IDLE_CONTROL, GROUND), "log_decision"),
]

CASES = [*FLIGHT, *HANDOVER, *COMPUTE, *SWITCH, *PRBS, *LAST_RESORT]


@pytest.mark.parametrize("case", CASES, ids=[case.rule for case in CASES])
def test_each_symptom_gets_its_repair(case: Case) -> None:
    turn = MapeKAgent(shipped_knowledge()).act(case.observation)
    number = [rule.id for rule in shipped_knowledge().rules].index(case.rule) + 1
    assert turn.thought.startswith(f"rule {number} ({case.rule}): ")
    assert turn.call is not None
    assert turn.call.tool == case.tool
    assert isinstance(turn.call.arguments, dict)
    assert {name: turn.call.arguments[name] for name in case.arguments} == case.arguments
    assert parses(turn.call)


def test_every_rule_has_a_situation_in_which_it_acts() -> None:
    assert {case.rule for case in CASES} == {rule.id for rule in shipped_knowledge().rules}


def test_every_fact_of_the_vocabulary_is_found_in_some_situation_and_no_other() -> None:
    found = {name for case in CASES for name in analyse(Memory.of(case.observation))}
    assert found == set(FACTS)
