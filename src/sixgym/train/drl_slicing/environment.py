"""The closed loop as a Gymnasium environment for PPO: feature vectors as observations, rows as actions."""

from typing import Any

import gymnasium
import numpy as np

from sixgym.agents.learned.drl_slicing.actions import DECISIONS, SHARES, Decision, turn_for
from sixgym.agents.learned.drl_slicing.agent import due_reading
from sixgym.agents.learned.drl_slicing.view import FEATURES, Floats, PolicyView, features
from sixgym.backends.base import Backend
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from sixgym.run.attempt import Attempt
from sixgym.scoring.goals import judge
from sixgym.scoring.rewards import SUCCESS, interval_score
from sixgym.train.drl_slicing.tasks import TrainingTasks


class AdmissionEnv(gymnasium.Env[Floats, Floats]):
    """A step is one decision and the readings that are due after it.

    Observations are `features`. An action has 1 + 3 numbers: the index of a `Decision`, and a level for each
    slice, -1 to 1. Rewards of an episode add up to its `episode_return`. Episode n after `start_at(0)` is
    episode n of the training tasks. The seed of `reset` has no effect, since every task has its own.

    Args:
        tasks: The training tasks.
        backend: The network. It is closed with the environment.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, tasks: TrainingTasks, backend: Backend) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(FEATURES),), np.float32)
        low = np.array([0, *[-1] * SHARES], np.float32)
        high = np.array([DECISIONS - 1, *[1] * SHARES], np.float32)
        self.action_space = gymnasium.spaces.Box(low, high, dtype=np.float32)
        self._tasks = tasks
        self._environment = Environment(backend)
        self._next_number = 0
        self._attempt: Attempt | None = None
        self._observation: Observation | None = None
        self._remainder: list[Interval] = []
        self._pending_reward = self._return = 0.0
        self._finished: list[tuple[float, bool]] = []

    def start_at(self, number: int) -> None:
        """Forget the finished episodes, and continue with the episode of that number."""
        self._next_number = number
        self._finished = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Start the next task."""
        super().reset(seed=seed)
        task = self._tasks.episode(self._next_number)
        self._next_number += 1
        self._remainder = []
        self._attempt = Attempt(self._environment, task, on_interval=self._remainder.append)
        self._observation = self._attempt.begin()
        self._return = 0.0
        # no decision earns the rewards of the first readings, but they are part of the episode's return
        self._pending_reward = self._read()
        return self._seen(), {"task": task.id}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Carry out a decision, then the readings that are due before the next decision."""
        assert self._attempt is not None
        assert self._observation is not None
        decision = Decision(round(float(action[0])))
        turn = turn_for(PolicyView.of(self._observation), decision, [float(level) for level in action[1:]])
        reward = self._pending_reward + self._carry_out(turn)
        self._pending_reward = 0.0
        reward += self._read()
        info: dict[str, Any] = {}
        over = self._is_over()
        if over:
            self._attempt.run_out()
            success = judge(self._attempt.episode("drl-slicing")).success
            reward += sum(map(self._reward, self._remainder)) + SUCCESS * success
            info["is_success"] = success
            self._finished.append((self._return + reward, success))
        self._return += reward
        # a spent budget is the end of the task and no cut through it, so no value is bootstrapped
        return self._seen(), reward, over, False, info

    @property
    def finished(self) -> tuple[tuple[float, bool], ...]:
        """Return and success of the episodes finished since `start_at`, in order."""
        return tuple(self._finished)

    def close(self) -> None:
        """Stop the network."""
        self._environment.close()

    # ------------------------------------------------------------------ inside
    def _seen(self) -> Floats:
        assert self._observation is not None
        return features(PolicyView.of(self._observation))

    def _read(self) -> float:
        """Make the readings that are due; the reward that they earn."""
        earned = 0.0
        while not self._is_over():
            assert self._observation is not None
            turn = due_reading(PolicyView.of(self._observation))
            if turn is None:
                break
            earned += self._carry_out(turn)
        return earned

    def _carry_out(self, turn: Turn) -> float:
        assert self._attempt is not None
        self._observation = self._attempt.take(turn)
        return self._reward(self._attempt.last_step.interval)

    def _is_over(self) -> bool:
        assert self._attempt is not None
        assert self._observation is not None
        return self._attempt.over or self._observation.steps_left == 0

    def _reward(self, interval: Interval) -> float:
        assert self._attempt is not None
        task = self._attempt.task
        return interval_score(task.goal, interval, task.scenario) / task.horizon
