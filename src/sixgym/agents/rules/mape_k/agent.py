"""MAPE-K: monitor, analyse, plan and execute over a shared knowledge (Kephart and Chess, 2003).

6GAgentGym's strongest rule-based baseline (section IV-B) keeps 50 hand-made condition -> action
rules. That table is not published; the table in `knowledge.yaml` is ours. The agent reads its past from the
observation, where its thoughts name the rules that acted.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis import analyse
from sixgym.agents.rules.mape_k.knowledge import Condition, Knowledge, Rule, Stage
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn

REFUSED_STEPS = 10
"""Steps in which a call that came back with an error is not repeated."""

REPEAT_STEPS = 2
"""Steps in which no other call is repeated, the watch excepted: an effect takes that long to show."""

_ACTED = re.compile(r"^rule \d+ \(([\w.-]+)\): ")


@dataclass(frozen=True, slots=True)
class MapeKAgent:
    """Diagnoses by stages, repairs by rules, and watches until its calls are used up."""

    knowledge: Knowledge
    name: str = "mape-k"

    def act(self, observation: Observation) -> Turn:
        """The first read that is due or rule that matches, stage by stage; otherwise the watch."""
        memory = Memory.of(observation)
        facts = analyse(memory)
        if observation.steps_left < 1:
            return Turn(thought="no calls left", answer=_report(facts))
        number = 1
        for stage in self.knowledge.stages:
            turn = self._monitor(stage, facts, memory) or self._plan(stage, number, facts, memory)
            if turn is not None:
                return turn
            number += len(stage.rules)
        watch = self.knowledge.watch
        return Turn(thought=f"read ({watch.id}): {watch.because}", call=watch.do.call(facts))

    def _monitor(self, stage: Stage, facts: Mapping[str, JsonValue], memory: Memory) -> Turn | None:
        """The first read of the stage that is due."""
        for read in stage.reads:
            if _hold(read.when, facts):
                call = read.do.call(facts)
                if call is not None and _is_worth_trying(call, memory):
                    return Turn(thought=f"read ({read.id}): {read.because}", call=call)
        return None

    def _plan(self, stage: Stage, number: int, facts: Mapping[str, JsonValue], memory: Memory) -> Turn | None:
        """The first rule of the stage that matches, `number` being that of its first rule."""
        for rule_number, rule in enumerate(stage.rules, start=number):
            if _hold(rule.when, facts) and _is_allowed(rule, memory):
                call = rule.do.call(facts)
                if call is not None and _is_worth_trying(call, memory):
                    return Turn(thought=f"rule {rule_number} ({rule.id}): {rule.because}", call=call)
        return None


def _hold(conditions: tuple[Condition, ...], facts: Mapping[str, JsonValue]) -> bool:
    return all(condition.holds(facts) for condition in conditions)


def _is_allowed(rule: Rule, memory: Memory) -> bool:
    """Whether neither the cooldown nor the number of times forbids the rule."""
    ages = list(_ages_of(rule.id, memory))
    if rule.at_most is not None and len(ages) >= rule.at_most:
        return False
    return not ages or ages[0] > rule.cooldown


def _ages_of(rule: str, memory: Memory) -> Iterator[int]:
    """Ages in steps of the actions of a rule, newest first."""
    for event in memory.events:
        acted = _ACTED.match(event.thought)
        if acted is not None and acted[1] == rule:
            yield event.age


def _is_worth_trying(call: ToolCall, memory: Memory) -> bool:
    return not memory.was_refused(call, REFUSED_STEPS) and not memory.was_made(call, REPEAT_STEPS)


def _report(facts: Mapping[str, JsonValue]) -> str:
    violated = facts["steps_violated"]
    if violated:
        return f"The service level has been violated for {violated} intervals."
    return f"The service level has held for {facts['steps_held']} intervals."
