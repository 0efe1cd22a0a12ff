"""What the TTI simulator costs; `measure.py` runs this and writes the page."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from sixgym.domain.change import Change, ScaleTraffic
from sixgym.envs.ran_slicing.actions import number_of, prb_policy
from sixgym.envs.ran_slicing.environment import RanSlicingEnv
from sixgym.envs.ran_slicing.vector import RanSlicingVectorEnv
from sixgym.scenarios import load_scenario
from sixgym.simulators.tti import TtiSimulator

SPLIT = (8, 6)
"""PRBs of 25 for the two slices: 32 % and 24 %."""

SATURATING_FACTOR = 8.0
COPIES = 16
_INTERVALS = {"ran-slicing": 300, "management": 120}  # 30 s and 60 s

Rates = dict[str, list[float]]
"""Simulated seconds per CPU second by what was measured, one figure per round."""


@dataclass(frozen=True, slots=True)
class Load:
    """A scenario, what is done to it after the reset, and what it has to reach."""

    scenario: str
    goal: float
    changes: tuple[Change, ...] = ()


def loads() -> dict[str, Load]:
    """What is measured through `TtiSimulator.advance`."""
    slicing = load_scenario("ran-slicing")
    surge = tuple(ScaleTraffic(group.name, SATURATING_FACTOR) for group in slicing.groups)
    return {
        "ran-slicing, the paper's load": Load("ran-slicing", 1_000, (prb_policy(slicing, SPLIT),)),
        "ran-slicing, saturated": Load("ran-slicing", 300, (prb_policy(slicing, (13, 12)), *surge)),
        **{name: Load(name, 300) for name in ("dense-degradation", "uav-inspection", "urban-slicing")},
    }


ENVIRONMENTS = ("RanSlicingEnv.step", f"RanSlicingVectorEnv.step, {COPIES} networks")
"""At the paper's load with the same split."""


def measure_rates(seeds: range, reference_loop_s: Callable[[], float]) -> tuple[Rates, list[float]]:
    """The rates, and the reference loop's time in every round.

    A round measures everything once, so that whatever slows the machine down for a while slows all.
    """
    rates: Rates = {name: [] for name in (*loads(), *ENVIRONMENTS)}
    loops: list[float] = []
    _warm_up()
    for seed in seeds:
        loops.append(reference_loop_s())
        for name, load in loads().items():
            rates[name].append(_advance(load, seed))
        rates[ENVIRONMENTS[0]].append(_step(seed))
        rates[ENVIRONMENTS[1]].append(_step_many(seed))
        print(f"round {seed}: " + ", ".join(f"{name} {rates[name][-1]:.0f}" for name in rates), flush=True)
    return rates, loops


def _warm_up() -> None:
    for load in loads().values():
        simulator = TtiSimulator()
        simulator.reset(load_scenario(load.scenario).placed(1), seed=1)


def _advance(load: Load, seed: int) -> float:
    scenario = load_scenario(load.scenario).placed(seed)
    simulator = TtiSimulator()
    simulator.reset(scenario, seed=seed)
    for change in load.changes:
        simulator.apply(change)
    intervals = _INTERVALS["ran-slicing" if load.scenario == "ran-slicing" else "management"]
    started = time.process_time()
    for _ in range(intervals):
        simulator.advance(scenario.decision_interval_ms)
    return intervals * scenario.decision_interval_ms / 1e3 / (time.process_time() - started)


def _step(seed: int) -> float:
    env = RanSlicingEnv("tti")
    env.reset(options={"topology_seed": seed, "network_seed": seed})
    action = number_of(SPLIT, env.scenario.prbs)
    started = time.process_time()
    for _ in range(env.steps):
        env.step(action)
    passed_s = time.process_time() - started
    simulated_s = env.steps * env.scenario.decision_interval_ms / 1e3
    env.close()
    return simulated_s / passed_s


def _step_many(seed: int) -> float:
    envs = RanSlicingVectorEnv(COPIES, "tti")
    envs.reset(seed=1_000 * seed)
    scenario, steps = envs.envs[0].scenario, envs.envs[0].steps
    actions = [number_of(SPLIT, scenario.prbs)] * COPIES
    started = time.process_time()
    for _ in range(steps):
        envs.step(actions)
    passed_s = time.process_time() - started
    envs.close()
    return COPIES * steps * scenario.decision_interval_ms / 1e3 / passed_s


