"""What is not network: flight, energy, mission, degradation that ends."""

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.backends.world import World
from sixgym.domain import command as commands
from sixgym.domain.change import Fly, InjectFault, ScaleTraffic
from sixgym.domain.faults import CellOutage
from sixgym.domain.geometry import Position
from sixgym.domain.mission import LogEntry
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import ToolCall
from tests.doubles import FluidSimulator
from tests.episodes.samples import sample_task

READ = ToolCall(tool="check_network_state", arguments={})


def placed(**airframe: object) -> Scenario:
    scenario = sample_task(faults=False).scenario
    groups = tuple(
        g.model_copy(update={"airframe": g.airframe.model_copy(update=airframe)}) if g.airframe else g
        for g in scenario.groups
    )
    return scenario.model_copy(update={"groups": groups})


def running(scenario: Scenario) -> tuple[World, FluidSimulator]:
    simulator = FluidSimulator()
    world = World(scenario)
    world.advance(simulator.reset(scenario, seed=1))
    return world, simulator


def test_a_uav_flies_its_route_at_its_speed_and_then_hovers() -> None:
    world, simulator = running(placed())
    uav = world.uavs["drone-1"]
    goal = uav.position.model_copy(update={"x_m": uav.position.x_m + 10.0})
    change = world.execute(commands.SetRoute("drone-1", (goal,), 4.0))
    assert change is not None
    assert change == Fly("drone-1", (goal,), 4.0)
    simulator.apply(change)
    for _ in range(4):
        world.advance(simulator.advance(500))
    assert world.uavs["drone-1"].waypoints == (goal,)
    assert world.uavs["drone-1"].position.distance_m(goal) == pytest.approx(2.0)
    assert world.uavs["drone-1"].velocity_mps == pytest.approx((4.0, 0.0, 0.0))
    world.advance(simulator.advance(500))
    assert world.uavs["drone-1"].waypoints == ()
    assert world.mission.visited == (goal,)


def test_the_battery_loses_what_flight_physics_says() -> None:
    world, simulator = running(placed(waypoints=(), waypoint_area=None))
    world.execute(commands.SetRoute("drone-1", ()))
    simulator.route["drone-1"] = ((), 1.0)
    before = world.uavs["drone-1"].battery_j
    world.advance(simulator.advance(1000))
    assert before - world.uavs["drone-1"].battery_j == pytest.approx(168.48, abs=0.5)


def test_a_sensor_draws_power_until_the_end() -> None:
    world, simulator = running(placed())
    world.execute(commands.ActivateSensor("drone-1", "lidar", "lidar-1"))
    world.advance(simulator.advance(500))
    assert world.uavs["drone-1"].power_w > world.uavs["drone-2"].power_w + 10


def test_an_empty_battery_forces_a_landing_once() -> None:
    world, simulator = running(placed(initial_battery_ratio=0.0003))
    landings = [change for _ in range(20) for change in world.advance(simulator.advance(500))]
    grounded = [change for change in landings if isinstance(change, Fly) and change.device == "drone-1"]
    assert len(grounded) == 1
    assert grounded[0].waypoints[0].z_m == 0
    assert world.uavs["drone-1"].battery_j == 0


def test_messages_logs_plans_and_heartbeats_are_kept() -> None:
    world, _ = running(placed())
    world.execute(commands.SendMessage(("drone-1", "drone-2"), "storm"))
    world.execute(commands.AppendLog(LogEntry(t_ms=0, kind="note", text="checked")))
    world.execute(commands.Heartbeat("drone-3"))
    assert world.uavs["drone-2"].inbox == ("storm",)
    assert world.uavs["drone-3"].heartbeats == 1
    assert [entry.text for entry in world.mission.log] == ["checked"]


def test_mailboxes_do_not_grow_without_end() -> None:
    world, _ = running(placed())
    for index in range(100):
        world.execute(commands.SendMessage(("drone-1",), str(index)))
    assert len(world.uavs["drone-1"].inbox) == 32
    assert world.uavs["drone-1"].inbox[-1] == "99"


def test_a_degraded_group_gets_its_load_back_when_the_time_is_up() -> None:
    simulator = FluidSimulator()
    backend = SimulatedBackend(simulator)
    backend.reset(placed(), seed=1)
    call = ToolCall(
        tool="graceful_degradation",
        arguments={"spec": {"group": "camera", "action": "reduce_rate", "value": 0.5, "duration_s": 1}},
    )
    outcome = backend.execute(call).outcome
    assert outcome.ok, outcome.error
    assert simulator.factor["camera"] == 0.5
    backend.execute(READ)
    assert simulator.factor["camera"] == 0.5
    backend.execute(READ)
    assert simulator.factor["camera"] == 1.0
    assert backend.snapshot.resources.restore_at_ms == {}
    assert simulator.applied.count(ScaleTraffic("camera", 1.0)) == 1


def test_a_fault_can_be_injected_with_a_call() -> None:
    simulator = FluidSimulator()
    backend = SimulatedBackend(simulator)
    backend.reset(placed(), seed=1)
    fault = CellOutage(cell="gnb-1", start_ms=0, duration_ms=1000)
    transition = backend.execute(READ, fault)
    assert InjectFault(fault) in simulator.applied
    assert transition.interval.faults == ("cell_outage",)


def test_agents_cannot_look_into_the_future_through_the_snapshot() -> None:
    backend = SimulatedBackend(FluidSimulator())
    backend.reset(sample_task().scenario, seed=1)
    assert backend.snapshot.scenario.faults == ()
    assert backend.snapshot.scenario.tasks == ()


def test_a_reset_forgets_everything_of_the_last_episode() -> None:
    backend = SimulatedBackend(FluidSimulator())
    scenario = sample_task().scenario
    first = backend.reset(scenario, seed=1)
    backend.execute(ToolCall(tool="heartbeat", arguments={"uav": "drone-1"}))
    assert backend.reset(scenario, seed=1) == first
    assert backend.snapshot.version == 0
    assert backend.snapshot.uavs["drone-1"].heartbeats == 0


def test_positions_that_are_reached_between_intervals_count_as_visited() -> None:
    world, simulator = running(placed())
    start = world.uavs["drone-1"].position
    corners = tuple(
        Position(x_m=start.x_m + dx, y_m=start.y_m + dy, z_m=start.z_m) for dx, dy in ((1, 0), (1, 1), (0, 1))
    )
    change = world.execute(commands.SetRoute("drone-1", corners, 10.0))
    assert change is not None
    simulator.apply(change)
    world.advance(simulator.advance(500))
    assert world.mission.visited == corners
