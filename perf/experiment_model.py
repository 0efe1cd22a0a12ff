"""How fast the experiment model is beside tti and ns-3; writes results/experiment-model-speed.{json,md}.

    python perf/experiment_model.py [--network NAME]... [--explorations N] [--rounds N] [--out FOLDER]

Every network plays the same explorations with the same calls, each of which acts on the network, without
faults and with them. Only the calls are timed: making, starting and warming up a network is not, and neither
is the loading of a model. An interval in which the experiment model keeps the state of a network at rest
costs nothing, so it is counted apart and does not count as a transition. A round measures everything once,
so that whatever slows the machine down for a while slows all.
"""

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from threading import Barrier

import torch

import sixgym
from sixgym.backends.simulated import SimulatedBackend
from sixgym.data.traces.exploration import STEPS, Explorer, exploration
from sixgym.domain.splits import HELD_OUT_SEEDS
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Task, ToolCall, Turn
from sixgym.run.attempt import Attempt
from sixgym.run.build import make_environment, make_network
from sixgym.run.executor import ThreadExecutor, function_worker
from sixgym.simulators.factory import FROM_FOLDERS, make_simulator
from sixgym.tools.base import CATALOG, Effect

RESULTS = Path(__file__).parents[1] / "results"
PAGE = "experiment-model-speed"
AT_ONCE = 64
NETWORKS = ("experiment-model", "tti", "ns3")
MEANT = ("without faults", "with faults")
_ACTING = {"request_handover", "graceful_degradation"}
_TRIES = 100


