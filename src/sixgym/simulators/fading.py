"""Frequency-selective fading traces of the EPA, EVA and ETU profiles.

A tapped delay line (TS 36.104 annex B.2) whose taps are sums of sinusoids with the classical
Doppler spectrum (Clarke, Jakes), and its power at the centre of every PRB.
"""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sixgym.domain.network import Fading
from sixgym.domain.propagation import SPEED_OF_LIGHT_MPS
from sixgym.domain.radio import PRB_HZ
from sixgym.simulators.cache import cache_folder

PERIOD_MS = 10_000
"""Length of a trace. The trace is periodic, without a jump at its end."""

PROFILES: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "EPA": ((0, 30, 70, 90, 110, 190, 410), (0.0, -1.0, -2.0, -3.0, -8.0, -17.2, -20.8)),
    "EVA": (
        (0, 30, 150, 310, 370, 710, 1090, 1730, 2510),
        (0.0, -1.5, -1.4, -3.6, -0.6, -9.1, -7.0, -12.0, -16.9),
    ),
    "ETU": (
        (0, 50, 120, 200, 230, 500, 1600, 2300, 5000),
        (-1.0, -1.0, -1.0, 0.0, 0.0, 0.0, -3.0, -5.0, -7.0),
    ),
}
"""Delays in ns and relative powers in dB of the taps, TS 36.104 tables B.2-1 to B.2-3."""

_SINUSOIDS = 32
"""Sinusoids of a tap. Chosen: `tests/simulators/test_fading.py` checks the spectrum that they give."""

_VERSION = 1
"""Raised when traces change, so that old files in caches are left alone."""


def doppler_hz(speed_kmh: float, frequency_mhz: float) -> float:
    """Largest Doppler shift."""
    return speed_kmh / 3.6 * frequency_mhz * 1e6 / SPEED_OF_LIGHT_MPS


def fading_trace(fading: Fading, frequency_mhz: float, prbs: int, seed: int = 0) -> npt.NDArray[np.float32]:
    """Linear power gains of shape (PERIOD_MS, prbs): a row per ms, unit mean power.

    Doppler shifts are rounded to multiples of 1 / period, which makes the trace periodic.
    """
    rng = np.random.default_rng(seed)
    delays_ns, powers_db = PROFILES[fading.profile]
    amplitudes = 10 ** (np.asarray(powers_db) / 20)
    period_s = PERIOD_MS / 1e3
    shift_hz = doppler_hz(fading.speed_kmh, frequency_mhz)
    time_s = np.arange(PERIOD_MS) / 1e3
    centre_hz = (np.arange(prbs) - (prbs - 1) / 2) * PRB_HZ
    response = np.zeros((PERIOD_MS, prbs), np.complex64)
    for delay_ns, amplitude in zip(delays_ns, amplitudes, strict=True):
        # arrival angles on a grid that is rotated at random and jittered within its cells
        angles = 2 * np.pi * (np.arange(_SINUSOIDS) + rng.uniform(0, 1, _SINUSOIDS)) / _SINUSOIDS
        cycles = np.round(shift_hz * np.cos(angles) * period_s)
        phases = rng.uniform(0, 2 * np.pi, _SINUSOIDS)
        waves = np.exp(1j * (2 * np.pi * np.outer(time_s, cycles / period_s) + phases))
        tap = (amplitude * waves.sum(axis=1)).astype(np.complex64)
        response += np.outer(tap, np.exp(-2j * np.pi * centre_hz * delay_ns * 1e-9)).astype(np.complex64)
    gains = np.abs(response) ** 2
    return (gains / gains.mean()).astype(np.float32)


def fading_file(fading: Fading, frequency_mhz: float, prbs: int) -> Path:
    """The trace as a file in the user's cache: uint32 samples, uint32 PRBs, float32 gains.

    The file is made on first use and written atomically, so several processes may make it at once.
    """
    key = f"{_VERSION} {fading.profile} {fading.speed_kmh!r} {frequency_mhz!r} {prbs}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    path = cache_folder("fading") / f"{fading.profile}-{name}.bin"
    if not path.exists():
        trace = fading_trace(fading, frequency_mhz, prbs)
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(np.array(trace.shape, np.uint32).tobytes())
            file.write(trace.tobytes())
        Path(temporary).replace(path)
    return path
