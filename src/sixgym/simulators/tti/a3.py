"""Event A3 (TS 36.331 clause 5.5.4.4): a neighbour is better by a hysteresis for a time to trigger."""

from sixgym.domain.network import Handover
from sixgym.simulators.tti.kernel import REQUEST_HANDOVER, command
from sixgym.simulators.tti.state import MS, Network

MEASURED_EVERY_MS = 200
"""Measurement period of RSRP, TS 36.133 clause 8.1.2.2.1, as in ns-3."""
_FILTER = 0.5
"""Weight of a new measurement: coefficient 4 of layer 3 filtering (TS 36.331 clause 5.5.3.2)."""


class EventA3:
    """Evaluates the measurement reports of all devices and requests handovers."""

    def __init__(self, handover: Handover, devices: int, cells: int) -> None:
        self._handover = handover
        self._level_dbm: list[list[float] | None] = [None] * devices
        self._cells = cells
        self._trigger_ms: dict[tuple[int, int], int] = {}

    def copy(self) -> "EventA3":
        """An independent copy of the state."""
        other = EventA3(self._handover, len(self._level_dbm), self._cells)
        other._level_dbm = list(self._level_dbm)
        other._trigger_ms = dict(self._trigger_ms)
        return other

    def next_ms(self, now_ms: int) -> int:
        """Time of the next evaluation after `now_ms`, both since the start of the warm-up."""
        report_ms = ((now_ms - 1) // MEASURED_EVERY_MS + 1) * MEASURED_EVERY_MS + 1
        return min([report_ms, *(due for due in self._trigger_ms.values() if due > now_ms)])

    def evaluate(self, net: Network, now_ms: int) -> None:
        """Reads new reports and requests the handovers that are due."""
        if now_ms % MEASURED_EVERY_MS == 1 and now_ms > MEASURED_EVERY_MS:
            for device in range(len(self._level_dbm)):
                self._filter(net, device)
                self._check(net, device, now_ms)
        for device in sorted(
            {device for (device, _), due_ms in self._trigger_ms.items() if due_ms <= now_ms}
        ):
            self._request(net, device, now_ms)

    def _filter(self, net: Network, device: int) -> None:
        new = net.rsrp[:, device, 0].tolist()
        old = self._level_dbm[device]
        self._level_dbm[device] = (
            new if old is None else [(1 - _FILTER) * a + _FILTER * b for a, b in zip(old, new, strict=True)]
        )

    def _check(self, net: Network, device: int, now_ms: int) -> None:
        levels = self._level_dbm[device]
        assert levels is not None
        serving = int(net.devices[device]["cell"])
        hysteresis = self._handover.hysteresis_db
        for cell, level in enumerate(levels):
            key = (device, cell)
            if cell == serving or level + hysteresis < levels[serving]:
                self._trigger_ms.pop(key, None)
            elif level - hysteresis > levels[serving]:
                self._trigger_ms.setdefault(key, now_ms + self._handover.time_to_trigger_ms)

    def _request(self, net: Network, device: int, now_ms: int) -> None:
        levels = self._level_dbm[device]
        assert levels is not None
        target = max(
            (cell for known, cell in self._trigger_ms if known == device), key=lambda cell: levels[cell]
        )
        for cell in range(self._cells):
            self._trigger_ms.pop((device, cell), None)
        command(net, REQUEST_HANDOVER, device, float(target), now_ms * MS)
