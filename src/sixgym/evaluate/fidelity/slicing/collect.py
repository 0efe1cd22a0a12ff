"""Runs of schedules that are missing in a store, over several processes, interruptible at any time."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from sixgym.domain.scenario import Scenario
from sixgym.evaluate.fidelity.record import RunKey, SimulationRun
from sixgym.evaluate.fidelity.slicing.control_schedules import ControlSchedule
from sixgym.evaluate.fidelity.slicing.measure import measure
from sixgym.evaluate.fidelity.store import RunStore, RunT
from sixgym.run.executor import Broken, executor_for, function_worker
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import make_simulator


@dataclass(frozen=True, slots=True)
class Experiment:
    """Schedules on networks, independent of the simulator.

    Attributes:
        scenario: The scenario, not placed yet.
        schedules: The control schedules; every schedule runs on every network.
        topology_seeds: Topology seeds of the networks.
        seconds: Network time of a run after the warm-up, in seconds.
    """

    scenario: Scenario
    schedules: tuple[ControlSchedule, ...]
    topology_seeds: tuple[int, ...]
    seconds: float

    def keys(self, network: str, replica: int) -> tuple[RunKey, ...]:
        """The runs of the experiment on one simulator, by topology seed and then by schedule."""
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


def run_schedules(experiment: Experiment, keys: Sequence[RunKey]) -> list[SimulationRun]:
    """Runs of schedules on one network, one after another in the same simulator."""
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
