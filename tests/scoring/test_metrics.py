import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.scoring import intervals
from sixgym.scoring.metrics import (
    MetricError,
    RunSummary,
    by_domain,
    by_tier,
    pass_hat_k,
    path_efficiency,
    reweighted,
    summarise,
)
from tests.scoring.rows import row, tried

TIERS = ("L1", "L2", "L3")


@pytest.mark.parametrize(
    ("success", "calls", "reference_calls", "expected"),
    [
        (True, 4, 4, 1),
        (True, 8, 4, 0.5),
        (True, 2, 4, 1),
        (True, 0, 1, 1),
        (False, 4, 4, 0),
        (False, 0, 1, 0),
    ],
)
def test_a_detour_lowers_the_spl_of_an_episode(
    success: bool, calls: int, reference_calls: int, expected: float
) -> None:
    assert path_efficiency(row(success=success, calls=calls, reference_calls=reference_calls)) == expected


def test_spl_is_the_mean_over_all_episodes_failed_ones_too() -> None:
    rows = [row("a", calls=4), row("b"), row("c", success=False)]
    assert summarise(rows).spl == pytest.approx((0.5 + 1 + 0) / 3)


def test_pass_k_is_the_chance_that_k_of_the_trials_all_succeed() -> None:
    rows = tried([[True, True, True, True], [True, True, False, False], [False] * 4])
    assert pass_hat_k(rows, 1) == pytest.approx((1 + 1 / 2 + 0) / 3)
    assert pass_hat_k(rows, 2) == pytest.approx((1 + 1 / 6 + 0) / 3)
    assert pass_hat_k(rows, 4) == pytest.approx(1 / 3)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=10))
def test_pass_1_is_the_success_rate_and_more_trials_are_harder(outcomes: list[list[bool]]) -> None:
    found = summarise(tried(outcomes))
    assert found.pass_k is not None
    assert list(found.pass_k) == [1, 2, 3]
    assert found.pass_k[1] == pytest.approx(found.success_rate)
    assert found.pass_k[1] >= found.pass_k[2] >= found.pass_k[3]


def test_pass_k_goes_as_far_as_the_task_with_the_fewest_trials() -> None:
    rows = tried([[True, True, True], [True, True]])
    assert list(summarise(rows).pass_k or {}) == [1, 2]
    with pytest.raises(MetricError, match="task t-1 has 2 trials"):
        pass_hat_k(rows, 3)
    assert summarise(tried([[True], [False]])).pass_k is None


def test_validity_is_over_calls_and_absent_without_calls() -> None:
    rows = [row("a", calls=9, refused=1), row("b", calls=1, refused=1)]
    assert summarise(rows).validity == pytest.approx(0.8)
    assert summarise([row(calls=0)]).validity is None


def test_violations_are_counted_per_episode() -> None:
    found = summarise([row("a", violations=6), row("b"), row("c"), row("d", violations=2)])
    assert (found.unsafe, found.violations) == (0.5, 2)


def test_an_infrastructure_failure_counts_as_failed_unless_left_out() -> None:
    rows = [row("a"), row("b"), row("c", broken=True), row("d", success=False)]
    kept, left_out = summarise(rows), summarise(rows, exclude_infrastructure=True)
    assert (kept.n, kept.success_rate, kept.infrastructure_failures) == (4, 0.5, 1)
    assert (left_out.n, left_out.success_rate) == (3, pytest.approx(2 / 3))
    assert left_out.infrastructure_failures == 1


def test_cost_is_summed_and_tokens_are_averaged_over_episodes_with_a_language_model() -> None:
    found = summarise([row("a", tokens=100), row("b", tokens=300), row("c")])
    assert (found.tokens, found.tokens_mean) == (400, 200)
    assert (found.agent_s, found.agent_s_mean, found.world_s_mean) == pytest.approx((4.5, 1.5, 0.5))
    assert summarise([row()]).tokens is None


