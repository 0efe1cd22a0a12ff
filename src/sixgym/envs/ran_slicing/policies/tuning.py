"""Tuning of the reference policies of the slicing environment on training seeds.

Network seed and topology seed of an episode are the same number here and in the benchmark.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from sixgym.domain.base import Record
from sixgym.envs.ran_slicing.actions import Allocation, all_allocations
from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.policies.reference import (
    DemandFollowing,
    SliceDemand,
    SlicingPolicy,
    StaticPolicy,
    play,
)

EFFICIENCIES = (2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0, 6.5, 7.0, 7.5)
"""Spectral efficiency in bit/s/Hz that demand following assumes."""

RESERVES_MBPS = (0.0, 0.25, 0.5, 1.0, 2.0)
BANDS_PRBS = (0, 1, 2, 3, 4)

Evaluate = Callable[[SlicingPolicy, Sequence[int]], float]
"""Mean utility of a policy over these seeds."""


class Tuning(Record):
    """The best parameters of the reference policies, and the network that they were tuned on.

    Attributes:
        scenario, scenario_digest: Name, and digest before placement.
        network: Name and version of the simulator.
        seeds: Topology seeds, of the training split.
        steps: Decisions in an episode.
        static, demands: The static split, and the parameters of demand following by slice.
        static_utility, demand_utility: Their mean utility over those seeds.
    """

    scenario: str
    scenario_digest: str
    network: str
    seeds: tuple[int, ...]
    steps: int
    static: Allocation
    static_utility: float
    demands: tuple[SliceDemand, ...]
    demand_utility: float


TUNING_FILE = "tuning.json"


def load_tuning(path: Path | None = None) -> Tuning:
    """The tuning that comes with sixgym, or the tuning in a file.

    Raises:
        ValueError: there is no such file, or it holds something else.
    """
    source = path or files("sixgym.envs.ran_slicing.policies") / TUNING_FILE
    if not source.is_file():
        raise ValueError(f"no tuning at {source}; make one with perf/tune_slicing.py")
    return Tuning.model_validate_json(source.read_text(encoding="utf-8"))


def static_best(tuning: Tuning) -> StaticPolicy:
    """The policy with the best static split."""
    return StaticPolicy(tuning.static, "static best")


def demand_following(tuning: Tuning, prbs: int, interval_ms: int) -> DemandFollowing:
    """The demand following policy with the best parameters."""
    return DemandFollowing(tuning.demands, prbs, interval_ms)


def evaluator(env: RanSlicingEnv) -> Evaluate:
    """Mean utility of a policy over episodes in this environment."""

    def mean_utility(policy: SlicingPolicy, seeds: Sequence[int]) -> float:
        played = [play(env, policy, topology_seed=seed, network_seed=seed) for seed in seeds]
        return sum(totals.utility for totals in played) / len(played)

    return mean_utility


def tune(env: RanSlicingEnv, seeds: Sequence[int]) -> Tuning:
    """Find the best static split and the best demand following on these seeds.

    Raises:
        ValueError: a seed is not of the environment's split.
        SimulatorError: the network failed.
    """
    evaluate = evaluator(env)
    slices, prbs = len(env.scenario.slices), env.scenario.prbs
    static, static_utility = tune_static(evaluate, slices, prbs, seeds)
    following, demand_utility = tune_demand(evaluate, slices, prbs, env.scenario.decision_interval_ms, seeds)
    return Tuning(
        scenario=env.scenario.name,
        scenario_digest=env.scenario.digest,
        network=f"{env.simulator.name} {env.simulator.version}",
        seeds=tuple(seeds),
        steps=env.steps,
        static=static.allocation,
        static_utility=static_utility,
        demands=following.demands,
        demand_utility=demand_utility,
    )


def tune_static(
    evaluate: Evaluate, slices: int, prbs: int, seeds: Sequence[int]
) -> tuple[StaticPolicy, float]:
    """The best static split, with its mean utility over all seeds.

    Successive halving: every split that serves all slices plays on two seeds, the best third of them
    on three times as many, and so on until all seeds are used.
    """
    rivals = [StaticPolicy(allocation) for allocation in all_allocations(slices, prbs) if min(allocation) > 0]
    count = 2
    while True:
        scores = [(evaluate(rival, seeds[:count]), rival) for rival in rivals]
        scores.sort(key=lambda score: (-score[0], score[1].allocation))
        if count >= len(seeds):
            return scores[0][1], scores[0][0]
        rivals = [rival for _, rival in scores[: max(1, len(scores) // 3)]]
        count *= 3


def tune_demand(
    evaluate: Evaluate, slices: int, prbs: int, interval_ms: int, seeds: Sequence[int]
) -> tuple[DemandFollowing, float]:
    """Good parameters for demand following, with their mean utility over the seeds.

    Coordinate descent over the grids above, a slice and a parameter at a time.
    """
    start = SliceDemand(efficiency=4.0, reserve_mbps=0.5, band_prbs=1)
    best = DemandFollowing((start,) * slices, prbs, interval_ms)
    utility = evaluate(best, seeds)
    for _ in range(2):  # the second pass starts from the result of the first
        before = utility
        for row in range(slices):
            for grid in _grids(row):
                for rival in grid(best):
                    score = evaluate(rival, seeds)
                    if score > utility:
                        best, utility = rival, score
        if utility == before:
            break
    return best, utility


def _grids(row: int) -> Iterator[Callable[[DemandFollowing], list[DemandFollowing]]]:
    """For each parameter of a slice: a function that makes variants of a policy in that parameter alone."""
    for name, values in (
        ("efficiency", EFFICIENCIES),
        ("reserve_mbps", RESERVES_MBPS),
        ("band_prbs", BANDS_PRBS),
    ):
        yield lambda policy, name=name, values=values: [
            DemandFollowing(
                tuple(
                    demand.model_copy(update={name: value}) if index == row else demand
                    for index, demand in enumerate(policy.demands)
                ),
                policy.prbs,
                policy.interval_ms,
            )
            for value in values
            if value != policy.demands[row].model_dump()[name]
        ]
