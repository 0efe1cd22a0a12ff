"""The agent under test: how it is made for every trial, its name in the records, what it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sixgym.agents.base import Agent
from sixgym.agents.identity import Settings, label, settings_of
from sixgym.agents.imported import agent_from
from sixgym.agents.llm.react import ReactAgent
from sixgym.models.prices import Price
from sixgym.run.build import agent_seed, make_bench_agent
from sixgym.run.executor import Executor, SerialExecutor, ThreadExecutor, executor_for
from sixgym.tasks.record import BenchTask

AgentFactory = Callable[..., Agent]
"""A class or function that returns an agent. It gets a seed, see `agent_from`."""


@dataclass(frozen=True, slots=True)
class TestedAgent:
    """The agent under test.

    Attributes:
        label: Name of the agent in records and tables.
        make: Makes the agent for a task and the number of a trial.
        settings: What decides about the agent's turns beside its name and the version of sixgym.
        price: Price of the language model, if it is known.
        react: The language model and how it is asked, for an agent that asks one.
        here: Whether `make` works in this process alone, because it cannot be pickled.
    """

    __test__ = False  # no test class of pytest

    label: str
    make: Callable[[BenchTask, int], Agent]
    settings: Settings = field(default_factory=Settings)
    price: Price | None = None
    react: ReactAgent | None = None
    here: bool = False

    def executor(self, workers: int) -> Executor:
        """The executor of the episodes.

        The episodes of a language model run in threads, which share the model and mostly wait for it.
        """
        if self.react is not None:
            return ThreadExecutor(workers, self.react.model.close)
        if self.here:
            return SerialExecutor() if workers == 1 else ThreadExecutor(workers)
        return executor_for(workers)


def named_agent(name: str, *, react: ReactAgent | None = None, price: Price | None = None) -> TestedAgent:
    """The agent of a name, see `make_bench_agent`.

    Args:
        name: The agent as a user types it.
        react: The language model and how it is asked, for an agent that asks one.
        price: Price of the language model, if it is known.
    """
    make = partial(make_bench_agent, name, react=react)
    return TestedAgent(label(name, react), make, settings_of(name, react), price, react)


def factory_agent(factory: AgentFactory, name: str) -> TestedAgent:
    """An agent of this process.

    Args:
        factory: A class or function that returns an agent.
        name: Name of the agent in the records.
    """

    def make(task: BenchTask, trial: int) -> Agent:
        return agent_from(factory, agent_seed(task, trial), name)

    return TestedAgent(name, make, here=True)
