"""The experiment model keeps the contract of simulators where it is about bookkeeping, not about physics."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sixgym.domain.change import (
    HandOver,
    InjectFault,
    MoveToSlice,
    Offload,
    ScaleTraffic,
    SetPrbPolicy,
)
from sixgym.domain.faults import CellOutage
from sixgym.domain.measurement import INTERVAL_JSON
from sixgym.domain.network import Handover
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.domain.traffic import ComputeDemand
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.testing import SimulatorBookkeeping
from tests.networks import small


@pytest.fixture(scope="module")
def simulator(quick_checkpoint: Path) -> Iterator[Simulator]:
    simulator = make_simulator(f"experiment-model:{quick_checkpoint}")
    yield simulator
    simulator.close()


class TestBookkeeping(SimulatorBookkeeping):
    @pytest.fixture(scope="class")
    @classmethod
    def simulator(cls, quick_checkpoint: Path) -> Iterator[Simulator]:
        simulator = make_simulator(f"experiment-model:{quick_checkpoint}")
        yield simulator
        simulator.close()


def trace(simulator: Simulator) -> list[bytes]:
    intervals = [simulator.reset(small(), seed=1), *(simulator.advance(100) for _ in range(4))]
    return [INTERVAL_JSON.dump_json(interval) for interval in intervals]


def test_a_simulator_that_was_used_is_as_good_as_a_fresh_one(
    simulator: Simulator, quick_checkpoint: Path
) -> None:
    simulator.reset(small(), seed=3)
    simulator.apply(ScaleTraffic("uav", 3.0))
    simulator.advance(100)
    assert trace(simulator) == trace(make_simulator(f"experiment-model:{quick_checkpoint}"))


def test_a_closed_simulator_says_so_and_can_be_reset_often(quick_checkpoint: Path) -> None:
    simulator = make_simulator(f"experiment-model:{quick_checkpoint}")
    simulator.close()
    for _ in range(3):
        with pytest.raises(SimulatorError, match="reset"):
            simulator.advance(100)
        with pytest.raises(SimulatorError, match="reset"):
            simulator.apply(ScaleTraffic("uav", 1.0))
        assert simulator.reset(small(), seed=1).end_ms == 0
        assert simulator.advance(100).end_ms == 100
        assert simulator.reset(small(), seed=1).end_ms == 0
        simulator.close()
        simulator.close()


@pytest.mark.parametrize("duration_ms", [0, 50, 101, 1_000])
def test_another_interval_than_the_learned_one_is_a_simulator_error(
    simulator: Simulator, duration_ms: int
) -> None:
    simulator.reset(small(), seed=1)
    with pytest.raises(SimulatorError, match="100 ms"):
        simulator.advance(duration_ms)


def test_a_scenario_with_other_intervals_cannot_be_started_and_both_are_named(simulator: Simulator) -> None:
    with pytest.raises(SimulatorError, match=r"100 ms.*250 ms"):
        simulator.reset(small().model_copy(update={"decision_interval_ms": 250}), seed=1)


def test_handovers_without_a_request_are_not_simulated_in_silence(simulator: Simulator) -> None:
    by_event = Handover(algorithm="a3", time_to_trigger_ms=64)
    with pytest.raises(SimulatorError, match="a3"):
        simulator.reset(small().model_copy(update={"handover": by_event}), seed=1)


def test_a_negative_seed_is_a_value_error(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="negative"):
        simulator.reset(small(), seed=-1)


def test_what_an_operator_sets_is_what_is_measured(simulator: Simulator) -> None:
    simulator.reset(small(), seed=1)
    simulator.apply(MoveToSlice("uav", SliceType.MMTC))
    simulator.apply(ScaleTraffic("video", 0.0))
    moved = simulator.advance(100)
    assert moved.devices["uav-1"].slice is SliceType.MMTC
    assert moved.slices[SliceType.MMTC].devices == 1
    assert moved.groups["video"].sent_packets == 0
    simulator.apply(ScaleTraffic("video", 1.0))
    simulator.apply(InjectFault(CellOutage(start_ms=100, duration_ms=100, cell="west")))
    dark = simulator.advance(100)
    assert (dark.cells["west"].tx_power_dbm, dark.cells["east"].tx_power_dbm) == (-200, 36)
    assert dark.faults == ("cell_outage",)
    back = simulator.advance(100)
    assert (back.cells["west"].tx_power_dbm, back.faults) == (36, ())


def test_sent_packets_follow_the_scale_of_steady_traffic(simulator: Simulator) -> None:
    simulator.reset(small(), seed=1)
    normal = simulator.advance(100).groups["control"].sent_packets
    assert normal == 20  # two devices, a packet each 10 ms
    simulator.apply(ScaleTraffic("control", 2.5))
    assert simulator.advance(100).groups["control"].sent_packets == 50


@pytest.mark.parametrize(
    "change",
    [
        ScaleTraffic("video", float("nan")),
        ScaleTraffic("video", float("inf")),
        SetPrbPolicy({kind: RrmPolicyRatio(dedicated=50, min=50, max=50) for kind in SliceType}),
        Offload("control", "edge"),
    ],
    ids=["no factor", "endless factor", "150 % of the PRBs", "no tasks"],
)
def test_a_change_that_no_network_can_carry_out_is_a_simulator_error(
    simulator: Simulator, change: ScaleTraffic | SetPrbPolicy | Offload
) -> None:
    simulator.reset(small(), seed=1)
    with pytest.raises(SimulatorError):
        simulator.apply(change)


def test_a_fault_in_the_past_is_a_simulator_error(simulator: Simulator) -> None:
    simulator.reset(small(), seed=1)
    simulator.advance(100)
    with pytest.raises(SimulatorError, match="past"):
        simulator.apply(InjectFault(CellOutage(start_ms=50, duration_ms=100, cell="west")))


@pytest.mark.parametrize("what", ["change", "interval"])
def test_what_was_refused_closes_the_network_and_a_reset_starts_a_fresh_one(
    simulator: Simulator, what: str
) -> None:
    plain = trace(simulator)
    with pytest.raises(SimulatorError):
        simulator.apply(HandOver("uav-1", "north")) if what == "change" else simulator.advance(7)
    with pytest.raises(SimulatorError, match="reset"):
        simulator.advance(100)
    assert trace(simulator) == plain


def test_tasks_of_devices_that_cannot_compute_do_not_move_on_board(simulator: Simulator) -> None:
    demand = ComputeDemand(rate_hz=5, megacycles=2, runs_on="edge")
    groups = tuple(
        group if group.name != "video" else group.model_copy(update={"workload": demand})
        for group in small().groups
    )
    simulator.reset(small().model_copy(update={"groups": groups}), seed=1)
    with pytest.raises(SimulatorError):
        simulator.apply(Offload("video", "onboard"))
