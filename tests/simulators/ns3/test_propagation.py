"""The field in ns-3 is the field of sixgym.domain.radio, and its formulas are ns-3's own."""

import json
import math
import random
from collections.abc import Iterator

import pytest

from sixgym.domain.geometry import Position
from sixgym.domain.network import Channel
from sixgym.domain.propagation import path_loss_db
from sixgym.domain.radio import Emitter, path_gain_db, radio_map
from sixgym.domain.scenario import Scenario
from sixgym.simulators.ns3 import Ns3Simulator
from tests.networks import small

pytestmark = pytest.mark.ns3


@pytest.fixture(scope="module")
def ns3() -> Iterator[Ns3Simulator]:
    simulator = Ns3Simulator()
    simulator.reset(small(), seed=1)
    yield simulator
    simulator.close()


def decibels(reply: bytes) -> float:
    return json.loads(reply)["db"]


def with_channel(channel: Channel) -> Scenario:
    sector = (
        small()
        .cells[1]
        .model_copy(update={"antenna": "sector", "antenna_gain_dbi": 8.0, "azimuth_deg": -150.0})
    )
    return small().model_copy(update={"channel": channel, "cells": (small().cells[0], sector)})


@pytest.mark.parametrize("path_loss", ["UMa", "UMi"])
@pytest.mark.parametrize("shadowing", [True, False])
def test_the_program_computes_the_same_field(ns3: Ns3Simulator, path_loss: str, shadowing: bool) -> None:
    channel = Channel.model_validate({"path_loss": path_loss, "shadowing": shadowing})
    scenario = with_channel(channel)
    ns3.reset(scenario, seed=1)
    rng = random.Random(5)
    for _ in range(150):
        x, y, z = (
            rng.uniform(-900, 900),
            rng.uniform(-900, 900),
            rng.choice([1.5, 10, 18, 22.6, 60, 110, 250]),
        )
        for cell in scenario.cells:
            expected = path_gain_db(Emitter.of(cell, 1), Position(x_m=x, y_m=y, z_m=z), channel)
            assert decibels(ns3.query(f"gain {cell.id} {x!r} {y!r} {z!r}")) == pytest.approx(
                expected, abs=1e-6
            )


@pytest.mark.parametrize("model", ["UMa", "UMi"])
@pytest.mark.parametrize("los", [True, False])
def test_the_formulas_are_those_of_ns3_on_the_ground(ns3: Ns3Simulator, model: str, los: bool) -> None:
    base, mhz = (25.0, 2120.0) if model == "UMa" else (10.0, 2120.0)
    for height in (1.5, 5.0, 12.0):
        for d2 in (15.0, 40.0, 120.0, 350.0, 900.0, 2000.0, 4000.0):
            ours = path_loss_db(d2, base, height, los, model == "UMa", mhz)
            theirs = decibels(ns3.query(f"reference {model} {int(los)} {d2!r} {base!r} {height!r} {mhz!r}"))
            assert ours == pytest.approx(theirs, abs=0.01), (height, d2)


def test_a_device_measures_the_signal_that_the_field_predicts() -> None:
    flat = small().model_copy(update={"channel": Channel(shadowing=True)})  # no fading
    simulator = Ns3Simulator()
    simulator.reset(flat, seed=1)
    interval = simulator.advance(500)
    simulator.close()
    powers = {cell.id: cell.tx_power_dbm for cell in flat.cells}
    for device in ("control-1", "control-2", "video-2"):
        measured = interval.devices[device]
        predicted = radio_map(flat).links(measured.position, powers, dict.fromkeys(powers, 1.0))
        for budget in predicted:
            assert measured.rsrp_dbm[budget.cell] == pytest.approx(budget.rsrp_dbm, abs=0.1)
        serving = next(budget for budget in predicted if budget.cell == measured.cell)
        assert measured.sinr_db == pytest.approx(serving.sinr_db, abs=0.2)
        assert math.isfinite(measured.sinr_db)
