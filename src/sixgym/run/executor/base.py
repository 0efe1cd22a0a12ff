"""What workers and executors are."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

Job = TypeVar("Job")
Value = TypeVar("Value")
_Job_contra = TypeVar("_Job_contra", contravariant=True)
_Value_co = TypeVar("_Value_co", covariant=True)

MOST_BROKEN_IN_A_ROW = 3
"""Limit of broken jobs with no finished job in between. At the limit the machine is at fault: work stops."""

PATIENCE_S = 5.0
"""Time in seconds that the end of the work waits for a worker that is in the middle of a job."""


class Worker(Protocol[_Job_contra, _Value_co]):
    """An object that does one job after another, so that an expensive start is paid once."""

    def do(self, job: _Job_contra) -> _Value_co:
        """Do a job. An expected failure of a job is part of its value; an exception ends all work.

        Raises:
            WorkError: no job can be done any more. The message reaches the caller word for word.
        """
        ...

    def close(self) -> None:
        """Free the resources of the worker."""
        ...


@dataclass(frozen=True, slots=True)
class FunctionWorker(Generic[Job, Value]):
    """A worker that calls a function with every job and holds nothing.

    Attributes:
        function: The function.
    """

    function: Callable[[Job], Value]

    def do(self, job: Job) -> Value:
        """Call the function."""
        return self.function(job)

    def close(self) -> None:
        """Nothing to free."""


def function_worker(function: Callable[[Job], Value]) -> Callable[[], FunctionWorker[Job, Value]]:
    """A maker of workers that call a function with every job, for `Executor.execute`.

    Args:
        function: The function. An executor that leaves this process pickles it.
    """
    return partial(FunctionWorker, function)


@dataclass(frozen=True, slots=True)
class Done(Generic[Job, Value]):
    """A finished job and its value."""

    job: Job
    value: Value


@dataclass(frozen=True, slots=True)
class Broken(Generic[Job]):
    """A job that was given up because two workers died of it in turn."""

    job: Job
    reason: str


class WorkError(RuntimeError):
    """The work cannot go on. Outcomes of earlier jobs have been handed over."""


class Executor(Protocol):
    """A form of doing many jobs."""

    def execute(
        self, make_worker: Callable[[], Worker[Job, Value]], jobs: Sequence[Job]
    ) -> Generator[Done[Job, Value] | Broken[Job]]:
        """Do all jobs. Every job comes back exactly once, as soon as it is over, in no particular order.

        Closing the generator ends the workers.

        Args:
            make_worker: Makes a worker, where the worker works. An executor that leaves this process sends
                it there, so it and the jobs and values must be picklable. Only threads share memory.
            jobs: The jobs. The value of a job must not depend on the order or on other jobs.

        Raises:
            WorkError: a worker could not be made or raised an exception, or too many jobs in a row broke.
        """
        ...
