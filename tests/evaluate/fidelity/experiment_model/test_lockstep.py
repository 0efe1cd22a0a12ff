"""Networks in lockstep: one call answers the questions of all of them."""

import threading
from collections.abc import Callable, Sequence

import pytest

from sixgym.data.traces.manifest import Traces
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
)
from sixgym.evaluate.fidelity.experiment_model.lockstep import in_lockstep
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import Answers
from tests.evaluate.fidelity.experiment_model.prediction_samples import Levels, Spread, measured


def question() -> Question:
    return Question("cell", "a", ("cell",), ())


def test_all_unfinished_work_is_answered_together() -> None:
    sizes: list[int] = []

    def answers(asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        sizes.append(len(asked))
        return [{"level": str(row[0])} for row in levels]

    def work(name: float, times: int) -> Callable[[Answers], list[str]]:
        return lambda ask: [ask([question()], [[name + time]])[0]["level"] for time in range(times)]

    done = in_lockstep(answers, [work(0.0, 3), work(10.0, 1), work(20.0, 2)])
    assert done == [["0.0", "1.0", "2.0"], ["10.0"], ["20.0", "21.0"]]
    assert sizes == [3, 2, 1]


@pytest.mark.parametrize("breaks", ["work", "answers"])
def test_a_failure_ends_all_work_with_its_reason(breaks: str) -> None:
    def answers(asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        if breaks == "answers":
            raise ValueError("no answer")
        return [{} for _ in asked]

    def works(ask: Answers) -> None:
        for _ in range(3):
            ask([question()], [[]])

    def fails(ask: Answers) -> None:
        works(ask)
        if breaks == "work":
            raise ValueError("no work")

    def works_long(ask: Answers) -> None:
        for _ in range(100):
            ask([question()], [[]])

    before = threading.active_count()
    with pytest.raises(ValueError, match=f"no {'answer' if breaks == 'answers' else 'work'}"):
        in_lockstep(answers, [works_long, fails, works_long])
    assert threading.active_count() == before


def test_one_call_answers_all_episodes(traces: Traces, pairs: Sequence[ReplicatePair]) -> None:
    answers = Spread()
    measured(traces, pairs, answers)
    # 20 steps, and none of them is answered episode by episode
    assert len(answers.sizes) <= 20
