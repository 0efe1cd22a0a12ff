"""The analysis of the MAPE-K agent: from history to named facts."""

from pydantic import JsonValue

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.edge import edge_facts
from sixgym.agents.rules.mape_k.analysis.fleet import fleet_facts
from sixgym.agents.rules.mape_k.analysis.radio import radio_facts
from sixgym.agents.rules.mape_k.analysis.service import action_facts, service_facts
from sixgym.agents.rules.mape_k.analysis.slices import slice_facts


def analyse(memory: Memory) -> dict[str, JsonValue]:
    """Every fact that is known now, by its name in `facts.FACTS`."""
    return {
        name: value
        for source in (service_facts, action_facts, slice_facts, radio_facts, fleet_facts, edge_facts)
        for name, value in source(memory)
    }
