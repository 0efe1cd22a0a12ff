# pyright: basic
"""The large-scale radio field in compiled code, with the formulas of `sixgym.domain.propagation`."""

import math

from sixgym.domain import propagation
from sixgym.simulators.tti.compiled import compiled

_line_of_sight_probability = compiled(propagation.line_of_sight_probability)
_soft_line_of_sight = compiled(propagation.soft_line_of_sight)
_path_loss_db = compiled(propagation.path_loss_db)
_shadowing = compiled(propagation.shadowing)
_sector_attenuation_db = compiled(propagation.sector_attenuation_db)


@compiled
def path_gain_db(emitter, x, y, z, clock):
    """Gain in dB from a transmitter's power amplifier to an isotropic receiver at a point in metres.

    `sixgym.domain.radio.path_gain_db` is the same function in Python.
    """
    dx, dy = x - emitter.x, y - emitter.y
    d2 = max(math.hypot(dx, dy), propagation.LEAST_DISTANCE_M)
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
    gain_dbi = emitter.gain_dbi
    if emitter.sector == 1:
        gain_dbi -= _sector_attenuation_db(dx, dy, emitter.z - z, emitter.azimuth_deg)
    return gain_dbi - loss


@compiled
def _wave(waves, x, y, correlation_m):
    total = 0.0
    for i in range(waves.shape[1]):
        total += math.cos((waves[0, i] * x + waves[1, i] * y) / correlation_m + waves[2, i])
    return math.sqrt(2.0 / waves.shape[1]) * total


@compiled
def _line_of_sight(emitter, d2, x, y, z, clock):
    field = _wave(emitter.sight, x, y, propagation.LINE_OF_SIGHT_CORRELATION_M)
    quantile = 0.5 * math.erfc(-field / math.sqrt(2.0))
    density = math.exp(-0.5 * field * field) / math.sqrt(2.0 * math.pi)
    probability = _line_of_sight_probability(d2, z, clock.urban_macro == 1)
    return _soft_line_of_sight(probability, quantile, density, clock.frequency_mhz)