_START = """
import json, resource, sys, time
begun = time.perf_counter()
from sixgym.scenarios import load_scenario
from sixgym.simulators.tti import TtiSimulator
imported = time.perf_counter()
scenario = load_scenario(sys.argv[1]).placed(1)
simulator = TtiSimulator()
resetting = time.perf_counter()
simulator.reset(scenario, seed=1)
reset = time.perf_counter()
simulator.advance(scenario.decision_interval_ms)
first = time.perf_counter()
cpu_s = time.process_time()
again = time.perf_counter()
simulator.reset(scenario, seed=2)
again = time.perf_counter() - again
for _ in range(20):
    simulator.advance(scenario.decision_interval_ms)
memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"import_s": imported - begun, "first_reset_s": reset - resetting,
                  "first_interval_s": first - reset, "second_reset_s": again, "cpu_s": cpu_s,
                  "memory_mb": memory_mb}))
"""


def measure_starts(repeats: int) -> dict[str, dict[str, list[float]]]:
    """Seconds on the clock from the start of a process, and its memory: cold and warm.

    Cold: with an empty cache of compiled code. Warm: with the cache that the cold start left.
    """
    result: dict[str, dict[str, list[float]]] = {"cold": {}, "warm": {}}
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            for kind in ("cold", "warm"):
                for name, value in _start("ran-slicing", cache).items():
                    result[kind].setdefault(name, []).append(value)
    return result


def _start(scenario: str, cache: str) -> dict[str, float]:
    begun = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, "-c", _START, scenario],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        capture_output=True,
        text=True,
        check=True,
    )
    # the whole process, its end and 20 more intervals included: a little more than to the first interval
    return {"process_s": time.perf_counter() - begun, **json.loads(ended.stdout)}


def section(rates: Rates, loops: list[float], starts: dict[str, dict[str, list[float]]]) -> list[str]:
    """Markdown: rates beside their goals, then starts."""
    goals = {name: load.goal for name, load in loads().items()}
    lines = [
        "## TTI simulator, simulated seconds per CPU second",
        "",
        "| what | median (range) over seeds | goal | |",
        "|---|---|---|---|",
    ]
    for name, measured in rates.items():
        middle = statistics.median(measured)
        goal = f"{goals[name]:.0f}" if name in goals else "–"
        verdict = "–" if name not in goals else "met" if middle >= goals[name] else "missed"
        lines.append(
            f"| {name} | {middle:.0f} ({min(measured):.0f} to {max(measured):.0f}) | {goal} | {verdict} |"
        )
    cold, warm = (
        {name: statistics.median(values) for name, values in starts[kind].items()}
        for kind in ("cold", "warm")
    )
    to_first = warm["import_s"] + warm["first_reset_s"] + warm["first_interval_s"]
    compile_s = cold["import_s"] + cold["first_reset_s"] + cold["first_interval_s"]
    lines += [
        "",
        f"CPU time of the whole process over {_INTERVALS['ran-slicing'] / 10:.0f} s (slicing) and "
        f"{_INTERVALS['management'] / 2:.0f} s (management) after the warm-up; compiled code cached. Every "
        "seed measures all rows in turn, so that they can be compared; five million additions in Python took "
        f"{statistics.median(loops):.2f} CPU s ({min(loops):.2f} to {max(loops):.2f}) in between.",
        f"At the paper's load the slices have {4 * SPLIT[0]} % and {4 * SPLIT[1]} % of the PRBs; saturated "
        f"means {SATURATING_FACTOR:.0f} times the traffic on both and half of the PRBs each. The rows of the "
        "environments are at the paper's load and include observation, reward and metrics.",
        "There is no implementation of this kernel in C to hold it against, so there is no such ratio.",
        "",
        "| start, ran-slicing, s on the clock | cold: empty cache of compiled code | warm |",
        "|---|---|---|",
        *(
            f"| {label} | {cold[name]:.2f} | {warm[name]:.2f} |"
            for label, name in (
                ("import of the simulator", "import_s"),
                ("first `reset`, warm-up of 1 s included", "first_reset_s"),
                ("first interval of 100 ms", "first_interval_s"),
                ("CPU time of all this and of Python's own start", "cpu_s"),
                ("`reset` in a process that has run", "second_reset_s"),
                ("the whole process with 21 intervals more", "process_s"),
            )
        ),
        "",
        f"From import to the first interval: {to_first:.2f} s warm (goal 1, "
        f"{'met' if to_first <= 1 else 'missed'}), {compile_s:.1f} s cold (goal 15, "
        f"{'met' if compile_s <= 15 else 'missed'}). Peak memory of the process: "
        f"{warm['memory_mb']:.0f} MB, {cold['memory_mb']:.0f} MB with compilation.",
        "",
    ]
    return lines
