"""Radio links by the large-scale map of TR 38.901 and TR 36.777; fading is for the model to say."""

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
"""Below, hardly a block gets through. (A device that hears no CQI at all is sent the lowest one on ns-3, and
data meet less interference than reference signals, which cells always send.)"""

_UNHEARD_DB = -50.0
_SILENT_DBM = -150.0


class Links:
    """The links of one network."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._map = radio_map(scenario)
        self._emitters: dict[Position, Emitter] = {}
        self._per_subcarrier_db = 10 * math.log10(scenario.prbs * SUBCARRIERS_PER_PRB)

    def measure(self, device: Device, place: Position) -> None:
        """Find the gains of a device at a place, unless they are known."""
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
        asked: str | None,
        refusing: Collection[str],
        power_dbm: Mapping[str, float],
        interferers: tuple[tuple[Position, float], ...],
        load: float,
        learned: LinkBias,
    ) -> RadioLink:
        """The link to the serving cell; reference signals of all cells are always on.

        Args:
            device: Whose.
            kind: Its slice.
            asked: The cell that a handover was asked to.
            refusing: Cells that let nobody in.
            power_dbm: By cell.
            interferers: Place and power in dBm.
            load: The device's offered load relative to the normal one.
            learned: Of links, from what arrived over them.
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
        sinr = {cell: rsrp[cell] - dbm(max(rest - received[cell], 1e-30)) for cell in rsrp}
        refused = asked is not None and (asked == device.cell or asked in refusing)
        cell = device.cell if asked is None or refused else asked
        better = learned.db(device.id, cell)
        prbs = self._scenario.prbs
        return RadioLink(
            device=device,
            kind=kind,
            cell=cell,
            sinr_db=max(sinr[cell] + better, _UNHEARD_DB),
            load=load,
            asked=asked,
            refused=refused,
            from_db=max(sinr[device.cell] + learned.db(device.id, device.cell), _UNHEARD_DB),
            map_db=max(sinr[cell], _UNHEARD_DB),
            need=needed_prbs(device.group, load, sinr[cell] + better, prbs),
            map_need=needed_prbs(device.group, load, sinr[cell], prbs),
            heard=sinr[cell] + better >= LEAST_SINR_DB,
            rsrp_dbm=rsrp,
        )

    def _interferer(self, place: Position) -> Emitter:
        emitter = self._emitters.get(place)
        if emitter is None:
            assert self._scenario.topology_seed is not None  # the radio map is made of it
            emitter = self._emitters[place] = Emitter.interferer(place, self._scenario.topology_seed)
        return emitter
