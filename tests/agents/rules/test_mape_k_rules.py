"""Each of the 50 rules, reached from a history of real tool answers."""

import pytest

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.agent import MapeKAgent
from sixgym.agents.rules.mape_k.analysis import analyse
from sixgym.agents.rules.mape_k.facts import FACTS
from sixgym.agents.rules.mape_k.knowledge import shipped_knowledge
from tests.agents.rules.cases import Case
from tests.agents.rules.cases_of_links import FLIGHT, HANDOVER
from tests.agents.rules.cases_of_shares import COMPUTE, LAST_RESORT, PRBS, SWITCH
from tests.agents.samples import parses

CASES = [*FLIGHT, *HANDOVER, *COMPUTE, *SWITCH, *PRBS, *LAST_RESORT]


@pytest.mark.parametrize("case", CASES, ids=[case.rule for case in CASES])
def test_each_symptom_gets_its_repair(case: Case) -> None:
    turn = MapeKAgent(shipped_knowledge()).act(case.observation)
    number = [rule.id for rule in shipped_knowledge().rules].index(case.rule) + 1
    assert turn.thought.startswith(f"rule {number} ({case.rule}): ")
    assert turn.call is not None
    assert turn.call.tool == case.tool
    assert isinstance(turn.call.arguments, dict)
    assert {name: turn.call.arguments[name] for name in case.arguments} == case.arguments
    assert parses(turn.call)


def test_every_rule_has_a_situation_in_which_it_acts() -> None:
    assert {case.rule for case in CASES} == {rule.id for rule in shipped_knowledge().rules}


def test_every_fact_of_the_vocabulary_is_found_in_some_situation_and_no_other() -> None:
    found = {name for case in CASES for name in analyse(Memory.of(case.observation))}
    assert found == set(FACTS)
