"""One sensible call of every tool in the plant."""

from typing import Any

STATE: dict[str, Any] = {
    "version": 10,
    "t_ms": 5000,
    "slice": "eMBB",
    "latency_ms": 65.0,
    "jitter_ms": 16.25,
    "loss_ratio": 0.0,
    "throughput_mbps": 4.5,
    "edge_load": 0.45,
}
SLA = {"slice": "eMBB", "max_latency_ms": 100, "min_throughput_mbps": 4}
HERE = {"x_m": 150, "y_m": 0, "z_m": 50}
THERE = {"x_m": -150, "y_m": 50, "z_m": 60}
NEAR = {"x_m": 160, "y_m": 20, "z_m": 60}
TASK = {"id": "drone", "megacycles": 40, "deadline_ms": 250}
RING = {"uavs": ["drone-1", "drone-2", "drone-3"], "shape": "ring", "spacing_m": 30}
BATTERY = {"energy_j": 200_000, "capacity_j": 324_000}
FENCE = {"polygon": [[0, 0], [10, 0], [10, 10], [0, 10]], "mode": "keep_out"}
RISK = {
    "score": 0.5,
    "level": "MEDIUM",
    "drivers": [{"kind": "sla_latency", "subject": "eMBB", "weight": 0.5}],
}
LOAD = {
    "nodes": [
        {"node": "edge-1", "kind": "edge", "load": 0.9, "megacycles_per_s": 2000, "round_trip_ms": 3},
        {"node": "cloud", "kind": "cloud", "load": 0.1, "megacycles_per_s": 10000, "round_trip_ms": 31},
    ]
}
TELEMETRY = {
    "network": STATE,
    "alarms": [{"kind": "sla_latency", "severity": "MAJOR", "subject": "eMBB", "measured": 65, "limit": 40}],
}

CALLS: dict[str, dict[str, Any]] = {
    "read_telemetry": {},
    "check_network_state": {},
    "get_signal_strength": {"position": HERE},
    "scan_available_gnbs": {"position": HERE},
    "get_edge_load": {},
    "get_slice_status": {"slice": "URLLC"},
    "read_uav_position": {"uav": "drone-1"},
    "get_battery_level": {"uav": "drone-1"},
    "predict_sla_violation": {"state": STATE, "sla": SLA},
    "check_handover_status": {"uav": "drone-1"},
    "get_traffic_pattern": {"slice": "eMBB"},
    "monitor_interference": {"position": HERE},
    "check_link_quality": {"uav": "drone-1", "gnb": "gnb-2"},
    "select_recovery_strategy": {"state": STATE, "risk": RISK},
    "get_available_slices": {"position": HERE},
    "check_migration_feasibility": {"uav": "drone-1", "gnb": "gnb-2"},
    "activate_sensor": {"sensor": "camera", "uav": "drone-1"},
    "risk_assessment": {"telemetry": TELEMETRY},
    "evaluate_intent_feasibility": {
        "intent": {"targets": [{"metric": "latency_ms", "condition": "IS_LESS_THAN", "value": 40}]},
        "state": STATE,
    },
    "check_geofence": {"position": HERE, "fence": FENCE},
    "path_planning": {"start": HERE, "goal": THERE, "state": STATE},
    "compute_energy_budget": {"waypoints": {"points": [HERE, THERE]}, "battery": BATTERY},
    "select_offload_target": {"edge_load": LOAD, "task": TASK},
    "negotiate_priority": {"uav": "drone-1", "other": "drone-2", "intent": {"text": "film the tower"}},
    "set_waypoint": {"uav": "drone-1", "position": NEAR},
    "adjust_altitude": {"uav": "drone-1", "altitude_m": 80},
    "adjust_speed": {"uav": "drone-1", "speed_mps": 15},
    "collision_avoidance": {
        "uav": "drone-1",
        "position": HERE,
        "swarm": {"members": [{"uav": "visitor-1", "position": {"x_m": 153, "y_m": 0, "z_m": 50}}]},
    },
    "swarm_formation": {"formation": RING, "waypoints": {"points": [{"x_m": 0, "y_m": -200, "z_m": 60}]}},
    "assign_task": {"uav": "drone-1", "task": {"id": "scan-7", "megacycles": 10}},
    "send_alert": {"uav": "drone-1", "alert": "link_degraded"},
    "request_handover": {"uav": "drone-1", "gnb": "gnb-2"},
    "log_decision": {"record": {"text": "moved the drones to URLLC: delay above its bound"}},
    "update_mission_plan": {"mission": {"waypoints": [THERE]}, "state": STATE},
    "broadcast_status": {"uav": "drone-1", "message": {"text": "leaving"}},
    "heartbeat": {"uav": "drone-1"},
    "verify_sla_compliance": {"state": STATE, "sla": SLA},
    "validate_mission_completion": {
        "mission": {"waypoints": [THERE]},
        "log": {"visited": [THERE], "elapsed_s": 20, "min_battery_percent": 60},
    },
    "switch_network_slice": {"from_slice": "eMBB", "to_slice": "URLLC"},
    "graceful_degradation": {
        "spec": {"group": "camera", "action": "reduce_rate", "value": 0.5, "duration_s": 10}
    },
    "edge_offload": {"task": TASK, "target": {"node": "edge-2"}},
    "trigger_slice_reallocation": {"slice": "eMBB", "resources": {"dedicated": 20, "min": 60, "max": 90}},
}
