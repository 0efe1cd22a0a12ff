import pytest

from sixgym.scoring.comparison import RunComparison, compare, gap, mcnemar
from sixgym.scoring.metrics import MetricError
from sixgym.scoring.result import Result
from tests.scoring.rows import row, tried


def run(successes: str, *, agent: str = "someone") -> list[Result]:
    """One trial of each task; `1` is a success."""
    return tried([[mark == "1"] for mark in successes], agent=agent)


def test_a_comparison_counts_tasks_won_lost_and_tied() -> None:
    found = compare(run("1110010"), run("1000011"))
    assert (found.won, found.lost, found.tied, found.tasks) == (2, 1, 4, 7)
    assert found.success_difference == pytest.approx(1 / 7)
    assert found.ci95[0] < 1 / 7 < found.ci95[1]


def test_a_comparison_the_other_way_round_is_its_mirror() -> None:
    ours, theirs = compare(run("111001"), run("010000")), compare(run("010000"), run("111001"))
    assert theirs.success_difference == -ours.success_difference
    assert theirs.ci95 == pytest.approx((-ours.ci95[1], -ours.ci95[0]))
    assert (theirs.won, theirs.lost, theirs.mcnemar_p) == (ours.lost, ours.won, ours.mcnemar_p)


def test_only_shared_tasks_count() -> None:
    found = compare(run("110111"), [*run("01"), row("elsewhere")])
    assert (found.tasks, found.only_candidate, found.only_baseline) == (2, 4, 1)
    assert (found.candidate_success_rate, found.baseline_success_rate) == (1, 0.5)


def test_pairing_sees_what_two_separate_intervals_would_not() -> None:
    """Seven tasks of 100 are won and none lost, at a rate at which each run alone is known to ±10 %."""
    found = compare(run("1" * 57 + "0" * 43), run("1" * 50 + "0" * 50))
    assert 0 < found.ci95[0] < 0.07 < found.ci95[1] < 0.13


def test_runs_that_both_fail_everywhere_may_still_differ_a_little() -> None:
    found = compare(run("0" * 600), run("0" * 600))
    assert found.success_difference == 0
    assert -0.01 < found.ci95[0] < 0 < found.ci95[1] < 0.01
    assert found.mcnemar_p == 1


def test_spl_is_compared_where_success_is_the_same() -> None:
    found = compare([row("a", calls=2), row("b", calls=2)], [row("a", calls=4), row("b", calls=8)])
    assert (found.success_difference, found.tied) == (0, 2)
    assert found.spl_difference == pytest.approx((0.5 + 0.75) / 2)


def test_trials_are_averaged_within_their_task_whatever_their_number() -> None:
    found = compare(tried([[True, True, False, False], [True, True]]), tried([[False], [True]]))
    assert found.success_difference == pytest.approx(0.25)
    assert (found.won, found.tied, found.mcnemar_p) == (1, 1, None)


@pytest.mark.parametrize(
    ("won", "lost", "p"), [(0, 0, 1), (1, 0, 1), (5, 0, 0.0625), (8, 2, 0.109375), (6, 6, 1)]
)
def test_mcnemars_p_is_the_sign_tests(won: int, lost: int, p: float) -> None:
    assert mcnemar(won, lost) == pytest.approx(p)
    assert mcnemar(lost, won) == pytest.approx(p)


def test_an_infrastructure_failure_is_a_lost_task_unless_left_out() -> None:
    ours, theirs = [row("a", broken=True), row("b")], [row("a"), row("b")]
    assert compare(ours, theirs).lost == 1
    assert compare(ours, theirs, exclude_infrastructure=True).tasks == 1


def test_runs_that_cannot_be_compared_are_refused_with_the_reason() -> None:
    with pytest.raises(MetricError, match="share no task"):
        compare([row("a")], [row("b")])
    with pytest.raises(MetricError, match="share no task"):
        compare([], [row("b")])
    with pytest.raises(MetricError, match="versions 2 and 1 of the rules"):
        compare([row("a", grader=2)], [row("a")])
    with pytest.raises(MetricError, match="task a, trial 0 has 2 results"):
        compare([row("a"), row("a")], [row("a")])


def test_a_comparison_survives_json() -> None:
    found = compare(run("10"), run("01"))
    assert RunComparison.model_validate_json(found.model_dump_json()) == found


AGENTS = {"null": "00000000", "weak": "11000000", "fair": "11110000", "good": "11111110"}


def network(changed: dict[str, str] | None = None) -> list[Result]:
    marks = AGENTS | (changed or {})
    return [result for agent, successes in marks.items() for result in run(successes, agent=agent)]


def test_networks_that_agree_have_no_gap() -> None:
    found = gap(network(), network())
    assert (found.mean_gap, found.largest_gap, found.agreement) == (0, 0, 1)
    assert found.agreement_ci95[0] < 1
    assert found.correlation == pytest.approx(1)


def test_a_gap_is_the_mean_of_absolute_differences_of_agents() -> None:
    found = gap(network({"weak": "11100000", "good": "01111100"}), network())
    assert [agent.agent for agent in found.agents] == ["fair", "good", "null", "weak"]
    assert [agent.comparison.success_difference for agent in found.agents] == [0, -0.25, 0, 0.125]
    assert (found.mean_gap, found.largest_gap) == (pytest.approx(0.375 / 4), 0.25)


def test_equal_rates_may_hide_that_other_tasks_succeed() -> None:
    found = gap(network({"fair": "00001111"}), network())
    assert found.mean_gap == 0
    assert found.agents[0].agreement == 0
    assert found.agreement == pytest.approx(24 / 32)


def test_the_correlation_over_agents_has_an_interval_from_four_agents_on() -> None:
    changed = network({"weak": "00000001"})
    found = gap(changed, network())
    assert found.correlation is not None
    assert found.correlation_ci95 is not None
    assert found.correlation_ci95[0] < found.correlation < found.correlation_ci95[1]
    three = gap([result for result in changed if result.agent != "good"], network())
    assert three.correlation is not None
    assert three.correlation_ci95 is None


def test_only_agents_and_trials_on_both_networks_count() -> None:
    here = [*tried([[True, False], [True, True]]), row("t-0", agent="stranger")]
    found = gap(here, tried([[True], [False]]))
    assert [(agent.agent, agent.episodes, agent.agreement) for agent in found.agents] == [("someone", 2, 0.5)]
    with pytest.raises(MetricError, match="no agent"):
        gap(here, [row(agent="nobody-else")])
