"""Slices by 3GPP's names: S-NSSAI slice types, RRMPolicyRatio (TS 28.541), SLA, network state."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from sixgym.domain.base import NonNegative, Percent, Positive, Ratio, Record


class SliceType(StrEnum):
    """Slice/service type. SST values of TS 23.501 table 5.15.2.2-1: eMBB 1, URLLC 2, MIoT 3.

    The papers write mMTC for what 3GPP calls MIoT; so do we.
    """

    URLLC = "URLLC"
    EMBB = "eMBB"
    MMTC = "mMTC"


class RrmPolicyRatio(Record):
    """Share of downlink PRBs of one slice (RRMPolicyRatio, TS 28.541 clause 4.3.36).

    `dedicated` is never lent, even when idle; `min` is guaranteed but lent while idle; `max` is a
    ceiling. Percent of the cell's PRBs, dedicated <= min <= max. Strict separation, as in the
    slicing paper, is dedicated = min = max.
    """

    dedicated: Percent
    min: Percent
    max: Percent

    @model_validator(mode="after")
    def _ordered(self) -> "RrmPolicyRatio":
        if not self.dedicated <= self.min <= self.max:
            raise ValueError(
                f"needs dedicated <= min <= max, got {self.dedicated} / {self.min} / {self.max}; "
                "lower dedicated or raise max"
            )
        return self


class SlaSpec(Record):
    """Service level of one slice (after ServiceProfile, TS 28.541). An absent bound is no bound."""

    slice: SliceType
    max_latency_ms: Positive | None = None
    max_jitter_ms: Positive | None = None
    max_loss_ratio: Ratio | None = None
    min_throughput_mbps: NonNegative | None = None
    max_edge_load: Ratio | None = None


class NetworkState(Record):
    """The six-dimensional state of the active slice, measured over the last decision interval.

    6GAgentGym section III-B3, equation 2. `version` counts intervals, so a state can be recognised
    as current or stale.
    """

    version: Annotated[int, Field(ge=0)] = Field(description="number of the interval it was measured in")
    t_ms: Annotated[int, Field(ge=0)] = Field(description="network time at the end of that interval")
    slice: SliceType = Field(description="active slice of the managed service")
    latency_ms: NonNegative = Field(description="mean one-way packet delay")
    jitter_ms: NonNegative = Field(description="mean delay difference between consecutive packets")
    loss_ratio: Ratio = Field(description="share of packets lost, 0 to 1")
    throughput_mbps: NonNegative = Field(description="delivered, Mbit/s")
    edge_load: Ratio = Field(description="busy share of the home edge node, 0 to 1")
