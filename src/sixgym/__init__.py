"""sixgym: a closed-loop gym in which agents run a packet-level 6G network through typed tools.

The names below are the public interface. A name is imported from its module at its first use, so that
`import sixgym` takes milliseconds and imports no library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sixgym._version import __version__  # noqa: F401  # part of the interface

if TYPE_CHECKING:
    from sixgym.agents.base import Agent
    from sixgym.agents.registry import make_agent
    from sixgym.backends.base import Backend, Transition
    from sixgym.domain.scenario import Scenario
    from sixgym.envs.environment import Environment
    from sixgym.envs.observation import Observation
    from sixgym.episodes.episode import Episode, Outcome, Step, Task, ToolCall, Turn
    from sixgym.episodes.store import append_episode, read_episodes
    from sixgym.evaluate.bench.api import bench
    from sixgym.models.chat import ChatModel
    from sixgym.run.build import make_environment, make_network, make_task
    from sixgym.run.rollout import rollout
    from sixgym.scenarios.loader import ScenarioError, load_scenario
    from sixgym.scoring.goals import Verdict, judge
    from sixgym.scoring.result import Result
    from sixgym.simulators.base import Simulator, SimulatorError
    from sixgym.tasks.frozen import load_task
    from sixgym.tasks.grading import grade
    from sixgym.tasks.record import BenchTask

__all__ = [
    "Agent",
    "Backend",
    "BenchTask",
    "ChatModel",
    "Environment",
    "Episode",
    "Observation",
    "Outcome",
    "Result",
    "Scenario",
    "ScenarioError",
    "Simulator",
    "SimulatorError",
    "Step",
    "Task",
    "ToolCall",
    "Transition",
    "Turn",
    "Verdict",
    "append_episode",
    "bench",
    "grade",
    "judge",
    "load_scenario",
    "load_task",
    "make_agent",
    "make_environment",
    "make_network",
    "make_task",
    "read_episodes",
    "rollout",
]

_NAMES_OF_MODULES = {
    "agents.base": ("Agent",),
    "agents.registry": ("make_agent",),
    "backends.base": ("Backend", "Transition"),
    "domain.scenario": ("Scenario",),
    "envs.environment": ("Environment",),
    "envs.observation": ("Observation",),
    "episodes.episode": ("Episode", "Outcome", "Step", "Task", "ToolCall", "Turn"),
    "episodes.store": ("append_episode", "read_episodes"),
    "evaluate.bench.api": ("bench",),
    "models.chat": ("ChatModel",),
    "run.build": ("make_environment", "make_network", "make_task"),
    "run.rollout": ("rollout",),
    "scenarios.loader": ("ScenarioError", "load_scenario"),
    "scoring.goals": ("Verdict", "judge"),
    "scoring.result": ("Result",),
    "simulators.base": ("Simulator", "SimulatorError"),
    "tasks.frozen": ("load_task",),
    "tasks.grading": ("grade",),
    "tasks.record": ("BenchTask",),
}
"""The same as the imports above, for Python at run time; a test compares both."""

_MODULE_OF = {name: module for module, names in _NAMES_OF_MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
