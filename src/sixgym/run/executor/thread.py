"""Jobs in threads of this process, for workers that mostly wait, or that share a model."""

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import SimpleQueue

from sixgym.run.executor.base import PATIENCE_S, Done, Job, Value, Worker, WorkError
from sixgym.run.executor.serial import SerialExecutor


def _no_call() -> None:
    pass


@dataclass(frozen=True, slots=True)
class ThreadExecutor:
    """A worker in each of several threads. At the end, threads in the middle of a job get a few seconds.

    Attributes:
        workers: Number of threads.
        wake: Called at the end of the work, to interrupt threads that wait, for instance for a server.
    """

    workers: int
    wake: Callable[[], None] = _no_call

    def execute(
        self, make_worker: Callable[[], Worker[Job, Value]], jobs: Sequence[Job]
    ) -> Generator[Done[Job, Value]]:
        """Do all jobs, see `Executor.execute`. A worker is made, works and is closed in one thread."""
        waiting: deque[Job] = deque(jobs)
        over: SimpleQueue[Done[Job, Value] | WorkError] = SimpleQueue()
        stop = threading.Event()

        def work() -> None:
            try:
                for outcome in SerialExecutor().execute(make_worker, _taken(waiting, stop)):
                    over.put(outcome)
            except WorkError as error:
                stop.set()
                over.put(error)
            except BaseException as error:  # the caller waits for this thread and must hear of its end
                stop.set()
                over.put(WorkError(f"a worker failed: {error!r}"))

        # daemons: a thread that waits for a server must not keep an interrupted program alive
        threads = [threading.Thread(target=work, daemon=True) for _ in range(min(self.workers, len(jobs)))]
        try:
            for thread in threads:
                thread.start()
            for _ in jobs:
                outcome = over.get()
                if isinstance(outcome, WorkError):
                    raise outcome
                yield outcome
        finally:
            stop.set()
            self.wake()
            deadline = time.monotonic() + PATIENCE_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))


def _taken(waiting: deque[Job], stop: threading.Event) -> Iterator[Job]:
    """Jobs from a queue that several threads share, until the queue is empty or `stop` is set."""
    with suppress(IndexError):
        while not stop.is_set():
            yield waiting.popleft()
