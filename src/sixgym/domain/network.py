"""The parts of a scenario: cells, slices, groups of devices, compute nodes, channel and radio settings.

`ScenarioSpec` holds them; `sixgym.domain.scenario.Scenario` adds checks across its parts, look-ups and
placement.
"""

import math
from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from sixgym.domain.base import Name, NonNegative, Positive, Ratio, Record, listed
from sixgym.domain.faults import FaultEvent
from sixgym.domain.geometry import MAP_EDGE_M, GeofenceSpec, HeightMetres, Metres, Position
from sixgym.domain.intent import TaskTemplate
from sixgym.domain.slices import RrmPolicyRatio, SlaSpec, SliceType
from sixgym.domain.traffic import ComputeDemand, Traffic

PRBS_OF_BANDWIDTH_MHZ = {1.4: 6, 3.0: 15, 5.0: 25, 10.0: 50, 15.0: 75, 20.0: 100}
"""Physical resource blocks of 180 kHz, TS 36.101 table 5.6-1."""

MegacyclesPerSecond = Annotated[float, Field(ge=1, le=1e9)]
"""Speed of a computer: millions of operations per second."""


class Cell(Record):
    """A gNB with one downlink carrier. All cells share the carrier (frequency reuse 1)."""

    id: Name
    position: Position
    tx_power_dbm: Annotated[float, Field(ge=-10, le=60)]
    bandwidth_mhz: float
    antenna: Literal["isotropic", "sector"] = Field(
        default="isotropic", description="sector: element pattern of TR 38.901 table 7.3-1"
    )
    antenna_gain_dbi: Annotated[float, Field(ge=-20, le=30)] = 0.0
    azimuth_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0

    @field_validator("bandwidth_mhz")
    @classmethod
    def _is_a_channel_bandwidth(cls, value: float) -> float:
        if value not in PRBS_OF_BANDWIDTH_MHZ:
            raise ValueError(f"{value:g} MHz is no channel bandwidth; choose {listed(PRBS_OF_BANDWIDTH_MHZ)}")
        return value

    @property
    def prbs(self) -> int:
        """Downlink PRBs of the carrier."""
        return PRBS_OF_BANDWIDTH_MHZ[self.bandwidth_mhz]


class Slice(Record):
    """A network slice: its S-NSSAI type, service level and initial share of PRBs."""

    type: SliceType
    label: str = Field(default="", description="what the operator calls it")
    sla: SlaSpec
    policy: RrmPolicyRatio

    @field_validator("policy")
    @classmethod
    def _can_send(cls, value: RrmPolicyRatio) -> RrmPolicyRatio:
        if value.max == 0:
            raise ValueError("max is 0 %, so the slice could never send; raise max")
        return value

    @model_validator(mode="after")
    def _one_type(self) -> Self:
        if self.sla.slice is not self.type:
            raise ValueError(f"sla.slice is {self.sla.slice.value}, but the slice is {self.type.value}")
        return self


class Area(Record):
    """An area from which a topology seed draws places: uniform in a sector of an annulus."""

    centre: tuple[Metres, Metres] = (0.0, 0.0)
    min_radius_m: NonNegative = 0.0
    max_radius_m: Positive
    from_deg: Annotated[float, Field(ge=-360, le=360)] = 0.0
    to_deg: Annotated[float, Field(ge=-360, le=360)] = 360.0
    min_height_m: HeightMetres = 1.5
    max_height_m: HeightMetres = 1.5

    @model_validator(mode="after")
    def _not_empty(self) -> Self:
        for low, high, name in (
            (self.min_radius_m, self.max_radius_m, "radius_m"),
            (self.from_deg, self.to_deg, "deg"),
            (self.min_height_m, self.max_height_m, "height_m"),
        ):
            if low > high or (low == high and name != "height_m"):
                raise ValueError(f"the area is empty: {name} runs from {low:g} to {high:g}")
        if max(map(abs, self.centre)) + self.max_radius_m > MAP_EDGE_M:
            raise ValueError(f"centre plus max_radius_m leaves the map, which ends at {MAP_EDGE_M} m")
        return self

    def draw(self, rng: np.random.Generator) -> Position:
        """One point, uniform over the area and the height range."""
        radius = math.sqrt(rng.uniform(self.min_radius_m**2, self.max_radius_m**2))
        angle = math.radians(rng.uniform(self.from_deg, self.to_deg))
        height = rng.uniform(self.min_height_m, self.max_height_m)
        return Position(
            x_m=round(self.centre[0] + radius * math.cos(angle), 2),
            y_m=round(self.centre[1] + radius * math.sin(angle), 2),
            z_m=round(height, 2),
        )


