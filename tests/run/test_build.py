"""Networks, environments and agents from names."""

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.run.build import agent_seed, make_bench_agent, make_environment, make_network, make_task_agent
from sixgym.tasks.frozen import tasks_by_id
from tests.doubles import FluidSimulator

FIRST, SECOND = list(tasks_by_id().values())[:2]


def test_a_network_has_the_name_it_was_asked_for_and_an_unknown_name_is_refused() -> None:
    assert make_network("tti").info.name == "tti"
    with pytest.raises(ValueError, match="tti, ns3"):
        make_network("nothing")


def test_an_environment_closes_its_network_and_can_be_reset_again() -> None:
    simulator = FluidSimulator()
    environment = make_environment(SimulatedBackend(simulator))
    with environment:
        environment.reset(FIRST.task)
        assert simulator.closed == 0
    assert simulator.closed == 1
    assert environment.reset(SECOND.task).intent == SECOND.task.intent


def test_every_task_and_trial_has_its_own_agent_seed() -> None:
    seeds = {agent_seed(task, trial) for task in (FIRST, SECOND) for trial in range(3)}
    assert len(seeds) == 6


def test_the_reference_agent_plays_the_solution_of_its_task() -> None:
    agent = make_bench_agent("reference", FIRST, 0)
    assert agent == make_task_agent("reference", seed=7, task=FIRST)
    with pytest.raises(ValueError, match="plays the solution of a task"):
        make_task_agent("reference", seed=7)
