"""What a simulator owes its callers if it offers `fork()`. A simulator joins by one line in `FORKABLE`."""

from collections.abc import Callable, Sequence

import pytest

from sixgym.domain.change import Change, InjectFault, ScaleTraffic, SetPrbPolicy
from sixgym.domain.faults import CellOutage
from sixgym.domain.measurement import INTERVAL_JSON, Interval
from sixgym.domain.slices import RrmPolicyRatio, SliceType
from sixgym.simulators.base import ForkableSimulator, SimulatorError
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import ExperimentModelSimulator
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small


def drawn_words(asked: Sequence[Question], quantiles: Sequence[Sequence[float]]) -> Sequence[dict[str, str]]:
    """Answers whose words depend on the quantiles and on the question, as those of a language model do."""
    return [
        {
            blank.name: blank.words[int(level * len(blank.words))]
            for blank, level in zip(question.blanks, levels, strict=True)
        }
        for question, levels in zip(asked, quantiles, strict=True)
    ]


def experiment_model() -> ExperimentModelSimulator:
    return ExperimentModelSimulator(
        drawn_words, name="experiment-model", version="test", interval_ms=100, sampled=True
    )


FORKABLE: dict[str, Callable[[], ForkableSimulator]] = {
    "tti": TtiSimulator,
    "experiment-model": experiment_model,
}

CHANGES: Sequence[Change] = (
    SetPrbPolicy(dict.fromkeys(SliceType, RrmPolicyRatio(dedicated=2, min=2, max=2))),
    ScaleTraffic("uav", 5.0),
    InjectFault(CellOutage(start_ms=600, duration_ms=5_000, cell="east")),
)


@pytest.fixture(params=sorted(FORKABLE))
def running(request: pytest.FixtureRequest) -> ForkableSimulator:
    simulator = FORKABLE[request.param]()
    simulator.reset(small(), seed=1)
    for _ in range(3):
        simulator.advance(100)
    return simulator


def future(simulator: ForkableSimulator, intervals: int = 10) -> list[bytes]:
    measured: list[Interval] = [simulator.advance(100) for _ in range(intervals)]
    return [INTERVAL_JSON.dump_json(interval) for interval in measured]


def test_a_fork_has_the_future_of_the_original(running: ForkableSimulator) -> None:
    fork = running.fork()
    assert (fork.name, fork.version) == (running.name, running.version)
    assert future(fork) == future(running)


def test_equal_changes_have_equal_consequences_in_fork_and_original(running: ForkableSimulator) -> None:
    fork = running.fork()
    for simulator in (fork, running):
        for change in CHANGES:
            simulator.apply(change)
    assert future(fork) == future(running)


def test_changes_of_a_fork_do_not_affect_the_original(running: ForkableSimulator) -> None:
    untouched = running.fork()
    fork = running.fork()
    for change in CHANGES:
        fork.apply(change)
    changed = future(fork)
    assert future(running) == future(untouched) != changed


def test_a_fork_can_be_forked_and_outlives_the_original(running: ForkableSimulator) -> None:
    second = running.fork().fork()
    expected = future(running.fork())
    running.close()
    assert future(second) == expected


def test_a_fork_that_is_closed_or_reset_leaves_the_original_running(running: ForkableSimulator) -> None:
    expected = future(running.fork())
    running.fork().close()
    running.fork().reset(small(), seed=2)
    assert future(running) == expected


def test_a_network_that_does_not_run_cannot_be_forked(running: ForkableSimulator) -> None:
    running.close()
    with pytest.raises(SimulatorError, match="reset"):
        running.fork()


def test_a_program_can_ask_whether_a_simulator_forks() -> None:
    assert all(isinstance(make(), ForkableSimulator) for make in FORKABLE.values())
    assert not isinstance(Ns3Simulator(), ForkableSimulator)
