"""The only loop: an agent works on a task in an environment, and an episode comes out."""

import time
from collections.abc import Callable

from sixgym.agents.base import Agent
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Step, Task
from sixgym.simulators.base import SimulatorError


def rollout(
    environment: Environment,
    agent: Agent,
    task: Task,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_interval: Callable[[Interval], None] | None = None,
) -> Episode:
    """Let the agent work until it answers or its budget is spent, then let the network run out.

    An agent that has spent its budget is asked once more, for its answer.

    A simulator that breaks ends the episode as an infrastructure failure, with everything recorded
    up to then. An exception of the agent propagates: a mistake in its program is no decision of its.

    Args:
        environment: Where it works.
        agent: Who works.
        task: On what.
        on_step: Called after every step, for live views.
        on_interval: Called after every interval that the network runs on without the agent.
    """
    try:
        observation = environment.reset(task)
        done = False
        while not done:
            started = time.perf_counter()
            turn = agent.act(observation)
            observation, terminated, truncated = environment.step(turn, agent_s=time.perf_counter() - started)
            done = terminated or truncated
            if on_step is not None and turn.call is not None and not truncated:
                on_step(environment.last_step)
        environment.run_out(on_interval)
    except SimulatorError as error:
        return environment.episode(agent.name, infrastructure_failure=str(error))
    return environment.episode(agent.name)
