"""Short tasks of the frozen set, and what a model reads that solves one."""

import json
import re
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from sixgym.agents.llm.prompt import conversation, opening
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.rules.reference import reference_agent
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Exchange, observe
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.episodes.messages import Message, WrittenCall
from sixgym.models.chat import Completion
from sixgym.models.function import FunctionModel
from sixgym.run.build import make_network
from sixgym.run.rollout import rollout
from sixgym.tasks.frozen import tasks_by_id
from sixgym.tasks.record import BenchTask
from tests.repository import ROOT


def short_tasks(number: int) -> list[BenchTask]:
    """The first tasks, whose solutions are the shortest; doing nothing solves none of them."""
    return list(tasks_by_id(None).values())[:number]


def arguments_of(call: ToolCall) -> dict[str, object]:
    assert isinstance(call.arguments, dict)
    return dict(call.arguments)


def texts_of_a_run(task: BenchTask) -> tuple[list[str], list[str]]:
    """What a model reads in a run before its first call, and after each call of the reference solution."""
    with closing(make_network("tti")) as backend:
        episode = rollout(Environment(backend), reference_agent(task), task.task)
    assert episode.initial is not None
    before = opening(observe(task.task, episode.initial, []), "native")
    history = [Exchange(step.turn, step.outcome, step.after) for step in episode.steps]
    said = conversation(observe(task.task, episode.initial, history), "native").messages
    return [one.content for one in before], [one.content for one in said if one.role == "tool"]


def clumsy_calls(task: BenchTask) -> list[tuple[str, dict[str, object]]]:
    """The reference solution after a call of no tool and one with a wrong argument."""
    solution = [(call.tool, arguments_of(call)) for call in task.reference]
    return [("no_such_tool", {"name": "\u00e9"}), ("read_uav_position", {"uav": "nobody"}), *solution]


def written(number: int, tool: str, arguments: object) -> WrittenCall:
    """A call as language models write it."""
    return WrittenCall(id=f"call{number:05d}", tool=tool, arguments=json.dumps(arguments, ensure_ascii=False))


def played_by_calls(task: BenchTask, calls: list[tuple[str, dict[str, object]]]) -> Episode:
    """These calls and the answer, as turns in an environment of this process."""
    with closing(make_network("tti")) as backend:
        environment = Environment(backend)
        environment.reset(task.task)
        for tool, arguments in calls:
            environment.step(Turn.model_validate({"call": {"tool": tool, "arguments": arguments}}))
        environment.step(Turn(answer=task.reference_answer))
        environment.run_out()
        return environment.episode("calls")


def played_by_replies(task: BenchTask) -> Episode:
    """The clumsy calls and the answer, as replies of a model in a run of this process."""

    def reply(messages: Sequence[Message]) -> Completion:
        made = sum(message.role == "tool" for message in messages)
        plan = clumsy_calls(task)
        if made == len(plan):
            return Completion(task.reference_answer)
        return Completion("", calls=(written(made, *plan[made]),))

    with closing(make_network("tti")) as backend:
        return rollout(Environment(backend), ReactAgent(FunctionModel("scripted", reply)), task.task)


def comparable(episode: Episode) -> dict[str, Any]:
    """An episode without the names of its agent and the usage of its model, which differ by harness."""
    data = episode.without_clock()
    del data["agent"]
    for turn in [step["turn"] for step in data["steps"]] + data["closing"]:
        turn["usage"] = None
        for message in turn["messages"]:
            message["author"] = None
    return data


def snippets(heading: str) -> list[str]:
    """The Python programs in a section of the page about harnesses."""
    page = (ROOT / "docs/harnesses.md").read_text()
    section = page.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"```python\n(.*?)```", section, flags=re.DOTALL)
