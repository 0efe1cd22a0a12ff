"""Rotary-wing flight: the power that a UAV draws at a speed.

Propulsion model of Zeng, Xu and Zhang, "Energy minimization for wireless communication with
rotary-wing UAV", IEEE TWC 18(4), 2019, equation 12, with its parameters (a 2 kg aircraft), scaled
with mass as the induced term of momentum theory does (mass^1.5).
"""

import math

from sixgym.domain.geometry import Position

BLADE_PROFILE_W = 79.8563
INDUCED_W = 88.6279
TIP_SPEED_MPS = 120.0
HOVER_INDUCED_MPS = 4.03
FUSELAGE_DRAG_RATIO = 0.6
AIR_DENSITY_KG_M3 = 1.225
ROTOR_SOLIDITY = 0.05
ROTOR_AREA_M2 = 0.503
REFERENCE_MASS_KG = 2.0
GRAVITY_MPS2 = 9.81

NEGLIGIBLE_M = 1e-6
"""Length of a leg below which it takes no energy: its duration would underflow."""

SENSOR_POWER_W = {"camera": 6.0, "thermal": 4.0, "lidar": 12.0, "gas": 1.5, "microphone": 0.5}
"""Power of sensors by type. Chosen, not measured."""


def propulsion_power_w(speed_mps: float, climb_mps: float = 0.0, mass_kg: float = REFERENCE_MASS_KG) -> float:
    """Electrical power for level flight at `speed_mps` plus the work of climbing; never negative."""
    v2 = speed_mps**2
    profile = BLADE_PROFILE_W * (1 + 3 * v2 / TIP_SPEED_MPS**2)
    ratio = v2 / (2 * HOVER_INDUCED_MPS**2)
    induced = INDUCED_W * math.sqrt(math.sqrt(1 + ratio**2) - ratio)
    parasite = 0.5 * FUSELAGE_DRAG_RATIO * AIR_DENSITY_KG_M3 * ROTOR_SOLIDITY * ROTOR_AREA_M2 * speed_mps**3
    scale = (mass_kg / REFERENCE_MASS_KG) ** 1.5
    climb = mass_kg * GRAVITY_MPS2 * climb_mps
    return max(0.0, profile + induced * scale + parasite + climb)


def flight_energy_j(
    start: Position, waypoints: tuple[Position, ...], speed_mps: float, mass_kg: float
) -> tuple[float, float]:
    """Energy in joules and time in seconds to fly the waypoints from `start` at a constant speed."""
    energy = time = 0.0
    here = start
    for point in waypoints:
        leg = here.distance_m(point)
        if leg > NEGLIGIBLE_M:
            seconds = leg / speed_mps
            climb = (point.z_m - here.z_m) / seconds
            level = math.hypot(point.x_m - here.x_m, point.y_m - here.y_m) / seconds
            energy += propulsion_power_w(level, climb, mass_kg) * seconds
            time += seconds
        here = point
    return energy, time