def _placement_kind(value: object) -> str:
    return "positions" if isinstance(value, list | tuple) else "area"


Placement = Annotated[
    Annotated[Area, Tag("area")] | Annotated[tuple[Position, ...], Tag("positions")],
    Discriminator(_placement_kind),
]
"""An area from which places are drawn, or the places themselves."""


class Airframe(Record):
    """The airframe of a group of UAVs: rotary-wing flight, power and route."""

    cruise_speed_mps: Annotated[float, Field(gt=0, le=40)] = 12.0
    max_speed_mps: Annotated[float, Field(gt=0, le=40)] = 20.0
    min_altitude_m: HeightMetres = 20.0
    max_altitude_m: HeightMetres = 120.0
    mass_kg: Positive = 2.0
    battery_wh: Positive = 90.0
    initial_battery_ratio: Ratio = 1.0
    waypoints: tuple[Position, ...] = Field(default=(), description="first leg of every UAV, in order")
    waypoint_area: Area | None = Field(default=None, description="or one waypoint each, drawn from here")
    onboard_megacycles_per_s: MegacyclesPerSecond = 500.0

    @model_validator(mode="after")
    def _can_fly(self) -> Self:
        low, high = self.min_altitude_m, self.max_altitude_m
        if low >= high:
            raise ValueError(f"min_altitude_m {low:g} must be below max_altitude_m {high:g}")
        cruise, top = self.cruise_speed_mps, self.max_speed_mps
        if cruise > top:
            raise ValueError(f"cruise_speed_mps {cruise:g} exceeds max_speed_mps {top:g}")
        return self


class Group(Record):
    """Devices that share a role: their slice, place, downlink traffic and compute tasks.

    Devices are named `<group>-1`, `<group>-2`, … A group with an `airframe` consists of UAVs.
    """

    name: Annotated[Name, Field(max_length=60)]  # `-200` makes it a device id, a Name of at most 64
    slice: SliceType
    count: Annotated[int, Field(ge=1, le=200)]
    placement: Placement
    traffic: Traffic
    workload: ComputeDemand | None = Field(default=None, description="compute tasks of each device")
    airframe: Airframe | None = None
    priority: Annotated[int, Field(ge=1, le=15)] = Field(
        default=8, description="ARP priority level, 1 is highest (TS 23.501 clause 5.7.2.2)"
    )
    routes: tuple[tuple[Position, ...], ...] = Field(default=(), description="filled in by placement")

    @property
    def device_ids(self) -> tuple[str, ...]:
        """Names of the devices."""
        return tuple(f"{self.name}-{index + 1}" for index in range(self.count))

    @property
    def positions(self) -> tuple[Position, ...]:
        """Places of the devices at the start.

        Raises:
            ValueError: the group is not placed yet.
        """
        if isinstance(self.placement, Area):
            raise ValueError(f"group {self.name} has no positions yet: call Scenario.placed(topology_seed)")
        return self.placement

    @model_validator(mode="after")
    def _one_position_each(self) -> Self:
        if not isinstance(self.placement, Area) and len(self.placement) != self.count:
            raise ValueError(f"count is {self.count}, but placement lists {len(self.placement)} positions")
        if self.routes and len(self.routes) != self.count:
            raise ValueError(f"count is {self.count}, but routes lists {len(self.routes)}")
        return self


