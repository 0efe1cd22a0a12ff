"""The only loop: an agent works on a task in an environment, and an episode comes out."""

import time
from collections.abc import Callable

from sixgym.agents.base import Agent, TriesAgain
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Step, Task
from sixgym.models.chat import ModelError, ModelUnusableError
from sixgym.scoring.goals import judge
from sixgym.simulators.base import SimulatorError


def rollout(
    environment: Environment,
    agent: Agent,
    task: Task,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_interval: Callable[[Interval], None] | None = None,
    on_attempt: Callable[[Episode], None] | None = None,
) -> Episode:
    """Let the agent work until it answers or its budget is spent, then let the network run out.

    An agent that has spent its budget is asked once more, for its answer. One that tries again does so in
    the same network from the start; its last attempt is the episode, the ones before are kept in it.

    A simulator that breaks, or a language model that cannot be asked, ends the episode as an infrastructure
    failure, with everything recorded up to then. An exception of the agent propagates: a mistake in its
    program is no decision of its.

    Args:
        environment: Where it works.
        agent: Who works.
        task: On what.
        on_step: Called after every step, for live views.
        on_interval: Called after every interval that the network runs on without the agent.
        on_attempt: Called with every attempt that another one follows.

    Raises:
        ModelUnusableError: no language model will ever answer, so neither this episode nor another has
            a point.
    """
    earlier: tuple[Episode, ...] = ()
    while True:
        episode = _attempt(environment, agent, task, earlier, on_step=on_step, on_interval=on_interval)
        if episode.infrastructure_failure is not None or not isinstance(agent, TriesAgain):
            return episode
        try:
            again = agent.look_back(episode, success=judge(episode).success)
        except ModelUnusableError:
            raise
        except ModelError as error:
            return episode.model_copy(update={"infrastructure_failure": str(error)})
        if again is None:
            return episode
        reflection, agent = again
        failed = episode.model_copy(update={"closing": (*episode.closing, reflection), "earlier": ()})
        earlier = (*earlier, failed)
        if on_attempt is not None:
            on_attempt(failed)


def _attempt(
    environment: Environment,
    agent: Agent,
    task: Task,
    earlier: tuple[Episode, ...],
    *,
    on_step: Callable[[Step], None] | None,
    on_interval: Callable[[Interval], None] | None,
) -> Episode:
    try:
        observation = environment.reset(task, earlier=earlier)
        done = False
        while not done:
            started = time.perf_counter()
            turn = agent.act(observation)
            observation, terminated, truncated = environment.step(turn, agent_s=time.perf_counter() - started)
            done = terminated or truncated
            if on_step is not None and turn.call is not None and not truncated:
                on_step(environment.last_step)
        environment.run_out(on_interval)
    except ModelUnusableError:
        raise
    except (SimulatorError, ModelError) as error:
        return environment.episode(agent.name, infrastructure_failure=str(error))
    return environment.episode(agent.name)
