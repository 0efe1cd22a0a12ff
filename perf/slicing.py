"""Play the reference policies of the slicing task on held-out seeds; writes results/slicing.md and .svg.

    python perf/slicing.py [--networks tti ns3] [--workers N]
    python perf/slicing.py --out DIR [--seeds N] [--steps N] [--width N]

One line per finished episode goes to results/slicing.jsonl at once; a run that was interrupted goes on
where it stopped. With other seeds, steps or width all goes to DIR. Rows of another simulator, scenario
or policy setting are dropped. The clairvoyant's plans are made on the TTI simulator, whose running
network can be copied, and are then played on both.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slicing_report import page, plot

from sixgym.domain.scenario import Scenario
from sixgym.domain.splits import HELD_OUT_SEEDS
from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.policies.bound import record_arrivals, utility_bound
from sixgym.envs.ran_slicing.policies.clairvoyant import Search, clairvoyant
from sixgym.envs.ran_slicing.policies.reference import OpenLoop, SlicingPolicy, play, static_half
from sixgym.envs.ran_slicing.policies.tuning import Tuning, demand_following, load_tuning, static_best
from sixgym.episodes.jsonl import append_lines, read_lines
from sixgym.run.executor import Broken, executor_for, function_worker
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.simulators.tti import TtiSimulator

RESULTS = Path(__file__).resolve().parents[1] / "results"
POLICIES = ("static half", "static best", "demand following", "clairvoyant", "bound")
PLANNER = "tti"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """An episode to play, or a bound to compute."""

    network: str
    policy: str
    seed: int
    steps: int
    width: int


def policy_of(job: Job, scenario: Scenario, tuning: Tuning, plan: list[list[int]] | None) -> SlicingPolicy:
    """The policy of a job; `plan` is the clairvoyant's."""
    match job.policy:
        case "static half":
            return static_half(len(scenario.slices), scenario.prbs)
        case "static best":
            return static_best(tuning)
        case "demand following":
            return demand_following(tuning, scenario.prbs, scenario.decision_interval_ms)
        case _:
            if plan is None:
                raise ValueError(f"no plan for seed {job.seed}: play the clairvoyant on {PLANNER} first")
            return OpenLoop(tuple(tuple(allocation) for allocation in plan))


def run(planned: tuple[Job, list[list[int]] | None]) -> Row:
    """The row of a job and the clairvoyant's plan. A failure of the simulator is a row, too."""
    job, plan = planned
    scenario = load_scenario("ran-slicing")
    row = {**key_of(job), **stamp_of(job, scenario, plan)}
    try:
        return row | measured(job, scenario, plan)
    except SimulatorError as error:
        return row | {"infrastructure_failure": str(error)[:500]}


def measured(job: Job, scenario: Scenario, plan: list[list[int]] | None) -> Row:
    """The figures of a job."""
    if job.policy == "bound":
        simulator, placed = make_simulator(job.network), scenario.placed(job.seed)
        try:
            arrivals = record_arrivals(simulator, placed, network_seed=job.seed, steps=job.steps)
        finally:
            simulator.close()
        return {"utility": utility_bound(placed, arrivals)}
    if job.policy == "clairvoyant" and job.network == PLANNER:
        made = clairvoyant(
            TtiSimulator(),
            scenario.placed(job.seed),
            network_seed=job.seed,
            steps=job.steps,
            search=Search(width=job.width),
        )
        return {**made.totals.as_info(), "plan": made.allocations}
    env = RanSlicingEnv(job.network, scenario, steps=job.steps, split="held_out")
    try:
        policy = policy_of(job, scenario, load_tuning(), plan)
        return play(env, policy, topology_seed=job.seed, network_seed=job.seed).as_info()
    finally:
        env.close()


def key_of(job: Job) -> Row:
    """What identifies a row."""
    return {"network": job.network, "policy": job.policy, "seed": job.seed}


