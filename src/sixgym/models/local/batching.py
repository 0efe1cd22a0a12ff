"""Requests of many threads, carried out together by one thread."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class BatcherClosedError(RuntimeError):
    """The batcher is closed: requests are no longer carried out."""


class BatchTooLargeError(RuntimeError):
    """A batch does not fit into memory. Its halves may fit."""


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Item, Answer]):
    item: Item
    answer: Future[Answer] = field(default_factory=Future[Answer])


class Batcher(Generic[Item, Answer]):
    """Gathers waiting requests and hands them to one function, in a thread of its own.

    A request that arrives while no batch is under way goes alone at once. Requests that arrive during a batch
    go together in the next one, oldest first.
    """

    def __init__(
        self, work: Callable[[Sequence[Item]], Sequence[Answer]], *, max_batch: int, name: str = "batcher"
    ) -> None:
        """Start the thread.

        Args:
            work: Function from requests to as many answers, in order. An exception reaches every request of
                the batch; after a `BatchTooLargeError` the batch is cut in half, and no later batch is larger
                than such a half.
            max_batch: Most requests at once.
            name: Name of the thread.

        Raises:
            ValueError: `max_batch` is below 1.
        """
        if max_batch < 1:
            raise ValueError(f"a batch holds at least one request, not {max_batch}")
        self._work = work
        self._max_batch = max_batch
        self._waiting: deque[_Waiting[Item, Answer]] = deque()
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def max_batch(self) -> int:
        """Most requests at once, after the halvings so far."""
        return self._max_batch

    @property
    def waiting(self) -> int:
        """Requests that no batch has taken yet."""
        return len(self._waiting)

    def submit(self, item: Item) -> Answer:
        """Wait for the answer to a request.

        Raises:
            BatcherClosedError: the batcher is closed.
            Exception: the exception of the work; all requests of the batch get the same object.
        """
        waiting: _Waiting[Item, Answer] = _Waiting(item)
        with self._changed:
            if self._closed:
                raise BatcherClosedError("closed")
            self._waiting.append(waiting)
            self._changed.notify_all()
        return waiting.answer.result()

    def close(self) -> None:
        """Refuse the waiting requests, let the batch under way finish, and end the thread."""
        self._refuse()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while batch := self._next_batch():
            self._carry_out(batch)

    def _next_batch(self) -> list[_Waiting[Item, Answer]]:
        """The oldest requests; none once it is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return [self._waiting.popleft() for _ in range(min(self._max_batch, len(self._waiting)))]

    def _carry_out(self, batch: list[_Waiting[Item, Answer]]) -> None:
        try:
            answers = self._work([waiting.item for waiting in batch])
            answered = list(zip(batch, answers, strict=True))
        except BatchTooLargeError as error:
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
        except Exception as error:  # of any kind: the waiting threads must not wait for ever
            _fail(batch, error)
            return
        except BaseException as error:  # the thread is to end
            self._refuse()
            _fail(batch, RuntimeError(f"the thread was ended by {error!r}"))
            return
        else:
            for waiting, answer in answered:
                waiting.answer.set_result(answer)
            return
        # outside of the handler: inside, the error keeps the memory of the failed attempt alive
        half = (len(batch) + 1) // 2
        self._max_batch = min(self._max_batch, half)
        self._carry_out(batch[:half])
        self._carry_out(batch[half:])

    def _refuse(self) -> None:
        with self._changed:
            self._closed = True
            refused = list(self._waiting)
            self._waiting.clear()
            self._changed.notify_all()
        for waiting in refused:
            waiting.answer.set_exception(BatcherClosedError("closed"))


def _fail(batch: Sequence[_Waiting[Item, Answer]], error: Exception) -> None:
    for waiting in batch:
        waiting.answer.set_exception(error)
