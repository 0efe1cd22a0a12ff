"""Back-pressure: the number of requests in flight at a server that several threads share."""

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager


class Pass:
    """Permission to send one request. Its holder sets `slow` if the server was overloaded."""

    __slots__ = ("generation", "slow")

    def __init__(self, generation: int) -> None:
        self.generation = generation
        self.slow = False


class _Waiter:
    __slots__ = ("granted", "turn")

    def __init__(self) -> None:
        self.turn = threading.Event()
        self.granted: Pass | None = None


class Gate:
    """Additive increase, multiplicative decrease of the requests in flight (Chiu and Jain, 1989).

    Threads pass in the order of their arrival. An overloaded server halves the limit, once for all requests
    that were in flight together, since they report the same moment; as many successes as the limit raise it
    by one.
    """

    def __init__(self, most: int) -> None:
        """A gate that lets `most` requests through at once until the server is slow."""
        if most < 1:
            raise ValueError(f"a gate for {most} requests lets none through")
        self._most = most
        self._lock = threading.Lock()
        self._limit = float(most)
        self._in_flight = 0
        self._generation = 0
        self._waiters: deque[_Waiter] = deque()

    @property
    def limit(self) -> int:
        """Requests that may be in flight now, at least 1."""
        with self._lock:
            return int(self._limit)

    @property
    def waiting(self) -> int:
        """Threads that wait for their turn."""
        with self._lock:
            return len(self._waiters)

    @contextmanager
    def passing(self) -> Generator[Pass]:
        """Wait for a turn, and give it back at the end."""
        leave = self._enter()
        try:
            yield leave
        except BaseException:
            self._leave(leave, learn=False)
            raise
        self._leave(leave, learn=True)

    def _enter(self) -> Pass:
        with self._lock:
            # no thread waits while there is room: a thread that makes room admits the next in line
            if self._in_flight < int(self._limit):
                self._in_flight += 1
                return Pass(self._generation)
            waiter = _Waiter()
            self._waiters.append(waiter)
        try:
            waiter.turn.wait()
        except BaseException:  # Ctrl-C: the next thread must not wait for a turn that is never taken
            self._give_up(waiter)
            raise
        assert waiter.granted is not None  # set before `turn` is
        return waiter.granted

    def _give_up(self, waiter: _Waiter) -> None:
        with self._lock:
            if waiter.granted is None:
                self._waiters.remove(waiter)
            else:
                self._in_flight -= 1
                self._admit()

    def _leave(self, leave: Pass, *, learn: bool) -> None:
        with self._lock:
            if learn and not leave.slow:
                self._limit = min(self._most, self._limit + 1 / self._limit)
            elif learn and leave.generation == self._generation:
                self._limit = max(1.0, min(self._limit, self._in_flight) / 2)
                self._generation += 1
            self._in_flight -= 1
            self._admit()

    def _admit(self) -> None:
        while self._waiters and self._in_flight < int(self._limit):
            waiter = self._waiters.popleft()
            self._in_flight += 1
            waiter.granted = Pass(self._generation)
            waiter.turn.set()
