"""The comparison of a trained agent with other agents, on tasks that it has not learned from."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, stdev

from sixgym.agents.base import Agent
from sixgym.agents.registry import make_agent
from sixgym.domain.base import Record
from sixgym.envs.environment import Environment
from sixgym.run.build import make_environment
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge
from sixgym.scoring.intervals import Interval, Z
from sixgym.scoring.rewards import episode_return
from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.drl_slicing.tasks import TrainingTasks

BASELINES = ("null", "random", "threshold")
"""Agents that the trained agent is compared with: no action, random actions, and rules with thresholds."""

EPISODES_PER_TASK = 3
"""Episodes of each task, each with other traffic and fading. The number is chosen,
not measured; the interval of a mean is over tasks."""


class AgentReturns(Record):
    """The returns and successes of an agent; every compared agent has the same episodes.

    Attributes:
        agent: Name of the agent.
        returns: Mean return of each task over its episodes.
        successes: Share of each task's episodes that met their goal.
    """

    agent: str
    returns: tuple[float, ...]
    successes: tuple[float, ...]

    @property
    def mean_return(self) -> float:
        """Mean return over tasks."""
        return fmean(self.returns)

    @property
    def interval(self) -> Interval:
        """95 % interval of the mean return over tasks, by the normal approximation."""
        return _interval(self.returns)

    @property
    def success_rate(self) -> float:
        """Share of episodes that met their goal."""
        return fmean(self.successes)

    def gain_over(self, other: "AgentReturns") -> tuple[float, float, float]:
        """Mean difference in return over the same tasks, and its 95 % interval."""
        gains = [mine - theirs for mine, theirs in zip(self.returns, other.returns, strict=True)]
        return (fmean(gains), *_interval(gains))


def compare(
    agent: Agent,
    held_back: TrainingTasks,
    recipe: DrlSlicingRecipe,
    on_task: Callable[[], None] | None = None,
) -> Mapping[str, AgentReturns]:
    """Returns and successes of the agent and of `BASELINES`, by agent, over the same episodes.

    Args:
        agent: The trained agent.
        held_back: At least two tasks.
        recipe: The recipe, with the name of the network and the seed of the agent `random`.
        on_task: Called after every task of every agent, for live views.

    Raises:
        SimulatorError: the network does not work.
    """
    agents = (agent, *(make_agent(name, seed=recipe.seed) for name in BASELINES))
    with make_environment(recipe.network) as environment:
        return {one.name: _returns_of(one, held_back, environment, on_task) for one in agents}


def _returns_of(
    agent: Agent, held_back: TrainingTasks, environment: Environment, on_task: Callable[[], None] | None
) -> AgentReturns:
    returns: list[float] = []
    successes: list[float] = []
    for index in range(len(held_back.tasks)):
        numbers = range(index, EPISODES_PER_TASK * len(held_back.tasks), len(held_back.tasks))
        episodes = [rollout(environment, agent, held_back.episode(number)) for number in numbers]
        returns.append(fmean(map(episode_return, episodes)))
        successes.append(fmean(judge(episode).success for episode in episodes))
        if on_task is not None:
            on_task()
    return AgentReturns(agent=agent.name, returns=tuple(returns), successes=tuple(successes))


def _interval(values: Sequence[float]) -> Interval:
    half = Z * stdev(values) / math.sqrt(len(values))
    return fmean(values) - half, fmean(values) + half
