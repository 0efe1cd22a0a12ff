"""The catalog is the paper's, and a declaration that does not fit its effect cannot be imported."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sixgym.domain.change import MoveToSlice, Offload
from sixgym.domain.flight import SENSOR_POWER_W
from sixgym.domain.geometry import Position
from sixgym.domain.slices import NetworkState
from sixgym.domain.snapshot import Snapshot
from sixgym.tools.base import CATALOG, CommandResult, Effect, tool
from sixgym.tools.reasoning import KIND_WEIGHT
from sixgym.tools.replies import Ack
from sixgym.tools.types import SensorType

TABLE_IV = {
    "observation": """read_telemetry check_network_state get_signal_strength scan_available_gnbs
        get_edge_load get_slice_status read_uav_position get_battery_level predict_sla_violation
        check_handover_status get_traffic_pattern monitor_interference check_link_quality
        select_recovery_strategy get_available_slices check_migration_feasibility""",
    "reasoning": """activate_sensor risk_assessment evaluate_intent_feasibility check_geofence
        path_planning compute_energy_budget select_offload_target negotiate_priority set_waypoint
        adjust_altitude adjust_speed collision_avoidance swarm_formation assign_task send_alert
        request_handover log_decision update_mission_plan broadcast_status heartbeat
        verify_sla_compliance validate_mission_completion""",
    "configuration": """switch_network_slice graceful_degradation edge_offload
        trigger_slice_reallocation""",
}
PURE = """predict_sla_violation select_recovery_strategy risk_assessment evaluate_intent_feasibility
    check_geofence compute_energy_budget select_offload_target verify_sla_compliance
    validate_mission_completion"""
COMMANDS = """activate_sensor set_waypoint adjust_altitude adjust_speed collision_avoidance
    swarm_formation assign_task send_alert request_handover log_decision update_mission_plan
    broadcast_status heartbeat"""


def test_the_catalog_holds_the_papers_42_tools_in_its_order() -> None:
    assert list(CATALOG) == [name for names in TABLE_IV.values() for name in names.split()]
    assert len(CATALOG) == 42


def test_the_papers_partition_is_16_22_4() -> None:
    filed = Counter(tool.paper_class for tool in CATALOG.values())
    assert filed == {"observation": 16, "reasoning": 22, "configuration": 4}
    for paper_class, names in TABLE_IV.items():
        assert {CATALOG[name].paper_class for name in names.split()} == {paper_class}


def test_effects_say_what_a_tool_may_touch() -> None:
    assert {tool.name for tool in CATALOG.values() if tool.effect is Effect.REASONING} == set(PURE.split())
    assert {tool.name for tool in CATALOG.values() if tool.effect is Effect.COMMAND} == set(COMMANDS.split())
    assert Counter(tool.effect for tool in CATALOG.values())[Effect.OBSERVATION] == 16
    assert Counter(tool.effect for tool in CATALOG.values())[Effect.CONFIGURATION] == 4


@pytest.mark.parametrize("name", CATALOG)
def test_only_reasoning_is_kept_from_the_world(name: str) -> None:
    declared = CATALOG[name]
    assert declared.takes_snapshot == (declared.effect is not Effect.REASONING)


@pytest.mark.parametrize("name", CATALOG)
def test_a_description_is_a_prompt(name: str) -> None:
    description = CATALOG[name].description
    assert 60 < len(description) < 900
    assert "Args:" not in description
    assert description.split("\n")[0].endswith(".")


def test_every_sensor_has_a_power_and_every_alarm_a_weight() -> None:
    assert {sensor.value for sensor in SensorType} == set(SENSOR_POWER_W)
    schema = CATALOG["read_telemetry"].output.json_schema()
    assert set(KIND_WEIGHT) == set(schema["$defs"]["Alarm"]["properties"]["kind"]["enum"])


# ---------------------------------------------------------------------- declarations that do not fit
def look(network: Snapshot) -> NetworkState:
    """Read the state.

    Args:
        network: The world.
    """
    return network.state


def spy(world: Snapshot) -> NetworkState:
    """Read the state under another name.

    Args:
        world: The world.
    """
    return world.state


def bare(position: Position) -> Position:
    """Say nothing about the argument."""
    return position


def mute(position: Position) -> Position:
    return position


def loose(network: Snapshot, place) -> NetworkState:  # type: ignore[no-untyped-def]
    """Take anything.

    Args:
        place: Anything.
    """
    return network.state


def move(network: Snapshot) -> MoveToSlice:
    """Move the managed service."""
    return MoveToSlice(network.scenario.managed, network.active_slice)


def ask(network: Snapshot) -> CommandResult[Ack]:
    """Command nothing."""
    return CommandResult(Ack(effective_t_ms=network.t_ms), ())


def number(network: Snapshot) -> float:
    """Return a bare number."""
    return float(network.version)


def nothing(network: Snapshot) -> None:
    """Return nothing."""


@pytest.mark.parametrize(
    ("function", "effect", "complaint"),
    [
        (look, Effect.REASONING, "receives its arguments only"),
        (spy, Effect.REASONING, "receives its arguments only"),
        (spy, Effect.OBSERVATION, "comes in as `network: Snapshot`"),
        (bare, Effect.REASONING, "do not describe position"),
        (mute, Effect.REASONING, "write one"),
        (loose, Effect.OBSERVATION, "type of place is missing"),
        (move, Effect.OBSERVATION, "answers with a Record"),
        (move, Effect.COMMAND, "returns CommandResult"),
        (ask, Effect.OBSERVATION, "answers with a Record"),
        (ask, Effect.CONFIGURATION, "returns a Change"),
        (look, Effect.COMMAND, "returns CommandResult"),
        (look, Effect.CONFIGURATION, "returns a Change"),
        (number, Effect.OBSERVATION, "answers with a Record"),
        (nothing, Effect.OBSERVATION, "answers with a Record"),
    ],
)
def test_a_declaration_that_does_not_fit_its_effect_is_refused(
    function: Callable[..., Any], effect: Effect, complaint: str
) -> None:
    before = dict(CATALOG)
    with pytest.raises(TypeError, match=complaint):
        tool(effect, paper="observation", row=99)(function)
    assert before == CATALOG


def test_only_configuration_answers_from_the_world_afterwards() -> None:
    with pytest.raises(TypeError, match="only a configuration tool has a reply"):
        tool(Effect.OBSERVATION, paper="observation", row=99, reply=lambda network: network.state)(look)


def test_a_name_and_a_row_are_declared_once() -> None:
    def read_telemetry(network: Snapshot) -> NetworkState:
        """Read again."""
        return network.state

    def offload(network: Snapshot) -> Offload:
        """Take a row that is taken."""
        return Offload(network.scenario.managed, "cloud")

    with pytest.raises(TypeError, match="read_telemetry already holds row 1"):
        tool(Effect.OBSERVATION, paper="observation", row=99)(read_telemetry)
    with pytest.raises(TypeError, match="edge_offload already holds row 41"):
        tool(Effect.CONFIGURATION, paper="configuration", row=41)(offload)
