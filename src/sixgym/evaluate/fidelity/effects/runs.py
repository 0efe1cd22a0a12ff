"""Runs of cases: each network with the action and without it, on two network seeds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import Interval
from sixgym.evaluate.fidelity.effects.cases import INTERVALS_AFTER, INTERVALS_BEFORE, NEUTRAL, EffectCase
from sixgym.evaluate.fidelity.record import RunKey, StoredRun
from sixgym.evaluate.fidelity.source import Source
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.run.executor import Broken, executor_for
from sixgym.simulators.base import Simulator, SimulatorError
from sixgym.simulators.factory import make_simulator

REPLICAS = (0, 1)
"""Two network seeds. An effect has to have the same sign on both."""

FLOW_FIGURES = ("latency_ms", "loss_ratio", "throughput_mbps", "jitter_ms")
_INTERVALS = INTERVALS_BEFORE + 1 + INTERVALS_AFTER
_DIGITS = 5


class EffectRun(StoredRun):
    """A run with the action or without it.

    Attributes:
        refused: Error of the tool, if the tool refused the call.
        intervals: Figures by name, such as `slice URLLC latency_ms`, of the interval of the action and of the
            intervals after it.
    """

    refused: str | None = None
    intervals: tuple[Mapping[str, float], ...]

    @property
    def figures(self) -> dict[str, float]:
        """Means over the intervals after the action."""
        after = self.intervals[1:]
        return {name: _mean([one[name] for one in after]) for name in after[0]}


@dataclass(frozen=True, slots=True)
class EffectJob:
    """One run of one case.

    Attributes:
        case: The case.
        replica: Number of the network seed.
        acting: Whether the action happens.
    """

    case: EffectCase
    replica: int
    acting: bool

    def __str__(self) -> str:
        return f"{self.case.id} {'with' if self.acting else 'without'} its action, replica {self.replica}"

    def key(self, network: str) -> RunKey:
        """The identity of the run. A case that has changed has other keys."""
        case = self.case
        what = "action" if self.acting else "nothing"
        assert case.network.topology_seed is not None  # cases are placed
        return RunKey(
            network=network,
            scenario=case.network.digest,
            seconds=_INTERVALS * case.network.decision_interval_ms / 1e3,
            topology_seed=case.network.topology_seed,
            replica=self.replica,
            schedule=f"{case.id} {case.digest} {what}",
        )


def effect_jobs(cases: Sequence[EffectCase]) -> list[EffectJob]:
    """All runs of these cases, case by case."""
    return [
        EffectJob(case, replica, acting) for case in cases for replica in REPLICAS for acting in (False, True)
    ]


class EffectPlayer:
    """Plays runs on one network, which runs until `close`."""

    def __init__(self, make: Callable[[], Simulator]) -> None:
        self._backend = SimulatedBackend(make())

    def do(self, job: EffectJob) -> EffectRun:
        """Play a run."""
        case, backend = job.case, self._backend
        key = job.key(backend.info.name)
        backend.reset(case.struck if job.acting else case.network, seed=key.network_seed)
        for _ in range(INTERVALS_BEFORE):
            backend.execute(NEUTRAL)
        first = backend.execute(case.call if job.acting else case.neutral)
        intervals = [first.interval, *(backend.execute(NEUTRAL).interval for _ in range(INTERVALS_AFTER))]
        return EffectRun(
            key=key,
            version=backend.info.version,
            refused=first.outcome.error,
            intervals=tuple(_measured(case, interval) for interval in intervals),
        )

    def close(self) -> None:
        """Stop the network."""
        self._backend.close()


def run_effects(
    cases: Sequence[EffectCase],
    network: str,
    store: RunStore[EffectRun],
    *,
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Make the runs of cases that are not stored; each run is stored as soon as it is over.

    Args:
        cases: The cases.
        network: Name of a simulator.
        store: Holds the runs of this version of the simulator.
        processes: Number of worker processes.
        progress: Called with the number of runs made since the last call.

    Raises:
        SimulatorError: two workers died of the same run. Finished runs are in the store.
        WorkError: the work cannot go on, likewise.
    """
    play_effects(cases, partial(make_simulator, network), store, processes=processes, progress=progress)


def play_effects(
    cases: Sequence[EffectCase],
    make: Callable[[], Simulator],
    store: RunStore[EffectRun],
    *,
    processes: int = 1,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """As `run_effects`, on the simulator that `make` makes; with several processes `make` is pickled."""
    simulator = make()
    name = simulator.name
    simulator.close()
    jobs = effect_jobs(cases)
    missing = [job for job in jobs if job.key(name) not in store]
    with closing(executor_for(processes).execute(partial(EffectPlayer, make), missing)) as outcomes:
        for outcome in outcomes:
            if isinstance(outcome, Broken):
                raise SimulatorError(f"{outcome.job.key(name).schedule}: {outcome.reason}")
            store.add([outcome.value])
            progress(1)


class Played:
    """The runs of one simulator, by case.

    Attributes:
        source: The simulator.
    """

    def __init__(self, cases: Sequence[EffectCase], runs: Sequence[EffectRun]) -> None:
        """Take the runs of all these cases; further runs are ignored.

        Raises:
            ValueError: a run is missing.
        """
        if not runs:
            raise ValueError("there are no runs to compare")
        self.source = Source.of(runs[0])
        by_key = {run.key: run for run in runs}
        self._runs: dict[tuple[str, int, bool], EffectRun] = {}
        for case in cases:
            for replica in REPLICAS:
                for acting in (False, True):
                    key = EffectJob(case, replica, acting).key(self.source.network)
                    if key not in by_key:
                        raise ValueError(f"{key.network} has no run {key.schedule!r} of replica {replica}")
                    self._runs[case.id, replica, acting] = by_key[key]

    def refused(self, case: EffectCase) -> bool:
        """Whether the tool refused a call, on either network seed."""
        return any(
            self._runs[case.id, replica, acting].refused is not None
            for replica in REPLICAS
            for acting in (False, True)
        )

    def figures(self, case: EffectCase, *, acting: bool) -> list[dict[str, float]]:
        """Figures of the runs by replica."""
        return [self._runs[case.id, replica, acting].figures for replica in REPLICAS]

    def levels(self, case: EffectCase, figure: str) -> tuple[float, float]:
        """Mean of a figure over replicas, without the action and with it."""
        without, with_ = (self.figures(case, acting=acting) for acting in (False, True))
        return _mean([one[figure] for one in without]), _mean([one[figure] for one in with_])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _measured(case: EffectCase, interval: Interval) -> dict[str, float]:
    return {name: float(f"{value:.{_DIGITS}g}") for name, value in _figures(case, interval)}


def _figures(case: EffectCase, interval: Interval) -> Iterator[tuple[str, float]]:
    for kind, measured in interval.slices.items():
        for figure in FLOW_FIGURES:
            yield f"slice {kind.value} {figure}", getattr(measured.flow, figure)
    for node, measured in interval.nodes.items():
        yield f"node {node} load", measured.load
    managed = case.network.managed
    if managed in interval.workloads:
        yield f"group {managed} task_latency_ms", interval.workloads[managed].latency_ms
