"""The large-scale channel: known values, statistics of its fields, and its behaviour."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from sixgym.domain.flight import propulsion_power_w
from sixgym.domain.geometry import Position
from sixgym.domain.propagation import line_of_sight_probability, path_loss_db, shadowing
from sixgym.domain.radio import (
    CQI_EFFICIENCY,
    Emitter,
    Waves,
    cqi_of_sinr,
    line_of_sight,
    path_gain_db,
    radio_map,
)
from sixgym.scenarios import load_scenario


def test_path_loss_has_the_values_of_tr_38_901() -> None:
    # worked by hand from table 7.4.1-1 at 2 GHz, 100 m, base 25 m, user 1.5 m
    d3 = math.hypot(100, 23.5)
    los = 28 + 22 * math.log10(d3) + 20 * math.log10(2)
    nlos = 13.54 + 39.08 * math.log10(d3) + 20 * math.log10(2)
    assert path_loss_db(100, 25, 1.5, True, True, 2000.0) == pytest.approx(los)
    assert path_loss_db(100, 25, 1.5, False, True, 2000.0) == pytest.approx(nlos)


@pytest.mark.parametrize("urban_macro", [True, False], ids=["UMa", "UMi"])
@pytest.mark.parametrize("height", [1.5, 15.0, 40.0, 110.0])
def test_without_sight_the_loss_is_never_smaller(urban_macro: bool, height: float) -> None:
    for d2 in (10.0, 50.0, 200.0, 1000.0, 4000.0):
        blocked = path_loss_db(d2, 25, height, False, urban_macro, 2120)
        clear = path_loss_db(d2, 25, height, True, urban_macro, 2120)
        if height <= 22.5 or not urban_macro:
            assert blocked >= clear - 1e-9
        assert 0 <= line_of_sight_probability(d2, height, urban_macro) <= 1


def test_higher_uavs_see_more_cells() -> None:
    chances = [line_of_sight_probability(500, height, True) for height in (1.5, 30, 60, 90, 110)]
    assert chances == sorted(chances)
    assert chances[-1] == 1


@pytest.mark.parametrize(
    ("draw", "power"), [(Waves.rough, 1), (Waves.smooth, 2)], ids=["rough, shadowing", "smooth, sight"]
)
def test_a_field_is_standard_normal_and_forgets_with_distance(
    draw: Callable[[np.random.Generator], Waves], power: int
) -> None:
    rng = np.random.default_rng(1)
    fields = [draw(rng) for _ in range(1500)]
    here = np.array([field.at(0, 0, 50) for field in fields])
    for distance in (25, 50, 100):
        there = np.array([field.at(distance * 0.6, distance * 0.8, 50) for field in fields])
        expected = math.exp(-((distance / 50) ** power))
        assert np.corrcoef(here, there)[0, 1] == pytest.approx(expected, abs=0.08)
    assert here.mean() == pytest.approx(0, abs=0.1)
    assert here.std() == pytest.approx(1, abs=0.06)


def test_line_of_sight_is_as_frequent_as_the_standard_says() -> None:
    channel = load_scenario("uav-inspection").channel
    point = Position(x_m=120, y_m=0, z_m=1.5)
    seen = [
        line_of_sight(Emitter.interferer(Position(x_m=0, y_m=0, z_m=25), seed), 120, point, channel)
        for seed in range(1500)
    ]
    assert np.mean(seen) == pytest.approx(line_of_sight_probability(120, 1.5, True), abs=0.04)


def test_a_flying_uav_meets_no_jump_of_the_channel() -> None:
    channel = load_scenario("uav-inspection").channel.model_copy(update={"shadowing": False})
    for seed in range(20):
        emitter = Emitter.interferer(Position(x_m=0, y_m=0, z_m=25), seed)
        gains = [
            path_gain_db(emitter, Position(x_m=150 + step / 4, y_m=0, z_m=40), channel) for step in range(400)
        ]
        assert max(abs(np.diff(gains))) < 2.5, "dB within 25 cm"


def test_the_field_belongs_to_the_topology_seed() -> None:
    scenario = load_scenario("uav-inspection")
    point = Position(x_m=40, y_m=-30, z_m=1.5)
    power = {cell.id: cell.tx_power_dbm for cell in scenario.cells}
    load = dict.fromkeys(power, 0.5)
    first, again, other = (radio_map(scenario.placed(s)).links(point, power, load) for s in (1, 1, 2))
    assert first == again
    assert first != other
    with pytest.raises(ValueError, match="not placed"):
        radio_map(scenario)


def test_an_interferer_and_a_loaded_neighbour_both_lower_the_sinr() -> None:
    scenario = load_scenario("uav-inspection").placed(3)
    point = Position(x_m=100, y_m=0, z_m=30)
    power = {cell.id: cell.tx_power_dbm for cell in scenario.cells}
    field = radio_map(scenario)
    quiet = field.links(point, power, dict.fromkeys(power, 0.1))[0]
    busy = field.links(point, power, dict.fromkeys(power, 1.0))[0]
    jammer = dict([(Position(x_m=90, y_m=5, z_m=10), 30.0)])  # noqa: C406
    jammed = field.links(point, power, dict.fromkeys(power, 0.1), jammer)[0]
    assert busy.sinr_db < quiet.sinr_db
    assert jammed.sinr_db < quiet.sinr_db
    assert jammed.rsrp_dbm == quiet.rsrp_dbm


def test_cqi_rises_with_sinr_and_stays_in_the_table() -> None:
    values = [cqi_of_sinr(s) for s in range(-30, 40)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (0, len(CQI_EFFICIENCY) - 1)


def test_shadowing_of_a_high_uav_in_sight_is_smaller() -> None:
    assert shadowing(100, True, True)[0] < shadowing(30, True, True)[0] < 4.64


def test_flight_power_has_its_minimum_between_hovering_and_racing() -> None:
    # Zeng et al. 2019, figure 2: 168.5 W hovering, a minimum of about 126 W near 10 m/s
    assert propulsion_power_w(0) == pytest.approx(168.48, abs=0.01)
    assert min(range(31), key=propulsion_power_w) in range(9, 12)
    assert propulsion_power_w(5, climb_mps=2) > propulsion_power_w(5) > propulsion_power_w(5, climb_mps=-2)
