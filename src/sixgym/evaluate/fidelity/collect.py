"""Runs that are missing in a store, made over several processes, interruptible at any time."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from functools import partial

from sixgym.evaluate.fidelity.record import RunKey
from sixgym.evaluate.fidelity.store import RunStore, RunT
from sixgym.run.executor import Broken, executor_for, function_worker
from sixgym.simulators.base import SimulatorError


def collect(
    make: Callable[[Sequence[RunKey]], list[RunT]],
    keys: Sequence[RunKey],
    store: RunStore[RunT],
    *,
    processes: int,
    progress: Callable[[int], None],
) -> None:
    """Make runs and store them. The runs on one network are one job.

    Args:
        make: Makes the runs of one network. With several processes it is pickled.
        keys: The runs to make.
        store: Receives the runs of a job as soon as the job is over.
        processes: Number of worker processes; 1 works in this process.
        progress: Called with the number of runs made since the last call.

    Raises:
        SimulatorError: a run failed, or two workers died of it. Earlier runs are in the store.
        WorkError: the work cannot go on for another reason, likewise.
    """
    make_worker = function_worker(partial(_made, make))
    with closing(executor_for(processes).execute(make_worker, _by_network(keys))) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Broken):
                raise SimulatorError(f"{outcome.job[0].schedule}: {outcome.reason}")
            if isinstance(outcome.value, SimulatorError):
                raise outcome.value
            store.add(outcome.value)
            progress(len(outcome.value))


def _made(
    make: Callable[[Sequence[RunKey]], list[RunT]], keys: Sequence[RunKey]
) -> list[RunT] | SimulatorError:
    """The runs of one network, or the error of the simulator."""
    try:
        return make(keys)
    except SimulatorError as error:
        return error


def _by_network(keys: Iterable[RunKey]) -> list[list[RunKey]]:
    by_network: dict[tuple[str, str, int, int], list[RunKey]] = {}
    for key in keys:
        network = (key.network, key.scenario, key.topology_seed, key.replica)
        by_network.setdefault(network, []).append(key)
    return list(by_network.values())
