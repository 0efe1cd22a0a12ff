"""The large-scale radio channel: path loss, line of sight, shadowing, antenna, link quality.

One deterministic field per transmitter, a function of (topology seed, transmitter, position). The
simulators and the tools that predict signal strength use the same field, so a prediction can be
compared with the measurement of a device. Fast fading is not part of it.
"""

import math
import zlib
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sixgym.domain import propagation
from sixgym.domain.geometry import Position
from sixgym.domain.network import Cell, Channel
from sixgym.domain.scenario import Scenario

PRB_HZ = 180_000.0
"""Bandwidth of a PRB, TS 36.211 clause 6.2.3."""

SUBCARRIERS_PER_PRB = 12
"""TS 36.211 table 6.2.3-1."""

THERMAL_NOISE_DBM_HZ = -174.0
"""kT at 290 K."""

WAVES = 64
"""Plane waves of a random field. Chosen: `tests/domain` checks the correlation that they give."""

_LARGEST_QUANTILE = 0.999
"""Cuts the tails of the wave number distributions, which have no bound. Chosen."""

_NORMAL = NormalDist()

CQI_EFFICIENCY = (
    0.0, 0.1523, 0.2344, 0.3770, 0.6016, 0.8770, 1.1758, 1.4766,
    1.9141, 2.4063, 2.7305, 3.3223, 3.9023, 4.5234, 5.1152, 5.5547,
)  # fmt: skip
"""Bit/s/Hz per layer by CQI index, TS 36.213 table 7.2.3-1 (index 0: out of range)."""


@dataclass(frozen=True, slots=True)
class Waves:
    """A Gaussian random field as a sum of plane waves: zero mean, unit variance.

    Wave numbers are for a correlation distance of 1 m; the real one is given on evaluation.
    """

    kx: npt.NDArray[np.float64]
    ky: npt.NDArray[np.float64]
    phase: npt.NDArray[np.float64]

    @classmethod
    def rough(cls, rng: np.random.Generator) -> "Waves":
        """A field whose correlation falls as exp(-distance / d), as shadowing's does.

        TR 38.901 clause 7.4.4. Radial spectrum: P(|k| < x) = 1 - 1 / sqrt(1 + x^2).
        """
        u = rng.uniform(0.0, _LARGEST_QUANTILE, WAVES)
        return cls._turned(np.sqrt(1.0 / (1.0 - u) ** 2 - 1.0), rng)

    @classmethod
    def smooth(cls, rng: np.random.Generator) -> "Waves":
        """A field whose correlation falls as exp(-(distance / d)^2), for the state of line of sight.

        That state is a threshold on the field. With an exponential correlation it would change many times
        within a metre of flight.
        """
        return cls._turned(2.0 * np.sqrt(-np.log1p(-rng.uniform(0.0, _LARGEST_QUANTILE, WAVES))), rng)

    @classmethod
    def _turned(cls, k: npt.NDArray[np.float64], rng: np.random.Generator) -> "Waves":
        direction = rng.uniform(0.0, 2.0 * np.pi, WAVES)
        return cls(k * np.cos(direction), k * np.sin(direction), rng.uniform(0.0, 2.0 * np.pi, WAVES))

    def at(self, x_m: float, y_m: float, correlation_m: float) -> float:
        """The field at a point."""
        angle = (self.kx * x_m + self.ky * y_m) / correlation_m + self.phase
        return math.sqrt(2.0 / WAVES) * float(np.cos(angle).sum())


@dataclass(frozen=True, slots=True)
class Emitter:
    """A transmitter and its two random fields: one for line of sight, one for shadowing."""

    id: str
    position: Position
    antenna: str
    antenna_gain_dbi: float
    azimuth_deg: float
    sight: Waves
    shadow: Waves

    @classmethod
    def of(cls, cell: Cell, topology_seed: int) -> "Emitter":
        """The emitter of a cell."""
        sight, shadow = _fields(cell.id, topology_seed)
        return cls(
            cell.id, cell.position, cell.antenna, cell.antenna_gain_dbi, cell.azimuth_deg, sight, shadow
        )

    @classmethod
    def interferer(cls, position: Position, topology_seed: int) -> "Emitter":
        """The emitter of an interferer at a place."""
        fields = _fields(f"interferer@{position.x_m:.2f},{position.y_m:.2f}", topology_seed)
        name = f"interferer@{position.x_m!r},{position.y_m!r},{position.z_m!r}"
        return cls(name, position, "isotropic", 0.0, 0.0, *fields)


def _fields(name: str, topology_seed: int) -> tuple[Waves, Waves]:
    rng = np.random.default_rng([topology_seed, zlib.crc32(name.encode())])
    return Waves.smooth(rng), Waves.rough(rng)


