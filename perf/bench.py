"""Grade every agent that needs no language model on 6GAgentBench, and write results/6gagentbench.md.

    python perf/bench.py [--networks tti,ns3] [--limit N] [--workers N] [--page-only]

Graded rows are kept in results/data/6gagentbench-NETWORK.jsonl.gz, from which `--page-only` writes the page
again. Tasks of which a row is kept are not run again, unless the network or the rules of grading have become
others, or our side broke; after a change of an agent, delete the file and the runs. The rest is run in
runs/bench-AGENT-NETWORK-TASKS and goes on where it stopped. `--limit` is for ns3: that many tasks, of all
tiers and domains in turn; tti always works on all of them. The page is about tasks of which every agent that
has any rows has one. Rows of other versions are gone with the first agent that is run.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path

from sixgym.episodes.jsonl import read_packed, write_packed
from sixgym.evaluate.bench.api import bench
from sixgym.evaluate.bench.report import DASH
from sixgym.evaluate.bench.store import RunFolder
from sixgym.evaluate.fidelity.store import same_version
from sixgym.evaluate.markdown import table
from sixgym.scoring.metrics import RunSummary, by_domain, by_tier, summarise
from sixgym.scoring.result import GRADER, Result
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.frozen import Manifest, TaskSet, load_task_set, write_task_set
from sixgym.tasks.record import DOMAINS, TIERS
from sixgym.tasks.selection import Selection, select

RESULTS = Path(__file__).parents[1] / "results"
RUNS = Path("runs")
AGENTS = ("reference", "mape-k", "drl-slicing", "threshold", "random", "spam", "null")
WHOLE_SET_NETWORK = "tti"

NOTES = (
    "Success with 95 % intervals clustered by task. Valid: calls that were not refused. Unsafe: episodes in "
    "which a safety constraint was violated. Broken: infrastructure failures, which count as failed."
)

PAPER = {
    "threshold": (51.3, 18.6, 4.2, 22.1, 19.8),
    "mape-k": (54.8, 25.7, 8.9, 27.5, 23.4),
    "drl-slicing": (38.2, 27.3, 11.5, 24.1, 20.6),
}
"""6GAgentGym, table I: L1, L2, L3, SR and SPL in percent."""


def run(network: str, limit: int | None, workers: int) -> None:
    """Run what no row is kept of, agent by agent, and keep the rows after each."""
    tasks = load_task_set()
    wanted = {task.task.id for task in select(tasks.tasks, Selection(limit=limit))}
    simulator = make_simulator(network)
    version = simulator.version
    simulator.close()
    kept = rows_of(network) if stored(network).exists() else []
    rows = {
        (row.agent, row.task): row
        for row in kept
        if same_version(row.network.removeprefix(f"{network} "), version)
        and row.grader == GRADER
        and row.infrastructure_failure is None
    }
    keys = [(agent, task.task.id) for agent in AGENTS for task in tasks.tasks]
    for agent in AGENTS:
        missing = {task for task in wanted if (agent, task) not in rows}
        print(f"{agent} on {network}: {len(missing)} of {len(wanted)} to run", file=sys.stderr, flush=True)
        if missing:
            rows |= {(agent, row.task): row for row in _run(agent, network, tasks, missing, workers)}
            _keep(network, [rows[key] for key in keys if key in rows])


def _run(agent: str, network: str, tasks: TaskSet, missing: AbstractSet[str], workers: int) -> list[Result]:
    """The rows of an agent on some of the tasks, from a run that goes on where it stopped."""
    some = RUNS / f"tasks-{agent}-{network}.json"
    some.parent.mkdir(exist_ok=True)
    facts = tasks.manifest.model_dump(include={"name", "version", "command", "networks"})
    manifest = write_task_set(some, (task for task in tasks.tasks if task.task.id in missing), **facts)
    folder = RUNS / f"bench-{agent}-{network}-{manifest.sha256[:8]}"
    bench(agent, network=network, tasks=some, workers=workers, out=folder, resume=True)
    return RunFolder(folder).results()


def _keep(network: str, rows: Sequence[Result]) -> None:
    # everything, defaults too: a row keeps the version of the rules it was graded by
    write_packed(stored(network), [row.model_dump_json() for row in rows])


def stored(network: str) -> Path:
    """Where the rows of a network are kept."""
    return RESULTS / "data" / f"6gagentbench-{network}.jsonl.gz"


def rows_of(network: str) -> list[Result]:
    """The kept rows of a network."""
    path = stored(network)
    if not path.exists():
        raise SystemExit(f"no rows of {network} in {path}: run it first")
    return list(read_packed(path, Result))


def compared_on(network: str) -> list[Result]:
    """The kept rows of the tasks of which every agent that has any rows has one."""
    rows = rows_of(network)
    of = [{row.task for row in rows if row.agent == agent} for agent in {row.agent for row in rows}]
    return [row for row in rows if all(row.task in tasks for tasks in of)]


def page(networks: Sequence[str], command: str) -> str:
    """The page in Markdown."""
    manifest = load_task_set().manifest
    lines = ["# 6GAgentBench: agents without a language model", "", *_about(manifest), f"    {command}", ""]
    found = {network: compared_on(network) for network in networks}
    for network, rows in found.items():
        lines += _network(network, rows)
    lines += ["", NOTES, "", *_beside_the_paper(found)]
    return "\n".join(lines).rstrip() + "\n"


def _about(manifest: Manifest) -> list[str]:
    thrown = sum(manifest.thrown_out.values()) - manifest.thrown_out.get("not needed", 0)
    mix = ", ".join(f"{tier} {count}" for tier, count in manifest.tiers.items())
    checked = ", ".join(f"{network} {version}" for network, version in manifest.networks.items())
    return [
        f"Task set {manifest.name}, {manifest.tasks} tasks ({mix}), sha256 `{manifest.sha256[:12]}`, "
        f"checked on {checked}. Candidates thrown out on the way: {thrown}.",
        *(f"- {count}: {reason}" for reason, count in manifest.thrown_out.items() if reason != "not needed"),
        "",
        "Overall figures are over the set as it is, a third of it in each tier. Made by",
        "",
    ]


def _network(network: str, rows: list[Result]) -> list[str]:
    agents = [agent for agent in AGENTS if any(row.agent == agent for row in rows)]
    of = {agent: [row for row in rows if row.agent == agent] for agent in agents}
    versions = ", ".join(sorted({row.network for row in rows}))
    header = [
        "agent",
        "n",
        *(f"{tier} %" for tier in TIERS),
        "SR %",
        "SPL %",
        "valid %",
        "unsafe %",
        "broken",
        "calls",
    ]
    body = [_line(agent, of[agent]) for agent in agents]
    domains = [
        [agent, *(_percent(by_domain(of[agent], DOMAINS).get(domain)) for domain in DOMAINS)]
        for agent in agents
    ]
    return [
        f"## On {network}",
        "",
        f"{versions}. {len(of[agents[0]])} tasks each.",
        "",
        *table(header, body),
        "",
        "Success by domain, percent:",
        "",
        *table(["agent", *DOMAINS], domains),
        "",
    ]


def _line(agent: str, rows: list[Result]) -> list[str]:
    overall, tiers = summarise(rows), by_tier(rows, TIERS)
    low, high = overall.ci95
    return [
        agent,
        str(overall.n),
        *(_with_interval(tiers.get(tier)) for tier in TIERS),
        f"{100 * overall.success_rate:.1f} [{100 * low:.1f}, {100 * high:.1f}]",
        f"{100 * overall.spl:.1f}",
        DASH if overall.validity is None else f"{100 * overall.validity:.1f}",
        f"{100 * overall.unsafe:.1f}",
        str(overall.infrastructure_failures),
        f"{overall.calls:.1f}",
    ]


def _with_interval(summary: RunSummary | None) -> str:
    if summary is None:
        return DASH
    low, high = summary.ci95
    return f"{100 * summary.success_rate:.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _percent(summary: RunSummary | None) -> str:
    return DASH if summary is None else f"{100 * summary.success_rate:.1f}"


def _beside_the_paper(found: Mapping[str, Sequence[Result]]) -> list[str]:
    """Our baselines beside those of 6GAgentGym's table I."""
    header = ["agent", "", *TIERS, "SR", "SPL"]
    body: list[list[str]] = []
    for agent, figures in PAPER.items():
        body.append([agent, "paper, learned model", *(f"{figure:.1f}" for figure in figures)])
        for network, rows in found.items():
            mine = [row for row in rows if row.agent == agent]
            if mine:
                tiers, overall = by_tier(mine, TIERS), summarise(mine)
                shown = [*(_percent(tiers.get(tier)) for tier in TIERS), _percent(overall)]
                body.append([agent, f"here, {network}", *shown, f"{100 * overall.spl:.1f}"])
    return [
        "## Beside 6GAgentGym's table I",
        "",
        *table(header, body),
        "",
        Path(__file__).with_name("bench_differences.md").read_text(encoding="utf-8").rstrip(),
    ]


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--networks", default="tti,ns3", help="which networks (default tti,ns3)")
    parser.add_argument("--limit", type=int, help="tasks on networks other than tti (default all)")
    parser.add_argument("--workers", type=int, default=2, help="episodes at a time (default 2)")
    parser.add_argument("--page-only", action="store_true", help="write the page from the kept rows")
    options = parser.parse_args()
    networks = options.networks.split(",")
    if not options.page_only:
        for network in networks:
            run(network, None if network == WHOLE_SET_NETWORK else options.limit, options.workers)
    limit = f" --limit {options.limit}" if options.limit else ""
    command = f"python perf/bench.py --networks {options.networks}{limit}"
    (RESULTS / "6gagentbench.md").write_text(page(networks, command), encoding="utf-8")


if __name__ == "__main__":
    main()
