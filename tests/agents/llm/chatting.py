"""Language models that are functions, and episodes with them on the simulator for tests."""

import json
from collections.abc import Sequence
from typing import Any

from sixgym.agents.base import Agent
from sixgym.agents.llm.prompt import CallStyle
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.episodes.messages import Message, Usage, WrittenCall
from sixgym.episodes.task import make_task
from sixgym.models.chat import Completion, Sampling
from sixgym.run.rollout import rollout
from sixgym.scenarios import load_scenario
from tests.doubles import FluidSimulator

USAGE = Usage(prompt_tokens=100, completion_tokens=10)


def short_task(max_steps: int = 4) -> Task:
    task = make_task(load_scenario("uav-inspection"), seed=3)
    return task.model_copy(update={"max_steps": max_steps, "horizon": max_steps + 6})


def episode_of(agent: Agent, task: Task | None = None) -> Episode:
    return rollout(Environment(SimulatedBackend(FluidSimulator())), agent, task or short_task())


def calling(*names: str, thought: str = "", first: int = 0, **arguments: Any) -> Completion:
    """A reply with native calls of these tools, all with the same arguments."""
    calls = [
        WrittenCall(id=f"id-{first + number}", tool=name, arguments=json.dumps(arguments))
        for number, name in enumerate(names)
    ]
    return Completion(thought, calls=tuple(calls), usage=USAGE)


def replies_made(messages: Sequence[Message]) -> int:
    return sum(message.role == "assistant" for message in messages)


class ScriptedModel:
    """Says its lines one after the other, and keeps what it was shown."""

    def __init__(self, *lines: Completion, name: str = "lines") -> None:
        self.name = name
        self.lines = lines
        self.shown: list[list[Message]] = []

    def complete(self, messages: Sequence[Message], tools: Sequence[Any], sampling: Sampling) -> Completion:
        self.shown.append(list(messages))
        return self.lines[min(replies_made(messages), len(self.lines) - 1)]

    def close(self) -> None:
        pass


class PlanAgent:
    """No language model: makes these calls, then answers."""

    name = "plan"

    def __init__(self, calls: Sequence[ToolCall], answer: str) -> None:
        self.calls, self.answer = calls, answer

    def act(self, observation: Any) -> Turn:
        done = len(observation.history)
        if done < len(self.calls):
            return Turn(thought=f"number {done}", call=self.calls[done])
        return Turn(thought="enough", answer=self.answer)


STYLES: tuple[CallStyle, ...] = ("native", "text")
