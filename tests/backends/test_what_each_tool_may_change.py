"""Each of the 42 tools changes the part of the world that its effect allows, and no other.

Two worlds with one seed live through the same intervals; one of them makes the call, the other a
plain read. Whatever differs afterwards is the call's doing.
"""

import hashlib
import random
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from sixgym.agents.rules.arguments import draw_arguments
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import INTERVAL_JSON
from sixgym.domain.mission import Mission, Uav
from sixgym.domain.snapshot import Resources, Snapshot
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall
from sixgym.tools.base import CATALOG, Effect
from tests.doubles import FluidSimulator
from tests.episodes.samples import sample_task

PLAIN_READ = ToolCall(tool="check_network_state", arguments={})
RESOURCES, MISSION = TypeAdapter(Resources), TypeAdapter(Mission)
UAVS = TypeAdapter(dict[str, Uav])

FLIGHT = {"uavs", "measurements", "mission"}
"""The mission notes where a UAV arrived, which a short flight does within the interval of its call."""

MAY_CHANGE = {
    "activate_sensor": {"uavs"},
    "assign_task": {"uavs"},
    "send_alert": {"uavs"},
    "broadcast_status": {"uavs"},
    "heartbeat": {"uavs"},
    "log_decision": {"mission"},
    "update_mission_plan": {"mission"},
    "set_waypoint": FLIGHT,
    "adjust_altitude": FLIGHT,
    "adjust_speed": FLIGHT,
    "collision_avoidance": FLIGHT,
    "swarm_formation": FLIGHT,
    "request_handover": {"measurements"},
    "switch_network_slice": {"resources", "measurements"},
    "trigger_slice_reallocation": {"resources", "measurements"},
    "graceful_degradation": {"resources", "measurements"},
    "edge_offload": {"resources", "measurements"},
}
"""Sub-worlds by tool; a tool that is not listed may change nothing."""


def digests(snapshot: Snapshot) -> dict[str, str]:
    """A hash of each of the four sub-worlds."""
    parts: dict[str, Any] = {
        # batteries belong to the UAVs: the backend copies them from its world into the interval
        "measurements": INTERVAL_JSON.dump_json(replace(snapshot.interval, battery_percent={})).decode(),
        "resources": RESOURCES.dump_json(snapshot.resources).decode(),
        "uavs": UAVS.dump_json(dict(snapshot.uavs)).decode(),
        "mission": MISSION.dump_json(snapshot.mission).decode(),
    }
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in parts.items()}


TASK = sample_task(seed=3)


def world() -> SimulatedBackend:
    backend = SimulatedBackend(FluidSimulator())
    backend.reset(TASK.scenario, seed=3)
    backend.execute(PLAIN_READ)
    return backend


@cache
def after_a_plain_read() -> dict[str, str]:
    backend = world()
    backend.execute(PLAIN_READ)
    return digests(backend.snapshot)


def observation(backend: SimulatedBackend) -> Observation:
    task, snapshot = TASK, backend.snapshot
    return Observation(
        intent=task.intent,
        sla=task.sla,
        state=snapshot.state,
        start=snapshot.state,
        history=(),
        uavs=tuple(snapshot.uavs),
        cells=tuple(cell.id for cell in snapshot.scenario.cells),
        nodes=(*(node.id for node in snapshot.scenario.compute), "onboard"),
        service=snapshot.scenario.managed,
        steps_left=10,
    )


def changed_by(call: ToolCall) -> tuple[set[str], str | None]:
    """Which sub-worlds differ between replicates, and the call's error."""
    acting = world()
    outcome = acting.execute(call).outcome
    mine, theirs = digests(acting.snapshot), after_a_plain_read()
    return {name for name in mine if mine[name] != theirs[name]}, outcome.error


