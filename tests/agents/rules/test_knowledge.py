"""The table of rules: what is checked when it is loaded, and that no rule is dead."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from sixgym.agents.rules.mape_k.facts import FACTS
from sixgym.agents.rules.mape_k.knowledge import (
    Condition,
    Knowledge,
    KnowledgeError,
    Rule,
    load_knowledge,
    shipped_knowledge,
)
from tests.agents.samples import parses

RULES = shipped_knowledge().rules


def facts_for(rule: Rule) -> dict[str, Any]:
    """The facts that the rule asks for, passing all of its conditions, and no others."""
    facts = {name: FACTS[name].example for name in rule.do.references}
    facts.update({condition.fact: passing(condition) for condition in rule.when})
    return facts


def passing(condition: Condition) -> Any:
    if condition.equals is not None:
        return condition.equals
    if condition.above is not None and condition.below is not None:
        return (condition.above + condition.below) / 2
    return condition.above + 0.01 if condition.above is not None else (condition.below or 0) - 0.01


def test_the_table_has_50_rules_as_in_the_paper() -> None:
    assert len(RULES) == 50


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_no_rule_is_shadowed_by_those_before_it(rule: Rule) -> None:
    facts = facts_for(rule)
    matching = [
        other.id
        for other in RULES
        if all(condition.holds(facts) for condition in other.when) and other.do.call(facts) is not None
    ]
    assert matching[0] == rule.id


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_the_call_of_each_rule_passes_the_tools_validation(rule: Rule) -> None:
    call = rule.do.call(facts_for(rule))
    assert call is not None
    assert parses(call)


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_each_condition_of_a_rule_can_stop_it(rule: Rule) -> None:
    for condition in rule.when:
        facts = facts_for(rule)
        del facts[condition.fact]
        assert not all(other.holds(facts) for other in rule.when)


def test_no_two_rules_give_the_same_reason() -> None:
    assert len({rule.because for rule in RULES}) == len(RULES)


# ---------------------------------------------------------------------- mistakes in a table
READ = {"id": "look", "do": {"tool": "read_telemetry"}, "because": "nothing else is due"}
RULE: dict[str, Any] = {
    "id": "calm-down",
    "symptom": "jitter",
    "when": [{"fact": "jitter_stress", "above": 1}],
    "do": {"tool": "adjust_speed", "arguments": {"uav": "$victim_uav", "speed_mps": 4}},
    "because": "slow flight steadies the link",
}


def table(rule: dict[str, Any], read: dict[str, Any] = READ) -> dict[str, Any]:
    return {"stages": [{"name": "all", "reads": [read], "rules": [rule]}]}


def load(tmp_path: Path, content: object) -> Knowledge:
    path = tmp_path / "mine.yaml"
    path.write_text(content if isinstance(content, str) else yaml.safe_dump(content), encoding="utf-8")
    return load_knowledge(path)


def test_a_table_of_ones_own_is_loaded(tmp_path: Path) -> None:
    knowledge = load(tmp_path, table(RULE))
    assert [rule.id for rule in knowledge.rules] == ["calm-down"]
    assert knowledge.watch.id == "look"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"when": [{"fact": "jitter_stres", "above": 1}]},
            "jitter_stres is no fact; did you mean jitter_stress",
        ),
        ({"when": [{"fact": "jitter_stress"}]}, "jitter_stress needs either above/below or equals"),
        ({"when": [{"fact": "victim_uav", "above": 1}]}, "victim_uav is a name; compare it with equals"),
        ({"when": [{"fact": "sla", "equals": "x"}]}, "sla is a record; refer to it instead"),
        ({"when": [{"fact": "stress", "above": 2, "below": 1}]}, "stress cannot be above 2 and below 1"),
        ({"when": []}, "when"),
        ({"do": {"tool": "adjust_sped"}}, "adjust_sped is no tool; did you mean adjust_speed"),
        (
            {"do": {"tool": "adjust_speed", "arguments": {"uav": "drone-1"}}},
            "adjust_speed needs the argument speed_mps",
        ),
        (
            {"do": {"tool": "heartbeat", "arguments": {"uav": "$victim_uav", "loud": True}}},
            "loud is no argument of heartbeat",
        ),
        ({"do": {"tool": "heartbeat", "arguments": {"uav": "$victim"}}}, "victim is no fact"),
        ({"symptom": "boredom"}, "symptom"),
        ({"because": ""}, "because"),
        ({"cooldown": -1}, "cooldown"),
        ({"at_most": 0}, "at_most"),
        ({"color": "red"}, "color is not an argument"),
    ],
)
def test_a_mistake_in_a_rule_is_named_with_file_and_rule(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(KnowledgeError) as raised:
        load(tmp_path, table({**RULE, **change}))
    assert "mine.yaml: stages[0].rules[0] (calm-down): " in str(raised.value)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("stages: [", "not valid YAML"),
        ("", "mine.yaml"),
        ("- 1", "mine.yaml"),
        ({"stages": []}, "stages"),
        (table({**RULE, "id": "look"}), "used twice as an id: look"),
        (table(RULE, {**READ, "when": [{"fact": "stress", "above": 1}]}), "has to end with a read without"),
        ({"stages": [{"name": "all", "rules": [RULE]}]}, "has to end with a read without"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, content: object, message: str) -> None:
    with pytest.raises(KnowledgeError) as raised:
        load(tmp_path, content)
    assert "mine.yaml" in str(raised.value)
    assert message in str(raised.value)


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match=r"gone\.yaml: No such file"):
        load_knowledge(tmp_path / "gone.yaml")
