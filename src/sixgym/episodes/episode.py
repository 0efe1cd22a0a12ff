"""A task, and the episode of an agent working on it: immutable, JSON values only.

`Episode.model_validate_json(e.model_dump_json()) == e`. Scores, training rows, reports and the
dashboard are functions of episodes.
"""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue

from sixgym.domain.base import NonNegative, Record
from sixgym.domain.intent import Goal
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState, SlaSpec
from sixgym.episodes.messages import Message, Text, Usage, storable

SCHEMA_VERSION = 1


def _storable_value(value: JsonValue) -> JsonValue:
    """A JSON value with storable text throughout, keys included."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable_value(item) for item in value]
    if isinstance(value, dict):
        return {storable(key): _storable_value(item) for key, item in value.items()}
    return value


class Task(Record):
    """An operator's intent in a network, and when it counts as fulfilled."""

    id: str
    intent: str
    scenario: Scenario = Field(description="placed")
    seed: Annotated[int, Field(ge=0)] = Field(description="of traffic, fading and errors")
    sla: SlaSpec
    goal: Goal
    max_steps: Annotated[int, Field(ge=1)]
    horizon: Annotated[int, Field(ge=1)] = Field(description="intervals of network time")


class ToolCall(Record):
    """A tool call as the agent wrote it: nothing about it has been checked."""

    tool: Text
    arguments: Annotated[dict[str, JsonValue] | str, AfterValidator(_storable_value)] = Field(
        description="JSON values, or the text that was to be JSON"
    )


class Turn(Record):
    """What an agent did: thought in words, then a call or a final answer (exactly one of them).

    Attributes:
        thought: What it says it is doing and why.
        call: The tool call.
        answer: The final answer, which ends its work.
        unreadable: Why what it wrote could not be read as a call. The call then holds the text and is
            not carried out: the agent is told this instead.
        messages: What has been said since the turn before it, with what the agent said, if it did. Empty
            where there is no language model.
        usage: What that cost; absent where no language model was asked or the server does not say.
    """

    thought: Text = ""
    call: ToolCall | None = None
    answer: Text | None = None
    unreadable: Text | None = None
    messages: tuple[Message, ...] = ()
    usage: Usage | None = None


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
        index: 0 for the first.
        turn: What the agent did.
        outcome: What came back.
        before, after: The six-dimensional state around the interval that the call took.
        interval: What was measured in it (of devices, only UAVs are kept).
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
    """What stood behind the waist."""

    name: str
    version: str


class Episode(Record):
    """An agent's work on a task, with everything needed to replay and to grade it again.

    Attributes:
        schema_version: Of this record.
        id: Unique name.
        task: The task, with the whole placed scenario.
        scenario_digest: SHA-256 of the scenario.
        agent: Name of the agent.
        backend: Name and version of what ran the network.
        sixgym_version: Version of the code.
        started_at: Wall-clock time, ISO 8601. Not reproducible.
        initial: State before the first step.
        initial_interval: The interval it was measured in.
        steps: The turns that made a call, in order.
        answer: The agent's final answer, if it gave one.
        closing: Turns without a step: the one that ended the agent's work by an answer or a call beyond the
            budget, then what it wrote when it looked back.
        remainder: Intervals after the agent's last call, up to the horizon.
        earlier: Attempts at the same task before this one, oldest first, of an agent that tries again.
        ledger: What was on the books of every UAV at the end; absent if the episode broke off.
        terminated: The agent finished: it gave its final answer.
        truncated: The step budget ran out first.
        infrastructure_failure: What broke on our side; then the episode says nothing of the agent.
    """

    schema_version: int = SCHEMA_VERSION
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
    remainder: tuple[Interval, ...] = ()
    ledger: Ledger | None = None
    terminated: bool
    truncated: bool
    infrastructure_failure: str | None = None

    @property
    def usage(self) -> Usage | None:
        """What language models were asked in all, earlier attempts included.

        None if they were not asked, or a server did not always say.
        """
        found: list[Usage] = []
        for attempt in (*self.earlier, self):
            for turn in (*(step.turn for step in attempt.steps), *attempt.closing):
                if turn.usage is not None:
                    found.append(turn.usage)
                elif any(message.role == "assistant" for message in turn.messages):
                    return None
        return sum(found[1:], found[0]) if found else None

    def without_clock(self) -> dict[str, Any]:
        """The episode as JSON values, less id and wall-clock times: equal for equal seeds."""
        data = self.model_dump(mode="json", exclude={"id", "started_at", "earlier"})
        for step in data["steps"]:
            del step["agent_s"], step["world_s"]
        return {**data, "earlier": [attempt.without_clock() for attempt in self.earlier]}
