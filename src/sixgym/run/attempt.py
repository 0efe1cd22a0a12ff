"""The primitive of every loop: one attempt at a task, from reset over turns and run-out to the record."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Step, Task, Turn
from sixgym.models.chat import ModelError, ModelUnusableError
from sixgym.simulators.base import SimulatorError


class Attempt:
    """One attempt at a task in an environment.

    `rollout` drives it with an agent, `EpisodeSession` with the calls of a client, and an environment of
    Gymnasium with the actions of a policy.

    Args:
        environment: The environment. The attempt resets it and does not close it.
        task: The task.
        earlier: Earlier attempts at the task, for the record.
        on_step: Called after every call that was carried out, for live views.
        on_interval: Called after every interval that the network runs on without the agent.

    Attributes:
        task: The task.
        over: Whether no further turn can be taken: before `begin`, and after an answer or a call beyond the
            budget.
        truncated: Whether the attempt ended with a call beyond the budget.
        failure: Reason why the attempt broke off on our side; None as long as it has not.
    """

    def __init__(
        self,
        environment: Environment,
        task: Task,
        *,
        earlier: tuple[Episode, ...] = (),
        on_step: Callable[[Step], None] | None = None,
        on_interval: Callable[[Interval], None] | None = None,
    ) -> None:
        self.task = task
        self.over = True
        self.truncated = False
        self.failure: str | None = None
        self._environment = environment
        self._earlier = earlier
        self._on_step = on_step
        self._on_interval = on_interval
        self._asked_at = 0.0

    def begin(self) -> Observation:
        """Start the network of the task; the first observation.

        Raises:
            SimulatorError: the network does not start.
        """
        observation = self._environment.reset(self.task, earlier=self._earlier)
        self.over = False
        self._asked_at = time.perf_counter()
        return observation

    def take(self, turn: Turn) -> Observation:
        """Take a turn of the agent; the next observation.

        The time since the last observation counts as the agent's.

        Raises:
            SimulatorError: the network broke during the turn.
            RuntimeError: the attempt is over.
            TypeError: `turn` is not a `Turn`.
            ValueError: the turn holds neither a call nor an answer, or both.
        """
        agent_s = time.perf_counter() - self._asked_at
        observation, terminated, self.truncated = self._environment.step(turn, agent_s=agent_s)
        self.over = terminated or self.truncated
        if self._on_step is not None and not self.over:
            self._on_step(self.last_step)
        self._asked_at = time.perf_counter()
        return observation

    def run_out(self) -> None:
        """Let the network run without the agent to the horizon of the task.

        Raises:
            SimulatorError: the network broke.
        """
        self._environment.run_out(self._on_interval)

    @property
    def last_step(self) -> Step:
        """The last call that was carried out."""
        return self._environment.last_step

    @contextmanager
    def recording_failures(self) -> Generator[None]:
        """Inside, a broken network or a language model that fails ends the block and becomes `failure`.

        Raises:
            ModelUnusableError: the language model will answer in no other episode either.
        """
        try:
            yield
        except ModelUnusableError:
            raise
        except (SimulatorError, ModelError) as error:
            self.failure = str(error)

    def episode(self, agent: str, *, infrastructure_failure: str | None = None) -> Episode:
        """The record of everything since `begin`.

        Args:
            agent: Name of the agent.
            infrastructure_failure: Reason why the attempt broke off, if `failure` does not say it.
        """
        reason = self.failure if infrastructure_failure is None else infrastructure_failure
        return self._environment.episode(agent, infrastructure_failure=reason)
