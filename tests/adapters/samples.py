"""Short tasks of the frozen set, and what a model reads that solves one."""

import re
from contextlib import closing
from pathlib import Path

from sixgym.agents.prompt import conversation, opening
from sixgym.agents.reference import reference_agent
from sixgym.agents.rollout import rollout
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Exchange, observe
from sixgym.episodes.episode import ToolCall
from sixgym.serve.harness import tasks_by_id
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.record import BenchTask


def short_tasks(number: int) -> list[BenchTask]:
    """The first tasks, whose solutions are the shortest; doing nothing solves none of them."""
    return list(tasks_by_id(None).values())[:number]


def arguments_of(call: ToolCall) -> dict[str, object]:
    assert isinstance(call.arguments, dict)
    return dict(call.arguments)


def texts_of_a_run(task: BenchTask) -> tuple[list[str], list[str]]:
    """What a model reads in a run before its first call, and after each call of the reference solution."""
    with closing(SimulatedBackend(make_simulator("tti"))) as backend:
        episode = rollout(Environment(backend), reference_agent(task), task.task)
    assert episode.initial is not None
    before = opening(observe(task.task, episode.initial, []), "native")
    history = [Exchange(step.turn, step.outcome, step.after) for step in episode.steps]
    said = conversation(observe(task.task, episode.initial, history), "native").messages
    return [one.content for one in before], [one.content for one in said if one.role == "tool"]


def snippets(heading: str) -> list[str]:
    """The Python programs in a section of the page about harnesses."""
    page = (Path(__file__).parents[2] / "docs/harnesses.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
