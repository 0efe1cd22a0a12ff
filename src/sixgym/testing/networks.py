"""A small placed network, on which the suites test simulators, backends and environments."""

from sixgym.domain.geometry import Position
from sixgym.domain.intent import Goal, Target
from sixgym.domain.network import Airframe, Cell, Channel, ComputeNode, Fading, Group, Slice
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SlaSpec, SliceType
from sixgym.domain.traffic import ComputeDemand, Constant, OnOff, Periodic
from sixgym.episodes.episode import Task


def slice_of(kind: SliceType, share: int, max_latency_ms: float | None = None) -> Slice:
    """A slice with a strict share."""
    return Slice(
        type=kind,
        sla=SlaSpec(slice=kind, max_latency_ms=max_latency_ms),
        policy=RrmPolicyRatio(dedicated=share, min=share, max=share),
    )


def small() -> Scenario:
    """Two cells of 25 PRBs, six devices, an edge and a cloud node: quick, yet with a part of everything."""
    return Scenario(
        name="small",
        decision_interval_ms=100,
        warm_up_ms=400,
        cells=(
            Cell(id="west", position=Position(x_m=0, y_m=0, z_m=25), tx_power_dbm=36, bandwidth_mhz=5),
            Cell(id="east", position=Position(x_m=500, y_m=0, z_m=25), tx_power_dbm=36, bandwidth_mhz=5),
        ),
        slices=(
            slice_of(SliceType.URLLC, 30, 10),
            slice_of(SliceType.EMBB, 60, 50),
            slice_of(SliceType.MMTC, 10),
        ),
        groups=(
            Group(
                name="uav",
                slice=SliceType.EMBB,
                count=1,
                placement=(Position(x_m=80, y_m=40, z_m=60),),
                traffic=Constant(model="constant", rate_mbps=0.5, packet_bytes=500),
                workload=ComputeDemand(rate_hz=20, megacycles=10, runs_on="edge"),
                airframe=Airframe(cruise_speed_mps=10, waypoints=(Position(x_m=180, y_m=40, z_m=60),)),
            ),
            Group(
                name="control",
                slice=SliceType.URLLC,
                count=2,
                placement=(Position(x_m=60, y_m=0, z_m=1.5), Position(x_m=440, y_m=10, z_m=1.5)),
                traffic=Periodic(model="periodic", interval_ms=10, packet_bytes=100),
            ),
            Group(
                name="video",
                slice=SliceType.EMBB,
                count=3,
                placement=(
                    Position(x_m=50, y_m=60, z_m=1.5),
                    Position(x_m=-70, y_m=20, z_m=1.5),
                    Position(x_m=430, y_m=-60, z_m=1.5),
                ),
                traffic=OnOff(model="on_off", rate_mbps=1.5, packet_bytes=1000, mean_on_s=2, mean_off_s=0.2),
            ),
        ),
        managed="uav",
        compute=(
            ComputeNode(id="edge", kind="edge", megacycles_per_s=1000, link_delay_ms=1, background_load=0.1),
            ComputeNode(id="cloud", kind="cloud", megacycles_per_s=5000, link_delay_ms=15),
        ),
        home_edge="edge",
        channel=Channel(shadowing=False, fading=Fading(profile="EPA", speed_kmh=3)),
    ).placed(1)


def first_uav(scenario: Scenario) -> str:
    """Name of the first UAV of a network that has one."""
    return next(name for group in scenario.groups if group.airframe for name in group.device_ids)


def small_task(*, seed: int = 1) -> Task:
    """A task on the small network: six intervals, the last two of which are judged, and four calls."""
    return Task(
        id="small/keep-delay",
        intent="Keep the delay of the UAV below 40 ms.",
        scenario=small(),
        seed=seed,
        sla=SlaSpec(slice=SliceType.EMBB, max_latency_ms=40),
        goal=Goal(
            targets=(Target(metric="latency_ms", group="uav", condition="IS_LESS_THAN", value=40),),
            window=2,
        ),
        max_steps=4,
        horizon=6,
    )
