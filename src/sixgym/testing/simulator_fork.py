"""What a simulator owes its callers if it offers `fork()`, which is optional."""

from collections.abc import Callable, Sequence

import pytest

from sixgym.domain.change import Change, InjectFault, ScaleTraffic, SetPrbPolicy
from sixgym.domain.faults import CellOutage
from sixgym.domain.measurement import INTERVAL_JSON, Interval
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import ForkableSimulator, SimulatorError
from sixgym.testing.networks import small

CHANGES: Sequence[Change] = (
    SetPrbPolicy(dict.fromkeys(SliceType, RrmPolicyRatio(dedicated=2, min=2, max=2))),
    ScaleTraffic("uav", 5.0),
    InjectFault(CellOutage(start_ms=600, duration_ms=5_000, cell="east")),
)


def future(simulator: ForkableSimulator, intervals: int = 10) -> list[bytes]:
    """The next intervals, as bytes."""
    measured: list[Interval] = [simulator.advance(100) for _ in range(intervals)]
    return [INTERVAL_JSON.dump_json(interval) for interval in measured]


class ForkContract:
    """The whole contract of `fork()`: a copy has the same future, and a life of its own.

    Attributes:
        make: Class of the simulator, or a method that makes one.
    """

    make: Callable[..., ForkableSimulator]

    @pytest.fixture
    def running(self) -> ForkableSimulator:
        """A network that has run for three intervals."""
        simulator = self.make()
        simulator.reset(small(), seed=1)
        for _ in range(3):
            simulator.advance(100)
        return simulator

    def test_a_fork_has_the_future_of_the_original(self, running: ForkableSimulator) -> None:
        fork = running.fork()
        assert (fork.name, fork.version) == (running.name, running.version)
        assert future(fork) == future(running)

    def test_equal_changes_have_equal_consequences_in_fork_and_original(
        self, running: ForkableSimulator
    ) -> None:
        fork = running.fork()
        for simulator in (fork, running):
            for change in CHANGES:
                simulator.apply(change)
        assert future(fork) == future(running)

    def test_changes_of_a_fork_do_not_affect_the_original(self, running: ForkableSimulator) -> None:
        untouched = running.fork()
        fork = running.fork()
        for change in CHANGES:
            fork.apply(change)
        changed = future(fork)
        assert future(running) == future(untouched) != changed

    def test_a_fork_can_be_forked_and_outlives_the_original(self, running: ForkableSimulator) -> None:
        second = running.fork().fork()
        expected = future(running.fork())
        running.close()
        assert future(second) == expected

    def test_a_fork_that_is_closed_or_reset_leaves_the_original_running(
        self, running: ForkableSimulator
    ) -> None:
        expected = future(running.fork())
        running.fork().close()
        running.fork().reset(small(), seed=2)
        assert future(running) == expected

    def test_a_network_that_does_not_run_cannot_be_forked(self, running: ForkableSimulator) -> None:
        running.close()
        with pytest.raises(SimulatorError, match="reset"):
            running.fork()

    def test_a_program_can_ask_whether_a_simulator_forks(self) -> None:
        assert isinstance(self.make(), ForkableSimulator)