def path_gain_db(emitter: Emitter, point: Position, channel: Channel) -> float:
    """Gain from a transmitter's power amplifier to an isotropic receiver, in dB (a negative number).

    Antenna pattern, path loss and shadowing; path loss and shadowing are the mean of those with and
    without line of sight, weighted by `line_of_sight`.
    """
    dx, dy = point.x_m - emitter.position.x_m, point.y_m - emitter.position.y_m
    base_m, height_m = emitter.position.z_m, point.z_m
    d2 = max(math.hypot(dx, dy), propagation.LEAST_DISTANCE_M)
    urban = channel.urban_macro
    clear = line_of_sight(emitter, d2, point, channel)
    loss = 0.0
    for los, weight in ((True, clear), (False, 1.0 - clear)):
        median = propagation.path_loss_db(d2, base_m, height_m, los, urban, channel.frequency_mhz)
        if channel.shadowing:
            deviation_db, correlation_m = propagation.shadowing(height_m, los, urban)
            median += deviation_db * emitter.shadow.at(point.x_m, point.y_m, correlation_m)
        loss += weight * median
    gain_dbi = emitter.antenna_gain_dbi
    if emitter.antenna == "sector":
        gain_dbi -= propagation.sector_attenuation_db(dx, dy, base_m - height_m, emitter.azimuth_deg)
    return gain_dbi - loss


def line_of_sight(emitter: Emitter, d2_m: float, point: Position, channel: Channel) -> float:
    """Share of line of sight at a point, 0 to 1; see `sixgym.domain.propagation.soft_line_of_sight`."""
    field = emitter.sight.at(point.x_m, point.y_m, propagation.LINE_OF_SIGHT_CORRELATION_M)
    probability = propagation.line_of_sight_probability(d2_m, point.z_m, channel.urban_macro)
    return propagation.soft_line_of_sight(
        probability, _NORMAL.cdf(field), _NORMAL.pdf(field), channel.frequency_mhz
    )


@dataclass(frozen=True, slots=True)
class LinkBudget:
    """The received signal of one cell at a point.

    `sinr_db` counts other cells in proportion to their PRB load, interferers at full power, and noise.
    """

    cell: str
    rsrp_dbm: float
    sinr_db: float


class RadioMap:
    """The large-scale field of all cells of a placed scenario."""

    def __init__(self, cells: tuple[Cell, ...], channel: Channel, topology_seed: int) -> None:
        self._channel = channel
        self._prbs = cells[0].prbs
        self._seed = topology_seed
        self.emitters = tuple(Emitter.of(cell, topology_seed) for cell in cells)

    def noise_dbm(self) -> float:
        """Receiver noise per subcarrier of 15 kHz."""
        bandwidth = PRB_HZ / SUBCARRIERS_PER_PRB
        return THERMAL_NOISE_DBM_HZ + 10 * math.log10(bandwidth) + self._channel.noise_figure_db

    def links(
        self,
        point: Position,
        tx_power_dbm: Mapping[str, float],
        prb_load: Mapping[str, float],
        interferers: Mapping[Position, float] | None = None,
    ) -> tuple[LinkBudget, ...]:
        """Link budgets from every cell to a point, strongest first.

        Args:
            point: Place of the receiver.
            tx_power_dbm: Total power of each cell over the carrier.
            prb_load: Share of PRBs that each cell transmits on, 0 to 1.
            interferers: Power in dBm over the carrier by place.
        """
        per_subcarrier = 10 * math.log10(self._prbs * SUBCARRIERS_PER_PRB)
        received = {
            emitter.id: tx_power_dbm[emitter.id]
            - per_subcarrier
            + path_gain_db(emitter, point, self._channel)
            for emitter in self.emitters
        }
        rest = milliwatts(self.noise_dbm())
        for position, power in (interferers or {}).items():
            jammer = Emitter.interferer(position, self._seed)
            rest += milliwatts(power - per_subcarrier + path_gain_db(jammer, point, self._channel))
        total = sum(milliwatts(level) * prb_load[name] for name, level in received.items())
        budgets = [
            LinkBudget(name, level, level - dbm(rest + total - milliwatts(level) * prb_load[name]))
            for name, level in received.items()
        ]
        return tuple(sorted(budgets, key=lambda budget: (-budget.rsrp_dbm, budget.cell)))


def radio_map(scenario: Scenario) -> RadioMap:
    """The radio map of a placed scenario, cached.

    Raises:
        ValueError: the scenario is not placed.
    """
    if scenario.topology_seed is None:
        raise ValueError(f"scenario {scenario.name} is not placed: call Scenario.placed(topology_seed)")
    channel: Hashable = scenario.channel  # pyright: ignore[reportAssignmentType] - frozen records hash
    return _radio_map(scenario.cells, channel, scenario.topology_seed)


@lru_cache(maxsize=32)
def _radio_map(cells: tuple[Cell, ...], channel: Channel, topology_seed: int) -> RadioMap:
    return RadioMap(cells, channel, topology_seed)


def cqi_of_sinr(sinr_db: float) -> int:
    """CQI that a link supports at an SINR: Shannon with a gap for a block error of 5e-5.

    The gap -ln(5 BER)/1.5 is the one of ns-3's LteAmc (Piro et al., EW 2010).
    """
    efficiency = math.log2(1 + 10 ** (sinr_db / 10) / (-math.log(5 * 0.00005) / 1.5))
    return max(index for index, value in enumerate(CQI_EFFICIENCY) if value <= efficiency)


def milliwatts(level_dbm: float) -> float:
    """A level in dBm as power in mW."""
    return 10 ** (level_dbm / 10)


def dbm(power_mw: float) -> float:
    """A positive power in mW as level in dBm (or a ratio of powers in dB)."""
    return 10 * math.log10(power_mw)
