"""Jobs in worker processes. A worker that dies costs no job and ends no other worker."""

import multiprocessing
import signal
import traceback
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.resource_tracker import ensure_running
from typing import Any, Generic

from sixgym.run.executor.base import (
    MOST_BROKEN_IN_A_ROW,
    PATIENCE_S,
    Broken,
    Done,
    Job,
    Value,
    Worker,
    WorkError,
)

_ATTEMPTS = 2
"""Attempts at a job whose worker dies: one death may be the machine's fault, two are the job's."""


@dataclass(frozen=True, slots=True)
class ProcessExecutor:
    """A worker in each of several processes of this machine.

    A job whose worker dies is done again by another worker. If that worker dies too, the job is broken.

    Attributes:
        workers: Number of processes.
    """

    workers: int

    def execute(
        self, make_worker: Callable[[], Worker[Job, Value]], jobs: Sequence[Job]
    ) -> Generator[Done[Job, Value] | Broken[Job]]:
        """Do all jobs, see `Executor.execute`. `make_worker`, jobs and values are pickled."""
        waiting = deque((job, 1) for job in jobs)
        broken_in_a_row = 0
        with closing(_Pool[Job, Value](make_worker)) as pool:
            while waiting or pool.slots:
                while waiting and len(pool.slots) < self.workers:
                    pool.start(*waiting.popleft())
                for pipe in pool.ready():
                    slot, reply = pool.take(pipe)
                    if isinstance(reply, _Failure):
                        raise WorkError(reply.text if reply.whole else f"{slot.job}: {reply.text}")
                    if not isinstance(reply, _Death):
                        broken_in_a_row = 0
                        if waiting:
                            pool.assign(pipe, slot.process, *waiting.popleft())
                        else:
                            pipe.close()
                        yield Done(slot.job, reply)
                    elif slot.attempt < _ATTEMPTS:
                        waiting.appendleft((slot.job, slot.attempt + 1))
                    else:
                        broken_in_a_row += 1
                        if broken_in_a_row >= MOST_BROKEN_IN_A_ROW:
                            raise WorkError(f"the workers do not survive: {reply.reason} at {slot.job}")
                        yield Broken(slot.job, reply.reason)


@dataclass(frozen=True, slots=True)
class _Failure:
    """What a worker sends instead of a value when it raised an exception.

    Attributes:
        text: The message of a `WorkError`, or the traceback of any other exception.
        whole: Whether the text stands for itself, without the name of the job.
    """

    text: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class _Death:
    """What stands for a value when the worker died."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Slot(Generic[Job]):
    """A process, its job, and the number of the attempt at that job."""

    process: SpawnProcess
    job: Job
    attempt: int


class _Pool(Generic[Job, Value]):
    """Processes and the pipes to them.

    Attributes:
        slots: The processes that have a job, by pipe.
    """

    def __init__(self, make_worker: Callable[[], Worker[Job, Value]]) -> None:
        self.slots: dict[Connection, _Slot[Job]] = {}
        self._make_worker = make_worker
        self._context = multiprocessing.get_context("spawn")  # a forked worker shares open descriptors
        self._processes: list[SpawnProcess] = []

    def start(self, job: Job, attempt: int) -> None:
        """Start another process, with its first job."""
        pipe, process = _started(self._context, self._make_worker)
        self._processes.append(process)
        self.assign(pipe, process, job, attempt)

    def assign(self, pipe: Connection, process: SpawnProcess, job: Job, attempt: int) -> None:
        """Send a job to a process that has none."""
        with suppress(OSError):  # the process died meanwhile, which `take` finds out
            pipe.send(job)
        self.slots[pipe] = _Slot(process, job, attempt)

    def ready(self) -> Sequence[Connection]:
        """Pipes of processes that have replied or died. Waits until there is one."""
        return [pipe for pipe in wait(list(self.slots)) if isinstance(pipe, Connection)]

    def take(self, pipe: Connection) -> tuple[_Slot[Job], Any]:
        """The slot of a pipe, emptied, and the reply: a value, a failure or a death."""
        slot = self.slots.pop(pipe)
        try:
            reply = pipe.recv()
        except (EOFError, OSError):
            reply = _Death(_how_it_ended(slot.process))
        if isinstance(reply, _Failure | _Death):
            pipe.close()  # the process ends, if it has not
        return slot, reply

    def close(self) -> None:
        """End all processes."""
        for pipe, slot in self.slots.items():
            pipe.close()
            slot.process.terminate()
        for process in self._processes:
            process.join(PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _started(
    context: SpawnContext, make_worker: Callable[[], Worker[Job, Value]]
) -> tuple[Connection, SpawnProcess]:
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(make_worker, theirs), daemon=True)
    ensure_running()  # the first start would start the tracker, which unblocks the signal
    # Ctrl-C reaches every process of the terminal, but only this one acts on it: the others inherit the mask
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        theirs.close()
    return ours, process


def _work(make_worker: Callable[[], Worker[Job, Value]], pipe: Connection) -> None:
    """The program of a worker process: job after job, until the pipe is closed at the other end."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        worker = make_worker()
    except Exception:
        with suppress(OSError):  # the other end is closed
            pipe.send(_Failure(traceback.format_exc()))
        return
    try:
        while True:
            try:
                job: Job = pipe.recv()
            except (EOFError, OSError):
                return
            try:
                value = worker.do(job)
            except WorkError as error:
                value = _Failure(str(error), whole=True)
            except Exception:
                value = _Failure(traceback.format_exc())
            try:
                pipe.send(value)
            except OSError:
                return
    finally:
        worker.close()


def _leave(signum: int, _frame: object) -> None:
    raise SystemExit(128 + signum)


def _how_it_ended(process: SpawnProcess) -> str:
    process.join()
    status = process.exitcode
    if status is not None and status < 0:
        return f"a worker was killed by {signal.Signals(-status).name}"
    return f"a worker ended with exit status {status}"
