"""The slicing experiment: control schedules on the network of the slicing paper, and their runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from sixgym.domain.scenario import Scenario
from sixgym.evaluate.fidelity.record import ControlledRun, RunKey
from sixgym.evaluate.fidelity.slicing.control_schedules import SCHEDULES, ControlSchedule
from sixgym.evaluate.fidelity.slicing.measure import measure
from sixgym.scenarios import load_scenario
from sixgym.simulators.factory import make_simulator

SCENARIO = "ran-slicing"


@dataclass(frozen=True, slots=True)
class SlicingExperiment:
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


def slicing_experiment(topology_seeds: Sequence[int], seconds: float) -> SlicingExperiment:
    """All control schedules on the network of the slicing paper."""
    return SlicingExperiment(load_scenario(SCENARIO), SCHEDULES, tuple(topology_seeds), seconds)


def run_schedules(experiment: SlicingExperiment, keys: Sequence[RunKey]) -> list[ControlledRun]:
    """Runs of schedules on one network, one after another in the same simulator."""
    schedules = {schedule.name: schedule for schedule in experiment.schedules}
    simulator = make_simulator(keys[0].network)
    try:
        return [measure(simulator, experiment.scenario, key, schedules[key.schedule]) for key in keys]
    finally:
        simulator.close()
