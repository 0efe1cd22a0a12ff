"""Many jobs at once, under one contract: in this process, in threads, or in processes that may die::

    executor = executor_for(workers=4)
    with closing(executor.execute(make_worker, jobs)) as outcomes:
        for outcome in outcomes:
            match outcome:
                case Done(job, value): ...
                case Broken(job, reason): ...

Every form passes `tests/contracts/test_executor_contract.py`; a new form is added to its list.
"""

from sixgym.run.executor.base import (
    MOST_BROKEN_IN_A_ROW,
    Broken,
    Done,
    Executor,
    Worker,
    WorkError,
    function_worker,
)
from sixgym.run.executor.process import ProcessExecutor
from sixgym.run.executor.serial import SerialExecutor
from sixgym.run.executor.thread import ThreadExecutor

__all__ = [
    "MOST_BROKEN_IN_A_ROW",
    "Broken",
    "Done",
    "Executor",
    "ProcessExecutor",
    "SerialExecutor",
    "ThreadExecutor",
    "WorkError",
    "Worker",
    "executor_for",
    "function_worker",
]


def executor_for(workers: int) -> Executor:
    """The executor for jobs that compute: this process for one worker, worker processes for several."""
    return SerialExecutor() if workers == 1 else ProcessExecutor(workers)
