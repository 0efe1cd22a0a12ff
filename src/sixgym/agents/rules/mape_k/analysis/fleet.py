"""Facts about flight safety: the UAV with the least energy, and its way back."""

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.radio import EVER
from sixgym.agents.rules.mape_k.analysis.service import FactItems
from sixgym.tools.types import TelemetryState

BATTERY_AGE = 10


def fleet_facts(memory: Memory) -> FactItems:
    """The weakest battery of all UAVs, and the place where that UAV was first seen."""
    read = next(memory.results("read_telemetry", TelemetryState, BATTERY_AGE), None)
    if read is None or not read[1].uavs:
        return
    weakest = min(read[1].uavs, key=lambda uav: uav.battery_percent)
    yield "weakest_battery_uav", weakest.uav
    yield "weakest_battery_percent", weakest.battery_percent
    yield "weakest_speed_mps", sum(part**2 for part in weakest.velocity_mps) ** 0.5
    for _, telemetry in reversed(list(memory.results("read_telemetry", TelemetryState, max_age=EVER))):
        for uav in telemetry.uavs:
            if uav.uav == weakest.uav:
                yield "home_x_m", uav.position.x_m
                yield "home_y_m", uav.position.y_m
                yield "home_z_m", uav.position.z_m
                return
