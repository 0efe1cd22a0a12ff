"""Doing many jobs, in this process, in threads or in processes that may die, without losing one.

A worker is made once for a process or thread and does one job after another, so what is expensive to start
is started once. Every job comes back exactly once: done, or broken with a reason.
"""

import multiprocessing
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.resource_tracker import ensure_running
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

Job = TypeVar("Job")
Value = TypeVar("Value")
_Job_contra = TypeVar("_Job_contra", contravariant=True)
_Value_co = TypeVar("_Value_co", covariant=True)

MOST_BROKEN_IN_A_ROW = 3
"""When that many jobs have broken with none done in between, the machine is at fault and the work stops."""

_ATTEMPTS = 2
_PATIENCE_S = 5.0


class Worker(Protocol[_Job_contra, _Value_co]):
    """Whoever does jobs in a process."""

    def do(self, job: _Job_contra) -> _Value_co:
        """Do a job. An exception ends all of the work; what may go wrong with a job is part of its value.

        Raises:
            WorkError: in words of its own, why none of the work can go on.
        """
        ...

    def close(self) -> None:
        """Free what the worker holds."""
        ...


@dataclass(frozen=True, slots=True)
class Done(Generic[Job, Value]):
    """A job and what came out."""

    job: Job
    value: Value


@dataclass(frozen=True, slots=True)
class Broken(Generic[Job]):
    """A job whose worker died, and another one's after it."""

    job: Job
    reason: str


class WorkError(RuntimeError):
    """The work cannot go on. What was done before has been handed over."""


def execute(
    make_worker: Callable[[], Worker[Job, Value]], jobs: Sequence[Job], workers: int
) -> Generator[Done[Job, Value] | Broken[Job]]:
    """Do all jobs; each comes back as soon as it is over, in no particular order.

    Closing the generator ends the workers. One that dies has its job done by another; if that one dies of it
    too, the job is broken and the rest goes on.

    Args:
        make_worker: Makes a worker. With several workers it and the jobs are sent to other processes, so they
            have to be picklable.
        jobs: What to do.
        workers: How many processes; 1 does everything in this one.

    Raises:
        WorkError: a worker could not be made or raised an exception, or one job after the other broke.
    """
    if workers == 1:
        return _here(make_worker, jobs)
    return _elsewhere(make_worker, jobs, workers)


def _here(make_worker: Callable[[], Worker[Job, Value]], jobs: Iterable[Job]) -> Generator[Done[Job, Value]]:
    try:
        worker = make_worker()
    except Exception as error:
        raise WorkError(f"a worker could not be made: {error!r}") from error
    try:
        for job in jobs:
            try:
                value = worker.do(job)
            except WorkError:
                raise
            except Exception as error:
                raise WorkError(f"{job}: {error!r}") from error
            yield Done(job, value)
    finally:
        worker.close()


# ---------------------------------------------------------------------- threads
def execute_in_threads(
    make_worker: Callable[[], Worker[Job, Value]], jobs: Sequence[Job], workers: int, wake: Callable[[], None]
) -> Generator[Done[Job, Value]]:
    """Do all jobs in threads of this process, for workers that mostly wait, or share something.

    Closing the generator, or an error, lets nobody begin another job and waits a little for those at work.

    Args:
        make_worker: Makes a worker, in its thread.
        jobs: What to do.
        workers: How many threads.
        wake: Called at the end, so that nobody waits for what will not come any more.

    Raises:
        WorkError: a worker could not be made or raised an exception.
    """
    waiting: deque[Job] = deque(jobs)
    over: SimpleQueue[Done[Job, Value] | WorkError] = SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        try:
            for outcome in _here(make_worker, _taken(waiting, stop)):
                over.put(outcome)
        except WorkError as error:
            stop.set()
            over.put(error)
        except BaseException as error:  # whoever waits for this thread has to hear of its end
            stop.set()
            over.put(WorkError(f"a worker failed: {error!r}"))

    # daemons: one that waits for a server must not keep an interrupted program alive
    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(jobs)))]
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
        wake()
        deadline = time.monotonic() + _PATIENCE_S
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def _taken(waiting: deque[Job], stop: threading.Event) -> Iterator[Job]:
    """Jobs of a queue that others take from too, until there are none or nobody shall begin another."""
    with suppress(IndexError):
        while not stop.is_set():
            yield waiting.popleft()


