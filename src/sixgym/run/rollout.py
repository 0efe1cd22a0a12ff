"""The only loop of an agent: it works on a task in an environment, and an episode comes out."""

from collections.abc import Callable

from sixgym.agents.base import Agent, TriesAgain
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Step, Task
from sixgym.models.chat import ModelError, ModelUnusableError
from sixgym.run.attempt import Attempt
from sixgym.scoring.goals import judge


class AgentLeftError(Exception):
    """The agent takes no further turn, and gives no answer. The network runs out; the episode is judged."""


def rollout(
    environment: Environment,
    agent: Agent,
    task: Task,
    *,
    on_step: Callable[[Step], None] | None = None,
    on_interval: Callable[[Interval], None] | None = None,
    on_attempt: Callable[[Episode], None] | None = None,
) -> Episode:
    """Let an agent work until it answers or its budget is spent, then let the network run out.

    An agent whose budget is spent is asked once more, for its answer. An agent that tries again does so in
    the same network, from the start. Its last attempt is the episode, which holds the earlier attempts.

    A simulator that breaks, or a language model that cannot be asked, ends the episode as an infrastructure
    failure, with everything recorded up to then. An exception of the agent propagates: a bug of its program
    is no decision of the agent.

    Args:
        environment: The environment. It is reset, and not closed.
        agent: The agent.
        task: The task.
        on_step: Called after every call that was carried out, for live views.
        on_interval: Called after every interval that the network runs on without the agent.
        on_attempt: Called with every attempt that another attempt follows.

    Raises:
        ModelUnusableError: the language model will answer neither in this episode nor in another.
    """
    earlier: tuple[Episode, ...] = ()
    while True:
        attempt = Attempt(environment, task, earlier=earlier, on_step=on_step, on_interval=on_interval)
        left = _play(attempt, agent)
        episode = attempt.episode(agent.name)
        if left or episode.infrastructure_failure is not None or not isinstance(agent, TriesAgain):
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


def _play(attempt: Attempt, agent: Agent) -> bool:
    """Play one attempt to its end; whether the agent left before."""
    left = False
    with attempt.recording_failures():
        observation = attempt.begin()
        while not (attempt.over or left):
            try:
                turn = agent.act(observation)
            except AgentLeftError:
                left = True
            else:
                observation = attempt.take(turn)
        attempt.run_out()
    return left
