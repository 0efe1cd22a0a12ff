"""Jobs in this process, one after another, in order."""

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass

from sixgym.run.executor.base import Done, Job, Value, Worker, WorkError


@dataclass(frozen=True, slots=True)
class SerialExecutor:
    """One worker in the thread of the caller."""

    def execute(
        self, make_worker: Callable[[], Worker[Job, Value]], jobs: Iterable[Job]
    ) -> Generator[Done[Job, Value]]:
        """Do all jobs in order, see `Executor.execute`. Jobs are taken one at a time."""
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
