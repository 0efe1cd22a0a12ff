"""Measure what sixgym costs, and write results/speed.md from the figures.

    python perf/measure.py [--repeats N]

CPU seconds per simulated second, start-up and memory of both simulators for every shipped scenario, of
the slicing environments, and the overhead of a tool call with the simulator's time taken out. CPU time,
medians over seeds, and a reference loop timed in the same run, because machines differ.
"""

import argparse
import json
import os
import platform
import random
import resource
import statistics
import time
from dataclasses import replace
from pathlib import Path

from measure_tti import measure_rates, measure_starts, section

import sixgym
from sixgym.agents.rules.arguments import draw_arguments
from sixgym.backends.simulated import SimulatedBackend
from sixgym.backends.world import World
from sixgym.domain.change import Change
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import ToolCall
from sixgym.episodes.task import make_task
from sixgym.run.executor import Broken, ProcessExecutor, function_worker
from sixgym.scenarios import load_scenario, shipped_names
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from sixgym.tools.base import CATALOG

RESULTS = Path(__file__).parents[1] / "results"
SIMULATED_S = 5
GOALS = {"ran-slicing": 0.6}
MANAGEMENT_GOAL = 1.0


def reference_loop_s() -> float:
    """CPU seconds of a fixed pure-Python loop: the unit in which to compare machines."""
    started = time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number & 7
    return time.process_time() - started