def accepted_call(name: str) -> ToolCall:
    """A call of the tool that the world accepts: a known one, or one found by drawing."""
    seen = observation(world())
    rng = random.Random(name)
    fitting = coherent_arguments(world().snapshot).get(name)
    error = None
    for _ in range(40):
        drawn = draw_arguments(CATALOG[name], seen, rng)
        call = ToolCall(tool=name, arguments=fitting or drawn)
        _, error = changed_by(call)
        if error is None:
            return call
    raise AssertionError(f"{name}: no drawn call was accepted, the last one because {error}")


def coherent_arguments(snapshot: Snapshot) -> dict[str, Any]:
    """Arguments of the tools whose parts have to fit each other and the world."""
    position = snapshot.uavs["drone-1"].position
    near = position.model_copy(update={"x_m": position.x_m + 1.0})
    members = [
        {"uav": name, "position": point.model_dump(), "velocity_mps": [0.0, 0.0, 0.0]}
        for name, point in (("drone-1", position), ("visitor-1", near))
    ]
    return {
        "collision_avoidance": {
            "uav": "drone-1",
            "position": position.model_dump(),
            "swarm": {"members": members},
        },
        "edge_offload": {"task": {"id": "drone", "megacycles": 40}, "target": {"node": "edge-2"}},
        "negotiate_priority": {"uav": "drone-1", "other": "drone-2", "intent": {"text": "inspect"}},
    }


@pytest.mark.parametrize("name", CATALOG)
def test_a_tool_changes_only_what_its_effect_allows(name: str) -> None:
    changed, error = changed_by(accepted_call(name))
    assert error is None
    assert changed <= MAY_CHANGE.get(name, set())


@pytest.mark.parametrize("name", MAY_CHANGE)
def test_a_tool_that_acts_does_change_the_world(name: str) -> None:
    rng = random.Random(name)
    seen = observation(world())
    drawn = (ToolCall(tool=name, arguments=draw_arguments(CATALOG[name], seen, rng)) for _ in range(40))
    assert any(changed_by(call)[0] for call in (accepted_call(name), *drawn))


def test_the_table_lists_exactly_the_tools_that_act() -> None:
    acting = {name for name, tool in CATALOG.items() if tool.effect in (Effect.COMMAND, Effect.CONFIGURATION)}
    assert set(MAY_CHANGE) == acting
    configuring = {name for name, parts in MAY_CHANGE.items() if "resources" in parts}
    assert configuring == {name for name, tool in CATALOG.items() if tool.effect is Effect.CONFIGURATION}


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(CATALOG)) | st.text(max_size=30),
    arguments=st.dictionaries(st.text(max_size=12), JSON_VALUES, max_size=4) | st.text(max_size=40),
)
def test_no_call_crashes_the_world_and_a_refused_one_changes_nothing(name: str, arguments: Any) -> None:
    changed, error = changed_by(ToolCall(tool=name, arguments=arguments))
    if error is not None:
        assert changed == set()
        assert len(error) > 10


@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(CATALOG)), seed=st.integers(0, 10**6))
def test_a_plausible_call_is_carried_out_or_refused_with_a_reason(name: str, seed: int) -> None:
    call = ToolCall(
        tool=name, arguments=draw_arguments(CATALOG[name], observation(world()), random.Random(seed))
    )
    changed, error = changed_by(call)
    assert changed <= (set() if error else MAY_CHANGE.get(name, set()))


@settings(max_examples=200, deadline=None)
@given(name=st.sampled_from(sorted(CATALOG)), seed=st.integers(0, 10**6), data=st.data())
def test_one_wrong_value_in_a_plausible_call_never_crashes_the_world(
    name: str, seed: int, data: st.DataObject
) -> None:
    arguments = draw_arguments(CATALOG[name], observation(world()), random.Random(seed))
    if not arguments:
        return
    key = data.draw(st.sampled_from(sorted(arguments)))
    changed, error = changed_by(ToolCall(tool=name, arguments={**arguments, key: data.draw(JSON_VALUES)}))
    assert changed <= (set() if error else MAY_CHANGE.get(name, set()))
