import signal
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.models.server.gate import Gate


def until_waiting(gate: Gate, threads: int) -> None:
    while gate.waiting < threads:
        time.sleep(0.001)


def finished(threads: list[threading.Thread]) -> bool:
    for thread in threads:
        thread.join(timeout=30)
    return not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("most", [1, 3, 8])
def test_no_more_than_the_limit_pass_at_once_and_everybody_passes(most: int) -> None:
    gate = Gate(most)
    lock = threading.Lock()
    inside, seen, passed = 0, 0, 0

    def work(number: int) -> None:
        nonlocal inside, seen, passed
        for turn in range(40):
            with gate.passing() as leave:
                with lock:
                    inside += 1
                    seen = max(seen, inside)
                leave.slow = (number + turn) % 7 == 0
                with lock:
                    inside -= 1
                    passed += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    assert finished(threads)
    assert passed == 24 * 40
    assert 1 <= seen <= most
    assert gate.waiting == 0


def test_a_lowered_limit_holds() -> None:
    gate = Gate(8)
    with gate.passing() as leave:
        leave.slow = True
    assert gate.limit == 1
    release = threading.Event()
    entered = threading.Semaphore(0)

    def work() -> None:
        with gate.passing():
            entered.release()
            release.wait()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    until_waiting(gate, 2)
    assert entered.acquire(timeout=30)
    assert not entered.acquire(blocking=False)
    release.set()
    assert finished(threads)


def test_requests_in_flight_together_halve_the_limit_once() -> None:
    gate = Gate(8)
    full = threading.Barrier(8)

    def work() -> None:
        with gate.passing() as leave:
            full.wait()
            leave.slow = True

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert finished(threads)
    assert gate.limit == 4


def test_the_limit_recovers_by_one_for_as_many_successes_as_it_has() -> None:
    gate = Gate(4)
    with gate.passing() as leave:
        leave.slow = True
    limits: list[int] = []
    for _ in range(20):
        with gate.passing():
            pass
        limits.append(gate.limit)
    assert limits == sorted(limits)
    assert limits[0] == 2
    assert limits[-1] == 4


@given(outcomes=st.lists(st.booleans(), max_size=60), most=st.integers(min_value=1, max_value=9))
def test_the_limit_stays_between_one_and_the_most(outcomes: list[bool], most: int) -> None:
    gate = Gate(most)
    for slow in outcomes:
        with gate.passing() as leave:
            leave.slow = slow
        assert 1 <= gate.limit <= most


def test_threads_pass_in_the_order_in_which_they_came() -> None:
    gate = Gate(1)
    order: list[int] = []

    def work(number: int) -> None:
        with gate.passing():
            order.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    with gate.passing():
        for number, thread in enumerate(threads):
            thread.start()
            until_waiting(gate, number + 1)
    assert finished(threads)
    assert order == [0, 1, 2, 3, 4, 5]


def test_an_error_gives_the_turn_back_and_teaches_nothing() -> None:
    gate = Gate(2)
    with pytest.raises(KeyError), gate.passing():
        raise KeyError
    with gate.passing(), gate.passing():
        assert gate.limit == 2


def test_an_interrupted_thread_leaves_the_queue() -> None:
    gate = Gate(1)
    main = threading.get_ident()

    def interrupt() -> None:
        until_waiting(gate, 1)
        signal.pthread_kill(main, signal.SIGINT)

    # a shell starts a program in the background with the signal ignored
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with gate.passing():
            interrupter = threading.Thread(target=interrupt)
            interrupter.start()
            with pytest.raises(KeyboardInterrupt), gate.passing():
                pass
            interrupter.join()
            assert gate.waiting == 0
    finally:
        signal.signal(signal.SIGINT, before)
    with gate.passing():
        assert gate.waiting == 0


def test_a_gate_for_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="lets none through"):
        Gate(0)
