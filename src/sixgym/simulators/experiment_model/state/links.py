"""Radio links by the large-scale map of TR 38.901 and TR 36.777. The model predicts the effect of fading."""

import math
from collections.abc import Collection, Mapping

from sixgym.domain.geometry import Position
from sixgym.domain.radio import SUBCARRIERS_PER_PRB, Emitter, dbm, milliwatts, path_gain_db, radio_map
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.simulators.experiment_model.state.context import Device, RadioLink
from sixgym.simulators.experiment_model.state.link_bias import LinkBias
from sixgym.simulators.experiment_model.state.prb_allocation import needed_prbs

LEAST_SINR_DB = -18.0
"""SINR below which hardly a block gets through.

ns-3 sends the lowest MCS to a device without a CQI, and data meet less interference than reference signals,
which all cells always send. So data still get through at an SINR on reference signals that has CQI 0.
"""

_UNHEARD_DB = -50.0
"""Least SINR that a simulator reports, see `DeviceMeasurement`."""

_SILENT_DBM = -150.0
"""Radiated power of a cell in outage inside the simulators."""

_LEAST_MW = 1e-30
"""Keeps the logarithm of a vanishing power finite."""


class Links:
    """The radio links of one network."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._map = radio_map(scenario)
        self._emitters: dict[Position, Emitter] = {}
        self._per_subcarrier_db = 10 * math.log10(scenario.prbs * SUBCARRIERS_PER_PRB)

    def measure(self, device: Device, place: Position) -> None:
        """Compute the path gains of a device at a place, unless the device has them already."""
        if place == device.gains_at:
            return
        device.gains_at = place
        device.gains_db = {
            emitter.id: path_gain_db(emitter, place, self._scenario.channel) for emitter in self._map.emitters
        }

    def link(
        self,
        device: Device,
        *,
        kind: SliceType,
        requested_cell: str | None,
        refusing: Collection[str],
        power_dbm: Mapping[str, float],
        interferers: tuple[tuple[Position, float], ...],
        load: float,
        bias: LinkBias,
    ) -> RadioLink:
        """The link to the serving cell. Reference signals of all cells are always on.

        Args:
            device: The device.
            kind: Slice that schedules the device.
            requested_cell: Target of the handover requested for the device, if any.
            refusing: Cells that refuse handovers.
            power_dbm: Radiated power by cell.
            interferers: Place and power in dBm of the interferers.
            load: The device's offered load relative to the normal load.
            bias: Estimated biases of the links.
        """
        rsrp = {
            cell: max(power_dbm[cell], _SILENT_DBM) - self._per_subcarrier_db + gain
            for cell, gain in device.gains_db.items()
        }
        received = {cell: milliwatts(level) for cell, level in rsrp.items()}
        rest = milliwatts(self._map.noise_dbm()) + sum(received.values())
        for place, level_dbm in interferers:
            gain = path_gain_db(self._interferer(place), device.position, self._scenario.channel)
            rest += milliwatts(level_dbm - self._per_subcarrier_db + gain)
        sinr = {cell: rsrp[cell] - dbm(max(rest - received[cell], _LEAST_MW)) for cell in rsrp}
        refused = requested_cell is not None and (requested_cell == device.cell or requested_cell in refusing)
        cell = device.cell if requested_cell is None or refused else requested_cell
        bias_db = bias.db(device.id, cell)
        prbs = self._scenario.prbs
        return RadioLink(
            device=device,
            slice=kind,
            cell=cell,
            sinr_db=max(sinr[cell] + bias_db, _UNHEARD_DB),
            load=load,
            requested_cell=requested_cell,
            refused=refused,
            source_sinr_db=max(sinr[device.cell] + bias.db(device.id, device.cell), _UNHEARD_DB),
            map_db=max(sinr[cell], _UNHEARD_DB),
            need=needed_prbs(device.group, load, sinr[cell] + bias_db, prbs),
            map_need=needed_prbs(device.group, load, sinr[cell], prbs),
            in_coverage=sinr[cell] + bias_db >= LEAST_SINR_DB,
            rsrp_dbm=rsrp,
        )

    def _interferer(self, place: Position) -> Emitter:
        emitter = self._emitters.get(place)
        if emitter is None:
            assert self._scenario.topology_seed is not None  # the radio map checked it
            emitter = self._emitters[place] = Emitter.interferer(place, self._scenario.topology_seed)
        return emitter
