"""Demand of devices: downlink traffic and compute tasks."""

from typing import Annotated, Literal

from pydantic import Field

from sixgym.domain.base import Name, Positive, Record

TrafficRateMbps = Annotated[float, Field(gt=0, le=1_000)]
MeanPeriodSeconds = Annotated[float, Field(ge=0.01, le=3_600)]


class OnOff(Record):
    """Constant bit rate during exponentially distributed on periods (slicing paper, table I)."""

    model: Literal["on_off"]
    rate_mbps: TrafficRateMbps
    packet_bytes: Annotated[int, Field(ge=20, le=1400)]
    mean_on_s: MeanPeriodSeconds
    mean_off_s: MeanPeriodSeconds

    @property
    def packets_per_s(self) -> float:
        """Packets per second while on."""
        return self.rate_mbps * 1e6 / (8 * self.packet_bytes)


class Constant(Record):
    """Constant bit rate."""

    model: Literal["constant"]
    rate_mbps: TrafficRateMbps
    packet_bytes: Annotated[int, Field(ge=20, le=1400)]

    @property
    def packets_per_s(self) -> float:
        """Packets per second."""
        return self.rate_mbps * 1e6 / (8 * self.packet_bytes)


class Periodic(Record):
    """One packet every interval, as control and telemetry links send (TS 22.125)."""

    model: Literal["periodic"]
    interval_ms: Annotated[float, Field(ge=1, le=60_000)]
    packet_bytes: Annotated[int, Field(ge=20, le=1400)]

    @property
    def packets_per_s(self) -> float:
        """Packets per second."""
        return 1_000 / self.interval_ms

    @property
    def rate_mbps(self) -> float:
        """Payload rate, Mbit/s."""
        return self.packet_bytes * 8 / 1e3 / self.interval_ms


Traffic = Annotated[OnOff | Constant | Periodic, Field(discriminator="model")]
"""Downlink traffic of one device."""


class ComputeDemand(Record):
    """Compute tasks that each device of a group creates and that a node computes."""

    rate_hz: Positive = Field(le=1_000, description="tasks per second and device")
    request_bytes: Annotated[int, Field(ge=32, le=1400)] = 1000
    response_bytes: Annotated[int, Field(ge=32, le=1400)] = 250
    megacycles: Positive = Field(le=1e6, description="mean work of a task; exponentially distributed")
    runs_on: Name = Field(description="a compute node, or `onboard`")