class ComputeNode(Record):
    """An edge or cloud server: a FIFO queue behind the core network."""

    id: Name
    kind: Literal["edge", "cloud"]
    megacycles_per_s: MegacyclesPerSecond
    link_delay_ms: NonNegative = Field(le=10_000, description="one way, between core and node")
    background_load: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.0, description="share kept busy by other tenants"
    )
    queue_limit: Annotated[int, Field(ge=1, le=10_000)] = 200


class Backhaul(Record):
    """The link between every cell and the core."""

    delay_ms: Annotated[float, Field(ge=0, le=10_000)] = 0.5
    rate_mbps: Annotated[float, Field(ge=0.1, le=100_000)] = 1000.0


class Fading(Record):
    """Frequency-selective fading trace, TS 36.104 annex B.2."""

    profile: Literal["EPA", "EVA", "ETU"]
    speed_kmh: Annotated[float, Field(gt=0, le=500)]


class Channel(Record):
    """The radio channel. UAVs above 22.5 m follow TR 36.777 annex B, others TR 38.901 table 7.4.1-1."""

    frequency_mhz: Annotated[float, Field(ge=500, le=6_000)] = 2120.0
    path_loss: Literal["UMa", "UMi"] = "UMa"
    shadowing: bool = True
    fading: Fading | None = Field(default=None, description="absent: a flat channel without fading")
    noise_figure_db: Annotated[float, Field(ge=0, le=30)] = 5.0

    @property
    def urban_macro(self) -> bool:
        """Whether the path loss is UMa, otherwise it is UMi."""
        return self.path_loss == "UMa"


class Radio(Record):
    """Settings of the radio stack."""

    mimo_layers: Literal[1, 2] = Field(default=1, description="2: open-loop spatial multiplexing, 2x2")
    link_adaptation: Literal["vienna", "piro"] = Field(
        default="vienna",
        description="vienna: error model, 10 % block error target; piro: Shannon with a 5e-5 target",
    )
    cqi_period_ms: Annotated[int, Field(ge=1, le=160)] = 5
    rlc_buffer_bytes: Annotated[int, Field(ge=1_500, le=10_000_000)] = 100_000
    loss_timeout_ms: Annotated[int, Field(ge=10, le=10_000)] = Field(
        default=500, description="a packet not delivered by then counts as lost"
    )


class Handover(Record):
    """The handover algorithm. Requests through the tools work with both."""

    algorithm: Literal["on_request", "a3"] = "on_request"
    hysteresis_db: Annotated[float, Field(ge=0, le=15)] = 3.0
    time_to_trigger_ms: Literal[0, 40, 64, 80, 100, 128, 160, 256, 320, 480, 512, 640, 1024] = 256


class ScenarioSpec(Record):
    """The fields of a scenario, each of them valid by itself.

    Time is network time in ms; 0 is the end of the warm-up, when the first interval begins.
    """

    name: Name
    description: str = ""
    decision_interval_ms: Annotated[int, Field(ge=10, le=60_000)]
    warm_up_ms: Annotated[int, Field(ge=300, le=60_000)] = 1_000
    topology_seed: Annotated[int, Field(ge=0)] | None = Field(
        default=None, description="filled in by placement: the seed that places were drawn with"
    )
    cells: Annotated[tuple[Cell, ...], Field(min_length=1, max_length=19)]
    slices: Annotated[tuple[Slice, ...], Field(min_length=1, max_length=3)]
    groups: Annotated[tuple[Group, ...], Field(min_length=1)]
    managed: Name = Field(description="the group whose service the operator's intent is about")
    compute: tuple[ComputeNode, ...] = ()
    home_edge: Name | None = Field(default=None, description="node whose load is the state's edge_load")
    backhaul: Backhaul = Backhaul()
    channel: Channel
    radio: Radio = Radio()
    handover: Handover = Handover()
    geofences: tuple[GeofenceSpec, ...] = ()
    faults: tuple[FaultEvent, ...] = ()
    tasks: tuple[TaskTemplate, ...] = Field(default=(), description="what an operator may ask for here")
