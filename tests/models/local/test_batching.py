"""Requests of many threads in one batch: each gets its own answer, and none waits for ever."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from sixgym.models.local.batching import Batcher, BatcherClosedError, BatchTooLargeError


class Gate:
    """Work that squares numbers, batch after batch, and waits at a gate before each."""

    def __init__(self, fail: Callable[[Sequence[int]], None] = lambda _: None) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Semaphore(0)
        self.leave = threading.Semaphore(0)
        self.fail = fail

    def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.batches.append(list(numbers))
        self.entered.release()
        assert self.leave.acquire(timeout=60)
        self.fail(numbers)
        return [number**2 for number in numbers]

    def open(self) -> None:
        self.leave.release(1000)


@pytest.fixture
def pool():
    with ThreadPoolExecutor(64) as pool:
        yield pool


def queue_up(
    batcher: Batcher[int, int], pool: ThreadPoolExecutor, gate: Gate, numbers: Sequence[int]
) -> list[Future[int]]:
    """The first request is under way, and the others wait behind it, in order."""
    first = pool.submit(batcher.submit, numbers[0])
    assert gate.entered.acquire(timeout=60)
    futures = [first]
    for waiting, number in enumerate(numbers[1:], 1):
        futures.append(pool.submit(batcher.submit, number))
        while batcher.waiting < waiting:
            threading.Event().wait(0.001)
    return futures


def test_every_request_gets_its_own_answer(pool: ThreadPoolExecutor) -> None:
    batcher: Batcher[int, int] = Batcher(lambda numbers: [n**2 for n in numbers], max_batch=7)
    assert list(pool.map(batcher.submit, range(500))) == [n**2 for n in range(500)]
    batcher.close()


def test_what_waits_goes_together_oldest_first_and_never_more_than_fits(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    batcher = Batcher(gate, max_batch=4)
    futures = queue_up(batcher, pool, gate, range(8))
    gate.open()
    assert [future.result(60) for future in futures] == [n**2 for n in range(8)]
    assert gate.batches == [[0], [1, 2, 3, 4], [5, 6, 7]]
    batcher.close()


def test_a_batch_without_memory_is_halved_and_later_ones_are_no_larger(pool: ThreadPoolExecutor) -> None:
    def fail(numbers: Sequence[int]) -> None:
        if len(numbers) > 2:
            raise BatchTooLargeError("no memory")

    gate = Gate(fail)
    batcher = Batcher(gate, max_batch=8)
    futures = queue_up(batcher, pool, gate, range(10))
    gate.open()
    assert [future.result(60) for future in futures] == [n**2 for n in range(10)]
    assert [len(batch) for batch in gate.batches] == [1, 8, 4, 2, 2, 4, 2, 2, 1]
    assert batcher.max_batch == 2
    batcher.close()


def test_a_request_that_does_not_even_fit_alone_fails_alone(pool: ThreadPoolExecutor) -> None:
    def fail(numbers: Sequence[int]) -> None:
        if 3 in numbers:
            raise BatchTooLargeError("no memory")

    gate = Gate(fail)
    batcher = Batcher(gate, max_batch=8)
    futures = queue_up(batcher, pool, gate, range(5))
    gate.open()
    assert isinstance(futures[3].exception(60), BatchTooLargeError)
    assert [futures[n].result(60) for n in (0, 1, 2, 4)] == [0, 1, 4, 16]
    batcher.close()


def test_an_error_reaches_all_requests_of_the_batch_and_no_other(pool: ThreadPoolExecutor) -> None:
    def fail(numbers: Sequence[int]) -> None:
        if 1 in numbers:
            raise KeyError("broken")

    gate = Gate(fail)
    batcher = Batcher(gate, max_batch=2)
    futures = queue_up(batcher, pool, gate, range(5))
    gate.open()
    assert [type(future.exception(60)) for future in futures] == [
        type(None),
        KeyError,
        KeyError,
        type(None),
        type(None),
    ]
    batcher.close()


def test_too_few_answers_are_an_error_of_all_requests() -> None:
    batcher: Batcher[int, int] = Batcher(lambda _: [], max_batch=2)
    with pytest.raises(ValueError, match="zip"):
        batcher.submit(1)
    batcher.close()


def test_if_the_thread_ends_no_request_is_left_waiting(pool: ThreadPoolExecutor) -> None:
    def fail(_: Sequence[int]) -> None:
        raise SystemExit

    gate = Gate(fail)
    batcher = Batcher(gate, max_batch=1)
    first, second = queue_up(batcher, pool, gate, range(2))
    gate.open()
    assert "SystemExit" in str(first.exception(60))
    assert isinstance(second.exception(60), BatcherClosedError)
    with pytest.raises(BatcherClosedError):
        batcher.submit(3)


def test_closing_lets_what_is_under_way_end_and_refuses_the_rest(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    batcher = Batcher(gate, max_batch=1)
    under_way, waiting = queue_up(batcher, pool, gate, [2, 3])
    closing = pool.submit(batcher.close)
    assert isinstance(waiting.exception(60), BatcherClosedError)
    gate.open()
    assert under_way.result(60) == 4
    closing.result(60)
    with pytest.raises(BatcherClosedError):
        batcher.submit(5)
    batcher.close()
    assert gate.batches == [[2]]


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Batcher(lambda numbers: numbers, max_batch=0)
