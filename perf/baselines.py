"""Run the agents without a language model on the shipped tasks, on ns-3, and write results/baselines.md.

    python perf/baselines.py [--seeds N] [--workers N]

One line per finished episode goes to results/baselines.jsonl at once; a run that was interrupted goes
on where it stopped. Rows of other code or other scenarios are dropped.
"""

import argparse
import json
import math
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from sixgym.agents.registry import make_agent
from sixgym.episodes.jsonl import append_lines, read_lines
from sixgym.episodes.task import make_task
from sixgym.run.build import make_environment
from sixgym.run.executor import Broken, executor_for, function_worker
from sixgym.run.rollout import rollout
from sixgym.scenarios import load_scenario, shipped_names
from sixgym.scoring.goals import judge
from sixgym.simulators.ns3 import Ns3Simulator

RESULTS = Path(__file__).parents[1] / "results"
AGENTS = ("null", "random", "spam", "threshold", "mape-k")

Row = dict[str, object]
Job = tuple[str, str, int]
"""Names of a scenario and an agent, and a topology seed."""


def run(job: Job) -> Row:
    """One episode, graded."""
    scenario, agent, seed = job
    task = make_task(load_scenario(scenario), seed=seed)
    with make_environment("ns3") as environment:
        episode = rollout(environment, make_agent(agent, seed=seed), task)
    return {
        "scenario": scenario,
        "agent": agent,
        "seed": seed,
        "success": judge(episode).success,
        "calls": len(episode.steps),
        "refused": sum(not step.outcome.ok for step in episode.steps),
        "infrastructure_failure": episode.infrastructure_failure,
        "network": f"{episode.backend.name} {episode.backend.version}",
        "digest": episode.scenario_digest[:12],
    }


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson 1927)."""
    z, p = 1.96, successes / trials
    centre = p + z * z / (2 * trials)
    spread = z * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def table(rows: Iterable[Row], command: str) -> str:
    """The page in Markdown."""
    rows = list(rows)
    names = sorted({str(row["scenario"]) for row in rows})
    networks = sorted({str(row["network"]) for row in rows})
    seeds = sorted({int(str(row["seed"])) for row in rows})
    broken = sum(row["infrastructure_failure"] is not None for row in rows)
    lines = [
        "# The agents without a language model, on ns-3",
        "",
        f"Made by `{command}` on {', '.join(networks)}. The first task of each shipped scenario, topology "
        f"seeds {seeds[0]} to {seeds[-1]}; successes of episodes with the 95 % Wilson interval. "
        f"Infrastructure failures: {broken} of {len(rows)}. Every episode: `baselines.jsonl`.",
        "",
        "The rules of `mape-k` were written while looking at seeds 1 to 8 of `uav-inspection`, so this is "
        "no held-out result.",
        "",
        "| agent | " + " | ".join(names) + " |",
        "|---|" + "---|" * len(names),
    ]
    for agent in AGENTS:
        cells: list[str] = []
        for name in names:
            won = [bool(row["success"]) for row in rows if (row["agent"], row["scenario"]) == (agent, name)]
            low, high = wilson(sum(won), len(won))
            cells.append(f"{sum(won)}/{len(won)} ({low:.0%} to {high:.0%})")
        lines.append(f"| {agent} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="topology seeds 1 to N (default 10)")
    parser.add_argument("--workers", type=int, default=2, help="episodes at a time (default 2)")
    options = parser.parse_args()
    store = RESULTS / "baselines.jsonl"
    done: list[Row] = [json.loads(line) for _, line in read_lines(store)] if store.exists() else []
    # rows of another network or scenario are of no use beside new ones
    network = f"ns3 {Ns3Simulator().version}"
    digests = {
        (name, seed): load_scenario(name).placed(seed).digest[:12]
        for name in shipped_names()
        for seed in range(1, options.seeds + 1)
    }
    done = [
        row
        for row in done
        if row["network"] == network
        and digests.get((str(row["scenario"]), int(str(row["seed"])))) == row["digest"]
    ]
    finished = {(row["scenario"], row["agent"], row["seed"]) for row in done}
    wanted = [
        (scenario, agent, seed)
        for scenario in shipped_names()
        for agent in AGENTS
        for seed in range(1, options.seeds + 1)
    ]
    missing = [job for job in wanted if job not in finished]
    with closing(executor_for(options.workers).execute(function_worker(run), missing)) as outcomes:
        for count, outcome in enumerate(outcomes, 1):
            if isinstance(outcome, Broken):
                raise SystemExit(f"{outcome.job}: {outcome.reason}")
            row = outcome.value
            done.append(row)
            append_lines(store, [json.dumps(row)])
            print(
                f"{count}/{len(missing)} {row['scenario']} {row['agent']} {row['seed']}: {row['success']}",
                flush=True,
            )
    done.sort(key=lambda row: (str(row["scenario"]), AGENTS.index(str(row["agent"])), int(str(row["seed"]))))
    store.write_text("".join(json.dumps(row) + "\n" for row in done))
    command = f"python perf/baselines.py --seeds {options.seeds}"
    (RESULTS / "baselines.md").write_text(table(done, command))


if __name__ == "__main__":
    main()
