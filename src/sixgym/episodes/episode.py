"""A task, and the episode of an agent working on it: immutable, JSON values only.

`Episode.model_validate_json(e.model_dump_json()) == e`. Scores, training rows, reports and the
dashboard are functions of episodes.
"""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from sixgym.domain.base import NonNegative, Record
from sixgym.domain.intent import Goal
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.messages import Message, Usage
from sixgym.episodes.storable import Text, is_deep, storable_value

SCHEMA_VERSION = 2
"""1: messages without author, extra fields and tokens; no sub-episodes. 2: with all of these."""


def _readable_schema(version: int) -> int:
    """The schema of the record in memory: what an older one lacks has a default, so it becomes this one."""
    if version > SCHEMA_VERSION:
        raise PydanticCustomError(
            "newer_schema",
            "{version}: written by a newer sixgym, this one reads up to {newest}; update sixgym",
            {"version": version, "newest": SCHEMA_VERSION},
        )
    return SCHEMA_VERSION


def _storable_arguments(arguments: dict[str, JsonValue] | str) -> JsonValue:
    """The arguments as JSON values, or as JSON text where their nesting is too deep to be read back."""
    return storable_value(json.dumps(arguments) if is_deep(arguments) else arguments)


class Task(Record):
    """An operator's intent in a network, and when it counts as fulfilled."""

    id: str
    intent: str
    scenario: Scenario = Field(description="placed scenario")
    seed: Annotated[int, Field(ge=0)] = Field(description="seed of traffic, fading and errors")
    sla: SlaSpec
    goal: Goal
    max_steps: Annotated[int, Field(ge=1)]
    horizon: Annotated[int, Field(ge=1)] = Field(description="intervals of network time")


class ToolCall(Record):
    """A tool call as the agent wrote it: nothing about it has been checked."""

    tool: Text
    arguments: Annotated[dict[str, JsonValue] | str, AfterValidator(_storable_arguments)] = Field(
        description="JSON values, or the text that was to be JSON"
    )


class Turn(Record):
    """What an agent did: thought in words, then a call or a final answer (exactly one of them).

    Attributes:
        thought: The agent's words about what it is doing and why.
        call: The tool call.
        answer: The final answer, which ends the agent's work.
        unreadable: Reason why the agent's text could not be read as a call. The call then holds the text and
            is not carried out: the agent is told this reason instead.
        messages: Messages since the turn before this one, the agent's own message last. A turn that carries
            out a later call of an earlier reply has no message of the agent; an agent without a language
            model has no messages at all.
        usage: Tokens that the request took; absent where no language model was asked or the server does
            not say.
    """

    thought: Text = ""
    call: ToolCall | None = None
    answer: Text | None = None
    unreadable: Text | None = None
    messages: tuple[Message, ...] = ()
    usage: Usage | None = None

    @classmethod
    def calling(cls, tool: str, /, *, thought: str = "", **arguments: JsonValue) -> Self:
        """A turn that calls a tool, as in `Turn.calling("read_uav_position", uav="drone-1")`."""
        return cls(thought=thought, call=ToolCall(tool=tool, arguments=arguments))

    @classmethod
    def answering(cls, answer: str, *, thought: str = "") -> Self:
        """A turn that gives the final answer."""
        return cls(thought=thought, answer=answer)


