"""A limited selection is balanced, and always the same."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.tasks.selection import Selection, SelectionError, select
from tests.evaluate.bench.bench_samples import sample_tasks

TASKS = sample_tasks(45)


def test_thirty_tasks_are_two_of_every_tier_and_domain() -> None:
    chosen = select(TASKS, Selection(limit=30))
    assert Counter((task.tier, task.domain) for task in chosen) == dict.fromkeys(
        {(task.tier, task.domain) for task in TASKS}, 2
    )


@given(limit=st.integers(1, 60))
@settings(max_examples=30)
def test_any_limit_is_balanced_over_tiers_and_over_domains(limit: int) -> None:
    chosen = select(TASKS, Selection(limit=limit))
    assert len(chosen) == min(limit, len(TASKS))
    for counts in (Counter(task.tier for task in chosen), Counter(task.domain for task in chosen)):
        assert max(counts.values()) - min(counts.values()) <= 1


@given(st.integers(1, 44))
@settings(max_examples=20)
def test_a_larger_limit_holds_the_smaller_one_in_the_order_of_the_set(limit: int) -> None:
    smaller, larger = (select(TASKS, Selection(limit=n)) for n in (limit, limit + 1))
    assert {task.task.id for task in smaller} < {task.task.id for task in larger}
    assert [TASKS.index(task) for task in larger] == sorted(TASKS.index(task) for task in larger)


def test_tier_and_domain_restrict() -> None:
    chosen = select(TASKS, Selection(tier="L2", domain="uav-control", limit=9))
    assert [(task.tier, task.domain) for task in chosen] == [("L2", "uav-control")] * 3


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(tier="L4"), "--tier is one of L1, L2, L3"),
        (Selection(domain="cooking"), "--domain is one of network-slicing"),
        (Selection(limit=0), "--limit has to be at least 1"),
    ],
)
def test_an_impossible_selection_names_the_possible_values(selection: Selection, words: str) -> None:
    with pytest.raises(SelectionError, match=words):
        select(TASKS, selection)


def test_a_set_without_such_tasks_is_an_error() -> None:
    with pytest.raises(SelectionError, match="none of the 5 tasks"):
        select(TASKS[:5], Selection(tier="L3"))
