"""The formulas of TR 38.901 and TR 36.777 for one link: line of sight, path loss, shadowing, antenna.

TR 38.901 holds for receivers up to 22.5 m above ground, annex B of TR 36.777 for UAVs above. The functions
take and return numbers, use `math` alone and do not call one another, so that `sixgym.simulators.tti.field`
compiles them for the TTI simulator as they are. `urban_macro` is True for UMa and False for UMi.
"""

import math

SPEED_OF_LIGHT_MPS = 299_792_458.0
AERIAL_FROM_M = 22.5
"""Height above which a receiver counts as aerial, TR 36.777 table B-1."""

LEAST_DISTANCE_M = 10.0
"""Least horizontal distance that the path loss of TR 38.901 table 7.4.1-1 is defined for."""

LINE_OF_SIGHT_CORRELATION_M = 50.0
"""Correlation distance of the state of line of sight, TR 38.901 table 7.6.3.1-2."""


def line_of_sight_probability(d2_m: float, height_m: float, urban_macro: bool) -> float:
    """Probability of line of sight at a horizontal distance: TR 38.901 table 7.4.2-1, TR 36.777 table B-1."""
    if height_m > 100.0 and urban_macro:
        return 1.0
    if height_m > AERIAL_FROM_M:
        lg = math.log10(height_m)
        p1 = 4300.0 * lg - 3800.0 if urban_macro else 233.98 * lg - 0.95
        d1 = max(460.0 * lg - 700.0 if urban_macro else 294.05 * lg - 432.94, 18.0)
        return 1.0 if d2_m <= d1 else d1 / d2_m + math.exp(-d2_m / p1) * (1.0 - d1 / d2_m)
    if d2_m <= 18.0:
        return 1.0
    probability = 18.0 / d2_m + math.exp(-d2_m / (63.0 if urban_macro else 36.0)) * (1.0 - 18.0 / d2_m)
    if urban_macro and height_m > 13.0:
        c = ((height_m - 13.0) / 10.0) ** 1.5
        probability *= 1.0 + c * 1.25 * (d2_m / 100.0) ** 3 * math.exp(-d2_m / 150.0)
    return min(probability, 1.0)


def soft_line_of_sight(probability: float, quantile: float, density: float, frequency_mhz: float) -> float:
    """Share of line of sight at a point, 0 to 1: the soft transition of TR 38.901 clause 7.6.3.3.

    LOS_soft = 1/2 + atan(sqrt(20 / wavelength) (F - G)) / pi, where G is a standard normal random field and
    F the quantile of the probability P. F - G is taken to first order, (P - Phi(G)) / phi(G).

    Args:
        probability: P, from `line_of_sight_probability`.
        quantile: Phi(G), the standard normal distribution function at the field.
        density: phi(G), the standard normal density at the field.
        frequency_mhz: Carrier frequency.
    """
    steepness = math.sqrt(20.0 * frequency_mhz * 1e6 / SPEED_OF_LIGHT_MPS)
    return 0.5 + math.atan(steepness * ((probability - quantile) / density)) / math.pi


def path_loss_db(  # noqa: PLR0917  # compiled code knows no keywords
    d2_m: float, base_m: float, height_m: float, los: bool, urban_macro: bool, frequency_mhz: float
) -> float:
    """Median path loss: TR 38.901 table 7.4.1-1, TR 36.777 table B-2.

    UMa takes the effective environment height as 1 m throughout (TR 38.901 note 1, the value for receivers
    up to 13 m).

    Args:
        d2_m: Horizontal distance, at least `LEAST_DISTANCE_M`.
        base_m: Height of the transmitter.
        height_m: Height of the receiver.
        los: Whether the receiver is in line of sight.
        urban_macro: UMa, otherwise UMi.
        frequency_mhz: Carrier frequency.
    """
    d3 = math.hypot(d2_m, base_m - height_m)
    lf, ld = math.log10(frequency_mhz / 1e3), math.log10(d3)
    if height_m > AERIAL_FROM_M:
        lh = math.log10(height_m)
        if urban_macro:
            if los:
                return 28.0 + 22.0 * ld + 20.0 * lf
            return -17.5 + (46.0 - 7.0 * lh) * ld + 20.0 * math.log10(40.0 * math.pi * frequency_mhz / 3e3)
        free = 20.0 * ld + 20.0 * lf + 32.45
        clear = max(free, 30.9 + (22.25 - 0.5 * lh) * ld + 20.0 * lf)
        return clear if los else max(clear, 32.4 + (43.2 - 7.6 * lh) * ld + 20.0 * lf)
    # 0.1 m (chosen): a receiver below the environment height of 1 m has a breakpoint distance, too
    breakpoint_m = 4.0 * (base_m - 1.0) * max(height_m - 1.0, 0.1) * frequency_mhz * 1e6 / SPEED_OF_LIGHT_MPS
    square = breakpoint_m**2 + (base_m - height_m) ** 2
    near = d2_m <= breakpoint_m
    if urban_macro:
        clear = 28.0 + 20.0 * lf + (22.0 * ld if near else 40.0 * ld - 9.0 * math.log10(square))
        return clear if los else max(clear, 13.54 + 39.08 * ld + 20.0 * lf - 0.6 * (height_m - 1.5))
    clear = 32.4 + 20.0 * lf + (21.0 * ld if near else 40.0 * ld - 9.5 * math.log10(square))
    return clear if los else max(clear, 35.3 * ld + 22.4 + 21.3 * lf - 0.3 * (height_m - 1.5))


def shadowing(height_m: float, los: bool, urban_macro: bool) -> tuple[float, float]:
    """Standard deviation in dB and correlation distance in m of shadowing.

    TR 38.901 tables 7.4.1-1 and 7.5-6; above 22.5 m TR 36.777 table B-3, which gives no correlation
    distance, so the one on the ground is kept.
    """
    aerial = height_m > AERIAL_FROM_M
    if urban_macro:
        clear = 4.64 * math.exp(-0.0066 * height_m) if aerial else 4.0
        return (clear, 37.0) if los else (6.0, 50.0)
    clear = max(5.0 * math.exp(-0.01 * height_m), 2.0) if aerial else 4.0
    return (clear, 10.0) if los else (8.0 if aerial else 7.82, 13.0)


def sector_attenuation_db(dx_m: float, dy_m: float, drop_m: float, azimuth_deg: float) -> float:
    """Attenuation of the antenna element of TR 38.901 table 7.3-1: 65 degree beams, 30 dB at most.

    Args:
        dx_m, dy_m: Receiver east and north of the antenna.
        drop_m: Receiver below the antenna.
        azimuth_deg: Direction of the beam, counter-clockwise from east; the beam is horizontal.
    """
    azimuth = math.degrees(math.atan2(dy_m, dx_m)) - azimuth_deg
    azimuth = (azimuth + 180.0) % 360.0 - 180.0
    # 1 mm: straight below the antenna the direction is defined all the same
    tilt = math.degrees(math.atan2(drop_m, max(math.hypot(dx_m, dy_m), 1e-3)))
    vertical = min(12.0 * (tilt / 65.0) ** 2, 30.0)
    horizontal = min(12.0 * (azimuth / 65.0) ** 2, 30.0)
    return min(vertical + horizontal, 30.0)