class Outcome(Record):
    """What came back from a call: a result, or an error that says what to do instead."""

    result: JsonValue = None
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the call was carried out."""
        return self.error is None


class Step(Record):
    """One turn and its consequence.

    Attributes:
        index: Position in the episode, 0 for the first step.
        turn: What the agent did.
        outcome: What came back.
        before, after: The six-dimensional state around the interval that the call took.
        interval: Measurements of that interval (of devices, only UAVs are kept).
        agent_s, world_s: Wall-clock seconds spent thinking, and executing. Not reproducible.
    """

    index: int
    turn: Turn
    outcome: Outcome
    before: NetworkState
    after: NetworkState
    interval: Interval
    agent_s: NonNegative = 0.0
    world_s: NonNegative = 0.0


class BackendInfo(Record):
    """Name and version of the backend that ran the network."""

    name: str
    version: str


class Episode(Record):
    """An agent's work on a task, with everything needed to replay and to grade it again.

    Attributes:
        schema_version: Version of this record. A record of an older version is read as one of this version.
        id: Unique name.
        task: The task, with the whole placed scenario.
        scenario_digest: SHA-256 of the scenario.
        agent: Name of the agent.
        backend: Name and version of the backend that ran the network.
        sixgym_version: Version of the code.
        started_at: Wall-clock time, ISO 8601. Not reproducible.
        initial: State before the first step.
        initial_interval: Measurements of the interval before the first step.
        steps: The turns that made a call, in order.
        answer: The agent's final answer, if it gave one.
        closing: Turns without a step: the one that ended the agent's work by an answer or a call beyond the
            budget, then the agent's reflection on the attempt, if it makes another.
        earlier: Attempts at the same task before this one, oldest first, of an agent that tries again.
        sub_episodes: Work of other agents that this agent called, in the order of the calls.
        called_at: Index of the step, in the calling agent's episode, at which this agent was called; None
            for an agent that no other agent called.
        remainder: Intervals after the agent's last call, up to the horizon.
        ledger: Energy and flight records of every UAV at the end; absent if the episode broke off.
        terminated: The agent finished: it gave its final answer.
        truncated: The step budget ran out first.
        infrastructure_failure: Failure on our side; the episode then says nothing about the agent.
    """

    schema_version: Annotated[int, Field(ge=1), AfterValidator(_readable_schema)] = SCHEMA_VERSION
    id: str
    task: Task
    scenario_digest: str
    agent: str
    backend: BackendInfo
    sixgym_version: str
    started_at: str
    initial: NetworkState | None
    initial_interval: Interval | None
    steps: tuple[Step, ...]
    answer: str | None = None
    closing: tuple[Turn, ...] = ()
    earlier: tuple["Episode", ...] = ()
    sub_episodes: tuple["Episode", ...] = ()
    called_at: int | None = None
    remainder: tuple[Interval, ...] = ()
    ledger: Ledger | None = None
    terminated: bool
    truncated: bool
    infrastructure_failure: str | None = None

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns of this attempt, in order."""
        return (*(step.turn for step in self.steps), *self.closing)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The conversation of this attempt as it was recorded."""
        return tuple(message for turn in self.turns for message in turn.messages)

    @property
    def usage(self) -> Usage | None:
        """Tokens that language models took in all, earlier attempts and called agents included.

        None if no language model was asked, or a server did not always say.
        """
        found: list[Usage] = []
        for attempt in self.attempts():
            for turn in attempt.turns:
                if turn.usage is not None:
                    found.append(turn.usage)
                elif any(message.role == "assistant" for message in turn.messages):
                    return None
        return sum(found[1:], found[0]) if found else None

    def attempts(self) -> Iterator["Episode"]:
        """All attempts that this record holds: earlier ones, this one, then those of called agents."""
        for attempt in self.earlier:
            yield from attempt.attempts()
        yield self
        for called in self.sub_episodes:
            yield from called.attempts()

    def without_clock(self) -> dict[str, Any]:
        """The episode as JSON values that are equal for equal seeds.

        Left out are id and wall-clock times, and log-probabilities, whose last digits depend on the
        conversations that shared a batch.
        """
        data = self.model_dump(mode="json", exclude={"id", "started_at", "earlier", "sub_episodes"})
        for step in data["steps"]:
            del step["agent_s"], step["world_s"]
        for turn in (*(step["turn"] for step in data["steps"]), *data["closing"]):
            for message in turn["messages"]:
                if message["sampled"] is not None:
                    del message["sampled"]["logprobs"]
        nested = {"earlier": self.earlier, "sub_episodes": self.sub_episodes}
        return data | {name: [one.without_clock() for one in found] for name, found in nested.items()}
