"""Many networks in lockstep, so that one call of a language model answers the questions of all of them."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import Answers

Result = TypeVar("Result")
_Levels = Sequence[Sequence[float]]


class AbandonedError(RuntimeError):
    """Work at another network failed, so nobody gets answers any more."""


def in_lockstep(answers: Answers, works: Sequence[Callable[[Answers], Result]]) -> list[Result]:
    """Do all of this work at the same time; a question is answered once everybody still at work has one.

    Who is asked together with whom does not depend on the machine, and neither do the answers.

    Args:
        answers: What answers.
        works: Each is given what it can ask, in a thread of its own.

    Returns:
        What came out, in order.
    """
    table = _Table(answers, len(works))
    with ThreadPoolExecutor(max(1, len(works))) as pool:
        done = [pool.submit(table.seated, seat, work) for seat, work in enumerate(works)]
        try:
            failures = [error for error in (one.exception() for one in done) if error is not None]
        except BaseException as error:  # Ctrl-C: nobody may wait for the others now
            table.abandon(error)
            raise
    for error in failures:
        if not isinstance(error, AbandonedError):
            raise error
    return [one.result() for one in done]


class _Table:
    """Where questions are collected until everybody has asked."""

    def __init__(self, answers: Answers, seats: int) -> None:
        self._answers = answers
        self._working = seats
        self._asked: dict[int, tuple[Sequence[Question], _Levels]] = {}
        self._replies: dict[int, Sequence[dict[str, str]]] = {}
        self._failure: BaseException | None = None
        self._changed = threading.Condition()  # may be taken again by who holds it

    def seated(self, seat: int, work: Callable[[Answers], Result]) -> Result:
        """Do the work of a seat, and leave it."""
        try:
            return work(lambda asked, levels: self._ask(seat, asked, levels))
        except BaseException as error:
            self.abandon(error)
            raise
        finally:
            with self._changed:
                self._working -= 1
                self._serve()

    def abandon(self, error: BaseException) -> None:
        """Nobody gets answers any more."""
        with self._changed:
            self._failure = self._failure or error
            self._changed.notify_all()

    def _ask(self, seat: int, asked: Sequence[Question], levels: _Levels) -> Sequence[dict[str, str]]:
        with self._changed:
            self._asked[seat] = (asked, levels)
            self._serve()
            self._changed.wait_for(lambda: seat in self._replies or self._failure is not None)
            if self._failure is not None:
                raise AbandonedError("work at another network failed") from self._failure
            return self._replies.pop(seat)

    def _serve(self) -> None:
        """Answer everybody, if nobody is missing. The lock is held: there is nobody who could want it."""
        if self._failure is not None or not self._asked or len(self._asked) < self._working:
            return
        seats = sorted(self._asked)
        questions = [one for seat in seats for one in self._asked[seat][0]]
        levels = [one for seat in seats for one in self._asked[seat][1]]
        try:
            replies = list(self._answers(questions, levels))
        except BaseException as error:  # whoever asked here may be leaving, and others would wait for ever
            self.abandon(error)
            raise
        start = 0
        for seat in seats:
            count = len(self._asked[seat][0])
            self._replies[seat] = replies[start : start + count]
            start += count
        self._asked.clear()
        self._changed.notify_all()
