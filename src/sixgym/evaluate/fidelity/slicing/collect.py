"""Making the runs that are missing, over several processes, in an order that can be interrupted."""

import multiprocessing
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass

from sixgym.domain.scenario import Scenario
from sixgym.evaluate.fidelity.record import RunKey, SimulationRun
from sixgym.evaluate.fidelity.slicing.control_schedules import ControlSchedule
from sixgym.evaluate.fidelity.slicing.measure import measure
from sixgym.evaluate.fidelity.store import RunStore, Stored
from sixgym.simulators.factory import make_simulator


@dataclass(frozen=True, slots=True)
class Experiment:
    """The same schedules on the same networks, whoever simulates them."""

    scenario: Scenario
    schedules: tuple[ControlSchedule, ...]
    topology_seeds: tuple[int, ...]
    seconds: float

    def keys(self, network: str, replica: int) -> tuple[RunKey, ...]:
        """Its runs on one simulator, by seed and then by schedule."""
        digest = self.scenario.digest
        return tuple(
            RunKey(
                network=network,
                scenario=digest,
                seconds=self.seconds,
                topology_seed=seed,
                replica=replica,
                schedule=schedule.name,
            )
            for seed in self.topology_seeds
            for schedule in self.schedules
        )


def collect(
    make: Callable[[Sequence[RunKey]], list[Stored]],
    keys: Sequence[RunKey],
    store: RunStore[Stored],
    *,
    processes: int,
    progress: Callable[[int], None],
) -> None:
    """Make these runs and keep them in the store; the runs on one network are one piece of work.

    Args:
        make: Runs a piece. With several processes it is sent to them, so it has to be picklable.
        keys: What to run.
        store: Takes every piece as soon as it is done.
        processes: How many work at the same time; 1 works in this one.
        progress: Called with the number of runs done since the last call.

    Raises:
        SimulatorError: a run failed. What was finished before is in the store.
    """
    with _pieces_done(make, _by_network(keys), processes) as pieces:
        for runs in pieces:
            store.add(runs)
            progress(len(runs))


def run_schedules(experiment: Experiment, keys: Sequence[RunKey]) -> list[SimulationRun]:
    """Runs on one network, one after the other in the same simulator."""
    schedules = {schedule.name: schedule for schedule in experiment.schedules}
    simulator = make_simulator(keys[0].network)
    try:
        return [measure(simulator, experiment.scenario, key, schedules[key.schedule]) for key in keys]
    finally:
        simulator.close()


def _by_network(keys: Iterable[RunKey]) -> list[list[RunKey]]:
    pieces: dict[tuple[str, str, int, int], list[RunKey]] = {}
    for key in keys:
        network = (key.network, key.scenario, key.topology_seed, key.replica)
        pieces.setdefault(network, []).append(key)
    return list(pieces.values())


@contextmanager
def _pieces_done(
    make: Callable[[Sequence[RunKey]], list[Stored]], pieces: Sequence[Sequence[RunKey]], processes: int
) -> Generator[Iterable[list[Stored]]]:
    if processes == 1:
        yield (make(piece) for piece in pieces)
        return
    # forked workers would share the descriptors of whatever the parent has open
    pool = ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        waiting = [pool.submit(make, piece) for piece in pieces]
        yield (done.result() for done in as_completed(waiting))
    finally:
        pool.shutdown(cancel_futures=True)
