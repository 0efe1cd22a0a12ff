from collections.abc import Callable

import pytest

from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.slicing.comparison import RunGrid, RunGrids, accuracy_goal, slice_errors
from sixgym.evaluate.fidelity.slicing.metrics import METRICS
from sixgym.evaluate.fidelity.slicing.ranking import rank_agreements
from tests.evaluate.fidelity.slicing.networks import bin_of, run

METRIC = {metric.name: metric for metric in METRICS}
SEEDS, SCHEDULES = range(51, 61), ("a", "b", "c")


def grid(make: Callable[[str, int], ControlledRun]) -> RunGrid:
    return tuple(tuple(make(schedule, seed) for schedule in SCHEDULES) for seed in SEEDS)


def plain(schedule: str, seed: int) -> ControlledRun:
    return run(schedule, seed=seed, violated=10 * SCHEDULES.index(schedule))


def against(
    candidate: Callable[[str, int], ControlledRun], reference: Callable[[str, int], ControlledRun] = plain
) -> RunGrids:
    return RunGrids(candidate=grid(candidate), reference=grid(reference), repeated=grid(plain))


def test_a_simulator_that_equals_the_reference_has_no_error_and_its_order() -> None:
    same = against(plain)
    for metric in METRICS:
        for cell in slice_errors(same, metric):
            assert cell.error is not None
            assert cell.error.value == cell.error.high == 0
    assert accuracy_goal(same, METRIC["delay_p95_ms"]).met
    utility = rank_agreements(same)[0]
    assert (utility.same.value, utility.pairs, utility.ties) == (1.0, 30, 0)


def test_an_error_is_relative_to_the_reference() -> None:
    slower = against(lambda p, s: run(p, seed=s, urllc={"delivered_bytes": 450_000}))
    by_slice = {
        cell.slice: cell for cell in slice_errors(slower, METRIC["throughput_mbps"]) if cell.schedule == "a"
    }
    urllc, embb = by_slice[SliceType.URLLC], by_slice[SliceType.EMBB]
    assert urllc.error is not None
    assert urllc.bias is not None
    assert embb.error is not None
    assert urllc.error.value == pytest.approx(10)
    assert urllc.bias.value == pytest.approx(-10)
    assert embb.error.value == 0


def test_a_share_is_compared_in_points() -> None:
    late = against(lambda p, s: run(p, seed=s, urllc={"late": 30}))
    cell = slice_errors(late, METRIC["late_share"])[0]
    assert cell.error is not None
    assert cell.error.value == pytest.approx(3)
    assert cell.unit == "points"


def test_errors_that_cancel_in_the_bias_do_not_cancel_in_the_error() -> None:
    def swinging(schedule: str, seed: int) -> ControlledRun:
        return run(schedule, seed=seed, urllc={"delivered_bytes": 600_000 if seed % 2 else 400_000})

    found = accuracy_goal(against(swinging), METRIC["throughput_mbps"])
    assert found.bias.value == pytest.approx(0, abs=1e-9)
    assert found.error.value == pytest.approx(10)  # 20 % in one of two slices
    assert not found.met


def test_one_bad_schedule_shows_as_the_worst_even_where_the_mean_is_good() -> None:
    def one_bad(schedule: str, seed: int) -> ControlledRun:
        return run(schedule, seed=seed, urllc={"delivered_bytes": 440_000 if schedule == "b" else 500_000})

    found = accuracy_goal(against(one_bad), METRIC["throughput_mbps"])
    assert found.met
    assert not found.worst_met
    assert (found.worst.slice, found.worst.schedule) == (SliceType.URLLC, "b")


def test_a_reference_without_a_figure_gives_no_error_but_is_counted() -> None:
    def silent_on_one(schedule: str, seed: int) -> ControlledRun:
        quiet = {"delivered_bytes": 0, "delivered": 0, "delay_histogram": {}} if seed == 51 else {}
        return run(schedule, seed=seed, urllc=quiet)

    comparison = against(plain, reference=silent_on_one)
    for name in ("throughput_mbps", "delay_median_ms", "late_share"):
        cell = slice_errors(comparison, METRIC[name])[0]
        assert cell.seeds == len(SEEDS) - 1
        assert cell.error is not None
        assert cell.error.value == 0


def test_a_slower_candidate_misses_the_goal_on_delay() -> None:
    slower = against(lambda p, s: run(p, seed=s, urllc={"delay_histogram": {bin_of(9): 1000}}))
    found = accuracy_goal(slower, METRIC["delay_median_ms"])
    assert found.worst.error is not None
    assert found.worst.error.value == pytest.approx(100, rel=0.1)
    assert not found.met


def test_a_candidate_that_turns_the_order_round_shares_none_of_it() -> None:
    reversed_ = against(lambda p, s: run(p, seed=s, violated=90 - 10 * SCHEDULES.index(p)))
    utility = rank_agreements(reversed_)[0]
    assert utility.same.value == 0
    assert utility.of_means == 0
    assert utility.floor is not None
    assert utility.floor.value == 1


def test_pairs_that_another_network_seed_turns_round_are_told_apart_but_counted() -> None:
    def turned(schedule: str, seed: int) -> ControlledRun:
        return run(schedule, seed=seed, violated=10 * ("b", "a", "c").index(schedule))

    comparison = RunGrids(candidate=grid(turned), reference=grid(plain), repeated=grid(turned))
    utility = rank_agreements(comparison)[0]
    assert utility.clear is not None
    assert utility.noisy is not None
    assert (utility.clear.value, utility.clear_pairs) == (1.0, 20)
    assert (utility.noisy.value, utility.noisy_pairs) == (0.0, 10)
    assert utility.same.value == pytest.approx(2 / 3)


def test_schedules_that_are_equal_on_the_reference_have_no_order() -> None:
    by = {order.by: order for order in rank_agreements(against(plain))}
    assert "throughput_mbps URLLC" not in by  # all three deliver the same


def test_a_candidate_that_sees_no_difference_is_not_in_the_order_of_the_reference() -> None:
    blind = against(lambda p, s: run(p, seed=s, violated=5))
    assert rank_agreements(blind)[0].same.value == 0
