"""What a situation is that a rule has to act in, and what such situations are made of."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sixgym.domain.geometry import Position
from sixgym.domain.slices import NetworkState, SlaSpec, SliceType
from sixgym.envs.observation import Exchange, Observation
from tests.agents.samples import CONTROL_SLA, did, observe, scan, slice_status, state, telemetry, uav

SLOW = state(latency_ms=80.0)
LOSSY = state(loss_ratio=0.05)
JITTERY = state(jitter_ms=20.0)
BUSY_EDGE = state(edge_load=0.97)

VIDEO_SLA = SlaSpec(slice=SliceType.EMBB, max_latency_ms=100, min_throughput_mbps=4)
SENSOR_SLA = SlaSpec(slice=SliceType.MMTC, max_latency_ms=100)
RATE_SLA = SlaSpec(slice=SliceType.URLLC, min_throughput_mbps=4)
SLOW_VIDEO = state(slice="eMBB", latency_ms=150.0, throughput_mbps=6)
THIN_VIDEO = state(slice="eMBB", latency_ms=20.0, throughput_mbps=3)
SLOW_SENSORS = state(slice="mMTC", latency_ms=150.0)

GROUND = telemetry()
"""A reading of a network without UAVs."""

FAR = Position(x_m=-300, y_m=0, z_m=60)
LOW = Position(x_m=100, y_m=0, z_m=30)
HIGH = Position(x_m=100, y_m=0, z_m=100)
WEAK = uav(sinr_db=1.0)
LOST = uav(sinr_db=-3.0)
FAILED = uav(handover="FAILED")
CLEAR = uav("drone-2", position=Position(x_m=0, y_m=0, z_m=60), sinr_db=20.0)
BESIDE_CLEAR = {"x_m": 30.0, "y_m": 0.0, "z_m": 60.0}
ALONE = scan(gnb_1=-90.0)
THREE_CELLS = scan(gnb_1=-95.0, gnb_2=-85.0, gnb_3=-92.0)

FULL_CONTROL = slice_status("URLLC", policy=(20, 25, 40), used_percent=24.9)
IDLE_CONTROL = slice_status("URLLC", policy=(20, 25, 40), used_percent=5)
SENSORS = slice_status("mMTC", policy=(5, 10, 20), used_percent=3)


def video(used: float, policy: tuple[int, int, int] = (20, 50, 70), **changes: Any) -> Exchange:
    return slice_status("eMBB", policy=policy, used_percent=used, **changes)


def share(dedicated: int, least: int, most: int) -> dict[str, int]:
    return {"dedicated": dedicated, "min": least, "max": most}


def steadily(now: NetworkState, steps: int) -> list[Exchange]:
    """So many telemetry readings in that state."""
    return [did("read_telemetry", after=now) for _ in range(steps)]


def all_in(now: NetworkState, *history: Exchange) -> list[Exchange]:
    """The same exchanges, each of them leaving that state behind."""
    return [replace(exchange, after=now) for exchange in history]


@dataclass(frozen=True)
class Case:
    """A situation, the rule that has to act in it, and what its call has to contain."""

    rule: str
    now: NetworkState
    history: Sequence[Exchange]
    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    sla: SlaSpec = CONTROL_SLA
    steps_left: int = 20

    @property
    def observation(self) -> Observation:
        return observe(self.now, self.history, sla=self.sla, steps_left=self.steps_left)
