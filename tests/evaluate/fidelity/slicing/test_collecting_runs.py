from functools import partial
from pathlib import Path

import pytest

from sixgym.evaluate.fidelity.collect import collect
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.slicing.control_schedules import (
    QUOTA_STEP,
    ControlSchedule,
    RandomSchedule,
    StaticSchedule,
)
from sixgym.evaluate.fidelity.slicing.measure import measure
from sixgym.evaluate.fidelity.slicing.runs import SlicingExperiment, run_schedules
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.scenarios import load_scenario
from sixgym.simulators import factory
from sixgym.simulators.base import SimulatorError
from tests.doubles import FluidSimulator
from tests.evaluate.fidelity.slicing.networks import CountingFluid

SCENARIO = load_scenario("ran-slicing")


def experiment(*schedules: ControlSchedule, seeds: tuple[int, ...] = (51, 52)) -> SlicingExperiment:
    return SlicingExperiment(SCENARIO, schedules, seeds, seconds=2.0)


def one_run(schedule: ControlSchedule) -> ControlledRun:
    asked = experiment(schedule)
    return measure(CountingFluid(), SCENARIO, asked.keys("fluid", 0)[0], schedule)


@pytest.fixture
def fluid(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", CountingFluid)
    monkeypatch.setitem(factory.SIMULATORS, "breaks", lambda: CountingFluid(fail_after=25))


def test_every_delivered_packet_is_in_the_histogram() -> None:
    for totals in one_run(StaticSchedule((6, 12))).slices.values():
        assert sum(totals.delay_histogram.values()) == totals.delivered > 0


def test_the_allocation_is_what_was_granted() -> None:
    granted = [totals.prb_ms_granted / 2000 for totals in one_run(StaticSchedule((6, 12))).slices.values()]
    assert granted == pytest.approx([6, 12])


def test_the_first_allocation_is_no_reconfiguration_and_each_new_one_is() -> None:
    assert one_run(StaticSchedule((6, 12))).reconfigured_steps == 0
    assert one_run(RandomSchedule()).reconfigured_steps == 19
    assert one_run(QUOTA_STEP).reconfigured_steps == 3  # three steps between four holds of 500 ms


def test_short_intervals_make_the_same_steps_as_long_ones() -> None:
    long, short = one_run(StaticSchedule((6, 12))), one_run(StaticSchedule((6, 12), interval_ms=20))
    assert long.steps == short.steps == 20
    # the fluid simulator rounds to whole packets in every interval
    assert short.mean_spectral_efficiency == pytest.approx(long.mean_spectral_efficiency, rel=0.02)


def test_the_response_to_the_quota_step_keeps_the_place_in_the_period() -> None:
    for totals in one_run(QUOTA_STEP).slices.values():
        response = totals.response
        assert response is not None
        assert response.periods == 2
        assert len(response.delivered) == QUOTA_STEP.intervals_per_period
        assert sum(response.delivered) == totals.delivered
        half = QUOTA_STEP.intervals_per_period // 2
        assert sum(response.delivered[half:]) > sum(response.delivered[:half])


def test_a_simulator_that_counts_no_delays_is_refused() -> None:
    schedule = StaticSchedule((6, 12))
    key = experiment(schedule).keys("fluid", 0)[0]
    with pytest.raises(SimulatorError, match="delay_histograms"):
        measure(FluidSimulator(), SCENARIO, key, schedule)


def test_another_replica_is_another_network_seed_on_the_same_places() -> None:
    asked = experiment(StaticSchedule((6, 12)))
    one, other = asked.keys("fluid", 0)[0], asked.keys("fluid", 1)[0]
    assert one.topology_seed == other.topology_seed
    assert one.network_seed != other.network_seed


@pytest.mark.usefixtures("fluid")
def test_runs_are_kept_by_their_keys(tmp_path: Path) -> None:
    asked = experiment(StaticSchedule((6, 12)), RandomSchedule())
    store, done = RunStore(tmp_path / "runs.jsonl.gz", ControlledRun, "test"), list[int]()
    keys = asked.keys("fluid", 0)
    collect(partial(run_schedules, asked), keys, store, processes=1, progress=done.append)
    assert set(store.usable(keys)) == set(keys)
    assert done == [2, 2]


@pytest.mark.usefixtures("fluid")
def test_what_was_finished_before_a_failure_is_kept(tmp_path: Path) -> None:
    asked = experiment(StaticSchedule((6, 12)))
    keys = (*asked.keys("fluid", 0), *experiment(QUOTA_STEP).keys("breaks", 0))
    both = experiment(StaticSchedule((6, 12)), QUOTA_STEP)
    store = RunStore(tmp_path / "runs.jsonl.gz", ControlledRun, "test")
    with pytest.raises(SimulatorError, match="broke"):
        collect(partial(run_schedules, both), keys, store, processes=1, progress=lambda done: None)
    again = RunStore(tmp_path / "runs.jsonl.gz", ControlledRun, "test")
    assert set(again.usable(keys)) == set(asked.keys("fluid", 0))


@pytest.mark.ns3
def test_runs_in_other_processes_equal_runs_in_this_one(tmp_path: Path) -> None:
    asked = SlicingExperiment(SCENARIO, (StaticSchedule((6, 12)),), (51, 52), seconds=1.0)
    keys = asked.keys("ns3", 0)
    here = [run for key in keys for run in run_schedules(asked, [key])]
    store = RunStore(tmp_path / "runs.jsonl.gz", ControlledRun, here[0].version)
    collect(partial(run_schedules, asked), keys, store, processes=2, progress=lambda done: None)
    assert store.usable(keys) == {run.key: run for run in here}
    assert here[0].slices != here[1].slices
