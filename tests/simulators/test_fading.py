"""Fading traces have the statistics that their profile and speed imply."""

import math

import numpy as np
import pytest

from sixgym.domain.network import Fading
from sixgym.simulators.fading import PERIOD_MS, PROFILES, doppler_hz, fading_file, fading_trace

PRBS = 50
MHZ = 2120.0


def trace(profile: str, speed_kmh: float = 30.0, seed: int = 0) -> np.ndarray:
    fading = Fading.model_validate({"profile": profile, "speed_kmh": speed_kmh})
    return fading_trace(fading, MHZ, PRBS, seed).astype(float)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize("profile", sorted(PROFILES))
def test_the_power_is_exponentially_distributed_with_mean_1(profile: str) -> None:
    gains = trace(profile)
    assert gains.shape == (PERIOD_MS, PRBS)
    assert gains.mean() == pytest.approx(1, abs=1e-3)
    for fade_db in (-10, -3, 3):  # Rayleigh: P(power < x) = 1 - exp(-x)
        threshold = 10 ** (fade_db / 10)
        assert (gains < threshold).mean() == pytest.approx(1 - math.exp(-threshold), abs=0.03)


@pytest.mark.parametrize("speed_kmh", [3.0, 10.0, 30.0])
def test_the_autocorrelation_follows_the_doppler_shift(speed_kmh: float) -> None:
    # Clarke: power correlates as J0(2 pi f t)^2, which is 0.25 at 2 pi f t = 1.521
    gains = trace("ETU", speed_kmh)
    lag = round(1e3 * 1.521 / (2 * math.pi * doppler_hz(speed_kmh, MHZ)))
    value = np.mean([correlation(gains[:-lag, k], gains[lag:, k]) for k in range(0, PRBS, 7)])
    assert value == pytest.approx(0.25, abs=0.12)


@pytest.mark.parametrize("profile", sorted(PROFILES))
@pytest.mark.parametrize("apart_prbs", [2, 10])
def test_the_correlation_over_frequency_follows_the_delays(profile: str, apart_prbs: int) -> None:
    # power correlates as |sum_i p_i exp(-2 pi j f tau_i)|^2 over a frequency step f
    delays_ns, powers_db = (np.asarray(values) for values in PROFILES[profile])
    powers = 10 ** (powers_db / 10)
    phases = 2 * np.pi * apart_prbs * 180e3 * delays_ns * 1e-9
    expected = abs((powers * np.exp(-1j * phases)).sum() / powers.sum()) ** 2
    gains = trace(profile)
    pairs = [correlation(gains[:, k], gains[:, k + apart_prbs]) for k in range(0, PRBS - apart_prbs, 4)]
    assert np.mean(pairs) == pytest.approx(expected, abs=0.12)


def test_the_trace_continues_into_itself() -> None:
    gains = trace("EVA", 10.0)
    steps = np.abs(np.diff(gains, axis=0))
    assert np.abs(gains[0] - gains[-1]).max() <= steps.max()


def test_the_file_holds_the_trace_and_is_made_once() -> None:
    fading = Fading(profile="EPA", speed_kmh=3.0)
    path = fading_file(fading, MHZ, 25)
    stamp = path.stat().st_mtime_ns
    assert fading_file(fading, MHZ, 25) == path
    assert path.stat().st_mtime_ns == stamp
    header = np.fromfile(path, np.uint32, 2)
    assert header.tolist() == [PERIOD_MS, 25]
    values = np.fromfile(path, np.float32, offset=8).reshape(PERIOD_MS, 25)
    np.testing.assert_array_equal(values, fading_trace(fading, MHZ, 25))


def test_another_channel_has_another_file() -> None:
    paths = {
        fading_file(Fading(profile=profile, speed_kmh=speed_kmh), MHZ, prbs)
        for profile in ("EPA", "EVA")
        for speed_kmh in (3.0, 4.0)
        for prbs in (6, 15)
    }
    assert len(paths) == 8
