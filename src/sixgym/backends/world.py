"""The part of the world outside the simulator: energy and routes of UAVs, mission, configuration.

Only the world executes a `Command`, and only the simulator a `Change`. The world records both, so that a
snapshot shows the configuration of the network.
"""

import math
from dataclasses import replace

from sixgym.domain import change as changes
from sixgym.domain import command as commands
from sixgym.domain.change import Change
from sixgym.domain.command import Command
from sixgym.domain.flight import SENSOR_POWER_W, propulsion_power_w
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Mission, Uav
from sixgym.domain.network import Airframe, Group
from sixgym.domain.scenario import Scenario
from sixgym.domain.snapshot import Resources

ONBOARD_J_PER_MEGACYCLE = 1e-3
"""Energy of onboard computing in J per megacycle: 1 nJ per cycle, the order of an embedded CPU."""

LANDING_SPEED_MPS = 2.0
LOG_LIMIT = 256
INBOX_LIMIT = 32


class World:
    """The mutable holder of three immutable parts: `resources`, `uavs` and `mission`."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._t_ms = 0
        self._group_of: dict[str, Group] = {}
        self.uavs: dict[str, Uav] = {}
        self.mission = Mission()
        self.resources: Resources = Resources(
            policies={slice_.type: slice_.policy for slice_ in scenario.slices},
            slice_of={group.name: group.slice for group in scenario.groups},
            runs_on={group.name: group.workload.runs_on for group in scenario.groups if group.workload},
            traffic_factor={group.name: 1.0 for group in scenario.groups},
            restore_at_ms={},
        )
        for group in scenario.groups:
            if group.airframe is None:
                continue
            routes = group.routes or ((),) * group.count
            for name, position, route in zip(group.device_ids, group.positions, routes, strict=True):
                self._group_of[name] = group
                self.uavs[name] = _landed_uav(name, position, route, group.airframe)

    # ------------------------------------------------------------------ configuration
    def record(self, change: Change) -> None:
        """Record a change that the simulator has applied."""
        now = self.resources
        match change:
            case changes.SetPrbPolicy():
                self.resources = replace(now, policies=dict(change.policies))
            case changes.MoveToSlice():
                self.resources = replace(now, slice_of={**now.slice_of, change.group: change.slice})
            case changes.Offload():
                self.resources = replace(now, runs_on={**now.runs_on, change.group: change.node})
            case changes.ScaleTraffic():
                restore = {name: at for name, at in now.restore_at_ms.items() if name != change.group}
                if change.duration_ms:
                    restore[change.group] = self._t_ms + change.duration_ms
                factors = {**now.traffic_factor, change.group: change.factor}
                self.resources = replace(now, traffic_factor=factors, restore_at_ms=restore)
            case changes.HandOver() | changes.Fly() | changes.InjectFault():
                pass  # these changes show in measurements, not in the configuration

    def expired(self) -> tuple[Change, ...]:
        """Changes that end a degradation whose time is over: the group gets its normal load back."""
        return tuple(
            changes.ScaleTraffic(group, 1.0)
            for group, at_ms in self.resources.restore_at_ms.items()
            if at_ms <= self._t_ms
        )

    def degraded(self) -> dict[str, float]:
        """Degraded groups, and the share of their normal load that they may offer."""
        return {group: share for group, share in self.resources.traffic_factor.items() if share < 1.0}

    # ------------------------------------------------------------------ commands
    def execute(self, command: Command) -> Change | None:
        """Execute a command; the change of the network that follows from it, if any."""
        match command:
            case commands.SetRoute():
                uav = self.uavs[command.uav]
                speed = command.speed_mps if command.speed_mps is not None else uav.speed_mps
                return self._fly(uav, command.waypoints, speed)
            case commands.SetSpeed():
                uav = self.uavs[command.uav]
                return self._fly(uav, uav.waypoints, command.speed_mps)
            case commands.RequestHandover():
                return changes.HandOver(command.uav, command.cell)
            case commands.SendMessage():
                for name in command.recipients:
                    uav = self.uavs[name]
                    self.uavs[name] = uav._replace(inbox=(*uav.inbox, command.text)[-INBOX_LIMIT:])
            case commands.AppendLog():
                self.mission = replace(self.mission, log=(*self.mission.log, command.entry)[-LOG_LIMIT:])
            case commands.ReplacePlan():
                self.mission = replace(self.mission, plan=command.plan, version=self.mission.version + 1)
            case commands.ActivateSensor() | commands.AssignTask() | commands.Heartbeat():
                self.uavs[command.uav] = self._equip(self.uavs[command.uav], command)
        return None

    def _equip(
        self, uav: Uav, command: commands.ActivateSensor | commands.AssignTask | commands.Heartbeat
    ) -> Uav:
        match command:
            case commands.ActivateSensor():
                return uav._replace(sensors=(*uav.sensors, (command.sensor, command.handle)))
            case commands.AssignTask():
                return uav._replace(tasks=(*uav.tasks, command.task.id))
            case commands.Heartbeat():
                return uav._replace(last_heartbeat_ms=self._t_ms, heartbeats=uav.heartbeats + 1)

    def _fly(self, uav: Uav, waypoints: tuple[Position, ...], speed_mps: float) -> Change:
        self.uavs[uav.id] = uav._replace(waypoints=waypoints, speed_mps=speed_mps)
        return changes.Fly(uav.id, waypoints, speed_mps)

    # ------------------------------------------------------------------ clock
    def advance(self, interval: Interval) -> tuple[Change, ...]:
        """Advance to the end of a measured interval; the changes of forced landings."""
        self._t_ms = interval.end_ms
        seconds = (interval.end_ms - interval.start_ms) / 1e3
        landings: list[Change] = []
        visited = self.mission.visited
        for name, uav in self.uavs.items():
            flown = self._flown(uav, interval, seconds)
            if flown.waypoints is not uav.waypoints:
                visited += uav.waypoints[: len(uav.waypoints) - len(flown.waypoints)]
            if flown.battery_j == 0.0 and flown.position.z_m > 0 and uav.battery_j > 0.0:
                ground = flown.position.model_copy(update={"z_m": 0.0})
                flown = flown._replace(waypoints=(ground,), speed_mps=LANDING_SPEED_MPS)
                landings.append(changes.Fly(name, (ground,), LANDING_SPEED_MPS))
            self.uavs[name] = flown
        if visited is not self.mission.visited:
            self.mission = replace(self.mission, visited=visited[-LOG_LIMIT:])
        return tuple(landings)

    def _flown(self, uav: Uav, interval: Interval, seconds: float) -> Uav:
        """The UAV after the interval, without the waypoints that it reached."""
        position = interval.devices[uav.id].position
        left_m = uav.speed_mps * seconds + 1e-6
        here, waypoints = uav.position, uav.waypoints
        while waypoints and (leg_m := here.distance_m(waypoints[0])) <= left_m:
            left_m -= leg_m
            here, waypoints = waypoints[0], waypoints[1:]
        velocity = (
            (position.x_m - uav.position.x_m) / seconds,
            (position.y_m - uav.position.y_m) / seconds,
            (position.z_m - uav.position.z_m) / seconds,
        )
        power_w = self._power_w(uav, velocity, interval, seconds) if position.z_m > 0 else 0.0
        return Uav(
            uav.id,
            position,
            velocity,
            waypoints,
            uav.speed_mps,
            max(0.0, uav.battery_j - power_w * seconds),
            uav.capacity_j,
            power_w,
            *uav[8:],  # the fields that a flight does not change
        )

    def _power_w(
        self, uav: Uav, velocity: tuple[float, float, float], interval: Interval, seconds: float
    ) -> float:
        group = self._group_of[uav.id]
        assert group.airframe is not None
        level = math.hypot(velocity[0], velocity[1])
        power = propulsion_power_w(level, velocity[2], group.airframe.mass_kg)
        if uav.sensors:
            power += sum(SENSOR_POWER_W[kind] for kind, _ in uav.sensors)
        if group.workload is not None and self.resources.runs_on[group.name] == "onboard":
            done = interval.workloads[group.name].completed / group.count
            power += done * group.workload.megacycles * ONBOARD_J_PER_MEGACYCLE / seconds
        return power


def _landed_uav(name: str, position: Position, route: tuple[Position, ...], airframe: Airframe) -> Uav:
    capacity_j = airframe.battery_wh * 3600.0
    return Uav(
        id=name,
        position=position,
        velocity_mps=(0.0, 0.0, 0.0),
        waypoints=route,
        speed_mps=airframe.cruise_speed_mps,
        battery_j=capacity_j * airframe.initial_battery_ratio,
        capacity_j=capacity_j,
        power_w=0.0,
    )
