"""Devices are named by group and number, and a group's name may begin with another's."""

import pytest

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis import radio_facts
from tests.agents.samples import observe, telemetry, uav


@pytest.mark.parametrize(("name", "is_ours"), [("drone-2", True), ("drone-x-1", False), ("drone-x", False)])
def test_uavs_of_a_group_with_a_longer_name_are_not_the_services(name: str, is_ours: bool) -> None:
    seen = observe(history=[telemetry(uav(name, sinr_db=-20.0))])
    assert seen.service == "drone"
    found = dict(radio_facts(Memory.of(seen)))
    assert (set(found) > {"neighbour_alarm"}) == is_ours
