"""Small placed networks for tests."""

from sixgym.domain.geometry import Position
from sixgym.domain.network import Airframe, Area, Cell, Channel, ComputeNode, Fading, Group, Radio
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.domain.traffic import ComputeDemand, Constant, OnOff, Periodic
from sixgym.testing.networks import slice_of, small

__all__ = ["management", "slice_of", "slicing", "small"]


def slicing() -> Scenario:
    """One cell, 25 PRBs, 20 + 4 users with on-off traffic: the slicing paper's size."""
    area = Area(min_radius_m=35, max_radius_m=150, from_deg=-60, to_deg=60)
    return Scenario(
        name="slicing",
        decision_interval_ms=100,
        warm_up_ms=500,
        cells=(Cell(id="gnb-1", position=Position(x_m=0, y_m=0, z_m=25), tx_power_dbm=30, bandwidth_mhz=5),),
        slices=(slice_of(SliceType.URLLC, 50, 10), slice_of(SliceType.EMBB, 50, 50)),
        groups=(
            Group(
                name="gbr",
                slice=SliceType.URLLC,
                count=20,
                placement=area,
                traffic=OnOff(model="on_off", rate_mbps=0.5, packet_bytes=512, mean_on_s=15, mean_off_s=15),
            ),
            Group(
                name="best-effort",
                slice=SliceType.EMBB,
                count=4,
                placement=area,
                traffic=OnOff(model="on_off", rate_mbps=2, packet_bytes=512, mean_on_s=15, mean_off_s=15),
            ),
        ),
        managed="gbr",
        channel=Channel(fading=Fading(profile="EPA", speed_kmh=3)),
        radio=Radio(mimo_layers=2),
    ).placed(1)


def _management_groups() -> tuple[Group, ...]:
    area = Area(max_radius_m=250)
    return (
        Group(
            name="uav",
            slice=SliceType.EMBB,
            count=4,
            placement=Area(max_radius_m=200, min_height_m=60, max_height_m=60),
            traffic=Constant(model="constant", rate_mbps=1, packet_bytes=500),
            workload=ComputeDemand(rate_hz=10, megacycles=20, runs_on="edge-1"),
            airframe=Airframe(waypoint_area=Area(max_radius_m=250, min_height_m=50, max_height_m=100)),
        ),
        Group(
            name="control",
            slice=SliceType.URLLC,
            count=4,
            placement=area,
            traffic=Periodic(model="periodic", interval_ms=10, packet_bytes=100),
        ),
        Group(
            name="video",
            slice=SliceType.EMBB,
            count=4,
            placement=area,
            traffic=Constant(model="constant", rate_mbps=2.5, packet_bytes=1000),
        ),
        Group(
            name="meters",
            slice=SliceType.MMTC,
            count=8,
            placement=area,
            traffic=Constant(model="constant", rate_mbps=0.01, packet_bytes=100),
        ),
    )


def management() -> Scenario:
    """Three cells, 50 PRBs, UAVs and ground users, an edge and a cloud node."""
    sites = ((230.0, 0.0), (-115.0, 200.0), (-115.0, -200.0))
    return Scenario(
        name="management",
        decision_interval_ms=500,
        warm_up_ms=1000,
        cells=tuple(
            Cell(
                id=f"gnb-{i + 1}",
                position=Position(x_m=x, y_m=y, z_m=25),
                tx_power_dbm=30,
                bandwidth_mhz=10,
            )
            for i, (x, y) in enumerate(sites)
        ),
        slices=(
            slice_of(SliceType.URLLC, 30, 10),
            slice_of(SliceType.EMBB, 60, 50),
            slice_of(SliceType.MMTC, 10),
        ),
        groups=_management_groups(),
        managed="uav",
        compute=(
            ComputeNode(
                id="edge-1", kind="edge", megacycles_per_s=2000, link_delay_ms=1, background_load=0.2
            ),
            ComputeNode(id="cloud-1", kind="cloud", megacycles_per_s=10000, link_delay_ms=15),
        ),
        home_edge="edge-1",
        channel=Channel(fading=Fading(profile="EPA", speed_kmh=3)),
    ).placed(1)