def simulate(job: tuple[str, int]) -> tuple[float, float, float]:
    """CPU s per simulated s, start-up s and peak MB of a run. The simulator is the only child process."""
    name, seed = job
    scenario = load_scenario(name).placed(seed)
    simulator = Ns3Simulator()
    short = scenario.model_copy(update={"warm_up_ms": 300, "decision_interval_ms": 10})
    started = time.perf_counter()
    simulator.reset(short, seed=seed)
    start_up_s = time.perf_counter() - started
    simulator.close()
    before = _children_cpu_s()
    simulator.reset(scenario, seed=seed)
    for _ in range(SIMULATED_S * 1000 // scenario.decision_interval_ms):
        simulator.advance(scenario.decision_interval_ms)
    # not ru_maxrss: until its exec a child counts the memory of this process as its own
    status = Path(f"/proc/{simulator.pid}/status").read_text()
    megabytes = int(status.split("VmHWM:")[1].split()[0]) / 1024
    simulator.close()
    cpu_s = _children_cpu_s() - before
    return cpu_s / (SIMULATED_S + scenario.warm_up_ms / 1000), start_up_s, megabytes


def _children_cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def in_a_process(name: str, seed: int) -> tuple[float, float, float]:
    """The figures of `simulate`, from a process of its own."""
    (outcome,) = ProcessExecutor(1).execute(function_worker(simulate), [(name, seed)])
    if isinstance(outcome, Broken):
        raise SystemExit(f"{name}, seed {seed}: {outcome.reason}")
    return outcome.value


class Recorded:
    """Answers with intervals that were measured before: a simulator whose time is nought."""

    name = "recorded"
    version = "0"

    def __init__(self, intervals: list[Interval]) -> None:
        self._intervals = intervals
        self._next = 0

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """The first interval."""
        self._next = 1
        return self._intervals[0]

    def apply(self, change: Change) -> None:
        """Nothing to do."""

    def advance(self, duration_ms: int) -> Interval:
        """The next interval."""
        self._next += 1
        return self._intervals[self._next - 1]

    def close(self) -> None:
        """Nothing to free."""


def tool_overhead_us(calls: int = 200) -> tuple[dict[str, float], float]:
    """Median microseconds of a call, JSON text in, recorded result out, by tool; and of flight physics."""
    task = make_task(load_scenario("uav-inspection"), seed=1)
    simulator = Ns3Simulator()
    measured = [simulator.reset(task.scenario, seed=1), *(simulator.advance(500) for _ in range(10))]
    simulator.close()
    intervals = [
        replace(measured[index % len(measured)], start_ms=(index - 1) * 500, end_ms=index * 500)
        for index in range(calls + 1)
    ]
    backend = SimulatedBackend(Recorded(intervals))
    observation = Environment(backend).reset(task)
    rng = random.Random(0)
    figures: dict[str, float] = {}
    for name, tool in CATALOG.items():
        drawn = [json.dumps(draw_arguments(tool, observation, rng)) for _ in range(20)]
        prepared = [ToolCall(tool=name, arguments=text) for text in drawn]
        backend.reset(task.scenario, seed=1)
        times: list[float] = []
        for index in range(calls):
            call = prepared[index % len(prepared)]
            started = time.perf_counter_ns()
            backend.execute(call)
            times.append((time.perf_counter_ns() - started) / 1e3)
        figures[name] = statistics.median(times)
    world = World(task.scenario)
    times = []
    for interval in intervals:
        started = time.perf_counter_ns()
        world.advance(interval)
        times.append((time.perf_counter_ns() - started) / 1e3)
    return figures, statistics.median(times)


def main() -> None:
    """Measure everything and write the page and its figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=5, help="seeds per scenario (default 5)")
    options = parser.parse_args()
    figures: dict[str, object] = {
        "sixgym": sixgym.__version__,
        "simulator": Ns3Simulator().version,
        "tti_simulator": TtiSimulator().version,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "command": f"python perf/measure.py --repeats {options.repeats}",
        "reference_loop_s": reference_loop_s(),
    }
    rates, loops = measure_rates(range(1, options.repeats + 1), reference_loop_s)
    starts = measure_starts(min(options.repeats, 3))
    figures["tti"] = {"simulated_s_per_cpu_s": rates, "reference_loop_s": loops, "starts": starts}
    in_a_process("ran-slicing", 1)  # compiles the program, unless it is cached
    scenarios: dict[str, dict[str, list[float]]] = {}
    for name in shipped_names():
        runs = [in_a_process(name, seed) for seed in range(1, options.repeats + 1)]
        cpu, start, memory = (list(column) for column in zip(*runs, strict=True))
        scenarios[name] = {"cpu_per_simulated_s": cpu, "start_up_s": start, "memory_mb": memory}
        print(f"{name}: {statistics.median(cpu):.2f} CPU s per simulated s", flush=True)
    figures["scenarios"] = scenarios
    figures["tool_overhead_us"], figures["flight_us"] = tool_overhead_us()
    (RESULTS / "speed.json").write_text(json.dumps(figures, indent=1) + "\n")
    (RESULTS / "speed.md").write_text(page(figures, scenarios, section(rates, loops, starts)))


def page(
    figures: dict[str, object], scenarios: dict[str, dict[str, list[float]]], tti_section: list[str]
) -> str:
    """The page in Markdown."""
    lines = [
        "# What sixgym costs",
        "",
        f"Made by `{figures['command']}` with sixgym {figures['sixgym']}, ns-3 {figures['simulator']}, "
        f"tti {figures['tti_simulator']}, on {figures['machine']}. Figures behind it: `speed.json`.",
        f"Five million additions in Python took {figures['reference_loop_s']:.2f} CPU s in the same run.",
        "",
        *tti_section,
        f"## ns-3, {SIMULATED_S} simulated seconds after the warm-up",
        "",
        "| scenario | CPU s per simulated s, median (range) | goal | start-up s, median | peak MB |",
        "|---|---|---|---|---|",
    ]
    for name, runs in scenarios.items():
        cpu = runs["cpu_per_simulated_s"]
        lines.append(
            f"| {name} | {statistics.median(cpu):.2f} ({min(cpu):.2f} to {max(cpu):.2f}) "
            f"| {GOALS.get(name, MANAGEMENT_GOAL)} | {statistics.median(runs['start_up_s']):.2f} "
            f"| {max(runs['memory_mb']):.0f} |"
        )
    overhead = figures["tool_overhead_us"]
    assert isinstance(overhead, dict)
    median_us, flight_us = statistics.median(overhead.values()), float(str(figures["flight_us"]))
    lines += [
        "",
        "Start-up: from `reset` to the first measured interval with the shortest warm-up there is (300 ms of "
        "network time included), compiled program cached. Seeds 1, 2, 3, …",
        "",
        "## A tool call, without the simulator",
        "",
        "JSON text in, checked, carried out, books kept, snapshot frozen, result as JSON values out; the "
        "simulator is replaced by recorded intervals. Plausible drawn arguments, refused calls included.",
        "",
        f"Median over the 42 tools: {median_us:.1f} µs. Of this, {flight_us:.1f} µs are the flight and "
        "battery of four UAVs over the interval, which is simulation; without it "
        f"{median_us - flight_us:.1f} µs (goal 20). By tool, flight included:",
        "",
        "| tool | µs |",
        "|---|---|",
        *(f"| {name} | {value:.1f} |" for name, value in sorted(overhead.items(), key=lambda item: item[1])),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
