"""Bookkeeping that every simulator gets right, whatever its physics."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from sixgym.domain.change import (
    Change,
    Fly,
    HandOver,
    InjectFault,
    MoveToSlice,
    Offload,
    ScaleTraffic,
    SetPrbPolicy,
)
from sixgym.domain.faults import CellOutage, CellPowerDrop
from sixgym.domain.measurement import Interval
from sixgym.domain.network import Area
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.testing.networks import small


def run(
    simulator: Simulator, changes: Sequence[Change] = (), *, seed: int = 1, scenario: Scenario | None = None
) -> Interval:
    """One second, after the changes and 300 ms in which they take effect."""
    simulator.reset(scenario or small(), seed=seed)
    for change in changes:
        simulator.apply(change)
    simulator.advance(300)
    return simulator.advance(1000)


class SimulatorBookkeeping:
    """What holds even for a simulator that knows one length of interval and no packets.

    Attributes:
        make: Class of the simulator, or a method that makes one.
    """

    make: Callable[..., Simulator]

    @pytest.fixture(scope="class")
    @classmethod
    def simulator(cls) -> Iterator[Simulator]:
        """One simulator for all tests of a class: to reset it is part of the contract."""
        simulator = cls().make()
        yield simulator
        simulator.close()

    def test_the_first_interval_ends_at_time_0_and_intervals_follow_each_other(
        self, simulator: Simulator
    ) -> None:
        first = simulator.reset(small(), seed=1)
        second = simulator.advance(100)
        assert (first.start_ms, first.end_ms) == (-100, 0)
        assert (second.start_ms, second.end_ms) == (0, 100)

    def test_an_unplaced_scenario_is_a_value_error(self, simulator: Simulator) -> None:
        group = small().groups[0].model_copy(update={"placement": Area(max_radius_m=50), "routes": ()})
        with pytest.raises(ValueError, match="not placed"):
            simulator.reset(small().model_copy(update={"groups": (group,), "topology_seed": None}), seed=1)

    @pytest.mark.parametrize(
        "change",
        [
            MoveToSlice("nobody", SliceType.URLLC),
            ScaleTraffic("uav", -1.0),
            Offload("uav", "moon"),
            HandOver("uav-1", "north"),
            HandOver("uav-9", "east"),
            Fly("uav-1", (), 0.0),
            InjectFault(CellOutage(start_ms=0, duration_ms=10, cell="north")),
            SetPrbPolicy({SliceType.URLLC: RrmPolicyRatio(dedicated=1, min=1, max=1)}),
        ],
        ids=lambda change: type(change).__name__,
    )
    def test_a_change_that_makes_no_sense_is_a_simulator_error(
        self, simulator: Simulator, change: Change
    ) -> None:
        simulator.reset(small(), seed=1)
        with pytest.raises(SimulatorError):
            simulator.apply(change)

    def test_faults_of_the_timeline_strike_and_end_on_the_clock(self, simulator: Simulator) -> None:
        drops = (
            CellPowerDrop(start_ms=100, duration_ms=200, cell="west", drop_db=10),
            CellPowerDrop(start_ms=200, duration_ms=200, cell="west", drop_db=3),
        )
        simulator.reset(small().model_copy(update={"faults": drops}), seed=1)
        seen = [simulator.advance(100) for _ in range(5)]
        assert [i.cells["west"].tx_power_dbm for i in seen] == [36, 26, 23, 33, 36]
        assert [i.faults for i in seen] == [(), *[("cell_power_drop",)] * 3, ()]
