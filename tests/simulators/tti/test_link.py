import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf import make_link_tables
from sixgym.simulators.ns3.build import find_compiler
from sixgym.simulators.tti.link import (
    QAM16,
    QAM64,
    QPSK,
    block_error_rate,
    load_link_tables,
    mi_rbg_cqi,
    modulation_of,
    mutual_information,
    piro_rbg_cqi,
    remember_failure,
    retransmission_error_rate,
)

# what ns-3 answered, written by perf/make_link_tables.py
SAMPLES: dict[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("link_samples.json").read_text()
)
TABLES = load_link_tables()

mcs_numbers = st.integers(0, 28)
prb_counts = st.integers(1, 110)
informations = st.floats(0, 1)


def retransmit(mcs: int, prbs: int, informations: list[float]) -> list[float]:
    """Error rates of a block's transmissions, all of which fail."""
    block_bytes = TABLES.block_bytes[mcs, prbs]
    harq = np.zeros(4)
    rates: list[float] = []
    for mi in informations:
        rates.append(retransmission_error_rate(TABLES, block_bytes, mcs, mi, harq))
        remember_failure(TABLES, harq, block_bytes, mcs, mi)
    return rates


def test_blocks_have_the_sizes_of_the_standard() -> None:
    # TS 36.213 table 7.1.7.2.1-1: TBS index 0, 15 and 26
    assert TABLES.block_bytes[0, 1] == 16 // 8
    assert TABLES.block_bytes[16, 25] == 7736 // 8
    assert TABLES.block_bytes[28, 100] == 75376 // 8


def test_a_better_cqi_stands_for_a_higher_mcs() -> None:
    assert TABLES.mcs_of_cqi[1] == 0
    assert TABLES.mcs_of_cqi[15] == 28
    assert np.all(np.diff(TABLES.mcs_of_cqi[1:]) > 0)


@pytest.mark.parametrize("sample", SAMPLES["rbgs"])
def test_an_rbg_has_the_channel_quality_that_ns3_gives_it(sample: dict[str, Any]) -> None:
    sinrs = np.array([1e9, *sample["sinrs"], 1e9])
    prbs = len(sample["sinrs"])
    assert piro_rbg_cqi(TABLES, sinrs, 1, prbs) == sample["piro_cqi"]
    assert mi_rbg_cqi(TABLES, sinrs, 1, prbs) == sample["mi_cqi"]


@pytest.mark.parametrize("sample", SAMPLES["rbgs"])
def test_prbs_carry_the_mutual_information_that_ns3_gives_them(sample: dict[str, Any]) -> None:
    for modulation in (QPSK, QAM16, QAM64):
        by_prb = [mutual_information(TABLES, modulation, x) for x in sample["sinrs"]]
        assert np.mean(by_prb) == pytest.approx(sample["mi"][modulation], abs=1e-12)


@pytest.mark.parametrize("sample", SAMPLES["blocks"])
def test_blocks_fail_as_often_as_in_ns3_at_every_transmission(sample: dict[str, Any]) -> None:
    assert TABLES.block_bytes[sample["mcs"], sample["prbs"]] == sample["bytes"]
    rates = retransmit(sample["mcs"], sample["prbs"], sample["mi"])
    assert rates == pytest.approx(sample["error_rates"], abs=1e-9)


@pytest.mark.parametrize("transmission", range(4))
def test_the_samples_hold_blocks_that_neither_always_fail_nor_never(transmission: int) -> None:
    rates = [sample["error_rates"][transmission] for sample in SAMPLES["blocks"]]
    assert any(0.01 < rate < 0.99 for rate in rates)


@settings(deadline=None)  # compiled at the first call
@given(mcs_numbers, prb_counts, informations)
def test_a_first_transmission_is_judged_alone(mcs: int, prbs: int, mi: float) -> None:
    block_bytes = TABLES.block_bytes[mcs, prbs]
    alone = block_error_rate(TABLES, block_bytes, mcs, mi)
    assert retransmit(mcs, prbs, [mi]) == [alone]


@settings(deadline=None)  # compiled at the first call
@given(mcs_numbers, prb_counts, informations, informations)
def test_more_information_never_makes_a_block_fail_more_often(
    mcs: int, prbs: int, one: float, other: float
) -> None:
    block_bytes = TABLES.block_bytes[mcs, prbs]
    worse, better = (block_error_rate(TABLES, block_bytes, mcs, mi) for mi in sorted((one, other)))
    assert 0 <= better <= worse + 1e-12 <= 1 + 1e-12


@settings(deadline=None)  # compiled at the first call
@given(mcs_numbers, st.floats(0, 1e4), st.floats(0, 1e4))
def test_a_better_channel_never_carries_less(mcs: int, one: float, other: float) -> None:
    modulation = modulation_of(mcs)
    worse, better = (mutual_information(TABLES, modulation, sinr) for sinr in sorted((one, other)))
    assert 0 < worse <= better <= 1


@pytest.mark.parametrize("sinr", [0.0, 1e-30, 1e30, np.inf])
def test_extreme_channels_have_the_lowest_and_the_highest_quality(sinr: float) -> None:
    sinrs = np.full(2, sinr)
    expected = 15 if sinr > 1 else 0
    assert piro_rbg_cqi(TABLES, sinrs, 0, 2) == expected
    assert mi_rbg_cqi(TABLES, sinrs, 0, 2) == expected


def test_the_receiver_remembers_three_failures_and_no_more() -> None:
    harq = np.zeros(4)
    for _ in range(3):
        remember_failure(TABLES, harq, 100, 5, 0.2)
    full = harq.copy()
    remember_failure(TABLES, harq, 100, 5, 0.9)
    assert harq[0] == 3
    assert np.array_equal(harq, full)


def test_two_layers_lose_2_8_db() -> None:
    assert 10 * np.log10(TABLES.open_loop_gain) == pytest.approx(-2.8)


@pytest.mark.ns3
@pytest.mark.skipif(find_compiler() is None, reason="needs g++")
def test_the_tables_are_those_of_the_installed_ns3() -> None:
    measured, samples = make_link_tables.measure(make_link_tables.SAMPLE_COUNT)
    with np.load(make_link_tables.TABLES) as stored:
        assert set(stored.files) == set(measured)
        for name, array in measured.items():
            np.testing.assert_array_equal(stored[name], array, err_msg=name)
    assert json.loads(samples) == SAMPLES
