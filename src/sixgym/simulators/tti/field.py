# pyright: basic
"""The large-scale radio field in compiled code: the same function as `sixgym.domain.radio`."""

import math

from sixgym.simulators.tti.compiled import compiled

_SPEED_OF_LIGHT_MPS = 299_792_458.0


@compiled
def path_gain_db(emitter, x, y, z, clock):
    """Gain in dB from a transmitter's power amplifier to an isotropic receiver at a point in metres."""
    dx, dy = x - emitter.x, y - emitter.y
    d2 = max(math.hypot(dx, dy), 10.0)
    urban = clock.urban_macro == 1
    clear = _line_of_sight(emitter, d2, x, y, z, clock)
    loss = 0.0
    for los in (True, False):
        weight = clear if los else 1.0 - clear
        median = _path_loss_db(d2, emitter.z, z, los, urban, clock.frequency_mhz)
        if clock.shadowing == 1:
            deviation, correlation = _shadowing(z, los, urban)
            median += deviation * _wave(emitter.shadow, x, y, correlation)
        loss += weight * median
    return _antenna_db(emitter, dx, dy, emitter.z - z) - loss


@compiled
def _wave(waves, x, y, correlation_m):
    total = 0.0
    for i in range(waves.shape[1]):
        total += math.cos((waves[0, i] * x + waves[1, i] * y) / correlation_m + waves[2, i])
    return math.sqrt(2.0 / waves.shape[1]) * total


@compiled
def _line_of_sight(emitter, d2, x, y, z, clock):
    field = _wave(emitter.sight, x, y, 50.0)
    quantile = 0.5 * math.erfc(-field / math.sqrt(2.0))
    density = math.exp(-0.5 * field * field) / math.sqrt(2.0 * math.pi)
    ahead = (_line_of_sight_probability(d2, z, clock.urban_macro == 1) - quantile) / density
    steepness = math.sqrt(20.0 * clock.frequency_mhz * 1e6 / _SPEED_OF_LIGHT_MPS)
    return 0.5 + math.atan(steepness * ahead) / math.pi


@compiled
def _line_of_sight_probability(d2, height, urban):
    if height > 100.0 and urban:
        return 1.0
    if height > 22.5:
        lg = math.log10(height)
        p1 = 4300.0 * lg - 3800.0 if urban else 233.98 * lg - 0.95
        d1 = max(460.0 * lg - 700.0 if urban else 294.05 * lg - 432.94, 18.0)
        return 1.0 if d2 <= d1 else d1 / d2 + math.exp(-d2 / p1) * (1.0 - d1 / d2)
    if d2 <= 18.0:
        return 1.0
    probability = 18.0 / d2 + math.exp(-d2 / (63.0 if urban else 36.0)) * (1.0 - 18.0 / d2)
    if urban and height > 13.0:
        c = ((height - 13.0) / 10.0) ** 1.5
        probability *= 1.0 + c * 1.25 * (d2 / 100.0) ** 3 * math.exp(-d2 / 150.0)
    return min(probability, 1.0)


@compiled
def _path_loss_db(d2, base, height, los, urban, frequency_mhz):
    d3 = math.hypot(d2, base - height)
    lf, ld = math.log10(frequency_mhz / 1e3), math.log10(d3)
    if height > 22.5:
        lh = math.log10(height)
        if urban:
            if los:
                return 28.0 + 22.0 * ld + 20.0 * lf
            return -17.5 + (46.0 - 7.0 * lh) * ld + 20.0 * math.log10(40.0 * math.pi * frequency_mhz / 3e3)
        free = 20.0 * ld + 20.0 * lf + 32.45
        clear = max(free, 30.9 + (22.25 - 0.5 * lh) * ld + 20.0 * lf)
        return clear if los else max(clear, 32.4 + (43.2 - 7.6 * lh) * ld + 20.0 * lf)
    breakpoint_m = 4.0 * (base - 1.0) * max(height - 1.0, 0.1) * frequency_mhz * 1e6 / _SPEED_OF_LIGHT_MPS
    square = breakpoint_m**2 + (base - height) ** 2
    near = d2 <= breakpoint_m
    if urban:
        clear = 28.0 + 20.0 * lf + (22.0 * ld if near else 40.0 * ld - 9.0 * math.log10(square))
        return clear if los else max(clear, 13.54 + 39.08 * ld + 20.0 * lf - 0.6 * (height - 1.5))
    clear = 32.4 + 20.0 * lf + (21.0 * ld if near else 40.0 * ld - 9.5 * math.log10(square))
    return clear if los else max(clear, 35.3 * ld + 22.4 + 21.3 * lf - 0.3 * (height - 1.5))


@compiled
def _shadowing(height, los, urban):
    aerial = height > 22.5
    if urban:
        clear = 4.64 * math.exp(-0.0066 * height) if aerial else 4.0
        return (clear, 37.0) if los else (6.0, 50.0)
    clear = max(5.0 * math.exp(-0.01 * height), 2.0) if aerial else 4.0
    return (clear, 10.0) if los else (8.0 if aerial else 7.82, 13.0)


@compiled
def _antenna_db(emitter, dx, dy, drop):
    if emitter.sector == 0:
        return emitter.gain_dbi
    azimuth = math.degrees(math.atan2(dy, dx)) - emitter.azimuth_deg
    azimuth = (azimuth + 180.0) % 360.0 - 180.0
    tilt = math.degrees(math.atan2(drop, max(math.hypot(dx, dy), 1e-3)))
    vertical = min(12.0 * (tilt / 65.0) ** 2, 30.0)
    horizontal = min(12.0 * (azimuth / 65.0) ** 2, 30.0)
    return emitter.gain_dbi - min(vertical + horizontal, 30.0)