@dataclass(frozen=True, slots=True)
class Job:
    """A network and the calls that are made on it."""

    task: Task
    calls: tuple[ToolCall, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a network did.

    Attributes:
        transitions: Calls with an interval that was worked out.
        kept: Calls whose interval was the one before, of a network at rest.
        seconds: On the clock, for all of them.
    """

    transitions: int
    kept: int
    seconds: float

    @property
    def rate(self) -> float:
        """Transitions per second."""
        return self.transitions / self.seconds


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the page: a network, so many at once, on one kind of exploration, over all rounds."""

    network: str
    at_once: int
    kind: str
    rounds: tuple[Measured, ...]

    @property
    def rate(self) -> float:
        """The median."""
        return statistics.median(one.rate for one in self.rounds)


@dataclass
class Acting:
    """An explorer that makes none but calls which the network answers to."""

    number: int
    backend: SimulatedBackend
    name: str = "acting"

    def act(self, observation: Observation) -> Turn:
        """The first call of an explorer that acts."""
        for attempt in range(_TRIES):
            turn = Explorer(self.number + 1_000 * attempt, lambda: self.backend.snapshot).act(observation)
            assert turn.call is not None  # an explorer always makes one
            tool = CATALOG[turn.call.tool]
            if tool.name in _ACTING or tool.effect is Effect.CONFIGURATION:
                return turn
        raise AssertionError(f"no acting call in {_TRIES}")


def jobs(explorations: int) -> dict[str, list[Job]]:
    """The same networks without faults and with them; what is called is chosen on tti, once."""
    backend = make_network("tti")
    struck = [task for task in _tasks() if task.scenario.faults]
    found: dict[str, list[Job]] = {kind: [] for kind in MEANT}
    for number, task in enumerate(struck[:explorations]):
        calm = task.model_copy(update={"scenario": task.scenario.model_copy(update={"faults": ()})})
        for kind, one in zip(MEANT, (calm, task), strict=True):
            found[kind].append(Job(one, _calls(backend, one, number)))
    return found


def _tasks() -> list[Task]:
    return [exploration(number, HELD_OUT_SEEDS) for number in range(3 * len(HELD_OUT_SEEDS))]


def _calls(backend: SimulatedBackend, task: Task, number: int) -> tuple[ToolCall, ...]:
    attempt = Attempt(make_environment(backend), task)
    agent = Acting(number, backend)
    observation = attempt.begin()
    calls: list[ToolCall] = []
    while not attempt.over and len(calls) < STEPS:
        turn = agent.act(observation)
        assert turn.call is not None
        calls.append(turn.call)
        observation = attempt.take(turn)
    return tuple(calls)


def play(backend: SimulatedBackend, job: Job) -> Measured:
    """Make the calls on a network that runs already."""
    kept = 0
    before = backend.snapshot.interval
    started = time.perf_counter()
    for call in job.calls:
        interval = backend.execute(call).interval
        kept += interval.groups is before.groups  # nothing was worked out: the very same figures
        before = interval
    return Measured(len(job.calls) - kept, kept, time.perf_counter() - started)


def alone(network: str, todo: Sequence[Job]) -> Measured:
    """One network, one exploration after another."""
    backend = make_network(network)
    done: list[Measured] = []
    for job in todo:
        backend.reset(job.task.scenario, seed=job.task.seed)
        done.append(play(backend, job))
    backend.close()
    return _together(done, sum(one.seconds for one in done))


def at_once(network: str, todo: Sequence[Job], count: int) -> Measured:
    """So many networks of the same explorations in as many threads, which share one model."""
    ready = Barrier(count)

    def work(number: int) -> tuple[Measured, float]:
        job = todo[number % len(todo)]
        try:
            backend = make_network(network)
            backend.reset(job.task.scenario, seed=job.task.seed + number)
        except Exception:
            ready.abort()  # or the other threads would wait for ever
            raise
        ready.wait()
        measured = play(backend, job)
        ended_at = time.perf_counter()
        backend.close()
        return measured, ended_at

    with closing(ThreadExecutor(count).execute(function_worker(work), range(count))) as outcomes:
        done, ends = zip(*(outcome.value for outcome in outcomes), strict=True)
    started_at = min(end - one.seconds for one, end in zip(done, ends, strict=True))
    return _together(done, max(ends) - started_at)


def _together(done: Sequence[Measured], seconds: float) -> Measured:
    return Measured(sum(one.transitions for one in done), sum(one.kept for one in done), seconds)


def warm_up(network: str, job: Job) -> None:
    """Compile, or load a model, before anything is timed."""
    alone(network, [replace(job, calls=job.calls[:3])])


def reference_loop() -> tuple[float, float]:
    """Seconds on the clock and CPU seconds of a fixed loop: apart where the machine is busy."""
    clock, cpu = time.perf_counter(), time.process_time()
    total = 0
    for number in range(5_000_000):
        total += number & 7
    return time.perf_counter() - clock, time.process_time() - cpu


def measure(
    networks: Sequence[str], batched: Sequence[str], todo: dict[str, list[Job]], rounds: int
) -> list[Row]:
    """All rows."""
    for network in dict.fromkeys((*networks, *batched)):
        warm_up(network, todo[MEANT[0]][0])
    plan = [(network, count, kind) for network, count in _columns(networks, batched) for kind in MEANT]
    found: dict[tuple[str, int, str], list[Measured]] = {key: [] for key in plan}
    for number in range(rounds):
        for network, count, kind in plan:
            one = alone(network, todo[kind]) if count == 1 else at_once(network, todo[kind], count)
            found[network, count, kind].append(one)
            print(
                f"round {number + 1}: {network}, {count} at once, {kind}: {one.rate:.1f} a second", flush=True
            )
    return [Row(*key, tuple(measured)) for key, measured in found.items()]


def _columns(networks: Sequence[str], batched: Sequence[str]) -> Iterator[tuple[str, int]]:
    for network in networks:
        yield network, 1
        if network in batched:
            yield network, AT_ONCE


def page(figures: dict[str, object], rows: Sequence[Row]) -> str:
    """The page in Markdown."""
    references = [row.network for row in rows if row.network.partition(":")[0] not in FROM_FOLDERS]
    references = list(dict.fromkeys(references))
    base = {(row.network, row.kind): row.rate for row in rows if row.at_once == 1}
    lines = [
        "# How fast the experiment model is",
        "",
        "A transition is a call and the interval of 500 ms after it. Every network played the same "
        f"{figures['explorations']} explorations with the same calls, each of which acts on the network, "
        "without faults and with them; places that the shipped model has not seen. On the clock, with the "
        "tools and the books; making, starting and warming up a network and loading a model are not counted. "
        "Where the model keeps the state of a network at rest, no transition is counted, and its time is. "
        f"{AT_ONCE} at once are as many threads in one process, which share one model.",
        "",
        f"Median of {figures['rounds']} rounds (range). {figures['versions']}; {figures['machine']}. "
        f"Made by `{figures['command']}`; figures behind it: `{PAGE}.json`.",
        f"Five million additions in Python took {figures['reference_loop_s']} s on the clock and "
        f"{figures['reference_loop_cpu_s']} s of CPU time.",
        "",
        "| network | at once | explorations | transitions per second | "
        + " | ".join(f"times {name} alone" for name in references)
        + " | kept at rest |",
        "|---|---|---|---|" + "---|" * len(references) + "---|",
    ]
    for row in rows:
        rates = [one.rate for one in row.rounds]
        ratios = [f"{row.rate / base[name, row.kind]:.3g}" for name in references]
        counted = sum(one.transitions + one.kept for one in row.rounds)
        lines.append(
            f"| {row.network} | {row.at_once} | {row.kind} "
            f"| {row.rate:.4g} ({min(rates):.4g} to {max(rates):.4g}) | "
            + " | ".join(ratios)
            + f" | {sum(one.kept for one in row.rounds)} of {counted} |"
        )
    return "\n".join([*lines, ""])


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--network", action="append", help=f"name, or experiment-model:FOLDER; repeat (default {NETWORKS})"
    )
    parser.add_argument("--explorations", type=int, default=6, help="of each kind (default 6)")
    parser.add_argument("--rounds", type=int, default=3, help="how often all is measured (default 3)")
    parser.add_argument("--threads", type=int, help="of PyTorch (default: its own choice)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of page and figures")
    options = parser.parse_args()
    networks: list[str] = options.network or list(NETWORKS)
    batched = [name for name in networks if name.partition(":")[0] in FROM_FOLDERS]
    if options.threads:
        torch.set_num_threads(options.threads)
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    chosen = "".join(f" --network {name}" for name in options.network or ())
    threads = f" --threads {options.threads}" if options.threads else ""
    clock_s, cpu_s = reference_loop()
    rows = measure(networks, batched, jobs(options.explorations), options.rounds)
    figures: dict[str, object] = {
        "command": f"python perf/experiment_model.py{chosen} --explorations {options.explorations} "
        f"--rounds {options.rounds}{threads}",
        "versions": ", ".join(
            [
                f"sixgym {sixgym.__version__}",
                f"PyTorch {version('torch')}",
                f"transformers {version('transformers')}",
                *(f"{name} {make_simulator(name).version}" for name in networks),
            ]
        ),
        "machine": f"model on {device.type} with {torch.get_num_threads()} threads, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}",
        "explorations": options.explorations,
        "rounds": options.rounds,
        "reference_loop_s": round(clock_s, 3),
        "reference_loop_cpu_s": round(cpu_s, 3),
        "rows": [asdict(row) | {"rate": row.rate} for row in rows],
    }
    (options.out / f"{PAGE}.json").write_text(json.dumps(figures, indent=1) + "\n")
    (options.out / f"{PAGE}.md").write_text(page(figures, rows))


if __name__ == "__main__":
    main()
