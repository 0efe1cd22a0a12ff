"""Networks, environments and agents, built from the names that users type."""

import difflib
import hashlib
from dataclasses import replace
from pathlib import Path

from sixgym.agents.base import Agent
from sixgym.agents.imported import is_imported
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.registry import AGENTS, MODEL_AGENTS, make_agent
from sixgym.agents.rules.reference import REFERENCE, reference_agent
from sixgym.backends.base import Backend
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.scenario import Scenario
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Task
from sixgym.episodes.task import make_task as task_of_scenario
from sixgym.scenarios.loader import load_scenario
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.record import BenchTask

BENCH_AGENTS = (*(name for name in AGENTS if name != "scripted"), REFERENCE)
"""Agents of the benchmark that ask no language model. A script fits one task only, so `scripted` is none."""


def make_network(name: str) -> SimulatedBackend:
    """A network on the simulator of that name, not started yet.

    Args:
        name: A network such as `tti`, `ns3`, or `experiment-model:FOLDER`.

    Raises:
        ValueError: there is no network of that name; the message lists the known names.
        SimulatorError: the network exists and cannot be used on this machine.
    """
    return SimulatedBackend(make_simulator(name))


def make_environment(network: str | Backend) -> Environment:
    """An environment on a network. Closing the environment closes the network.

    Args:
        network: A name, see `make_network`, or a backend of one's own.

    Raises:
        ValueError: there is no network of that name.
        SimulatorError: the network exists and cannot be used on this machine.
    """
    return Environment(make_network(network) if isinstance(network, str) else network)


def make_task(
    scenario: Scenario | str | Path, *, seed: int, intent_id: str | None = None, words: str | None = None
) -> Task:
    """The task of an intent in a scenario, placed by topology seed `seed` and run with seed `seed`.

    Args:
        scenario: A scenario, the name of a shipped one such as `uav-inspection`, or the path of a YAML file.
        seed: Topology seed, and seed of traffic, fading and errors.
        intent_id: Id of one of the scenario's tasks; the first one by default.
        words: The intent in other words; goal and service level stay.

    Raises:
        ValueError: there is no such scenario, or the scenario offers no such task.
    """
    loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    return task_of_scenario(loaded, seed=seed, intent_id=intent_id, words=words)


def make_task_agent(
    name: str,
    *,
    seed: int,
    task: BenchTask | None = None,
    script: Path | None = None,
    react: ReactAgent | None = None,
) -> Agent:
    """An agent for one episode.

    Args:
        name: A name that `make_agent` knows, or `reference`.
        seed: Seed of everything that the agent draws, replies of a language model included.
        task: The task of the benchmark whose solution `reference` plays; other agents do not see it.
        script: File with the calls of `scripted`.
        react: The language model and how it is asked, for an agent that asks one.

    Raises:
        ValueError: there is no such agent, or a task, script or language model is missing or not used.
    """
    if name == REFERENCE and script is None and react is None:
        if task is None:
            raise ValueError(f"the agent {REFERENCE} plays the solution of a task of the benchmark: give one")
        return reference_agent(task)
    if react is not None and react.sampling.temperature > 0:
        react = replace(react, sampling=react.sampling.model_copy(update={"seed": seed}))
    return make_agent(name, seed=seed, script=script, react=react)


def make_bench_agent(name: str, task: BenchTask, trial: int, react: ReactAgent | None = None) -> Agent:
    """The agent for one trial of a task of the benchmark.

    Args:
        name: One of `BENCH_AGENTS` or `MODEL_AGENTS`, or one's own, `MODULE:CALLABLE` or `FILE.py:CALLABLE`.
        task: The task.
        trial: Number of the trial; every trial has its own seed.
        react: The language model and how it is asked, for an agent that asks one.

    Raises:
        ValueError: the benchmark has no agent of that name; the message lists the known names.
    """
    known = (*BENCH_AGENTS, *MODEL_AGENTS)
    if name not in known and not is_imported(name):
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"no agent {name!r:.80} can be put to the test; {hint}Known: {', '.join(known)}")
    return make_task_agent(name, seed=agent_seed(task, trial), task=task, react=react)


def agent_seed(task: BenchTask, trial: int) -> int:
    """Seed of an agent: the first 31 bits of SHA-256 of `TASK ID/TASK SEED/TRIAL`.

    Tasks share network seeds. The id makes the seeds of two such tasks differ, so that what the agent draws
    in one task is independent of what it draws in the other.
    """
    digest = hashlib.sha256(f"{task.task.id}/{task.task.seed}/{trial}".encode()).digest()
    return int.from_bytes(digest[:4], "big") >> 1