def test_a_summary_survives_json() -> None:
    found = summarise(tried([[True, False], [True, True]]))
    assert RunSummary.model_validate_json(found.model_dump_json()) == found


def test_the_tier_mix_is_declared() -> None:
    rows = [row("a"), row("b"), row("c", tier="L3"), row("d", tier="L2")]
    assert summarise(rows).tier_mix == {"L1": 0.5, "L2": 0.25, "L3": 0.25}


def test_groups_are_in_the_order_given_and_only_those_with_results() -> None:
    rows = [row("a", tier="L3", success=False), row("b", tier="L1"), row("c", tier="L2", broken=True)]
    assert list(by_tier(rows, TIERS)) == ["L1", "L2", "L3"]
    assert list(by_tier(rows, TIERS, exclude_infrastructure=True)) == ["L1", "L3"]
    assert by_tier(rows, TIERS)["L3"].success_rate == 0
    assert list(by_domain(rows, ["edge-offloading", "uav-control"])) == ["uav-control"]


def test_a_result_of_an_unknown_tier_is_an_error() -> None:
    with pytest.raises(MetricError, match="L4"):
        by_tier([row(tier="L4")], TIERS)


def test_another_mix_of_tiers_weighs_their_rates() -> None:
    rows = [row(f"a-{n}") for n in range(90)] + [row(f"b-{n}", tier="L2", success=False) for n in range(10)]
    tiers = by_tier(rows, TIERS)
    found = reweighted(tiers, {"L1": 0.5, "L2": 0.5})
    assert (summarise(rows).success_rate, found.success_rate, found.spl) == (0.9, 0.5, 0.5)
    assert found.ci95[0] == pytest.approx(0.5 - 0.5 * (1 - tiers["L1"].ci95[0]))
    assert found.ci95[1] == pytest.approx(0.5 + 0.5 * tiers["L2"].ci95[1])


def test_the_mix_as_it_is_changes_nothing_but_the_way_the_interval_is_made() -> None:
    rows = [
        row(f"{tier}-{n}", tier=tier, success=n % 10 < good)
        for tier, good in (("L1", 6), ("L2", 5))
        for n in range(100)
    ]
    whole, found = summarise(rows), reweighted(by_tier(rows, TIERS), {"L1": 0.5, "L2": 0.5})
    assert found.success_rate == pytest.approx(whole.success_rate)
    assert found.ci95 == pytest.approx(whole.ci95, abs=0.005)


@pytest.mark.parametrize("mix", [{"L1": 1.0}, {"L1": 0.5, "L2": 0.4}, {"L1": 1.5, "L2": -0.5}])
def test_shares_that_do_not_fit_the_tiers_are_an_error(mix: dict[str, float]) -> None:
    with pytest.raises(MetricError, match="mix"):
        reweighted(by_tier([row("a"), row("b", tier="L2")], TIERS), mix)


def test_results_of_more_than_one_run_have_no_summary() -> None:
    with pytest.raises(MetricError, match="no results"):
        summarise([])
    with pytest.raises(MetricError, match="no results"):
        summarise([row(broken=True)], exclude_infrastructure=True)
    with pytest.raises(MetricError, match="task t-1, trial 0 has 2 results"):
        summarise([row(), row("t-2"), row()])
    with pytest.raises(MetricError, match=r"versions of the rules, \[1, 2\]"):
        summarise([row("a"), row("b", grader=2)])
    with pytest.raises(MetricError, match="several agents"):
        summarise([row("a"), row("b", agent="other")])


def test_rates_do_not_depend_on_the_order_of_results() -> None:
    rows = tried([[True, False, True], [False, False, True], [True, True, True]])
    assert summarise(rows[::-1]) == summarise(rows)


def test_ci95_is_clustered_by_task() -> None:
    found = summarise(tried([[task < 5] * 8 for task in range(20)]))
    low, high = intervals.wilson(0.25, 160)
    assert found.ci95[0] < low
    assert found.ci95[1] > high