# ---------------------------------------------------------------------- other processes
@dataclass(frozen=True, slots=True)
class _Failure:
    """What a worker sends instead of a value when it raised an exception."""

    text: str


@dataclass(frozen=True, slots=True)
class _Death:
    """What there is instead of a value when the worker died."""

    reason: str


@dataclass(frozen=True, slots=True)
class WorkerSlot(Generic[Job]):
    """A process, the job it is at, and whether that is the first attempt at it or the second."""

    process: SpawnProcess
    job: Job
    attempt: int


def _elsewhere(
    make_worker: Callable[[], Worker[Job, Value]], jobs: Iterable[Job], workers: int
) -> Generator[Done[Job, Value] | Broken[Job]]:
    waiting = deque((job, 1) for job in jobs)
    broken_in_a_row = 0
    with _slots_and_processes(make_worker) as (start, slots):
        while waiting or slots:
            while waiting and len(slots) < workers:
                start(*waiting.popleft())
            for pipe in wait(list(slots)):
                assert isinstance(pipe, Connection)
                slot = slots.pop(pipe)
                reply: Value | _Failure | _Death = _reply(pipe, slot.process)
                if isinstance(reply, _Failure):
                    raise WorkError(f"{slot.job}: {reply.text}")
                if isinstance(reply, _Death) and slot.attempt < _ATTEMPTS:
                    waiting.appendleft((slot.job, slot.attempt + 1))
                elif isinstance(reply, _Death):
                    broken_in_a_row += 1
                    if broken_in_a_row >= MOST_BROKEN_IN_A_ROW:
                        raise WorkError(f"the workers do not survive: {reply.reason} at {slot.job}")
                    yield Broken(slot.job, reply.reason)
                else:
                    broken_in_a_row = 0
                    if waiting:
                        slots[pipe] = _set_to_work(pipe, slot.process, *waiting.popleft())
                    else:
                        pipe.close()
                    yield Done(slot.job, reply)


@contextmanager
def _slots_and_processes(
    make_worker: Callable[[], Worker[Job, Value]],
) -> Generator[tuple[Callable[[Job, int], None], dict[Connection, WorkerSlot[Job]]]]:
    """Something that starts a process with its first job, and who is at work; ends processes."""
    context = multiprocessing.get_context("spawn")  # forked workers would share open descriptors
    slots: dict[Connection, WorkerSlot[Job]] = {}
    processes: list[SpawnProcess] = []

    def start(job: Job, attempt: int) -> None:
        pipe, process = _start(context, make_worker)
        processes.append(process)
        slots[pipe] = _set_to_work(pipe, process, job, attempt)

    try:
        yield start, slots
    finally:
        for pipe, slot in slots.items():
            pipe.close()
            slot.process.terminate()
        for process in processes:
            process.join(_PATIENCE_S)
            if process.is_alive():
                process.kill()
                process.join()


def _set_to_work(pipe: Connection, process: SpawnProcess, job: Job, attempt: int) -> WorkerSlot[Job]:
    with suppress(OSError):  # it died meanwhile, which the next look at its pipe finds out
        pipe.send(job)
    return WorkerSlot(process, job, attempt)


def _reply(pipe: Connection, process: SpawnProcess) -> Any:
    """What a worker sent: a value or a failure; or that it died. In the last two cases it is dismissed."""
    try:
        reply = pipe.recv()
    except (EOFError, OSError):
        reply = _Death(_how_it_ended(process))
    if isinstance(reply, _Failure | _Death):
        pipe.close()
    return reply


def _start(
    context: SpawnContext, make_worker: Callable[[], Worker[Job, Value]]
) -> tuple[Connection, SpawnProcess]:
    ours, theirs = context.Pipe()
    process = context.Process(target=_work, args=(make_worker, theirs), daemon=True)
    ensure_running()  # the first start would start it, and unblock the signal in between
    # Ctrl-C reaches every process of the terminal, but only this one acts on it: the others inherit the mask
    signals = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        process.start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, signals)
        theirs.close()
    return ours, process


def _work(make_worker: Callable[[], Worker[Job, Value]], pipe: Connection) -> None:
    """What a process does: job after job, until there are no more or whoever sends them is gone."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        worker = make_worker()
    except Exception:
        with suppress(OSError):  # nobody waits for it any more
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
