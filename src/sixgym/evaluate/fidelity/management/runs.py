"""Runs of the management scenarios with their faults and without control."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.evaluate.fidelity.record import RunKey, StoredRun
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import Simulator
from sixgym.simulators.factory import make_simulator

SCENARIOS = ("uav-inspection", "urban-slicing", "dense-degradation")
SCHEDULE = "uncontrolled"
"""The schedule in the keys of these runs."""

Phase = Literal["calm", "faulty"]
"""The intervals without an active fault, and the intervals with one."""

PHASES: tuple[Phase, ...] = ("calm", "faulty")


class UncontrolledRun(StoredRun):
    """A run without control.

    Attributes:
        figures: Figures by phase, object (`slice URLLC`, `group drone`, `cell gnb-1`) and name with unit. A
            figure that does not exist, such as the delay of a group without packets, is left out.
    """

    figures: Mapping[Phase, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True, slots=True)
class UncontrolledExperiment:
    """Scenarios on networks, independent of the simulator.

    Attributes:
        scenarios: The scenarios, not placed yet.
        topology_seeds: Topology seeds of the networks.
        seconds: Network time of a run after the warm-up, in seconds.
    """

    scenarios: tuple[Scenario, ...]
    topology_seeds: tuple[int, ...]
    seconds: float

    def keys(self, network: str, replica: int) -> tuple[RunKey, ...]:
        """The runs of the experiment on one simulator, by scenario and then by topology seed."""
        return tuple(
            RunKey(
                network=network,
                scenario=scenario.digest,
                seconds=self.seconds,
                topology_seed=seed,
                replica=replica,
                schedule=SCHEDULE,
            )
            for scenario in self.scenarios
            for seed in self.topology_seeds
        )


def management_experiment(topology_seeds: Sequence[int], seconds: float) -> UncontrolledExperiment:
    """The management scenarios on these topology seeds."""
    scenarios = tuple(load_scenario(name) for name in SCENARIOS)
    return UncontrolledExperiment(scenarios, tuple(topology_seeds), seconds)


def run_uncontrolled(experiment: UncontrolledExperiment, keys: Sequence[RunKey]) -> list[UncontrolledRun]:
    """Runs on one network, one after another in the same simulator."""
    scenarios = {scenario.digest: scenario for scenario in experiment.scenarios}
    simulator = make_simulator(keys[0].network)
    try:
        return [watch(simulator, scenarios[key.scenario], key) for key in keys]
    finally:
        simulator.close()


def watch(simulator: Simulator, scenario: Scenario, key: RunKey) -> UncontrolledRun:
    """Place the scenario and run it for `key.seconds` after the warm-up."""
    simulator.reset(scenario.placed(key.topology_seed), seed=key.network_seed)
    step_ms = scenario.decision_interval_ms
    intervals = [simulator.advance(step_ms) for _ in range(round(key.seconds * 1e3 / step_ms))]
    phases: dict[Phase, list[Interval]] = {
        "calm": [interval for interval in intervals if not interval.faults],
        "faulty": [interval for interval in intervals if interval.faults],
    }
    return UncontrolledRun(
        key=key,
        version=simulator.version,
        figures={phase: _rounded(_objects(measured)) for phase, measured in phases.items() if measured},
    )


def _objects(intervals: Sequence[Interval]) -> Iterator[tuple[str, dict[str, float]]]:
    first = intervals[0]
    for kind in first.slices:
        yield f"slice {kind}", _flow([interval.slices[kind].flow for interval in intervals])
    for group in first.groups:
        figures = _flow([interval.groups[group] for interval in intervals])
        figures |= _tasks(intervals, group)
        figures["sinr_db"] = _mean(
            device.sinr_db
            for interval in intervals
            for device in interval.devices.values()
            if device.group == group
        )
        yield f"group {group}", figures
    for cell in first.cells:
        yield f"cell {cell}", {"prb_load": _mean(interval.cells[cell].prb_load for interval in intervals)}


def _rounded(objects: Iterable[tuple[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Figures by object, with six digits: the simulators report no more."""
    return {
        item: {name: float(f"{figure:.6g}") for name, figure in figures.items()} for item, figures in objects
    }


def _flow(flows: Sequence[PacketFlow]) -> dict[str, float]:
    """Delay and throughput of the delivered packets, and the share of the lost packets."""
    delivered = sum(flow.delivered_packets for flow in flows)
    settled = delivered + sum(flow.lost_packets for flow in flows)
    figures = {"throughput_mbps": _mean(flow.throughput_mbps for flow in flows)}
    if settled:
        figures["loss_ratio"] = 1 - delivered / settled
    if delivered:
        figures["delay_ms"] = sum(flow.latency_ms * flow.delivered_packets for flow in flows) / delivered
    return figures


def _tasks(intervals: Sequence[Interval], group: str) -> dict[str, float]:
    tasks = [interval.workloads[group] for interval in intervals if group in interval.workloads]
    completed = sum(task.completed for task in tasks)
    if not completed:
        return {}
    return {"task_ms": sum(task.latency_ms * task.completed for task in tasks) / completed}


def _mean(values: Iterable[float]) -> float:
    numbers = list(values)
    return sum(numbers) / len(numbers)
