"""Many networks in lockstep, so that one call of a language model answers the questions of all of them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import Answers

OutcomeT = TypeVar("OutcomeT")
_Levels = Sequence[Sequence[float]]


class AbandonedError(RuntimeError):
    """Work on another network failed, so there are no more answers."""


def in_lockstep(answers: Answers, works: Sequence[Callable[[Answers], OutcomeT]]) -> list[OutcomeT]:
    """Do all work at the same time. Questions are answered together, once all unfinished work has asked one.

    The questions that are answered together do not depend on the machine, and neither do the answers.

    Args:
        answers: Answers questions.
        works: Functions, each with a thread of its own; each gets a function that answers its questions.

    Returns:
        The values of the functions, in order.
    """
    batcher = _QuestionBatcher(answers, len(works))
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        running = [pool.submit(batcher.run, number, work) for number, work in enumerate(works)]
        try:
            failures = [error for error in (one.exception() for one in running) if error is not None]
        except BaseException as error:  # Ctrl-C: no thread may wait for the others now
            batcher.abandon(error)
            raise
    for error in failures:
        if not isinstance(error, AbandonedError):
            raise error
    return [one.result() for one in running]


class _QuestionBatcher:
    """Collects questions until all unfinished work has asked."""

    def __init__(self, answers: Answers, works: int) -> None:
        self._answers = answers
        self._unfinished = works
        self._asked: dict[int, tuple[Sequence[Question], _Levels]] = {}
        self._replies: dict[int, Sequence[dict[str, str]]] = {}
        self._failure: BaseException | None = None
        self._changed = threading.Condition()  # its lock is reentrant

    def run(self, number: int, work: Callable[[Answers], OutcomeT]) -> OutcomeT:
        """Do the work of a number; the others no longer wait for it afterwards."""
        try:
            return work(lambda asked, levels: self._ask(number, asked, levels))
        except BaseException as error:
            self.abandon(error)
            raise
        finally:
            with self._changed:
                self._unfinished -= 1
                self._answer_all()

    def abandon(self, error: BaseException) -> None:
        """Answer no more questions."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _ask(self, number: int, asked: Sequence[Question], levels: _Levels) -> Sequence[dict[str, str]]:
        with self._changed:
            self._asked[number] = (asked, levels)
            self._answer_all()
            self._changed.wait_for(lambda: number in self._replies or self._failure is not None)
            if self._failure is not None:
                raise AbandonedError("work on another network failed") from self._failure
            return self._replies.pop(number)

    def _answer_all(self) -> None:
        """Answer all questions, if all unfinished work has asked. The caller holds the lock."""
        if self._failure is not None or not self._asked or len(self._asked) < self._unfinished:
            return
        numbers = sorted(self._asked)
        questions = [one for number in numbers for one in self._asked[number][0]]
        levels = [one for number in numbers for one in self._asked[number][1]]
        try:
            replies = list(self._answers(questions, levels))
        except BaseException as error:  # this thread may be finishing, and the others would wait for ever
            self.abandon(error)
            raise
        start = 0
        for number in numbers:
            count = len(self._asked[number][0])
            self._replies[number] = replies[start : start + count]
            start += count
        self._asked.clear()
        self._changed.notify_all()
