"""Faults of the network, at set times. Agents do not see them; they see measurements."""

from typing import Annotated, Literal

from pydantic import Field

from sixgym.domain.base import Name, NonNegative, Positive, Ratio, Record
from sixgym.domain.geometry import Position


class _Fault(Record):
    start_ms: Annotated[int, Field(ge=0)] = Field(description="network time at which it strikes")
    duration_ms: Annotated[int, Field(ge=1)] = Field(description="how long it lasts")

    @property
    def end_ms(self) -> int:
        """Network time at which it is over."""
        return self.start_ms + self.duration_ms


class Interferer(_Fault):
    """A transmitter that is not ours jams the whole carrier."""

    kind: Literal["interferer"] = "interferer"
    position: Position
    power_dbm: Annotated[float, Field(ge=-30, le=60)]


class CellPowerDrop(_Fault):
    """A cell transmits `drop_db` below its configured power."""

    kind: Literal["cell_power_drop"] = "cell_power_drop"
    cell: Name
    drop_db: Annotated[float, Field(gt=0, le=60)]


class CellOutage(_Fault):
    """A cell stops radiating. Its users keep their context, so handover away is possible."""

    kind: Literal["cell_outage"] = "cell_outage"
    cell: Name


class TrafficSurge(_Fault):
    """The offered load of a group of users is multiplied."""

    kind: Literal["traffic_surge"] = "traffic_surge"
    group: Name
    factor: Annotated[float, Field(gt=1, le=50)]


class BackhaulDegradation(_Fault):
    """The link between a cell and the core gets slow, lossy or both."""

    kind: Literal["backhaul_degradation"] = "backhaul_degradation"
    cell: Name
    delay_ms: NonNegative = Field(le=10_000, description="one-way delay while it lasts")
    loss_ratio: Ratio = 0.0


class EdgeOverload(_Fault):
    """Other tenants flood a compute node: its background load is multiplied."""

    kind: Literal["edge_overload"] = "edge_overload"
    node: Name
    background_load: Positive = Field(
        le=5, description="offered background load while it lasts, 1 = all of it"
    )


class HandoverFailure(_Fault):
    """A cell refuses every handover towards it (X2 handover preparation failure, TS 36.423)."""

    kind: Literal["handover_failure"] = "handover_failure"
    cell: Name


FaultEvent = Annotated[
    Interferer
    | CellPowerDrop
    | CellOutage
    | TrafficSurge
    | BackhaulDegradation
    | EdgeOverload
    | HandoverFailure,
    Field(discriminator="kind"),
]