def stamp_of(job: Job, scenario: Scenario, plan: list[list[int]] | None) -> Row:
    """What a row depends on; a row with another stamp is stale."""
    if job.policy == "bound":
        setting = "bound"
    elif job.policy == "clairvoyant" and job.network == PLANNER:
        setting = repr(Search(width=job.width))
    else:
        setting = repr(policy_of(job, scenario, load_tuning(), plan))
    return {
        "version": make_simulator(job.network).version,
        "digest": scenario.placed(job.seed).digest[:12],
        "setting": hashlib.sha256(setting.encode()).hexdigest()[:12],
        "steps": job.steps,
    }


def stored(store: Path) -> list[Row]:
    """The rows in the file, which may have been cut short in its last line."""
    return [json.loads(line) for _, line in read_lines(store)] if store.exists() else []


def plans(rows: Iterable[Row]) -> dict[int, list[list[int]]]:
    """The clairvoyant's plans by seed."""
    return {row["seed"]: row["plan"] for row in rows if "plan" in row}


def play_missing(jobs: list[Job], done: list[Row], store: Path, workers: int) -> list[Row]:
    """The rows of these jobs: those that are still good, and the others played now."""
    scenario, known = load_scenario("ran-slicing"), plans(done)
    by_key = {(row["network"], row["policy"], row["seed"]): row for row in done}
    rows: list[Row] = []
    missing: list[Job] = []
    for job in jobs:
        row = by_key.get((job.network, job.policy, job.seed))
        stamp = stamp_of(job, scenario, known.get(job.seed))
        good = row is not None and "infrastructure_failure" not in row and stamp.items() <= row.items()
        if row is not None and good:
            rows.append(row)
        else:
            missing.append(job)
    planned = [(job, known.get(job.seed)) for job in missing]
    with closing(executor_for(workers).execute(function_worker(run), planned)) as outcomes:
        for count, outcome in enumerate(outcomes, 1):
            if isinstance(outcome, Broken):
                raise SystemExit(f"{outcome.job[0]}: {outcome.reason}")
            row = json.loads(json.dumps(outcome.value))
            rows.append(row)
            append_lines(store, [json.dumps(row)])
            what = " ".join(str(value) for value in (row["network"], row["policy"], row["seed"]))
            print(f"{count}/{len(missing)} {what}: {row.get('utility', 'failed')}", flush=True)
    return rows


def main() -> None:
    """Play what is missing, then write the page and the plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", nargs="+", default=["tti", "ns3"], choices=["tti", "ns3"])
    parser.add_argument("--seeds", type=int, default=30, help="the first N held-out seeds (default 30)")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--width", type=int, default=Search().width, help="copies the clairvoyant keeps")
    parser.add_argument("--workers", type=int, default=2, help="episodes at a time (default 2)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the page (default results)")
    options = parser.parse_args()
    changed = [
        f"--{name} {vars(options)[name]}"
        for name in ("seeds", "steps", "width")
        if vars(options)[name] != parser.get_default(name)
    ]
    if changed and options.out.resolve() == RESULTS:
        parser.error(f"docs holds the whole benchmark: with {' '.join(changed)} it needs another --out")
    tuning, scenario = load_tuning(), load_scenario("ran-slicing")
    if tuning.scenario_digest != scenario.digest:
        parser.error("the policies were tuned on another ran-slicing: run perf/tune_slicing.py first")
    options.out.mkdir(parents=True, exist_ok=True)
    store = options.out / "slicing.jsonl"
    rows = stored(store)
    kept = [row for row in rows if row["network"] not in options.networks]
    for network in sorted(options.networks, key=lambda name: name != PLANNER):  # plans come first
        jobs = [
            Job(network, policy, seed, options.steps, options.width)
            for policy in POLICIES
            if policy != "bound" or network == PLANNER  # it depends on arrivals alone
            for seed in HELD_OUT_SEEDS[: options.seeds]
        ]
        kept += play_missing(jobs, [*rows, *kept], store, options.workers)
    kept.sort(key=lambda row: (row["network"], POLICIES.index(row["policy"]), row["seed"]))
    store.write_text("".join(json.dumps(row) + "\n" for row in kept))
    command = " ".join(["python perf/slicing.py", *changed])
    (options.out / "slicing.md").write_text(page(kept, tuning, command))
    plot(kept, options.out / "slicing.svg")


if __name__ == "__main__":
    main()
